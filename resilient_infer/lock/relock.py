"""Relock: the lock that fits a manifest, moving no pin that still holds.

What is valid is kept without a question, what is missing is resolved, what was
written by hand is completed at the commit it names, and what nobody asks for is
dropped. A Hub that does not answer changes nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault
from resilient_infer.lock.binding import Identity, identity_asked, identity_held
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.entries import Alias, Manifest, TargetEntry
from resilient_infer.lock.findings import Finding, Said
from resilient_infer.lock.lockfile import MAJOR, MINOR, Lock, LockedModel, LockedName, LockEntry
from resilient_infer.lock.offline import clashes, in_order, own_aliases
from resilient_infer.lock.reference import is_commit
from resilient_infer.lock.refusals import other_repo, refusal
from resilient_infer.lock.resolve import Resolved, resolve

JOBS: Final = 32
"""Questions under way at a time; more gain nothing (1,000 HEADs at 50 ms took 1.9 s with 32 threads)."""


Moves = Mapping[tuple[str, Identity], str]
"""The commit that each of these targets of an alias is to be locked to."""

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
    """

    lock: Lock
    changes: tuple[Change, ...]
    faults: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """One thing to ask the Hub. `revision` is the commit to complete a pin at; None: wherever the ref is."""

    model: str
    requested: str
    revision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """An alias with its old entry, and for each distinct target the pin it keeps or what must be asked."""

    alias: Alias
    before: LockEntry | None
    pins: Mapping[Identity, LockedModel | LockedName | _Question]

    def questions(self) -> Iterator[_Question]:
        return (pin for pin in self.pins.values() if isinstance(pin, _Question))


_Answers = Mapping[_Question, Resolved | Said]


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
        moves: Where targets go, whatever holds for them; of the others what holds is kept.
        progress: Told how many models of how many are done.
    """
    entries = {} if old is None else old.entries
    aliases = own_aliases(manifest)
    plans = [
        _planned(alias, entries.get(name), moves)
        for name, alias in sorted(aliases.items())
        if only is None or name in only
    ]
    answers = _ask(plans, hub, _known_ids(entries.values()), progress)
    locked = {name: entry for name, entry in entries.items() if only is not None and name not in only}
    changes = list(_orphans(entries.values(), aliases)) if only is None else []
    faults: list[Finding] = []
    for plan in plans:
        refused = [said for question in plan.questions() if isinstance(said := answers[question], Said)]
        if refused:
            faults += (said.of(plan.alias.name, manifest.file, plan.alias.line) for said in refused)
            locked |= {} if plan.before is None else {plan.alias.name: plan.before}
            continue
        entry = _entry(plan, answers, file)
        clashing = clashes(plan.alias, entry, manifest.file)
        if clashing:
            faults += clashing
            locked |= {} if plan.before is None else {plan.alias.name: plan.before}
            continue
        locked[plan.alias.name] = entry
        changes += _changes(plan, entry, answers)
    lock = Lock(version=(MAJOR, MINOR), entries=dict(sorted(locked.items())), file=file)
    ordered = sorted(changes, key=lambda change: change.alias)
    return Relocked(lock=lock, changes=tuple(ordered), faults=in_order(faults))


def _planned(alias: Alias, before: LockEntry | None, moves: Moves) -> _Planned:
    held = {} if before is None else {identity_held(pin): pin for pin in before.pins}
    pins: dict[Identity, LockedModel | LockedName | _Question] = {}
    for target in alias.targets:
        identity = identity_asked(target)
        if identity not in pins:
            to = moves.get((alias.name, identity))
            pins[identity] = _pin_or_question(target, held.get(identity), to)
    return _Planned(alias=alias, before=before, pins=pins)


def _pin_or_question(
    target: TargetEntry, held: LockedModel | LockedName | None, to: str | None
) -> LockedModel | LockedName | _Question:
    if target.model is None or target.requested is None:
        route = target.routes[0]
        assert target.pin is not None  # the manifest's reader refuses such a target without one
        return LockedName(provider=route.provider, name=route.name, pin=target.pin)
    if to is not None:
        return _Question(target.model, target.requested, to)
    if not isinstance(held, LockedModel) or not _holds(held):
        return _Question(target.model, target.requested, None)
    if None in (held.check, held.files, held.weights, held.access):
        # Written by hand, or touched since: a survey takes a wrong check away.
        return _Question(target.model, target.requested, held.revision)
    return held


def _holds(pin: LockedModel) -> bool:
    """Whether it names a commit, and no other one than was asked for."""
    return is_commit(pin.revision) and (not is_commit(pin.requested) or pin.requested == pin.revision)


def _known_ids(entries: Iterable[LockEntry]) -> Mapping[str, frozenset[str]]:
    """The Hub's own identity of each model, as the old lock has it."""
    known: dict[str, frozenset[str]] = {}
    for entry in entries:
        for pin in entry.pins:
            if isinstance(pin, LockedModel) and pin.hub_id is not None:
                known[pin.model] = known.get(pin.model, frozenset()) | {pin.hub_id}
    return known


