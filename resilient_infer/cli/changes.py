"""Changes: what a command did, or would do, to a lock, as lines for people and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from resilient_infer.cli.found import columns, finding_lines, many
from resilient_infer.cli.render import Ink, one_block
from resilient_infer.core.task import Json
from resilient_infer.lock.lockfile import LockedModel, LockedName
from resilient_infer.lock.relock import Change, What

if TYPE_CHECKING:
    from resilient_infer.cli.locking import Made

_SHORT = 12
"""Hex digits of a commit that people are shown."""


def change_lines(changes: Sequence[Change], ink: Ink) -> Iterator[str]:
    """A line for each change, and below it what people should know."""
    rows = columns(_row(change) for change in changes)
    for change, row in zip(changes, rows, strict=True):
        yield f"  {ink.paint(one_block(row), 'red' if change.what is What.DROPPED else 'green')}"
        for note in change.notes:
            yield from ink.wrap(one_block(note), first=" " * 6, indent=6)


def made_lines(made: "Made", ink: Ink, *, written: bool, took: str) -> Iterator[str]:
    """What became of a lock file, or why nothing did."""
    if made.faults:
        for fault in made.faults:
            yield from finding_lines(fault, ink)
        return
    yield from change_lines(made.changes, ink)
    if not made.differs:
        yield f"{made.file} is as it should be: {many(made.aliases, 'alias')}"
        return
    what = in_short(made.changes) or "the same pins, written anew"
    yield f"{made.file}: {what}{'' if written else ', not written'}   {took}"


def in_short(changes: Sequence[Change]) -> str:
    """How many of each kind: "2 added, 1 dropped"."""
    counts = Counter(change.what for change in changes)
    return ", ".join(f"{counts[what]:,} {what.value}" for what in What if counts[what])


def change_record(change: Change, environment: str | None) -> dict[str, Json]:
    """A change; the keys are always the same."""
    pin = change.pin
    model, name = _as_model(pin), pin if isinstance(pin, LockedName) else None
    return {
        "environment": environment,
        "alias": change.alias,
        "change": change.what.value,
        "model": None if model is None else model.model,
        "requested": None if model is None else model.requested,
        "revision": None if model is None else model.revision,
        "before": change.before,
        "provider": None if name is None else name.provider,
        "name": None if name is None else name.name,
        "pin": None if name is None else name.pin.value,
        "notes": [one_block(note) for note in change.notes],
    }


def file_record(
    environment: str | None, file: str, aliases: int, differs: bool | None, written: bool
) -> dict[str, Json]:
    """A lock file, and what became of it; `differs` is None if it was only looked at."""
    return {
        "environment": environment,
        "file": file,
        "aliases": aliases,
        "differs": differs,
        "written": written,
    }


def _row(change: Change) -> tuple[str, ...]:
    match change.pin:
        case LockedModel() as pin:
            was = f"was {change.before[:_SHORT]}" if change.before else ""
            target = (pin.model, pin.revision[:_SHORT], pin.requested, was)
        case LockedName() as pin:
            target = (f"{pin.provider}:{pin.name}", "", pin.pin.value, "")
        case None:
            target = ("task, or the order of its targets", "", "", "")
    return (change.what.value, change.alias, *target)


def _as_model(pin: LockedModel | LockedName | None) -> LockedModel | None:
    return pin if isinstance(pin, LockedModel) else None
