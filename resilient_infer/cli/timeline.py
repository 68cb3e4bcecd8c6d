"""Timeline: the attempts of one call, as a table for people."""

from collections.abc import Iterator, Sequence
from typing import Final

from resilient_infer.cli.render import Colour, Ink, one_block
from resilient_infer.core.attempt import AttemptRecord

_OUTCOME: Final = 20
"""Columns of the outcome: the longest is "container fault 500"."""

_REASON: Final = 25
_ROUTE: Final = _REASON + _OUTCOME + 1
"""Columns before the reason, and before the route."""


def timeline(attempts: Sequence[AttemptRecord], ink: Ink) -> list[str]:
    """A heading, then each attempt and each skipped route in order, with its reason below it."""
    if not attempts:
        return []
    heading = f"  {'#':>2}  {'at':>7}  {'took':>7}   {'outcome':<{_OUTCOME}} route"
    lines = [ink.paint(heading, dim=True)]
    for record in attempts:
        lines += _row(record, ink)
    return lines


def duration(seconds: float) -> str:
    """A length of time in three digits or so: "0.4 ms", "12 ms", "1.23 s", "180 s"."""
    if seconds < 0.000_95:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.999_5:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 99.995 else f"{seconds:.0f} s"


def _row(record: AttemptRecord, ink: Ink) -> Iterator[str]:
    number = str(record.number) if record.number else ink.sign("–", "-")
    took = duration(record.elapsed) if record.number else ""
    outcome = _outcome(record)
    route = record.route if ink.width is None else ink.fit(record.route, ink.width - _ROUTE)
    shown = ink.paint(f"{outcome:<{_OUTCOME}}", _colour(record))
    yield f"  {number:>2}  {duration(record.started):>7}  {took:>7}   {shown} {route}"
    if record.reason:
        yield from _below(one_block(record.reason), ink)


def _below(reason: str, ink: Ink) -> list[str]:
    return [ink.paint(line, dim=True) for line in ink.wrap(reason, first=" " * _REASON, indent=_REASON)]


def _outcome(record: AttemptRecord) -> str:
    if record.identity:  # the question which commit it runs; what was said stands in the result
        return "commit asked" if record.outcome == "success" else "commit not told"
    return f"{record.outcome} {record.status}" if _says_more(record) else record.outcome


def _says_more(record: AttemptRecord) -> bool:
    return record.status is not None and record.outcome != "success"


def _colour(record: AttemptRecord) -> Colour:
    if record.identity:
        return "cyan"
    if record.outcome == "success":
        return "green"
    return "red" if record.number else "yellow"
