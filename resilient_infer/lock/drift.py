"""Drift: where the requested ref is now, and whether that would change what the model does."""

from dataclasses import dataclass
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind, HubHead, HubModel
from resilient_infer.lock.files import FileClass, changed_classes, files_digest
from resilient_infer.lock.findings import Said
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.missing import identity, other_content, unchecked


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What there is to say of a ref.

    Attributes:
        commit: Where it is now; None: not told.
    """

    commit: str | None = None
    said: tuple[Said, ...] = ()


def drift(hub: Hub, pin: LockedModel, path: str) -> Drift:
    """Where the ref of a pin is now. `path` is a weight file at the pin, asked for as a sample."""
    now = hub.head(pin.model, pin.requested, path)
    match now:
        case HubHead(commit=pin.revision):
            return Drift(commit=pin.revision)
        case HubHead(commit=commit):
            same = now.file.digest == (pin.weights or {}).get(path, now.file.digest)
            return _ahead(hub, pin, commit, told=() if same else (FileClass.WEIGHTS,))
        case HubFault(kind=HubFaultKind.REVISION_GONE):
            message = f"{pin.model} has no {pin.requested} any more; the locked commit is still there"
            return Drift(
                said=(Said(code="RI303", message=message, hint="ask for another ref, or for the commit"),)
            )
        case HubFault(kind=HubFaultKind.FILE_GONE):
            return _ahead(hub, pin, None, told=(FileClass.WEIGHTS,))
        case HubFault():
            return Drift(said=(unchecked(f"where {pin.requested} is now: {now.reason}"),))


def _ahead(hub: Hub, pin: LockedModel, commit: str | None, *, told: tuple[FileClass, ...]) -> Drift:
    """What changed on the way. The files are asked for by commit: the API may be behind the branch.

    Args:
        told: What is known to have changed, should the API not answer.
    """
    after = hub.model(pin.model, commit or pin.requested)
    if isinstance(after, HubFault):
        return _unlisted(pin, commit, told, after)
    said = identity(pin, after)
    if any(each.settles for each in said):
        return Drift(commit=after.commit, said=said)
    if files_digest(after.files) == pin.files:
        return Drift(commit=after.commit, said=(*said, _moved(pin, after.commit, ())))
    before = hub.model(pin.model, pin.revision)
    if isinstance(before, HubFault):
        return _unlisted(pin, after.commit, told, before)
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
    return Drift(commit=commit, said=(unchecked(f"what changed at {pin.requested}: {fault.reason}"),))


_HARMLESS: Final = frozenset({FileClass.DOCUMENTS})


def _moved(pin: LockedModel, commit: str, classes: tuple[FileClass, ...]) -> Said:
    what = ", ".join(kind.value for kind in classes) or "the same files"
    code = "RI301" if _HARMLESS.issuperset(classes) else "RI302"
    return Said(code=code, message=f"{pin.requested} is at {commit[:12]} now: {what}")
