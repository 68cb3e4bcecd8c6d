"""Destination: the commit that `update` moves a pin to, or why it stays.

Nothing is moved here: what is chosen is resolved and confirmed like any other
commit (`relock.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from resilient_infer.lock.answers import Hub, HubCommit, HubFault, HubFaultKind, HubHead, HubHistory, HubModel
from resilient_infer.lock.findings import Said
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.missing import identity
from resilient_infer.lock.refusals import refusal
from resilient_infer.lock.weights import sample

_SHORT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """Where a pin goes.

    Attributes:
        commit: None: it stays where it is.
        notes: What people should know, one sentence each.
    """

    commit: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MinAge:
    """How old a commit must be to be moved to.

    Attributes:
        made_by: Seconds since the epoch; a younger one is not taken.
        words: As it was asked for, "7d".
    """

    made_by: float
    words: str


def head_of(hub: Hub, model: str, requested: str, held: LockedModel | None) -> str | HubFault:
    """The commit that `requested` stands for now; told where downloads come from, if a file is known."""
    path = sample((held and held.weights) or {})
    if path is not None:
        head = hub.head(model, requested, path)
        if isinstance(head, HubHead):
            return head.commit
        if head.kind is not HubFaultKind.FILE_GONE:
            return head
    told = hub.model(model, requested)
    return told.commit if isinstance(told, HubModel) else told


def destination(
    hub: Hub, model: str, requested: str, held: LockedModel | None, min_age: MinAge | None
) -> Going | Said:
    """Where a pin goes by the ref that was asked for.

    Args:
        held: The pin as it is; None: this model is not locked yet.
        min_age: None: to the newest commit, however young.
    """
    head = head_of(hub, model, requested, held)
    if isinstance(head, HubFault):
        return refusal(model, requested, None, head)
    if held is not None and head == held.revision:
        return Going()
    if min_age is None:
        return Going(commit=head)
    history = hub.history(model, head, until=None if held is None else held.revision)
    if isinstance(history, HubFault):
        return refusal(model, requested, None, history)
    if held is None:
        return _first(model, requested, history, min_age)
    stranger = _stranger(hub, held, head)
    if stranger is not None:
        return stranger
    count = history.ahead_of(held.revision)
    if count is not None:
        # The pin's own date counts, too: what was made on top of it is no older.
        found = settled(history.commits[: count + 1], min_age)
        return _onward(held, history, found, min_age)
    return _across(hub, held, history, min_age)


def settled(commits: Sequence[HubCommit], min_age: MinAge) -> HubCommit | None:
    """The newest commit that is old enough; None: there is none.

    A date is what a commit's author says. It is believed only as far as the
    commits before allow: none is older than one that it was made on top of.
    What has no date is not old enough, nor is what was made on top of it.

    Args:
        commits: Newest first.
    """
    found = None
    for commit in reversed(commits):
        if commit.at is None or commit.at > min_age.made_by:
            break
        found = commit
    return found


def _stranger(hub: Hub, held: LockedModel, head: str) -> Said | None:
    """Why it is not the repo that was locked, so that its history says nothing of the pin's."""
    told = hub.model(held.model, head)
    if isinstance(told, HubFault):
        return refusal(held.model, held.requested, None, told)
    return next((said for said in identity(held, told) if said.settles), None)


def _first(model: str, requested: str, history: HubHistory, min_age: MinAge) -> Going | Said:
    """The commit to lock a model to that was not locked."""
    found = settled(history.commits, min_age)
    if found is None:
        return Said(
            code="RI101",
            message=f"not locked: no commit of {model}@{requested} is {min_age.words} old",
            hint='wait, or run "resilient-infer lock" to take it as it is',
        )
    return Going(commit=found.commit, notes=_younger(requested, history, found, min_age))


def _onward(held: LockedModel, history: HubHistory, found: HubCommit | None, min_age: MinAge) -> Going:
    """Along a history that leads to the pin."""
    if found is None or found.commit == held.revision:
        return Going(notes=(_stays(held, history.commits[0], min_age),))
    return Going(commit=found.commit, notes=_younger(held.requested, history, found, min_age))


def _across(hub: Hub, held: LockedModel, history: HubHistory, min_age: MinAge) -> Going | Said:
    """To a history that does not lead to the pin, as far as it was read: never to a commit that is older."""
    own = hub.history(held.model, held.revision, most=1)
    if isinstance(own, HubFault) and own.kind is not HubFaultKind.REVISION_GONE:
        return refusal(held.model, held.requested, held.revision, own)
    made = None if isinstance(own, HubFault) else own.commits[0].at
    if made is None:
        why = "the locked commit is gone" if isinstance(own, HubFault) else "the locked commit has no date"
        note = f"{held.model} stays: {why}, so which commits of {held.requested} are newer cannot be told"
        return Going(notes=(note,))
    found = settled(history.commits, min_age)
    if found is None or found.at is None or found.at < made:
        return Going(notes=(_stays(held, history.commits[0], min_age),))
    return Going(commit=found.commit, notes=_younger(held.requested, history, found, min_age))


def _younger(requested: str, history: HubHistory, found: HubCommit, min_age: MinAge) -> tuple[str, ...]:
    """What is passed over, if anything is."""
    count = history.ahead_of(found.commit)
    if not count:
        return ()
    commits = "commit is" if count == 1 else "commits are"
    head = _seen(history.commits[0])
    return (f"{count:,} newer {commits} not taken: {requested} is at {head}, --min-age is {min_age.words}",)


def _stays(held: LockedModel, head: HubCommit, min_age: MinAge) -> str:
    return (
        f"{held.model} stays at {held.revision[:_SHORT]}: {held.requested} is at {_seen(head)}, "
        f"and no commit since is {min_age.words} old"
    )


def _seen(commit: HubCommit) -> str:
    made = "" if commit.at is None else f" of {datetime.fromtimestamp(commit.at, UTC):%Y-%m-%d %H:%M} UTC"
    return f"{commit.commit[:_SHORT]}{made}"
