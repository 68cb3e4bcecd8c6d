"""Relocate: the same content under another commit.

A history that is rewritten, most often squashed, takes the locked commit away
and leaves its files. Such a pin is moved to the commit that holds them now,
and nothing else of it is touched. Where the content is not the same, or that
cannot be told, nothing is moved: that is what `update` is for.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from resilient_infer.lock.answers import Hub, HubFault
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import Finding, Level, Said
from resilient_infer.lock.lockfile import Lock, LockedModel, LockEntry, Survey
from resilient_infer.lock.missing import explain
from resilient_infer.lock.offline import compare, in_order, own_aliases
from resilient_infer.lock.pins import ask_each, asked_for, key_of
from resilient_infer.lock.reference import stands_for
from resilient_infer.lock.refusals import UPDATE, other_repo, refusal
from resilient_infer.lock.relock import Change, Relocked, What
from resilient_infer.lock.resolve import Resolved, resolve
from resilient_infer.lock.tied import name_of, tied
from resilient_infer.lock.weights import sample


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The commit at which a pin's files are."""

    commit: str
    notes: tuple[str, ...] = ()


def relocate(
    manifest: Manifest,
    old: Lock,
    hub: Hub,
    *,
    has_token: bool,
    only: Collection[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Relocked:
    """The lock with each pin whose commit is gone at the commit that holds the same files.

    Args:
        old: The lock file of the manifest's environment alone, without flaws.
        has_token: Whether the Hub is asked with a token: without one, no access says little.
        only: Aliases to look at, of those that the environment's lock holds. None: all of them.
        progress: Told how many pins of how many are done.
    """
    names = own_aliases(manifest).keys() if only is None else only
    pins = list(asked_for(manifest, old, names))
    places = ask_each(
        (pin for _, pin in pins), lambda pin: _place(hub, pin, has_token=has_token), progress=progress
    )
    entries = dict(old.entries)
    changes: list[Change] = []
    faults = _not_locked(manifest, old, only or ())
    for entry, pin in pins:
        place = places[key_of(pin)]
        if isinstance(place, Said):
            faults.append(place.of(entry.alias, entry.file, pin.line, environment=manifest.environment))
        elif place.commit != pin.revision:
            entries[entry.alias] = _moved(entries[entry.alias], pin, place.commit)
            changes.append(
                Change(
                    alias=entry.alias,
                    what=What.RELOCATED,
                    pin=replace(pin, revision=place.commit),
                    before=pin.revision,
                    notes=place.notes,
                )
            )
    lock = replace(old, entries=entries)
    return Relocked(lock=lock, changes=tuple(changes), faults=in_order(faults))


def _moved(entry: LockEntry, pin: LockedModel, commit: str) -> LockEntry:
    """The entry with a pin at another commit, and whatever needs it bound to that."""

    def at_commit(each: LockedModel) -> LockedModel:
        return replace(each, revision=commit) if name_of(each) == name_of(pin) else each

    pins = tuple(at_commit(each) if isinstance(each, LockedModel) else each for each in entry.pins)
    return tied(replace(entry, pins=pins, needed=tuple(map(at_commit, entry.needed))))


def _not_locked(manifest: Manifest, old: Lock, named: Collection[str]) -> list[Finding]:
    """RI101 for each of these aliases that is not locked as the manifest asks."""
    aliases = {name: manifest.aliases[name] for name in named}
    found = compare(aliases, manifest, Survey(lock=old), file=old.file, orphans=Level.INFO)
    return [finding for finding in found if finding.code == "RI101"]


def _place(hub: Hub, pin: LockedModel, *, has_token: bool) -> _Place | Said:
    """Where the files of a pin are: at its own commit, at that of its ref, or why that is not clear."""
    path = sample(pin.weights or {})
    seen = hub.model(pin.model, pin.revision) if path is None else hub.head(pin.model, pin.revision, path)
    if not isinstance(seen, HubFault):
        return _Place(commit=pin.revision)
    why = explain(hub, pin, seen, has_token=has_token, path=path)[0]
    if why.code != "RI201":
        return why
    if stands_for(pin.requested, pin.revision):
        return _refused(
            pin, "the manifest asks for it", "write another branch, tag or commit into the manifest"
        )
    found = resolve(hub, pin.model, pin.requested)
    if isinstance(found, HubFault):
        return refusal(pin.model, pin.requested, None, found)
    return _same(pin, found)


def _same(pin: LockedModel, found: Resolved) -> _Place | Said:
    """The commit that the ref is at, if that is the same content."""
    new = found.pin
    if pin.hub_id is not None and new.hub_id is not None and new.hub_id != pin.hub_id:
        return other_repo(pin.model, pin.hub_id, new.hub_id)
    if pin.files is None:
        return _refused(pin, "the lock does not say which files it had", UPDATE)
    if new.files != pin.files:
        weights = "the same weights" if new.weights == pin.weights else "other weights"
        why = f"{pin.requested} is at {new.revision[:12]} with other files ({weights})"
        return _refused(pin, why, f"look at what replaced it; {UPDATE}")
    return _Place(commit=new.revision, notes=found.notes)


def _refused(pin: LockedModel, why: str, hint: str) -> Said:
    return Said(
        code="RI201", message=f"{pin.model} has no commit {pin.revision[:12]} any more, and {why}", hint=hint
    )