def _ask(
    plans: Iterable[_Planned],
    hub: Hub,
    known: Mapping[str, frozenset[str]],
    progress: Callable[[int, int], None],
) -> _Answers:
    """Each question once, however many aliases have it."""
    questions = list(dict.fromkeys(question for plan in plans for question in plan.questions()))
    asks = [partial(resolve, hub, each.model, each.requested, revision=each.revision) for each in questions]
    answers = gather(asks, jobs=JOBS, progress=lambda done: progress(done, len(asks)))
    return {
        question: _judged(question, answer, known.get(question.model, frozenset()))
        for question, answer in zip(questions, answers, strict=True)
    }


def _judged(question: _Question, answer: Resolved | HubFault, known: frozenset[str]) -> Resolved | Said:
    if isinstance(answer, HubFault):
        return refusal(question.model, question.requested, question.revision, answer)
    hub_id = answer.pin.hub_id
    if hub_id is None or not known or hub_id in known:
        return answer
    return other_repo(question.model, " and ".join(sorted(known)), hub_id)


def _entry(plan: _Planned, answers: _Answers, file: str) -> LockEntry:
    pins = (_answered(pin, answers) for pin in plan.pins.values())
    return LockEntry(
        alias=plan.alias.name,
        task=_task(plan, answers),
        pins=tuple(pin.pin if isinstance(pin, Resolved) else pin for pin in pins),
        file=file,
    )


def _answered(
    pin: LockedModel | LockedName | _Question, answers: _Answers
) -> LockedModel | LockedName | Resolved:
    answer = answers[pin] if isinstance(pin, _Question) else pin
    assert not isinstance(answer, Said)  # a plan with a refusal makes no entry
    return answer


def _task(plan: _Planned, answers: _Answers) -> str | None:
    """The manifest's, else that of the first model: told just now, or when it was locked."""
    first = _first_told(plan, answers)
    told = None if first is None else first.task
    return plan.alias.task or told or (None if plan.before is None else plan.before.task)


def _first_told(plan: _Planned, answers: _Answers) -> Resolved | None:
    """What the Hub said just now of the alias's first model; None: it was not asked."""
    first = next((pin for pin in plan.pins.values() if not isinstance(pin, LockedName)), None)
    answer = answers[first] if isinstance(first, _Question) else None
    return answer if isinstance(answer, Resolved) else None


def _orphans(entries: Iterable[LockEntry], aliases: Mapping[str, Alias]) -> Iterator[Change]:
    for entry in entries:
        if entry.alias not in aliases:
            yield from (Change(alias=entry.alias, what=What.DROPPED, pin=pin) for pin in entry.pins)


def _changes(plan: _Planned, entry: LockEntry, answers: _Answers) -> Iterator[Change]:
    alias, before = plan.alias.name, () if plan.before is None else plan.before.pins
    models = {pin.model: pin for pin in before if isinstance(pin, LockedModel)}
    targets = {identity_held(pin): pin for pin in before if isinstance(pin, LockedModel)}
    changed = False
    for planned, pin in zip(plan.pins.values(), entry.pins, strict=True):
        if isinstance(planned, _Question) and isinstance(pin, LockedModel):
            changed = True
            was = targets.get(identity_held(pin)) or models.get(pin.model)
            yield _change(plan, planned, pin, was, answers)
        elif isinstance(pin, LockedName) and identity_held(pin) not in map(identity_held, before):
            changed = True
            yield Change(alias=alias, what=What.ADDED, pin=pin)
    kept = {pin.model for pin in entry.pins if isinstance(pin, LockedModel)}
    for gone in before:
        moved = isinstance(gone, LockedModel) and gone.model in kept
        if identity_held(gone) not in plan.pins and not moved:
            changed = True
            yield Change(alias=alias, what=What.DROPPED, pin=gone)
    ordered = [identity_held(pin) for pin in before] == list(plan.pins)
    if plan.before is not None and not changed and (plan.before.task != entry.task or not ordered):
        yield Change(alias=alias, what=What.CHANGED)


def _change(
    plan: _Planned, question: _Question, pin: LockedModel, old: LockedModel | None, answers: _Answers
) -> Change:
    answer = answers[question]
    notes = answer.notes if isinstance(answer, Resolved) else ()
    first = plan.alias.task is None and answer is _first_told(plan, answers)
    known = plan.before is not None and isinstance(answer, Resolved) and plan.before.task == answer.task
    if first and isinstance(answer, Resolved) and not known:
        notes = (f"task {answer.task or 'unknown'}: {answer.reason}", *notes)
    before = None if old is None or old.revision == pin.revision else old.revision
    what = What.ADDED if old is None else What.MOVED
    if old is not None and before is None and question.revision is not None:
        what = What.COMPLETED
    return Change(alias=plan.alias.name, what=what, pin=pin, before=before, notes=notes)
