"""Pins: those of a lock that the manifest asks for, each asked about once."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from resilient_infer.lock.binding import identity_asked, identity_held
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.lockfile import Lock, LockedModel, LockEntry
from resilient_infer.lock.reference import is_commit
from resilient_infer.lock.relock import JOBS
from resilient_infer.lock.tied import name_of, reachable

T = TypeVar("T")

Key = tuple[object, ...]
"""All of a pin that questions and answers depend on."""


def asked_for(
    manifest: Manifest, lock: Lock, only: Collection[str] | None = None
) -> Iterator[tuple[LockEntry, LockedModel]]:
    """The Hub's models that are locked to a commit and asked for, and what those need, in the lock's order.

    Args:
        only: Aliases to look at. None: all.
    """
    for name, entry in lock.entries.items():
        alias = manifest.aliases.get(name)
        if alias is None or (only is not None and name not in only):
            continue
        asked = {identity_asked(target) for target in alias.targets}
        pins = tuple(pin for pin in entry.pins if identity_held(pin) in asked)
        names = reachable(replace(entry, pins=pins))
        for pin in entry.models:
            if name_of(pin) in names and is_commit(pin.revision):
                yield entry, pin


def key_of(pin: LockedModel) -> Key:
    """By this, pins of several aliases are the same."""
    weights = None if pin.weights is None else tuple(sorted(pin.weights.items()))
    said = (pin.model, pin.requested, pin.revision, pin.hub_id, pin.access, pin.license, pin.files)
    return *said, weights, pin.needs, pin.check is None


def ask_each(
    pins: Iterable[LockedModel],
    ask: Callable[[LockedModel], T],
    *,
    jobs: int = JOBS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Mapping[Key, T]:
    """The answer for each distinct pin, by its key.

    Args:
        jobs: Pins asked about at a time.
        progress: Told how many pins of how many are done.
    """
    distinct = {key_of(pin): pin for pin in pins}
    asks = [partial(ask, pin) for pin in distinct.values()]
    answers = gather(asks, jobs=jobs, progress=lambda done: progress(done, len(asks)))
    return dict(zip(distinct, answers, strict=True))
