"""Way: what lies between two commits of a repo, as the Hub tells it.

Which commits were made, which files differ, and whether the one commit leads to
the other at all: it does not where a history was rewritten.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

from resilient_infer.lock.answers import Hub, HubCommit, HubFault, HubFaultKind, HubModel
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.diff import EntryDiff, FileDiff, Stretch, classes_of, diff_files
from resilient_infer.lock.files import FileClass
from resilient_infer.lock.relock import JOBS


class Course(Enum):
    """How the later state came from the earlier one."""

    AHEAD = "ahead"
    BACK = "back"
    APART = "apart"
    """Neither leads to the other."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The commits between two.

    Attributes:
        commits: Newest first: those that are new, or with BACK those that are taken back. Else empty.
    """

    course: Course
    commits: tuple[HubCommit, ...] = ()

    @property
    def since(self) -> float | None:
        """When the first of them was made, seconds since the epoch."""
        return self.commits[-1].at if self.commits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What differs between two commits in content.

    Attributes:
        files: Those that differ.
        before, after: Bytes of all files.
    """

    files: tuple[FileDiff, ...]
    before: int
    after: int

    @property
    def classes(self) -> tuple[FileClass, ...]:
        """What kinds of files they are."""
        return classes_of(self.files)

    @property
    def fetched(self) -> int:
        """Bytes to download for who has the earlier commit."""
        return sum(file.fetched for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What lies between two commits.

    Attributes:
        steps: Its commits; None: not told.
        content: What differs in content; None: not told.
        faults: Why something was not told, unless the Hub said that it is not there.
        gone: The earlier commit cannot be asked for any more.
    """

    steps: Steps | None
    content: Content | None
    faults: tuple[HubFault, ...] = ()
    gone: bool = False


_UNTOLD: Final = (HubFaultKind.UNTOLD, HubFaultKind.DENIED)
_NOT_OFFERED: Final = (404, 405, 501)
"""What a mirror says that has models to download and no API for their histories."""


def ways_of(
    hub: Hub,
    diffs: Iterable[EntryDiff],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Mapping[Stretch, Way]:
    """What lies between the commits of each model that is at another one now, each asked for once.

    Args:
        progress: Told how many of how many are done.
    """
    pins = (pin.stretch for diff in diffs for pin in diff.pins)
    distinct = list(dict.fromkeys(stretch for stretch in pins if stretch is not None))
    asks = [partial(way, hub, each.model, each.before, each.after) for each in distinct]
    answers = gather(asks, jobs=JOBS, progress=lambda done: progress(done, len(asks)))
    return dict(zip(distinct, answers, strict=True))


def way(hub: Hub, model: str, before: str, after: str) -> Way:
    """What lies between two commits of a model. Three requests as a rule."""
    old, new = hub.model(model, before), hub.model(model, after)
    between = steps(hub, model, before, after)
    faults = [answer for answer in (old, new) if isinstance(answer, HubFault) and answer.kind in _UNTOLD]
    if isinstance(between, HubFault) and between.kind in _UNTOLD:
        faults += [] if between.failure.status in _NOT_OFFERED else [between]
    return Way(
        steps=None if isinstance(between, HubFault) else between,
        content=None if isinstance(old, HubFault) or isinstance(new, HubFault) else _content(old, new),
        faults=tuple(faults),
        gone=isinstance(old, HubFault) and old.kind is HubFaultKind.REVISION_GONE,
    )


def _content(old: HubModel, new: HubModel) -> Content:
    before, after = (sum(file.size or 0 for file in model.files) for model in (old, new))
    return Content(files=diff_files(old.files, new.files), before=before, after=after)


def steps(hub: Hub, model: str, before: str, after: str) -> Steps | HubFault:
    """The commits between two of a model; a fault: they could not be told."""
    forth = hub.history(model, after, until=before)
    if isinstance(forth, HubFault):
        return forth
    count = forth.ahead_of(before)
    if count is not None:
        return Steps(course=Course.AHEAD, commits=forth.commits[:count])
    back = hub.history(model, before, until=after)
    if isinstance(back, HubFault):
        # What is gone no history leads to, however far back it was read.
        return Steps(course=Course.APART) if back.kind is HubFaultKind.REVISION_GONE else back
    count = back.ahead_of(after)
    if count is not None:
        return Steps(course=Course.BACK, commits=back.commits[:count])
    return Steps(course=Course.APART if forth.whole else Course.UNKNOWN)
