"""Relock: the lock that fits a manifest, moving no pin that still holds.

What is valid is kept without a question, what is missing is resolved, what was
written by hand is completed at the commit it names, and what nobody asks for is
dropped. A Hub that does not answer changes nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from resilient_infer.lock.answers import Hub
from resilient_infer.lock.binding import Identity, identity_asked, identity_held
from resilient_infer.lock.entries import Alias, Manifest
from resilient_infer.lock.findings import Finding, Said
from resilient_infer.lock.follow import Growing, follow
from resilient_infer.lock.lockfile import MAJOR, MINOR, Lock, LockedModel, LockedName, LockEntry, Need
from resilient_infer.lock.offline import clashes, in_order, own_aliases
from resilient_infer.lock.questions import JOBS as JOBS
from resilient_infer.lock.questions import Asked, Question, question_of
from resilient_infer.lock.resolve import Resolved
from resilient_infer.lock.tied import Name, name_of, needers, tied

Moves = Mapping[tuple[str, Identity], str]
"""The commit that each of these models of an alias is to be locked to."""

NOWHERE: Final[Moves] = {}


class What(Enum):
    """What became of a pin or an entry."""

    ADDED = "added"
    MOVED = "moved"
    RELOCATED = "relocated"
    COMPLETED = "completed"
    DROPPED = "dropped"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between the old lock and the new one.

    Attributes:
        pin: The new pin; of what was dropped the old one; None: it concerns the entry as a whole.
        before: The commit that was locked for this model before, if it is another one.
        notes: What people should know, one sentence each.
    """

    alias: str
    what: What
    pin: LockedModel | LockedName | None = None
    before: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocked:
    """What `lock` came to.

    Attributes:
        lock: To be written whole, if there are no faults.
        changes: In the order of the aliases.
        faults: Why nothing may be written; an alias with a fault has its old entry in `lock`.
        notes: What people should know of what is kept, one sentence each.
    """

    lock: Lock
    changes: tuple[Change, ...]
    faults: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """An alias with its old entry, and for each distinct target the pin it keeps or what must be asked."""

    alias: Alias
    before: LockEntry | None
    moves: Mapping[Name, str]
    pins: Mapping[Identity, LockedName | LockedModel | Question]

    def questions(self) -> Iterator[Question]:
        return (pin for pin in self.pins.values() if isinstance(pin, Question))


