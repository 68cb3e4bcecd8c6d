"""Examine: what the Hub says of one pin.

Two questions are enough for a pin that is well: is a weight file there at the
commit, unchanged and for us to download; and where is the branch now? Only
where an answer is not the expected one is the API asked: its quota is smaller.
"""

from dataclasses import dataclass

from resilient_infer.lock.answers import Hub, HubFault, HubHead, HubModel
from resilient_infer.lock.drift import drift, listed
from resilient_infer.lock.findings import Level, Said
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.missing import explain, identity, other_content, renamed, unchecked
from resilient_infer.lock.weights import largest, sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What there is to say of a pin.

    Attributes:
        branch: The commit that the requested ref stands for now; None: not asked, or not told.
    """

    said: tuple[Said, ...] = ()
    branch: str | None = None


def examine(hub: Hub, pin: LockedModel, *, has_token: bool, deep: bool = False) -> Examined:
    """What has become of a pin.

    Args:
        pin: Its revision is a full commit.
        has_token: Whether the Hub is asked with a token: without one, no access says little.
        deep: Ask the API in any case: is it the same repo, are all files the same?
    """
    path = sample(pin.weights or {})
    said: tuple[Said, ...] = ()
    if deep or path is None:
        seen = hub.model(pin.model, pin.revision)
        if isinstance(seen, HubFault):
            return Examined(said=explain(hub, pin, seen, has_token=has_token))
        said = _standing(pin, seen)
        path = path or (largest(seen.files).path if seen.files else None)
    if path is None:
        return Examined(said=(*said, unchecked(f"the Hub lists no files of {pin.model}")))
    head = hub.head(pin.model, pin.revision, path)
    if isinstance(head, HubFault):
        return _once(*said, *explain(hub, pin, head, has_token=has_token, path=path))
    said += _served(pin, path, head)
    if head.renamed is not None and not said:
        said = _redirected(hub, pin, head.renamed)
    if any(each.settles for each in said) or pin.requested == pin.revision:
        return _once(*said)
    now = drift(hub, pin, path)
    return _once(*said, *now.said, branch=now.commit)


def _once(*said: Said, branch: str | None = None) -> Examined:
    return Examined(said=tuple(dict.fromkeys(said)), branch=branch)


def _standing(pin: LockedModel, seen: HubModel) -> tuple[Said, ...]:
    """What the API says of the pin: the repo, its files at the commit, who may read it."""
    said = (*identity(pin, seen), *listed(pin, seen))
    if seen.access == "gated" and pin.access == "public":
        message = f"{pin.model} is gated since it was locked; it can still be read with this token"
        said += (Said(code="RI205", message=message, hint="others may need access", level=Level.WARNING),)
    return said


def _served(pin: LockedModel, path: str, seen: HubHead) -> tuple[Said, ...]:
    locked = (pin.weights or {}).get(path, seen.file.digest)
    if seen.file.digest != locked:
        return (other_content(pin, f"{path} is {_short(seen.file.digest)}, locked was {_short(locked)}"),)
    if seen.commit != pin.revision:
        return (unchecked(f"the Hub sends {path} of commit {seen.commit[:12]}, not {pin.revision[:12]}"),)
    return ()


def _short(digest: str) -> str:
    kind, _, digits = digest.partition(":")
    return f"{kind}:{digits[:12]}…"


def _redirected(hub: Hub, pin: LockedModel, name: str) -> tuple[Said, ...]:
    """A redirect says that it moved; only the API says whether it is still the same repo."""
    seen = hub.model(pin.model, pin.revision)
    if isinstance(seen, HubFault):
        return renamed(pin, name), unchecked(f"whether {name} is the repo that was locked: {seen.reason}")
    return _standing(pin, seen) or (renamed(pin, name),)
