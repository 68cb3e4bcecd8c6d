"""Exact: the commit that somebody names for an alias, and whether it may be locked.

It must be one of an own branch or tag: the commits of pull requests, which
anybody may open, can be asked for under the repo's name as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from resilient_infer.errors import ConfigError
from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind
from resilient_infer.lock.destination import Going
from resilient_infer.lock.entries import Alias
from resilient_infer.lock.findings import Level, Said
from resilient_infer.lock.lineage import Ref, lineage
from resilient_infer.lock.locked import LockedModel
from resilient_infer.lock.reference import is_commit
from resilient_infer.lock.refusals import refusal
from resilient_infer.lock.tied import Name


def exact(hub: Hub, alias: Alias, held: Mapping[Name, LockedModel], commit: str) -> tuple[Name, Going] | Said:
    """Which model of the alias goes to `commit`, and what is to be said of it; or why none does.

    Args:
        held: What is locked, by name.
        commit: All of it, or enough of it to be the only one.

    Raises:
        ConfigError: The manifest asks for other commits, or it could be meant of several models.
    """
    names = _movable(alias)
    found: dict[Name, str] = {}
    for model, requested in names:
        told = hub.model(model, commit)
        if isinstance(told, HubFault):
            if told.kind is not HubFaultKind.REVISION_GONE:
                return refusal(model, commit, None, told)
        elif told.commit.startswith(commit):
            found[model, requested] = told.commit
    if not found:
        models = " and ".join(dict.fromkeys(model for model, _ in names))
        short = "" if is_commit(commit) else ", or more than one that begins so"
        what = f"{models}: there is no commit {commit}{short}"
        return Said(code="RI201", message=what, hint="take one that the Hub lists, with all of its 40 digits")
    name = _meant(hub, alias, found)
    return name if isinstance(name, Said) else _allowed(hub, name, found[name], held.get(name))


def _movable(alias: Alias) -> Sequence[Name]:
    """The models that were not asked for by a commit."""
    every = dict.fromkeys(
        (target.model, target.requested)
        for target in alias.targets
        if target.model is not None and target.requested is not None
    )
    names = [name for name in every if not is_commit(name[1])]
    if not names:
        why = "asks for commits" if every else "names no model of the Hub"
        raise ConfigError(
            f"{alias.name} cannot be moved: the manifest {why}", hint="write the commit into the manifest"
        )
    return names


def _meant(hub: Hub, alias: Alias, found: Mapping[Name, str]) -> Name | Said:
    """Of several models that have the commit, the one whose ref leads to it."""
    if len(found) == 1:
        return next(iter(found))
    leading = []
    for (model, requested), commit in found.items():
        history = hub.history(model, requested, until=commit)
        if isinstance(history, HubFault):
            return refusal(model, requested, None, history)
        if history.ahead_of(commit) is not None:
            leading.append((model, requested))
    if len(leading) != 1:
        several = ", ".join(f"{model}@{requested}" for model, requested in found)
        what = f"{alias.name}: which model is meant is not clear, for several have that commit: {several}"
        raise ConfigError(what, hint="write the commit into the manifest")
    return leading[0]


def _allowed(hub: Hub, name: Name, commit: str, held: LockedModel | None) -> tuple[Name, Going] | Said:
    """Whether a branch or tag of the repo's own leads to the commit, or what was asked for does."""
    model, requested = name
    if held is not None and held.revision == commit:
        return name, Going()
    history = hub.history(model, requested, until=commit)
    if isinstance(history, HubFault):
        return refusal(model, requested, None, history)
    if history.ahead_of(commit) is not None:
        return name, Going(commit=commit)
    pin = LockedModel(model=model, requested=requested, revision=commit)
    for said in lineage(hub, pin, Ref.COMMIT, None):
        # What nothing leads to is no warning here: it is about to be locked.
        return said if said.settles else replace(said, level=Level.ERROR)
    note = f"{commit[:12]} is not in the history of {requested}, but in that of another branch or tag"
    return name, Going(commit=commit, notes=(note,))
