"""Verified: what `verify` found, as lines for people and as one JSON object."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
from resilient_infer.cli.found import by_level, columns, cost, finding_lines, finding_record, many
from resilient_infer.cli.render import Colour, Ink, one_line
from resilient_infer.cli.served import served_in_short, served_lines, served_record
from resilient_infer.core.task import Json
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.findings import Finding, Level
from resilient_infer.lock.live import LiveRow
from resilient_infer.lock.verify import Row

_SHORT: Final = 12
_WIDEST: Final = 60
"""Columns of a model's name where the terminal does not say how many there are."""

_COLOURS: Final[dict[str, Colour]] = {
    "error": "red",
    "unchecked": "yellow",
    "warning": "yellow",
    "drift": "cyan",
    "ok": "green",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found, as severe as --fail-on has it, and what it took.

    Attributes:
        served: With --live: each route to a pinned model, and what its server said.
        code: The exit code.
        error: Why nothing could be told; then nothing else is.
        environment: None: the default one.
    """

    rows: tuple[Row, ...] = ()
    served: tuple[LiveRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    code: int = 0
    elapsed: float = 0.0
    requests: int = 0
    error: ResilientInferError | None = None
    environment: str | None = None


def verified_lines(done: Verified, ink: Ink) -> list[str]:
    """A row for each pin, lines for each finding that is more than a word in a row, and all in short."""
    lines = [*_row_lines(done.rows, ink), *served_lines(done.served, ink)]
    in_rows = {finding for row in _rows(done) for finding in row.findings if finding.level is Level.INFO}
    for finding in done.findings:
        if finding not in in_rows:
            lines += finding_lines(finding, ink)
    return [*lines, f"{in_short(done)}   {cost(done.elapsed, done.requests)}"]


def verified_record(done: Verified) -> dict[str, Json]:
    """All of it; the same keys after a failure."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "verify",
        "exit_code": done.code,
        "pins": [_pin_record(row) for row in done.rows],
        "routes": [served_record(row) for row in done.served],
        "findings": [finding_record(finding) for finding in done.findings],
        "elapsed": done.elapsed,
        "requests": done.requests,
        "error": None if done.error is None else error_record(done.error),
    }


def in_short(done: Verified) -> str:
    """How many pins of each state: "4 pins: 2 ok, 1 drift, 1 error"."""
    states = Counter(row.state for row in done.rows)
    told = ", ".join(f"{states[state]:,} {state}" for state in reversed(_COLOURS) if states[state])
    pins = f"{many(len(done.rows), 'pin')}{': ' if told else ''}{told}"
    in_rows = {_key(finding) for row in _rows(done) for finding in row.findings}
    files = [finding for finding in done.findings if _key(finding) not in in_rows]
    elsewhere = f"in the files: {by_level(files)}" if files else ""
    return "; ".join(part for part in (pins, served_in_short(done.served), elsewhere) if part)


def _rows(done: Verified) -> tuple[Row | LiveRow, ...]:
    return (*done.rows, *done.served)


def _row_lines(rows: tuple[Row, ...], ink: Ink) -> Iterator[str]:
    widest = max((len(row.pin.model) for row in rows), default=0)
    longest = max((len(row.alias) for row in rows), default=0)
    others = len("  unchecked  ") + longest + 2 + 2 + _SHORT + 2 + len("main is at 0123456789ab now")
    room = min(widest, _WIDEST if ink.width is None else max(20, ink.width - others))
    table = columns(
        (row.state, row.alias, ink.fit(row.pin.model, room), row.pin.revision[:_SHORT], _branch(row))
        for row in rows
    )
    for row, line in zip(rows, table, strict=True):
        state = ink.paint(row.state, _COLOURS[row.state])
        yield f"  {state}{one_line(line[len(row.state) :])}"


def _branch(row: Row) -> str:
    """What was asked for and where that is now, with the codes of what is only told here."""
    told = [finding for finding in row.findings if finding.level is Level.INFO]
    said = "; ".join(f"{finding.message}  {finding.code}" for finding in told) or row.pin.requested
    needed = f"for {', '.join(row.needed_by)}" if row.needed_by else ""
    return "  ".join(part for part in (said, needed, row.note) if part)


def _key(finding: Finding) -> tuple[str, str | None, str]:
    """What a finding says, however severe it is taken to be."""
    return finding.code, finding.alias, finding.message


def _pin_record(row: Row) -> dict[str, Json]:
    return {
        "alias": one_line(row.alias),
        "state": row.state,
        "model": one_line(row.pin.model),
        "requested": one_line(row.pin.requested),
        "revision": one_line(row.pin.revision),
        "branch": None if row.branch is None else one_line(row.branch),
        "note": one_line(row.note),
        "codes": [finding.code for finding in row.findings],
        "needed_by": [one_line(model) for model in row.needed_by],
    }