def relock(
    manifest: Manifest,
    old: Lock | None,
    hub: Hub,
    *,
    file: str,
    only: Collection[str] | None = None,
    moves: Moves = NOWHERE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Relocked:
    """The lock of the manifest's environment, made of `old` with as few questions as possible.

    Args:
        old: The lock file of that environment alone, as `survey_lock` gives it; None: there is none.
        file: Where the lock is or will be, as the user gave it.
        only: Aliases to lock; the entries of all others stay as they are. None: all.
        moves: Where models go, whatever holds for them; of the others what holds is kept.
        progress: Told how many models of how many are done.
    """
    entries = {} if old is None else old.entries
    aliases = own_aliases(manifest)
    plans = [
        _planned(alias, entries.get(name), moves)
        for name, alias in sorted(aliases.items())
        if only is None or name in only
    ]
    growing = _grown(plans, Asked(hub, entries.values(), progress))
    locked = {name: entry for name, entry in entries.items() if only is not None and name not in only}
    changes = list(_orphans(entries.values(), aliases)) if only is None else []
    faults: list[Finding] = []
    notes: list[str] = []
    for plan in plans:
        grown = growing[plan.alias.name]
        entry = None if grown.refused else _entry(plan, grown, file)
        alias = plan.alias
        refused = [
            said.of(alias.name, manifest.file, alias.line, environment=alias.environment)
            for said in grown.refused
        ]
        wrong = refused if entry is None else clashes(plan.alias, entry, manifest.file)
        if entry is None or wrong:
            faults += wrong
            locked |= {} if plan.before is None else {plan.alias.name: plan.before}
            continue
        locked[plan.alias.name] = entry
        changes += _changes(plan, entry, grown)
        notes += (f"{entry.alias}: {note}" for note in grown.still_unlocked())
    lock = Lock(version=(MAJOR, MINOR), entries=dict(sorted(locked.items())), file=file)
    ordered = sorted(changes, key=lambda change: change.alias)
    return Relocked(lock=lock, changes=tuple(ordered), faults=in_order(faults), notes=tuple(notes))


def _planned(alias: Alias, before: LockEntry | None, moves: Moves) -> _Planned:
    held = _held(before)
    going = {identity[1:]: to for (name, identity), to in moves.items() if name == alias.name}
    pins: dict[Identity, LockedName | LockedModel | Question] = {}
    for target in alias.targets:
        identity = identity_asked(target)
        if target.model is not None and target.requested is not None:
            model = target.model, target.requested
            pins.setdefault(identity, question_of(model, held.get(model), going.get(model)))
        elif target.pin is not None:  # the manifest's reader refuses such a target without one
            route = target.routes[0]
            pins[identity] = LockedName(provider=route.provider, name=route.name, pin=target.pin)
    return _Planned(alias=alias, before=before, moves=going, pins=pins)


def _held(before: LockEntry | None) -> Mapping[Name, LockedModel]:
    return {} if before is None else {name_of(pin): pin for pin in before.models}


def _grown(plans: Sequence[_Planned], asked: Asked) -> Mapping[str, Growing]:
    """The entries in the making, by alias, with all that the Hub says of them."""
    asked.ask(question for plan in plans for question in plan.questions())
    growing = {plan.alias.name: _growing(plan, asked) for plan in plans}
    follow([each for each in growing.values() if not each.refused], asked)
    return growing


def _growing(plan: _Planned, asked: Asked) -> Growing:
    """The entry with its targets' models, before what they need is looked for."""
    pins: dict[Name, LockedModel] = {}
    told: dict[Name, Resolved] = {}
    refused: list[Said] = []
    for pin in plan.pins.values():
        answer = asked[pin] if isinstance(pin, Question) else pin
        match answer:
            case Resolved():
                told[name_of(answer.pin)] = answer
                pins[name_of(answer.pin)] = answer.pin
            case LockedModel():
                pins[name_of(answer)] = answer
            case Said():
                refused.append(answer)
    held = _held(plan.before)
    return Growing(pins=pins, told=told, held=held, moves=plan.moves, refused=refused)


def _entry(plan: _Planned, growing: Growing, file: str) -> LockEntry:
    grown = growing.grown()
    pins = (pin if isinstance(pin, LockedName) else grown[_name(pin)] for pin in plan.pins.values())
    entry = LockEntry(
        alias=plan.alias.name,
        task=_task(plan, growing),
        pins=tuple(pins),
        file=file,
        needed=growing.needed(),
    )
    return tied(entry)


def _name(pin: LockedModel | Question) -> Name:
    return pin.model, pin.requested


def _task(plan: _Planned, growing: Growing) -> str | None:
    """The manifest's, else that of the first model: told just now, or when it was locked, or by its base."""
    first = _first_told(plan, growing)
    new = None if first is None or not growing.is_new(name_of(first.pin)) else first.task
    before = None if plan.before is None else plan.before.task
    return plan.alias.task or new or before or (None if first is None else first.task)


def _first_told(plan: _Planned, growing: Growing) -> Resolved | None:
    """What the Hub said just now of the alias's first model; None: it was not asked."""
    first = next((pin for pin in plan.pins.values() if not isinstance(pin, LockedName)), None)
    return None if first is None else growing.whole(_name(first))


def _orphans(entries: Iterable[LockEntry], aliases: Mapping[str, Alias]) -> Iterator[Change]:
    for entry in entries:
        if entry.alias not in aliases:
            gone = (*entry.pins, *entry.needed)
            yield from (Change(alias=entry.alias, what=What.DROPPED, pin=pin) for pin in gone)


def _changes(plan: _Planned, entry: LockEntry, growing: Growing) -> Iterator[Change]:
    alias, before = plan.alias.name, () if plan.before is None else (*plan.before.pins, *plan.before.needed)
    every = (*entry.pins, *entry.needed)
    changed = False
    for pin in every:
        if isinstance(pin, LockedModel) and growing.is_new(name_of(pin)):
            changed = True
            yield _change(plan, entry, pin, growing)
        elif isinstance(pin, LockedName) and identity_held(pin) not in map(identity_held, before):
            changed = True
            yield Change(alias=alias, what=What.ADDED, pin=pin)
    kept, models = {identity_held(pin) for pin in every}, {pin.model for pin in entry.models}
    for gone in before:
        moved = isinstance(gone, LockedModel) and gone.model in models
        if identity_held(gone) not in kept and not moved:
            changed = True
            yield Change(alias=alias, what=What.DROPPED, pin=gone)
    if plan.before is not None and not changed and _differs(plan.before, entry):
        yield Change(alias=alias, what=What.CHANGED)


def _differs(before: LockEntry, entry: LockEntry) -> bool:
    ordered = [*map(identity_held, before.pins)] == [*map(identity_held, entry.pins)]
    return before.task != entry.task or not ordered


def _change(plan: _Planned, entry: LockEntry, pin: LockedModel, growing: Growing) -> Change:
    name = name_of(pin)
    notes = [f"needed by {needer.model} ({need.kind.value})" for needer, need in _needers(entry, pin)]
    first = _first_told(plan, growing)
    known = plan.before is not None and first is not None and plan.before.task == first.task
    if plan.alias.task is None and first is not None and name_of(first.pin) == name and not known:
        notes.append(f"task {first.task or 'unknown'}: {first.reason}")
    notes += (*growing.told[name].notes, *growing.unlocked(pin))
    held = growing.held.get(name)
    old = held or next((each for each in growing.held.values() if each.model == pin.model), None)
    before = None if old is None or old.revision == pin.revision else old.revision
    what = What.ADDED if old is None else What.MOVED
    if held is not None and held.revision == pin.revision:
        what = What.COMPLETED
    return Change(alias=plan.alias.name, what=what, pin=pin, before=before, notes=tuple(notes))


def _needers(entry: LockEntry, pin: LockedModel) -> Iterator[tuple[LockedModel, Need]]:
    """For a pin that is no target: which pins need it, and what for."""
    return needers(entry, pin) if pin in entry.needed else iter(())
