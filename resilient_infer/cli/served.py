"""Served: what the servers said of their commits, as lines for people and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from resilient_infer.cli.found import columns, many
from resilient_infer.cli.render import Colour, Ink, one_line
from resilient_infer.core.task import Json
from resilient_infer.lock.live import LiveRow, State

_COLOURS: Final[dict[State, Colour]] = {
    "mismatch": "red",
    "unchecked": "yellow",
    "silent": "cyan",
    "unasked": "cyan",
    "attested": "green",
}
_SHORT: Final = 12
_WIDEST: Final = 60


def served_lines(rows: Sequence[LiveRow], ink: Ink) -> Iterator[str]:
    """A row for each route."""
    widest = _WIDEST if ink.width is None else max(20, ink.width // 3)
    table = columns(
        (row.state, row.alias, ink.fit(row.route, widest), row.pin.revision[:_SHORT], _says(row))
        for row in rows
    )
    for row, line in zip(rows, table, strict=True):
        state = ink.paint(row.state, _COLOURS[row.state])
        yield f"  {state}{one_line(line[len(row.state) :])}"


def served_in_short(rows: Sequence[LiveRow]) -> str:
    """How many routes of each state: "3 routes: 2 attested, 1 unasked"; "" if none was looked at."""
    states = Counter(row.state for row in rows)
    told = ", ".join(f"{states[state]:,} {state}" for state in reversed(_COLOURS) if states[state])
    return f"{many(len(rows), 'route')}: {told}" if rows else ""


def served_record(row: LiveRow) -> dict[str, Json]:
    """A route, and what its server said."""
    return {
        "alias": one_line(row.alias),
        "route": one_line(row.route),
        "state": row.state,
        "model": one_line(row.pin.model),
        "revision": row.pin.revision,
        "reported": row.reported,
        "says": one_line(row.says),
        "codes": [finding.code for finding in row.findings],
    }


def _says(row: LiveRow) -> str:
    told = "".join(f"  {finding.code}" for finding in row.findings)
    return f"{row.says}{told}"
