"""Pull request: what an update changed, as the Markdown body of a pull request.

Whoever reviews it sees from where to where each model goes, what that changes,
and where on the Hub to look. All that strangers wrote stands in code spans.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from resilient_infer.cli.differences import (
    MOST_WORDS,
    SHORT,
    day,
    named,
    of_way,
    same_files,
    size,
    telling,
)
from resilient_infer.cli.found import many
from resilient_infer.cli.markdown import code
from resilient_infer.lock.answers import HubCommit
from resilient_infer.lock.diff import EntryDiff, FileDiff, PinDiff, Value
from resilient_infer.lock.locked import LockedModel
from resilient_infer.lock.update import Updated
from resilient_infer.lock.way import Course, Way

MOST: Final = 65_536
"""Characters that GitHub takes; counted in bytes here, of which there are never fewer."""

HUB: Final = "https://huggingface.co"
"""Where people look at a model, whichever mirror the commands ask."""

_MOST_COMMITS: Final = 20
_MOST_FILES: Final = 50


_MOST_NOTES: Final = 10
_LONGEST: Final = 300
"""Characters of a note."""


def pull_request_body(updates: Sequence[tuple[str, Updated]]) -> str:
    """The body for what became of these lock files, each by its path; at most `MOST` bytes of UTF-8.

    Where it would be longer, files and commits are left out, then what is said
    of each alias, then aliases.
    """
    for details in (True, False):
        text = "\n".join(_lines(updates, details=details)) + "\n"
        if len(text.encode()) <= MOST:
            return text
    return _cut(list(_lines(updates, details=False)))


def _cut(lines: Sequence[str]) -> str:
    """The lines that fit, and how many do not."""
    ending = "\nThe rest does not fit in here: see the change of the lock file.\n"
    room, kept = MOST - len(ending.encode()), list[str]()
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(kept) + "\n" + ending


def _lines(updates: Sequence[tuple[str, Updated]], *, details: bool) -> Iterator[str]:
    pins = [pin for _, updated in updates for diff in updated.diffs for pin in diff.pins]
    moved = sum(pin.stretch is not None for pin in pins)
    yield f"{many(moved, 'pin')} moved." if moved else "No pin moved."
    for file, updated in updates:
        if len(updates) > 1 and (updated.diffs or updated.notes):
            yield f"\n## {code(file)}"
        for diff in updated.diffs:
            yield f"\n### {code(diff.alias)}\n"
            yield from _entry_lines(diff, updated, details=details)
        if updated.notes:
            yield "\n### Not moved\n"
            yield from (f"- {code(note, most=_LONGEST)}" for note in updated.notes)


def _entry_lines(diff: EntryDiff, updated: Updated, *, details: bool) -> Iterator[str]:
    if diff.task is not None:
        yield f"- task: {_values(diff.task.before)} → {_values(diff.task.after)}"
    if not diff.ordered:
        yield "- the order of its targets changed"
    for pin in diff.pins:
        way = updated.ways.get(pin.stretch) if pin.stretch is not None else None
        yield f"- {_headline(pin)}"
        yield from (f"  - {line}" for line in _facts(pin, way))
        notes = next((each.notes for each in updated.relocked.changes if each.pin is pin.after), ())
        yield from (f"  - {code(note, most=_LONGEST)}" for note in notes[:_MOST_NOTES])
        if details and way is not None:
            yield from _details(pin, way)


def _headline(pin: PinDiff) -> str:
    name, needed = code(named(pin.pin)), " (needed by another model)" if pin.needed else ""
    match pin.before, pin.after:
        case LockedModel() as before, LockedModel() as after:
            where = f"{name} at {code(after.requested)}{needed}: {_commit(before)} → {_commit(after)}"
            return f"{where} ([commits]({HUB}/{after.model}/commits/{after.revision}))"
        case None, LockedModel() as after:
            return (
                f"{name} at {code(after.requested)}{needed}: locked for the first time, at {_commit(after)}"
            )
        case _, None:
            return f"{name}{needed}: no longer locked"
    return f"{name}{needed}"


def _commit(pin: LockedModel) -> str:
    return f"[{code(pin.revision[:SHORT])}]({HUB}/{pin.model}/tree/{pin.revision})"


def _facts(pin: PinDiff, way: Way | None) -> Iterator[str]:
    """What the reviewer should see first."""
    if way is not None:
        apart = way.steps is not None and way.steps.course is Course.APART
        first, *others = of_way(way, same=same_files(pin))
        yield f"**{first}**" if apart else first
        yield from others
    for field in telling(pin):
        yield f"{field.name}: {_values(field.before)} → {_values(field.after)}"


def _values(value: Value) -> str:
    if value is None:
        return "not known"
    if isinstance(value, tuple):
        more = f" and {len(value) - MOST_WORDS:,} more" if len(value) > MOST_WORDS else ""
        return ", ".join(code(each) for each in value[:MOST_WORDS]) + more
    return code(f"{value:,}" if isinstance(value, int) else value)


def _details(pin: PinDiff, way: Way) -> Iterator[str]:
    """Each file and each commit, folded up. The blank lines end the HTML before what strangers wrote."""
    files = () if way.content is None else way.content.files
    commits = () if way.steps is None else way.steps.commits
    if not files and not commits:
        return
    yield f"\n<details><summary>{many(len(files), 'file')}, {many(len(commits), 'commit')}</summary>\n"
    yield from (f"- {_file(file)}" for file in files[:_MOST_FILES])
    yield from _more(len(files) - _MOST_FILES, "file")
    yield from (f"- {_titled(pin, commit)}" for commit in commits[:_MOST_COMMITS])
    yield from _more(len(commits) - _MOST_COMMITS, "commit")
    yield "\n</details>\n"


def _more(count: int, noun: str) -> Iterator[str]:
    if count > 0:
        yield f"- and {many(count, noun)} more"


def _file(file: FileDiff) -> str:
    match file.before, file.after:
        case None, after if after is not None:
            what = f"added, {size(after.size)}"
        case before, None if before is not None:
            what = f"removed, {size(before.size)}"
        case before, after if before is not None and after is not None:
            what = f"{size(before.size)} → {size(after.size)}"
        case _:
            what = ""
    return f"{file.kind.value} {code(file.path)}: {what}"


def _titled(pin: PinDiff, commit: HubCommit) -> str:
    model = pin.pin.model if isinstance(pin.pin, LockedModel) else ""
    at = "" if commit.at is None else f" {day(commit.at)}"
    return f"[{code(commit.commit[:SHORT])}]({HUB}/{model}/commit/{commit.commit}){at} {code(commit.title)}"
