"""Drift: where the requested ref is now, and whether that would change what the model does."""

from dataclasses import dataclass, replace
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind, HubHead, HubModel
from resilient_infer.lock.files import FileClass, changed_classes, files_digest
from resilient_infer.lock.findings import ALIAS, Said
from resilient_infer.lock.lineage import REQUEST, Ref
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.missing import identity, other_content, unchecked
from resilient_infer.lock.recordable import is_line
from resilient_infer.lock.reference import DEFAULT_REF
from resilient_infer.lock.refusals import UPDATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What there is to say of a ref.

    Attributes:
        commit: Where it is now; None: it is gone, or that was not told.
        ref: What it is, if that had to be known.
    """

    commit: str | None = None
    ref: Ref | None = None
    said: tuple[Said, ...] = ()


def drift(hub: Hub, pin: LockedModel, path: str, seen: HubModel | None = None) -> Drift:
    """Where the ref of a pin is now.

    Args:
        path: A weight file at the pin, asked for as a sample.
        seen: The repo at the pin, if the API has told already.
    """
    now = hub.head(pin.model, pin.requested, path)
    match now:
        case HubHead(commit=pin.revision):
            return Drift(commit=pin.revision)
        case HubHead(commit=commit):
            same = now.file.digest == (pin.weights or {}).get(path, now.file.digest)
            ahead = _ahead(hub, pin, commit, told=() if same else (FileClass.WEIGHTS,), before=seen)
            return _with_ref(hub, pin, ahead)
        case HubFault(kind=HubFaultKind.REVISION_GONE):
            message = f"{pin.model} has no {pin.requested} any more; the locked commit is still there"
            return Drift(ref=Ref.GONE, said=(Said(code="RI303", message=message, hint=ask_otherwise(pin)),))
        case HubFault(kind=HubFaultKind.FILE_GONE):
            ahead = _ahead(hub, pin, None, told=(FileClass.WEIGHTS,), before=seen)
            return _with_ref(hub, pin, ahead)
        case HubFault():
            return Drift(said=(unchecked(now.reason, about=f"where {pin.requested} is now"),))


def relicensed(pin: LockedModel, now: HubModel) -> tuple[Said, ...]:
    """RI404. A license that was not recorded may have been there."""
    if pin.license is None or now.license == pin.license:
        return ()
    new = "none" if now.license is None else now.license if is_line(now.license) else "another one"
    message = f"{pin.model} was licensed {pin.license} when it was locked, and now says {new}"
    return (Said(code="RI404", message=message, hint="read the new terms before you move the pin"),)


def kind_of(hub: Hub, pin: LockedModel) -> Ref | HubFault:
    """What the ref of a pin is. One request, unless its name says it."""
    if pin.requested == DEFAULT_REF:
        return Ref.BRANCH
    if pin.requested.startswith(REQUEST):
        return Ref.REQUEST
    refs = hub.refs(pin.model)
    if isinstance(refs, HubFault):
        return refs
    tag = pin.requested in refs.tags and pin.requested not in refs.branches
    return Ref.TAG if tag else Ref.BRANCH


def moved_tag(pin: LockedModel, commit: str | None) -> Said:
    """The tag of a pin is at another commit now."""
    where = "" if commit is None else f" to {commit[:12]}"
    return Said(
        code="RI303",
        message=f"the tag {pin.requested} of {pin.model} was moved from {pin.revision[:12]}{where}",
        hint=f"a tag should stay where it is, so find out why; {UPDATE}",
    )


def ask_otherwise(pin: LockedModel) -> str:
    """What to do where the ref of a pin is gone."""
    return f"in the manifest, ask for another branch or tag, or for the commit: {pin.model}@{pin.revision}"


def _with_ref(hub: Hub, pin: LockedModel, moved: Drift) -> Drift:
    """What kind of ref has moved: a branch is meant to, a tag is not."""
    if any(said.settles for said in moved.said):
        return replace(moved, ref=Ref.BRANCH)
    kind = kind_of(hub, pin)
    if isinstance(kind, HubFault):
        why = unchecked(kind.reason, about=f"whether {pin.requested} is a branch or a tag")
        return replace(moved, ref=Ref.BRANCH, said=(*moved.said, why))
    tag = (moved_tag(pin, moved.commit),) if kind is Ref.TAG else ()
    return replace(moved, ref=kind, said=(*tag, *moved.said))


def _ahead(
    hub: Hub,
    pin: LockedModel,
    commit: str | None,
    *,
    told: tuple[FileClass, ...],
    before: HubModel | HubFault | None,
) -> Drift:
    """What changed on the way. The files are asked for by commit: the API may be behind the branch.

    Args:
        told: What is known to have changed, should the API not answer.
        before: The repo at the pin, if the API has told already.
    """
    after = hub.model(pin.model, commit or pin.requested)
    if isinstance(after, HubFault):
        return _unlisted(pin, commit, told, after)
    said = identity(pin, after)
    if any(each.settles for each in said):
        return Drift(commit=after.commit, said=said)
    said = (*said, *relicensed(pin, after))
    if files_digest(after.files) == pin.files:
        return Drift(commit=after.commit, said=(*said, _moved(pin, after.commit, ())))
    if before is None:
        before = hub.model(pin.model, pin.revision)
    if isinstance(before, HubFault):
        unlisted = _unlisted(pin, after.commit, told, before)
        return replace(unlisted, said=(*said, *unlisted.said))
    wrong = listed(pin, before)
    if wrong:
        return Drift(commit=after.commit, said=(*said, *wrong))
    classes = changed_classes(before.files, after.files)
    return Drift(commit=after.commit, said=(*said, _moved(pin, after.commit, classes)))


def listed(pin: LockedModel, seen: HubModel) -> tuple[Said, ...]:
    """Whether the files at the locked commit are those that were locked."""
    if seen.commit != pin.revision:
        return (unchecked(f"the Hub answers for commit {seen.commit[:12]}, not {pin.revision[:12]}"),)
    if pin.files is not None and files_digest(seen.files) != pin.files:
        return (other_content(pin, "it lists other files"),)
    return ()


def _unlisted(pin: LockedModel, commit: str | None, told: tuple[FileClass, ...], fault: HubFault) -> Drift:
    if told and commit is not None:
        return Drift(commit=commit, said=(_moved(pin, commit, told),))
    return Drift(commit=commit, said=(unchecked(fault.reason, about=f"what changed at {pin.requested}"),))


_HARMLESS: Final = frozenset({FileClass.DOCUMENTS})


def _moved(pin: LockedModel, commit: str, classes: tuple[FileClass, ...]) -> Said:
    what = ", ".join(kind.value for kind in classes) or "the same files"
    message = f"{pin.requested} is at {commit[:12]} now: {what}"
    if _HARMLESS.issuperset(classes):
        return Said(code="RI301", message=message)
    hint = f"to see what changed: resilient-infer diff {ALIAS}; to take it: resilient-infer update {ALIAS}"
    return Said(code="RI302", message=message, hint=hint)
