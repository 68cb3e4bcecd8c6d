"""Examine: what the Hub says of one pin.

Two questions are enough for a pin that is well: is a weight file there at the
commit, unchanged and for us to download; and where is the branch now? Only
where an answer is not the expected one is the API asked: its quota is smaller.
A deep look asks it in any case, and for what no download tells.
"""

from dataclasses import dataclass

from resilient_infer.lock.answers import Hub, HubFault, HubHead, HubModel
from resilient_infer.lock.drift import Drift, drift, listed, relicensed
from resilient_infer.lock.findings import Level, Said
from resilient_infer.lock.lineage import Ref, lineage
from resilient_infer.lock.loaded import left_unlocked, loads
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.missing import explain, identity, other_content, renamed, said_once, unchecked
from resilient_infer.lock.reference import DEFAULT_REF, stands_for
from resilient_infer.lock.scans import pickled, scans, weights_at
from resilient_infer.lock.weights import largest, sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What there is to say of a pin.

    Attributes:
        branch: The commit that the requested ref stands for now; None: not asked, or not told.
        note: What is no finding, in a few words.
    """

    said: tuple[Said, ...] = ()
    branch: str | None = None
    note: str = ""


def examine(hub: Hub, pin: LockedModel, *, has_token: bool, deep: bool = False) -> Examined:
    """What has become of a pin.

    Args:
        pin: Its revision is a full commit.
        has_token: Whether the Hub is asked with a token: without one, no access says little.
        deep: Ask the API in any case: is it the same repo, are all files the same and safe, whose is the
            commit?
    """
    path = sample(pin.weights or {})
    seen: HubModel | None = None
    if deep or path is None:
        listing = hub.model(pin.model, pin.revision)
        if isinstance(listing, HubFault):
            return Examined(said=explain(hub, pin, listing, has_token=has_token))
        seen = listing
        path = path or (largest(seen.files).path if seen.files else None)
    said = () if seen is None else _standing(pin, seen)
    if path is None or any(each.settles for each in said):
        return Examined(said=said or (unchecked(f"the Hub lists no files of {pin.model}"),))
    head = hub.head(pin.model, pin.revision, path)
    if isinstance(head, HubFault):
        return Examined(said=explain(hub, pin, head, has_token=has_token, path=path))
    said = (*said, *_served(pin, path, head, seen))
    if head.renamed is not None and seen is None and not said:
        said = _redirected(hub, pin, head.renamed)
    if any(each.settles for each in said):
        return Examined(said=said)
    now = _now(hub, pin, path, seen)
    said = (*said, *now.said, *pickled(weights_at(pin, seen)), *left_unlocked(pin))
    if deep and seen is not None and not any(each.how_bad is Level.ERROR for each in said):
        said = (*said, *_deep(hub, pin, seen, now))
    return Examined(said=said_once(said), branch=now.commit)


def _now(hub: Hub, pin: LockedModel, path: str, seen: HubModel | None) -> Drift:
    if stands_for(pin.requested, pin.revision):
        return Drift(ref=Ref.COMMIT)
    return drift(hub, pin, path, seen)


def _deep(hub: Hub, pin: LockedModel, seen: HubModel, now: Drift) -> tuple[Said, ...]:
    """What only the API knows: whose commit it is, whether its files are safe, under which license it is."""
    said = (*scans(hub, pin, seen), *loads(hub, pin, seen))
    if now.commit is not None or now.ref is not None:
        said = (*lineage(hub, pin, now.ref or Ref.BRANCH, now.commit), *said)
    if pin.requested == DEFAULT_REF:
        return said  # the license came with the branch, if that has moved
    newest = hub.model(pin.model, None)
    if isinstance(newest, HubFault):
        return (*said, unchecked(newest.reason, about=f"the license of {pin.model}"))
    return (*said, *relicensed(pin, newest))


def _standing(pin: LockedModel, seen: HubModel) -> tuple[Said, ...]:
    """What the API says of the pin: is it the same repo, are its files the same?"""
    return identity(pin, seen) + listed(pin, seen)


def _served(pin: LockedModel, path: str, head: HubHead, seen: HubModel | None) -> tuple[Said, ...]:
    """What the download says, and whether it could have been refused."""
    locked = (pin.weights or {}).get(path, head.file.digest)
    if head.file.digest != locked:
        return (other_content(pin, f"{path} is {_short(head.file.digest)}, locked was {_short(locked)}"),)
    if head.commit != pin.revision:
        return (unchecked(f"the Hub sends {path} of commit {head.commit[:12]}, not {pin.revision[:12]}"),)
    if seen is not None and seen.access == "gated" and pin.access == "public":
        message = f"{pin.model} is gated since it was locked; with this token it can still be read"
        return (Said(code="RI205", message=message, hint="others may need access", level=Level.WARNING),)
    return ()


def _short(digest: str) -> str:
    kind, _, digits = digest.partition(":")
    return f"{kind}:{digits[:12]}…"


def _redirected(hub: Hub, pin: LockedModel, name: str) -> tuple[Said, ...]:
    """A redirect says that it moved; only the API says whether it is still the same repo."""
    seen = hub.model(pin.model, pin.revision)
    if isinstance(seen, HubFault):
        return renamed(pin, name), unchecked(seen.reason, about=f"whether {name} is the repo that was locked")
    return _standing(pin, seen) or (renamed(pin, name),)
