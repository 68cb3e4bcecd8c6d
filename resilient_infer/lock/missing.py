"""Missing: what it means that the Hub does not give what was locked.

A download that fails says little: a repo that is gone, private or taken over
by a stranger looks alike. So the API is asked once or twice more. "Gone" is
said only where the Hub says it clearly; what could not be told is RI900.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind, HubModel
from resilient_infer.lock.files import files_digest
from resilient_infer.lock.findings import ALIAS, Said
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.reference import DEFAULT_REF, stands_for
from resilient_infer.lock.refusals import UPDATE, other_repo, told

_NOT_TOLD = (HubFaultKind.UNTOLD, HubFaultKind.DENIED)


def explain(
    hub: Hub, pin: LockedModel, fault: HubFault, *, has_token: bool, path: str | None = None
) -> tuple[Said, ...]:
    """What a fault at the locked commit means.

    Args:
        path: The weight file that was asked for; None: the commit as a whole was.
    """
    kind = fault.kind
    if kind in _NOT_TOLD:
        return (unchecked(fault.reason, token=kind is HubFaultKind.DENIED),)
    if kind is HubFaultKind.DISABLED:
        return (_disabled(pin),)
    look = hub.model(pin.model, pin.revision if kind is HubFaultKind.FILE_GONE else None)
    if isinstance(look, HubFault):
        return (_told_twice(pin, fault, look, has_token=has_token),)
    others = tuple(said for said in identity(pin, look) if said.settles)
    if others:
        return others
    match kind:
        case HubFaultKind.REVISION_GONE:
            return (_commit_gone(hub, pin, look),)
        case HubFaultKind.GATED:
            return (_gated(pin, has_token=has_token),)
        case HubFaultKind.FILE_GONE if path is not None:
            return (_file_gone(hub, pin, path, look),)
    return (unchecked(f"downloads and API disagree: {told(fault)}"),)


def identity(pin: LockedModel, seen: HubModel) -> tuple[Said, ...]:
    """Whether it is the repo that was locked, and how it is called and kept now."""
    if pin.hub_id is not None and seen.hub_id is not None and seen.hub_id != pin.hub_id:
        return (other_repo(pin.model, pin.hub_id, seen.hub_id),)
    if seen.disabled:
        return (_disabled(pin),)
    return () if seen.id == pin.model else (renamed(pin, seen.id),)


def renamed(pin: LockedModel, name: str) -> Said:
    """The repo answers under another name."""
    return Said(
        code="RI203",
        message=f"{pin.model} is now called {name}; the old name can be taken by others",
        hint=f"write {name} into the manifest"
        if stands_for(pin.requested, pin.revision)
        else f"write {name} into the manifest; then, to keep the commit: "
        f"resilient-infer update {ALIAS} --to {pin.revision}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked(Said):
    """RI900.

    Attributes:
        about: What it is that could not be told; empty: all of it.
    """

    about: str
    reason: str


def unchecked(reason: str, *, about: str = "", token: bool = False) -> Unchecked:
    """It could not be told. `token`: another token may help, rather than another time."""
    hint = "set a token that may read it (HF_TOKEN)" if token else "run it again later"
    message = ": ".join(part for part in ("not checked", about, reason) if part)
    return Unchecked(code="RI900", message=message, hint=hint, about=about, reason=reason)


def said_once(said: Iterable[Said]) -> tuple[Said, ...]:
    """Without repeats; what could not be told for one and the same reason is one finding."""
    found: dict[object, Said] = {}
    for each in dict.fromkeys(said):
        before = found.get(each.reason) if isinstance(each, Unchecked) else None
        if isinstance(each, Unchecked) and isinstance(before, Unchecked):
            found[each.reason] = unchecked(each.reason, about=f"{before.about}; {each.about}")
        else:
            found[each.reason if isinstance(each, Unchecked) and each.about else each] = each
    return tuple(found.values())


def other_content(pin: LockedModel, what: str) -> Said:
    """The same commit, and not the same files: somebody changed the lock, or the server lies."""
    return Said(
        code="RI104",
        message=f"{pin.model}@{pin.revision[:12]} has other content than was locked: {what}",
        hint="a commit never changes, so do not use it; find out who changed the lock or the mirror",
    )


def _told_twice(pin: LockedModel, fault: HubFault, look: HubFault, *, has_token: bool) -> Said:
    """The API does not give the repo either."""
    if look.kind is HubFaultKind.DISABLED:
        return _disabled(pin)
    if HubFaultKind.GATED in (fault.kind, look.kind):
        return _gated(pin, has_token=has_token)
    if look.kind is HubFaultKind.REPO_GONE:
        return _repo_gone(pin, look, has_token=has_token)
    if look.kind is HubFaultKind.REVISION_GONE and fault.kind is not HubFaultKind.REPO_GONE:
        return _gone(pin)
    return unchecked(f"downloads say {fault.kind.value}, and the API could not confirm it: {told(look)}")


def _gated(pin: LockedModel, *, has_token: bool) -> Said:
    if not has_token and pin.access != "public":
        return unchecked(f"{pin.model} is gated, and there is no token", token=True)
    since = " since it was locked" if pin.access == "public" else ""
    return Said(
        code="RI205",
        message=f"{pin.model} is gated{since}, and access is not granted to us",
        hint="accept its terms on the Hub and set a token that may read it (HF_TOKEN)",
    )


def _repo_gone(pin: LockedModel, look: HubFault, *, has_token: bool) -> Said:
    if not has_token and pin.access == "private":
        return unchecked(f"{pin.model} is private, and there is no token", token=True)
    return Said(
        code="RI202",
        message=f"{pin.model}: {told(look)}",
        hint="if it was made private, set a token that may read it (HF_TOKEN); else choose another model",
    )


def _disabled(pin: LockedModel) -> Said:
    return Said(code="RI206", message=f"{pin.model} is disabled by the Hub", hint="choose another model")


def _commit_gone(hub: Hub, pin: LockedModel, head: HubModel) -> Said:
    """The history was rewritten. Often the files are still there, at another commit."""
    if pin.files is None:
        return _gone(pin)
    if not stands_for(pin.requested, pin.revision):
        asked = hub.model(pin.model, pin.requested)
        if isinstance(asked, HubModel) and files_digest(asked.files) == pin.files:
            where = f"the same files are at {asked.commit} ({pin.requested})"
            return _gone(pin, f"{where}: resilient-infer lock --relocate {ALIAS}")
    if files_digest(head.files) == pin.files:
        where = f"the same files are at {head.commit} ({DEFAULT_REF})"
        return _gone(pin, f"{where}: write that into the manifest")
    return _gone(pin)


def _gone(pin: LockedModel, hint: str = UPDATE) -> Said:
    what = f"{pin.model} has no commit {pin.revision[:12]} any more (history rewritten?)"
    if stands_for(pin.requested, pin.revision) and hint == UPDATE:
        hint = "write another branch, tag or commit into the manifest"
    return Said(code="RI201", message=what, hint=hint)


def _file_gone(hub: Hub, pin: LockedModel, path: str, seen: HubModel) -> Said:
    """The API lists the commit. Is it the file that is gone, or all of them: does the API only remember?"""
    digests = {file.path: file.digest for file in seen.files}
    locked = (pin.weights or {}).get(path, digests.get(path))
    if seen.commit != pin.revision:
        return unchecked(f"the Hub answers for commit {seen.commit[:12]}")
    if path not in digests or digests[path] != locked:
        return other_content(pin, f"{path} is {'another file' if path in digests else 'not there'}")
    small = next((other for other in sorted(digests) if digests[other].startswith("git:")), None)
    if small is not None:
        other = hub.head(pin.model, pin.revision, small)
        if isinstance(other, HubFault):
            dead = other.kind in (HubFaultKind.FILE_GONE, HubFaultKind.REVISION_GONE)
            return _gone(pin) if dead else unchecked(other.reason)
    return Said(
        code="RI207",
        message=f"{pin.model}@{pin.revision[:12]} lists {path}, but the file was deleted",
        hint="ask the owner of the repo, or choose another revision",
    )
