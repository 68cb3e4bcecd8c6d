"""Depth: about which pins the Hub's API is asked in any case.

Downloads tell that a pin is there and unchanged. What else is worth knowing,
only the API tells, and its quota is small: an anonymous visitor has 500
requests in five minutes, shared by all who come from the same address.
"""

from collections.abc import Callable
from typing import Final

from resilient_infer.lock.lockfile import LockedModel, LockEntry, Survey

FEW: Final = 50
"""Pins up to which the API is asked about each of them, if there is a token: it raises the API's quota."""

Depth = Callable[[LockEntry, LockedModel], bool]
"""Whether the API is asked about a pin of an entry."""


def everywhere(entry: LockEntry, pin: LockedModel) -> bool:
    """About every pin."""
    return True


def nowhere(entry: LockEntry, pin: LockedModel) -> bool:
    """Only where something is wrong."""
    return False


def where_changed(old: Survey | None) -> Depth:
    """Where an alias has a pin that it had not before: somebody proposes it.

    Args:
        old: What was locked before; None: nothing was.
    """
    if old is None:
        return everywhere
    before = {name: set(map(_content, entry.models)) for name, entry in old.lock.entries.items()}
    return lambda entry, pin: _content(pin) not in before.get(entry.alias, ())


def few(survey: Survey | None) -> bool:
    """Whether so few pins are locked that the API can be asked about all of them."""
    entries = () if survey is None else survey.lock.entries.values()
    return len({(pin.model, pin.requested, pin.revision) for entry in entries for pin in entry.models}) <= FEW


def _content(pin: LockedModel) -> tuple[object, ...]:
    """All that the pin says; not where it stands."""
    weights = None if pin.weights is None else tuple(sorted(pin.weights.items()))
    said = (pin.model, pin.requested, pin.revision, pin.hub_id, pin.access, pin.license)
    return *said, pin.contract, pin.needs, weights, pin.files
