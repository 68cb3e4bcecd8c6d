"""Detail: what differs for an alias, line by line: pins, what is recorded, files and commits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from resilient_infer.cli.differences import SHORT, day, in_words, named, same_files, size, taken, telling
from resilient_infer.cli.found import columns, many
from resilient_infer.cli.render import Ink, one_block, one_line
from resilient_infer.lock.answers import HubCommit, HubFile
from resilient_infer.lock.diff import EntryDiff, FileDiff, PinDiff, Stretch
from resilient_infer.lock.locked import LockedModel
from resilient_infer.lock.way import Way

_MOST_FILES: Final = 200
_MOST_COMMITS: Final = 20
_MOST_TITLE: Final = 48
_NARROW: Final = 20
_BESIDE: Final = 59
"""Columns of a line beside the path of its file."""
_DIGITS: Final = 8
"""Hex digits of a file's digest that people are shown."""


def detail_lines(diff: EntryDiff, ways: Mapping[Stretch, Way], ink: Ink) -> Iterator[str]:
    """All that differs for an alias."""
    state = "" if diff.before and diff.after else "  is new" if diff.after else "  is gone"
    yield f"{ink.paint(diff.alias, bold=True)}{state}"
    if diff.task is not None:
        yield f"  task: {in_words(diff.task.before)} → {in_words(diff.task.after)}"
    if not diff.ordered:
        yield "  the order of its targets differs"
    for pin in diff.pins:
        yield from _pin_lines(pin, ways.get(pin.stretch) if pin.stretch is not None else None, ink)


def _pin_lines(diff: PinDiff, way: Way | None, ink: Ink) -> Iterator[str]:
    needed = "  (another model loads it)" if diff.needed else ""
    yield f"  {_headline(diff)}{needed}"
    if way is not None and way.steps is not None:
        yield f"      {taken(way.steps)}"
    if way is not None and way.content is None:
        same = same_files(diff)
        gone = ": the old commit is gone" if way.gone else ""
        yield f"      {'the same files' if same else f'which other files differ is not known{gone}'}"
    for field in telling(diff):
        words = one_block(f"{field.name}: {in_words(field.before)} → {in_words(field.after)}")
        yield from ink.wrap(words, first=" " * 6, indent=8)
    content = None if way is None else way.content
    yield from _file_lines(diff.files if content is None else content.files, ink)
    yield from _commit_lines(() if way is None or way.steps is None else way.steps.commits)


def _headline(diff: PinDiff) -> str:
    name = named(diff.pin)
    match diff.before, diff.after:
        case LockedModel() as before, LockedModel() as after:
            ref = f"{name} at {one_block(after.requested)}"
            if before.revision == after.revision:
                return f"{ref}: {after.revision[:SHORT]} on both sides"
            return f"{ref}: {before.revision[:SHORT]} → {after.revision[:SHORT]}"
        case None, LockedModel() as after:
            return f"{name} at {one_block(after.requested)}: {after.revision[:SHORT]} is new"
        case LockedModel() as before, None:
            return f"{name} at {one_block(before.requested)}: {before.revision[:SHORT]} is gone"
        case None, _:
            return f"{name}: is new"
        case _, None:
            return f"{name}: is gone"
    return name


def _file_lines(files: Sequence[FileDiff], ink: Ink) -> Iterator[str]:
    shown = files[:_MOST_FILES]
    room = None if ink.width is None else max(_NARROW, ink.width - _BESIDE)
    rows = (_file(file, room, ink) for file in shown)
    yield from (f"      {line}" for line in columns(rows))
    if len(files) > len(shown):
        yield f"      and {many(len(files) - len(shown), 'file')} more"


def _file(file: FileDiff, room: int | None, ink: Ink) -> tuple[str, ...]:
    """Class, path, size and digest, the last two before and after."""
    # A path may hold whatever git allows, a line end too.
    path = one_line(file.path) if room is None else ink.fit(one_line(file.path), room)
    old, new = file.before, file.after
    if old is None or new is None:
        there = new or old
        what = "added" if old is None else "removed"
        much = "" if there is None or there.size is None else f", {size(there.size)}"
        return file.kind.value, path, f"{what}{much}", _digest(there)
    sizes = "changed" if old.size is None and new.size is None else f"{size(old.size)} → {size(new.size)}"
    return file.kind.value, path, sizes, f"{_digest(old)} → {_digest(new)}"


def _digest(file: HubFile | None) -> str:
    return "" if file is None else file.digest.partition(":")[2][:_DIGITS]


def _commit_lines(commits: Sequence[HubCommit]) -> Iterator[str]:
    for commit in commits[:_MOST_COMMITS]:
        at = "" if commit.at is None else f"  {day(commit.at)}"
        yield f"      {commit.commit[:SHORT]}{at}  {one_line(commit.title)[:_MOST_TITLE]}"
    if len(commits) > _MOST_COMMITS:
        yield f"      and {many(len(commits) - _MOST_COMMITS, 'commit')} more"
