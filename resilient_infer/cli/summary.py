"""Summary: what `verify` found, as Markdown: for GitHub's page of a run, and for reports.

Names, messages and hints come from files and from the Hub: nothing in them may
be markup here, neither Markdown nor HTML.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from resilient_infer.cli.files import in_repository
from resilient_infer.cli.found import cost, worst_first
from resilient_infer.cli.markdown import plain
from resilient_infer.cli.render import faults_of
from resilient_infer.cli.verified import Verified, in_short
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.findings import CODES, Finding
from resilient_infer.lock.live import LiveRow
from resilient_infer.lock.verify import Row

LARGEST: Final = 900 * 1024
"""Bytes; GitHub takes 1 MiB from a step and refuses all of a longer one."""

_CUT: Final = "\n*cut here: the rest is in the log of the step*\n"

_MARKS: Final[Mapping[str, str]] = {
    "error": "❌ error",
    "unchecked": "❔ unchecked",
    "warning": "⚠️ warning",
    "info": "ℹ️ info",
    "drift": "🔀 drift",
    "ok": "✅ ok",
    "attested": "✅ attested",
    "mismatch": "❌ mismatch",
    "silent": "ℹ️ silent",
    "unasked": "ℹ️ unasked",
}
"""Levels of findings, states of pins and of routes."""


def summary(done: Verified) -> str:
    """A page: in short, the findings, the pins."""
    parts = [f"## resilient-infer verify: {plain(_headline(done))}\n"]
    if done.error is not None:
        parts.append("".join(_fault_lines(done.error)))
    if done.findings:
        found = map(_finding_cells, worst_first(done.findings))
        parts.append(_table(("finding", "where", "what", "what to do"), found))
    if done.rows:
        parts.append(_table(("pin", "alias", "model", "revision", "asked for"), map(_row_cells, done.rows)))
    if done.served:
        parts.append(_table(("route", "alias", "server", "what it says"), map(_served_cells, done.served)))
    parts.append(f"Exit code {done.code}, {cost(done.elapsed, done.requests)}\n")
    return "\n".join(parts)


def cut(text: str, room: int = LARGEST) -> str:
    """As many whole lines of `text` as fit into `room` bytes, and a word if there were more."""
    if len(text.encode()) <= room:
        return text
    kept, left = [], room - len(_CUT.encode())
    for line in text.splitlines(keepends=True):
        left -= len(line.encode())
        if left < 0:
            break
        kept.append(line)
    return "".join(kept) + _CUT if room > len(_CUT.encode()) else ""


def _headline(done: Verified) -> str:
    return in_short(done) if done.error is None else "it could not be told"


def _fault_lines(error: ResilientInferError) -> Iterator[str]:
    for fault in faults_of(error):
        yield f"- {plain(fault)}\n"
    if error.hint:
        yield f"\n{plain(error.hint)}\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [" | ".join(head), *(" | ".join(row) for row in rows)]
    lines.insert(1, " | ".join("---" for _ in head))
    return "".join(f"| {line} |\n" for line in lines)


def _finding_cells(finding: Finding) -> tuple[str, ...]:
    file = in_repository(finding.file) or finding.file
    place = f"{file}:{finding.line}" if finding.line else file
    security = ", **security**" if finding.security else ""
    concerned = f"{finding.alias}: " if finding.alias else ""
    return (
        f"{_MARKS[finding.level.value]} {finding.code}{security}: {CODES[finding.code].state}",
        plain(place),
        plain(f"{concerned}{finding.message}"),
        plain(finding.hint),
    )


def _row_cells(row: Row) -> tuple[str, ...]:
    pin = row.pin
    asked_for = "; ".join(part for part in (pin.requested, row.note) if part)
    return (_MARKS[row.state], *map(plain, (row.alias, pin.model, pin.revision[:12], asked_for)))


def _served_cells(row: LiveRow) -> tuple[str, ...]:
    return (_MARKS[row.state], *map(plain, (row.alias, row.route, row.says)))
