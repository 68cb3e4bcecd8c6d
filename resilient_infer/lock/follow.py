"""Follow: what the models of an entry need, and what that needs, level by level.

Each repo at each ref is in an entry once, so a cycle ends where it began. What
is locked already stays where it is; what cannot be locked (gone, gated) is left
out and said, for no call goes there. A Hub that does not answer is something
else: then the entry is not made.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from resilient_infer.lock.findings import Level, Said
from resilient_infer.lock.loaded import as_note, loads_unlocked
from resilient_infer.lock.locked import LockedModel, Need, NeedKind
from resilient_infer.lock.questions import Asked, Question, question_of
from resilient_infer.lock.resolve import Resolved, adapted
from resilient_infer.lock.tied import Name, name_of

MOST_LEVELS: Final = 4
"""How far away a repo may be that is followed: an adapter, its base, the base's code, and one more."""

MOST_FOLLOWED: Final = 32
"""Repos that are looked at for one entry, however many its models name."""


@dataclass(slots=True, kw_only=True)
class Growing:
    """An entry in the making.

    Attributes:
        pins: What it holds so far: at first the targets' models, as they were or as the Hub told them.
        told: What the Hub said just now of a model, by name.
        held: The models of the old entry, by name.
        moves: The commits that some of its models are to be locked to, by name.
        refused: Why the entry cannot be made.
    """

    pins: dict[Name, LockedModel]
    told: dict[Name, Resolved]
    held: Mapping[Name, LockedModel]
    moves: Mapping[Name, str]
    refused: list[Said] = field(default_factory=list)
    _lost: dict[Name, Said] = field(init=False, default_factory=dict)
    _targets: frozenset[Name] = field(init=False)
    _level: list[Name] = field(init=False)
    _asking: dict[Name, Question] = field(init=False, default_factory=dict)
    _followed: int = field(init=False, default=0)
    _retold: set[Name] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._targets = frozenset(self.pins)
        self._level = list(self.pins)

    def descend(self) -> Iterator[Question]:
        """Go one level down: take what is held of it, and give what must be asked."""
        named = [(need, name) for name in self._level for need in self.pins[name].needs]
        self._level, self._asking = [], {}
        for need, needer in sorted(named, key=lambda each: (each[0].order, each[1])):
            name = name_of(need)
            if name not in self.pins:
                self._find(need)
            kept = name in self.pins and name not in self.told
            if kept and need.kind is NeedKind.BASE and needer in self.told:
                # An adapter that is new takes after its base.
                self._asking[name] = Question(*name, self.pins[name].revision)
        yield from self._asking.values()

    def take(self, asked: Asked) -> None:
        """Take the answers to what was asked."""
        for name, question in self._asking.items():
            answer = asked[question]
            if isinstance(answer, Resolved):
                self.told[name] = answer
                self.pins.setdefault(name, answer.pin)
            elif answer.how_bad is Level.UNCHECKED or answer.security:
                self.refused.append(answer)
            else:
                self._lost[name] = answer
        self._level = [name for name in self._level if name in self.pins]

    def take_after(self) -> Iterator[Question]:
        """Ask again about each adapter that is kept while its base is another one than it was locked with."""
        self._asking = {}
        for name, pin in self.pins.items():
            base = _base_of(pin)
            changed = base in self.pins and (self.is_new(base) or base in self._retold)
            if changed and name not in self.told:
                self._asking[name] = Question(*name, pin.revision)
        self._retold |= self._asking.keys()
        yield from self._asking.values()

    def is_new(self, name: Name) -> bool:
        """Whether the pin is what the Hub said just now, and not one that is kept."""
        return name in self.told and self.told[name].pin is self.pins[name]

    def whole(self, name: Name, above: frozenset[Name] = frozenset()) -> Resolved | None:
        """What the Hub said just now of a model; if it is an adapter, together with its base."""
        told = self.told.get(name)
        base = _base_of(self.pins[name])
        if told is None or base is None or base not in self.told or base in above:
            return told
        beneath = self.whole(base, above | {name})
        return told if beneath is None else adapted(told, beneath)

    def grown(self) -> Mapping[Name, LockedModel]:
        """Every model of the entry, by name."""
        return {name: self._final(name) for name in self.pins}

    def needed(self) -> tuple[LockedModel, ...]:
        """Those that are no targets, sorted."""
        return tuple(self._final(name) for name in sorted(self.pins.keys() - self._targets))

    def unlocked(self, pin: LockedModel) -> Iterator[str]:
        """What is said of the needs of a pin that could not be locked."""
        for need in pin.needs:
            name = name_of(need)
            if name not in self.pins:
                lost = self._lost.get(name)
                why = "too many repos are named" if lost is None else lost.message.partition(": ")[2]
                yield as_note(loads_unlocked(pin.model, need, why))

    def still_unlocked(self) -> Iterator[str]:
        """The same of the pins that are kept."""
        for name, pin in self.pins.items():
            yield from () if self.is_new(name) else self.unlocked(pin)

    def _find(self, need: Need) -> None:
        """Take a pin that is held, or ask; nothing if enough was looked at."""
        name = name_of(need)
        if name in self._lost or name in self._asking or self._followed == MOST_FOLLOWED:
            return
        self._followed += 1
        self._level.append(name)
        found = question_of(name, self.held.get(name), self.moves.get(name))
        if isinstance(found, Question):
            self._asking[name] = found
        else:
            self.pins[name] = found

    def _final(self, name: Name) -> LockedModel:
        pin, told = self.pins[name], self.whole(name)
        if told is None or self.is_new(name):
            return pin if told is None else told.pin
        return replace(pin, contract=told.pin.contract) if name in self._retold else pin


def follow(growing: Sequence[Growing], asked: Asked) -> None:
    """Let each entry grow to all that its models need. One model of many entries is asked about once."""
    for _ in range(MOST_LEVELS):
        asked.ask([question for each in growing for question in each.descend()])
        for each in growing:
            each.take(asked)
    for _ in range(MOST_LEVELS):
        asked.ask([question for each in growing for question in each.take_after()])
        for each in growing:
            each.take(asked)


def _base_of(pin: LockedModel) -> Name | None:
    return next((name_of(need) for need in pin.needs if need.kind is NeedKind.BASE), None)
