"""Differences: what differs between two locked states, as lines for people and as JSON."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from resilient_infer.cli.found import many
from resilient_infer.cli.render import one_block
from resilient_infer.core.task import Json
from resilient_infer.lock.answers import HubCommit
from resilient_infer.lock.diff import (
    EntryDiff,
    FieldDiff,
    FileDiff,
    PinDiff,
    Pinned,
    Stretch,
    Value,
    classes_of,
)
from resilient_infer.lock.locked import LockedModel
from resilient_infer.lock.way import Course, Steps, Way

SHORT: Final = 12
"""Hex digits of a commit that people are shown."""

MOST_WORDS: Final = 8
"""Labels and the like that people are shown of a list."""

TELLING: Final = ("requested", "hub_id", "access", "license", "labels", "dimension", "max_length", "needs")
"""What people are told of a pin; its commit and files are told in other words."""

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def story(diff: PinDiff, way: Way | None) -> Iterator[str]:
    """What a pin went through, a sentence each: commits, files, then what is recorded and differs."""
    if way is not None:
        yield from of_way(way, same=same_files(diff))
    for field in telling(diff):
        yield f"{field.name}: {in_words(field.before)} → {in_words(field.after)}"


def telling(diff: PinDiff) -> tuple[FieldDiff, ...]:
    """What differs of what is recorded, as far as people are told."""
    return tuple(field for field in diff.fields if field.name in TELLING)


def in_words(value: Value) -> str:
    """A recorded value; of a long list its beginning."""
    if value is None:
        return "not known"
    if isinstance(value, tuple):
        shown = ", ".join(value[:MOST_WORDS])
        return f"{shown} and {len(value) - MOST_WORDS:,} more" if len(value) > MOST_WORDS else shown
    return f"{value:,}" if isinstance(value, int) else value


def taken(steps: Steps) -> str:
    """How the one commit came from the other: "+3 commits since 2026-01-02"."""
    match steps.course:
        case Course.AHEAD:
            since = "" if steps.since is None else f" since {day(steps.since)}"
            return f"+{many(len(steps.commits), 'commit')}{since}"
        case Course.BACK:
            return f"{many(len(steps.commits), 'commit')} back"
        case Course.APART:
            return "RI304: neither commit leads to the other: history was rewritten, or it is another branch"
    return "more commits than were looked at"


def changed(way: Way) -> str:
    """Which classes of files differ, and how much there is to fetch: "weights, config (268 MB to fetch)"."""
    content = way.content
    if content is None:
        return f"which files differ is not known{': the old commit is gone' if way.gone else ''}"
    classes = ", ".join(kind.value for kind in content.classes) or "the same files"
    return f"{classes} ({size(content.fetched)} to fetch)" if content.fetched else classes


def same_files(diff: PinDiff) -> bool:
    """Whether the lock itself says so, by the digests of both sides."""
    digests = [each.files if isinstance(each, LockedModel) else None for each in (diff.before, diff.after)]
    return digests[0] is not None and digests[0] == digests[1]


def of_way(way: Way, *, same: bool = False) -> Iterator[str]:
    """Commits and classes of files, in words of this house alone.

    Args:
        same: The lock has the same digest of all files on both sides.
    """
    what = "the same files" if way.content is None and same else changed(way)
    if way.steps is not None and way.steps.course is not Course.APART:
        yield f"{taken(way.steps)}: {what}"
        return
    if way.steps is not None:
        yield taken(way.steps)
    yield what


def size(count: int | None) -> str:
    """Bytes as the Hub shows them: "950 B", "1.4 kB", "268 MB"; "?" if they are not known."""
    if count is None:
        return "?"
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 9.95 else f"{value:.0f} {_UNITS[unit]}"


def day(moment: float) -> str:
    """A date in UTC; "?" if it is none of this calendar."""
    try:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return "?"


def difference_record(
    diff: EntryDiff, ways: Mapping[Stretch, Way], environment: str | None
) -> dict[str, Json]:
    """What differs for an alias; the keys are always the same."""
    return {
        "environment": environment,
        "alias": diff.alias,
        "before": diff.before,
        "after": diff.after,
        "task": None if diff.task is None else _field_record(diff.task),
        "reordered": not diff.ordered,
        "pins": [_pin_record(pin, ways.get(pin.stretch) if pin.stretch else None) for pin in diff.pins],
    }


def _pin_record(diff: PinDiff, way: Way | None) -> dict[str, Json]:
    steps, content = (None, None) if way is None else (way.steps, way.content)
    files = diff.files if content is None else content.files
    return {
        "name": named(diff.pin),
        "needed": diff.needed,
        "before": _state(diff.before),
        "after": _state(diff.after),
        "fields": [_field_record(field) for field in diff.fields],
        "course": None if steps is None else steps.course.value,
        "commits": None if steps is None else [_commit_record(commit) for commit in steps.commits],
        "classes": [kind.value for kind in classes_of(files)],
        "whole": content is not None,
        "files": [_file_record(file) for file in files],
        "size_before": None if content is None else content.before,
        "size_after": None if content is None else content.after,
        "size_fetched": None if content is None else content.fetched,
    }


def named(pin: Pinned) -> str:
    """A pin's model, or its provider and name there."""
    return one_block(pin.model if isinstance(pin, LockedModel) else f"{pin.provider}:{pin.name}")


def _state(pin: Pinned | None) -> dict[str, Json] | None:
    if pin is None:
        return None
    if isinstance(pin, LockedModel):
        return {"requested": pin.requested, "revision": pin.revision}
    return {"requested": None, "revision": None}


def _field_record(field: FieldDiff) -> dict[str, Json]:
    return {"name": field.name, "before": _json(field.before), "after": _json(field.after)}


def _json(value: Value) -> Json:
    if isinstance(value, tuple):
        return [one_block(each) for each in value]
    return one_block(value) if isinstance(value, str) else value


def _commit_record(commit: HubCommit) -> dict[str, Json]:
    return {"commit": commit.commit, "at": commit.at, "title": one_block(commit.title)}


def _file_record(file: FileDiff) -> dict[str, Json]:
    old, new = file.before, file.after
    return {
        "path": one_block(file.path),
        "class": file.kind.value,
        "size_before": None if old is None else old.size,
        "size_after": None if new is None else new.size,
        "digest_before": None if old is None else old.digest,
        "digest_after": None if new is None else new.digest,
    }
