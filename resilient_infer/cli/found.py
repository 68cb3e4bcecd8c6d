"""Found: findings as lines for people and as JSON, the same for every command."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from resilient_infer.cli.render import Colour, Ink, one_block, one_line
from resilient_infer.cli.timeline import duration
from resilient_infer.core.task import Json
from resilient_infer.lock.findings import CODES, Finding, Level

_COLOURS: Final[Mapping[Level, Colour]] = {
    Level.ERROR: "red",
    Level.UNCHECKED: "yellow",
    Level.WARNING: "yellow",
    Level.INFO: "cyan",
}
_INDENT: Final = 6

_WORST_FIRST: Final = (Level.ERROR, Level.UNCHECKED, Level.WARNING, Level.INFO)


def finding_lines(finding: Finding, ink: Ink) -> list[str]:
    """`error RI201 file:line alias: what and why`, and below it what to do."""
    level = ink.paint(finding.level.value, _COLOURS[finding.level], bold=True)
    security = f" {ink.paint('SECURITY', 'red', bold=True)}" if finding.security else ""
    code, _, rest = one_line(str(finding)).partition(" ")
    lead = len(f"{finding.level.value} {code} ") + len(" SECURITY") * finding.security
    lines = ink.wrap(rest, first=f"{level} {code}{security} ", indent=lead)
    if finding.hint:
        lines += ink.wrap(one_line(finding.hint), first=" " * _INDENT, indent=_INDENT)
    return lines


def finding_record(finding: Finding) -> dict[str, Json]:
    """A finding, with what its code means."""
    return {
        "code": finding.code,
        "state": CODES[finding.code].state,
        "level": finding.level.value,
        "security": finding.security,
        "alias": None if finding.alias is None else one_line(finding.alias),
        "file": one_line(finding.file),
        "line": finding.line,
        "message": one_block(finding.message),
        "hint": one_block(finding.hint),
    }


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by level, and matters of security before others: whoever reads few reads these."""
    return sorted(findings, key=lambda finding: (_WORST_FIRST.index(finding.level), not finding.security))


def by_level(findings: Collection[Finding]) -> str:
    """How many findings of each level, the worst first: "2 errors, 1 not checked"."""
    counts = [(sum(finding.level is level for finding in findings), level) for level in _WORST_FIRST]
    return ", ".join(_counted(count, level) for count, level in counts if count)


def cost(elapsed: float, requests: int) -> str:
    """What a command took: "0.9 s, 12 requests"."""
    return f"{duration(elapsed)}, {many(requests, 'request')}"


def many(count: int, noun: str) -> str:
    """A number with its noun: "1 pin", "2 pins", "2 aliases"."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines, their columns as wide as the longest of each; the last one is not padded."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _counted(count: int, level: Level) -> str:
    if level is Level.UNCHECKED:
        return f"{count:,} not checked"
    return many(count, level.value) if level is not Level.INFO else f"{count:,} for information"
