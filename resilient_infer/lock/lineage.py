"""Lineage: whether a pin stands in the history of what was asked for.

A commit that can be downloaded need not be one that the repo's owner made:
Hub pull requests are commits of the same repo, and anybody can open one. And
a history that was rewritten leaves commits behind that the Hub may delete.
Source of the first: zizmor, audit "impostor-commit".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault, HubHistory, HubRefs
from resilient_infer.lock.findings import ALIAS, Said
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.missing import unchecked
from resilient_infer.lock.reference import DEFAULT_REF
from resilient_infer.lock.refusals import UPDATE

REQUEST: Final = "refs/pr/"
"""What the ref of a pull request begins with."""

PAGE: Final = 50
"""Commits of a history that one request tells."""

MOST_SEARCHED: Final = 200
"""Requests that are made to find out where a commit belongs; some repos have hundreds of branches."""


class Ref(Enum):
    """What a pin was asked for by."""

    BRANCH = "branch"
    TAG = "tag"
    REQUEST = "pull request"
    COMMIT = "commit"
    GONE = "gone"


def lineage(hub: Hub, pin: LockedModel, ref: Ref, now: str | None) -> tuple[Said, ...]:
    """RI304 and RI401.

    Args:
        ref: What was asked for.
        now: The commit that it stands for now. None, for a commit and what is gone: the default branch is
            looked at instead.
    """
    if now == pin.revision:
        return ()
    start = now or DEFAULT_REF
    told = hub.history(pin.model, start, until=pin.revision)
    if isinstance(told, HubFault):
        return (unchecked(told.reason, about=f"whether it is in the history of {pin.requested}"),)
    if told.ahead_of(pin.revision) is not None:
        return ()
    if not told.whole:
        why = f"it is not in the last {len(told.commits):,} commits"
        return (unchecked(why, about=f"whether it is in the history of {pin.requested if now else start}"),)
    if ref is Ref.REQUEST:
        return (_rewritten(pin, ref),)
    refs = hub.refs(pin.model)
    if isinstance(refs, HubFault):
        return (unchecked(refs.reason, about="whether only a pull request has it"),)
    return _elsewhere(hub, pin, ref, refs, told)


def _elsewhere(hub: Hub, pin: LockedModel, ref: Ref, refs: HubRefs, told: HubHistory) -> tuple[Said, ...]:
    """What it means that the pin is not in the history it should be in. `told` is that history."""
    rewritten = (_rewritten(pin, ref),) if ref is Ref.BRANCH else ()
    if rewritten and not refs.requests:
        return rewritten
    search = _Search(hub, pin, covered={commit.commit for commit in told.commits})
    if search.among((*refs.branches.items(), *refs.tags.items())) is not None:
        return rewritten
    sure = search.untold is None
    request = search.among(sorted(refs.requests.items(), key=_newest_first))
    if request is not None and sure:
        return (_impostor(pin, ref, request),)
    if search.untold is not None:
        return (unchecked(search.untold, about="whether only a pull request has it"),)
    return (_rewritten(pin, ref),)


@dataclass(slots=True)
class _Search:
    """Looks for a pin in the histories of refs.

    Attributes:
        covered: Commits whose histories do not have it.
        left: Requests that may still be made.
        untold: Why "not found" does not mean that it is not there; None: it does.
    """

    hub: Hub
    pin: LockedModel
    covered: set[str]
    left: int = MOST_SEARCHED
    untold: str | None = None

    def among(self, refs: Iterable[tuple[str, str]]) -> str | None:
        """A ref that has the pin in its history."""
        named = tuple(refs)
        at = next((name for name, commit in named if commit == self.pin.revision), None)
        return at or next((name for name, commit in named if self._has(name, commit)), None)

    def _has(self, name: str, commit: str) -> bool:
        if commit in self.covered:
            return False
        if self.left <= 0:
            self.untold = f"there are too many branches and tags to read the history of {name}"
            return False
        told = self.hub.history(self.pin.model, commit, until=self.pin.revision)
        if isinstance(told, HubFault):
            self.left -= 1
            self.untold = told.reason
            return False
        self.left -= -(-len(told.commits) // PAGE)
        if told.ahead_of(self.pin.revision) is not None:
            return True
        if told.whole:
            self.covered.update(each.commit for each in told.commits)
        else:
            self.untold = f"it is not in the last {len(told.commits):,} commits of {name}"
        return False


def _newest_first(request: tuple[str, str]) -> int:
    number = request[0].removeprefix(REQUEST)
    return -int(number) if number.isdecimal() else 0


def _rewritten(pin: LockedModel, ref: Ref) -> Said:
    where = pin.requested if ref in (Ref.BRANCH, Ref.REQUEST) else "any branch or tag"
    return Said(
        code="RI304",
        message=f"{pin.revision[:12]} is not in the history of {where} any more: it was rewritten",
        hint=f"the Hub may delete such a commit; {UPDATE}",
    )


def _impostor(pin: LockedModel, ref: Ref, request: str) -> Said:
    fixed = "pin a commit of a branch"
    moved = f"if {pin.requested} was rewritten since: resilient-infer update {ALIAS}"
    return Said(
        code="RI401",
        message=f"{pin.revision[:12]} is in no branch or tag of {pin.model}, only in {request}, "
        "which anybody may have opened",
        hint=f"do not use it before you know who wrote it; {fixed if ref is Ref.COMMIT else moved}",
    )
