"""Tied: whether the pins of an entry belong together.

`check` binds the fields of one pin to each other. A merge can take a model from
one side and what it needs from the other, each of them whole; so a pin names
the commit of each repo that it needs, and here the two are compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from resilient_infer.lock.locked import LockedModel, LockEntry, Need

Name = tuple[str, str]
"""A repo and what is requested of it: an entry holds it once."""


def name_of(pin: LockedModel | Need) -> Name:
    """Which pin of an entry it is, or is to be."""
    return pin.model, pin.requested


def tied(entry: LockEntry) -> LockEntry:
    """The entry, with each pin naming the commits that its needs are locked to; None where they are not."""
    commits = {name_of(pin): pin.revision for pin in entry.models}

    def bound(pin: LockedModel) -> LockedModel:
        needs = tuple(replace(need, revision=commits.get(name_of(need))) for need in pin.needs)
        return pin if needs == pin.needs else replace(pin, needs=needs)

    pins = tuple(bound(pin) if isinstance(pin, LockedModel) else pin for pin in entry.pins)
    return replace(entry, pins=pins, needed=tuple(map(bound, entry.needed)))


def loose(entry: LockEntry) -> Mapping[Name, str]:
    """The pins of Hub models that do not fit the others of their entry, each with the reason."""
    models = entry.models
    if not entry.needed and not any(pin.needs for pin in models):
        return {}  # most entries; a lock has a thousand of them
    commits = {name_of(pin): pin.revision for pin in models}
    reasons: dict[Name, str] = {}
    for pin in models:
        for need in pin.needs:
            if commits.get(name_of(need)) != need.revision:
                held = (commits.get(name_of(need)) or "none")[:12]
                told = (need.revision or "none")[:12]
                what = f"it needs {need} at commit {told}, and the entry holds {held}"
                reasons.setdefault(name_of(pin), what)
    wanted = reachable(entry)
    for pin in entry.needed:
        if name_of(pin) not in wanted:
            reasons.setdefault(name_of(pin), "no model of the entry needs it")
    return reasons


def reachable(entry: LockEntry) -> frozenset[Name]:
    """The targets' models, and all that they need, however far away."""
    needs: dict[Name, tuple[Need, ...]] = {name_of(pin): pin.needs for pin in entry.models}
    ahead = [name_of(pin) for pin in entry.pins if isinstance(pin, LockedModel)]
    seen: set[Name] = set()
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += [name_of(need) for need in needs.get(name, ())]
    return frozenset(seen)


def needers(entry: LockEntry, pin: LockedModel) -> Iterator[tuple[LockedModel, Need]]:
    """Which pins of the entry need this one, and what for."""
    return ((each, need) for each in entry.models for need in each.needs if name_of(need) == name_of(pin))
