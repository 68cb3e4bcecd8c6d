"""Needed: which repos the models of an alias load besides themselves, as the lock has it."""

from dataclasses import dataclass

from resilient_infer.core.task import Json
from resilient_infer.lock.locked import LockedModel, LockEntry
from resilient_infer.lock.tied import name_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededOutline:
    """A repo that models of the alias load. No call goes there.

    Attributes:
        revision: The locked commit; None: it could not be locked.
        needed_by: Pairs (the model that loads it, what for).
        lock_place: "file:line" of its pin, or None.
    """

    model: str
    requested: str
    revision: str | None
    needed_by: tuple[tuple[str, str], ...]
    lock_place: str | None


def needed_of(entry: LockEntry | None) -> tuple[NeededOutline, ...]:
    """What the entry's models need, sorted; a target that another one needs is among the targets."""
    if entry is None:
        return ()
    named: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for pin in entry.models:
        for need in pin.needs:
            named.setdefault(name_of(need), []).append((pin.model, need.kind.value))
    locked = {name_of(pin): pin for pin in entry.models}
    targets = {name_of(pin) for pin in entry.pins if isinstance(pin, LockedModel)}

    def outlined(name: tuple[str, str]) -> NeededOutline:
        pin = locked.get(name)
        return NeededOutline(
            model=name[0],
            requested=name[1],
            revision=None if pin is None else pin.revision,
            needed_by=tuple(sorted(named[name])),
            lock_place=None if pin is None else f"{entry.file}:{pin.line}",
        )

    return tuple(outlined(name) for name in sorted(named.keys() - targets))


def needed_record(needed: NeededOutline) -> dict[str, Json]:
    """As JSON; the keys are always the same."""
    return {
        "model": needed.model,
        "requested": needed.requested,
        "revision": needed.revision,
        "needed_by": [{"model": model, "kind": kind} for model, kind in needed.needed_by],
        "lock_place": needed.lock_place,
    }
