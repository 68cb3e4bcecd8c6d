"""Cancels: clients that go away in the middle of a call. What do the gates keep of them?

Nothing, is the claim, and it is put in two ways that can be checked exactly.

*Left out.* Clients go away at a random point of their call's first attempt
(unless that is the probe of a half-open circuit, which keeps others out while
it lasts). The same trace is run again without those calls: every other call
must fare the same to the microsecond, and the gates end in the same state.

*Replayed.* Clients go away at any point: in a repeat, while waiting, as a
probe. Others may then rightly fare differently (a probe's place was taken), and
what a call learnt before it was cancelled rightly counts. So the record of all
that was granted and reported is replayed to new gates without what was given
back: they must go through the same transitions and end in the same state.
"""

import heapq
import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.core.result import Result
from resilient_infer.errors import CallError
from resilient_infer.lock.policy import Policy
from resilient_infer.plan.actions import Done, Plan, Reply, Start, Wait
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import Env
from tests.bench.ledger import Ledger, WatchedGate, remembered, replay
from tests.bench.ours import Wire, alias_spec, call_spec, gates, route_spec
from tests.bench.story import Story
from tests.bench.trace import World


@dataclass(slots=True)
class _Live:
    """A call under way."""

    call: int
    plan: Plan
    guards: Mapping[str, WatchedGate]
    over: bool = False
    flying: tuple[float, Done] | None = None
    served_by: str | None = None
    ended: float = 0.0


class Clock:
    """Drives plans in virtual time by their contract alone, and can close one in the middle."""

    def __init__(self, wire: Callable[..., tuple[float, Outcome]]) -> None:
        self.now = 0.0
        self._wire = wire
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Do something at a moment."""
        heapq.heappush(self._agenda, (moment, next(self._order), act))

    def run(self) -> None:
        """Let time pass until nothing is left to do."""
        while self._agenda:
            moment, _, act = heapq.heappop(self._agenda)
            self.now = max(self.now, moment)
            act()

    def advance(self, live: _Live, reply: Reply | None) -> None:
        """Give a plan its reply and do what it orders."""
        if live.over:
            return
        try:
            action = next(live.plan) if reply is None else live.plan.send(reply)
            while isinstance(action, Start):
                action = live.plan.send(self._start(live, action))
        except StopIteration as done:
            result: Result = done.value
            live.over, live.ended, live.served_by = True, self.now, result.route.rpartition(":")[2]
        except CallError:
            live.over, live.ended = True, self.now
        else:
            self._wait(live, action)

    def _start(self, live: _Live, action: Start) -> Reply:
        seconds, outcome = self._wire(action.attempt, self.now)
        if seconds > action.attempt.timeout:
            seconds, outcome = action.attempt.timeout, Failure(kind=FailureKind.TIMEOUT, reason="too slow")
        live.flying = self.now + seconds, Done(action.attempt, outcome)
        return Reply(self.now)

    def _wait(self, live: _Live, action: Wait) -> None:
        assert not action.tickets, "no bulkhead is full in these traces"
        if live.flying is None:
            self.at(action.until, lambda: self.advance(live, Reply(self.now)))
            return
        moment, done = live.flying
        live.flying = None
        self.at(moment, lambda: self.advance(live, Reply(self.now, done)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What a run with cancelled calls left behind. `cancelled` holds the calls that were cut short."""

    stories: Mapping[int, Story]
    cancelled: frozenset[int]
    ledgers: Mapping[str, Ledger]
    repeats: Mapping[str, int]
    state: Mapping[str, tuple[object, ...]]
    ended: float

    @property
    def leaked(self) -> int:
        """Permits and tokens that were never given back."""
        return sum(ledger.leaked(self.repeats[name]) for name, ledger in self.ledgers.items())

    @property
    def probes(self) -> int:
        """Cancelled calls that held a probe."""
        return sum(ledger.cancelled_probes() for ledger in self.ledgers.values())


def play(
    world: World,
    policy: Policy,
    *,
    without: Collection[int] = (),
    cancels: bool,
    first_attempt_only: bool = False,
) -> Aftermath:
    """Run the calls of a trace, all but those `without`, with the clients going away as the trace says."""
    wire, guards = Wire(world), gates(policy, world.seed, world.trace.targets)
    ledgers = {name: Ledger() for name in guards}
    clock, lives, cancelled = Clock(wire), list[_Live](), set[int]()

    def begin(call: int) -> None:
        watched = {name: WatchedGate(gate, ledgers[name]) for name, gate in guards.items()}
        alias = alias_spec(policy, {name: route_spec(policy, name, gate) for name, gate in watched.items()})
        env = Env(world.jitter(call).random)
        live = _Live(call, call_plan(call_spec(alias, call), env, clock.now), watched)
        lives.append(live)
        clock.advance(live, None)
        after = world.cancelled_after(call)
        if cancels and after is not None:
            clock.at(clock.now + after, lambda: cancel(live))

    def cancel(live: _Live) -> None:
        if live.over or (first_attempt_only and not _in_first_attempt(live)):
            return
        live.over = True
        live.plan.close()
        cancelled.add(live.call)

    for call, arrival in enumerate(world.arrivals):
        if call not in without:
            clock.at(arrival, lambda call=call: begin(call))  # type: ignore[misc]  # mypy infers no defaults
    clock.run()
    return Aftermath(
        stories={
            live.call: Story(
                live.call,
                world.arrivals[live.call],
                live.ended,
                live.served_by,
                wire.by_call.get(live.call, {}),
            )
            for live in lives
            if live.call not in cancelled
        },
        cancelled=frozenset(cancelled),
        ledgers=ledgers,
        repeats={
            name: sum(max(0, sent.get(name, 0) - 1) for sent in wire.by_call.values()) for name in guards
        },
        state={name: remembered(gate, clock.now) for name, gate in guards.items()},
        ended=clock.now,
    )


def _in_first_attempt(live: _Live) -> bool:
    """Whether all that a call has done is to send one attempt, not a probe, which has not come back."""
    permits = [permit for guard in live.guards.values() for permit in guard.granted]
    return len(permits) == 1 and permits[0].outstanding and not permits[0].probe


@dataclass(frozen=True, slots=True)
class Differences:
    """What cancelled calls changed, counted.

    Attributes:
        cancelled: Calls that were cut short.
        probes: Of them, those that held the probe of a half-open circuit.
        leaked: Permits and tokens never given back; 0 is right, as for the next two.
        elsewhere: Other calls that fared differently, or circuits that took other turns.
        states: Gates that ended in another state.
    """

    cancelled: int
    probes: int
    leaked: int
    elsewhere: int
    states: int


def left_out(world: World, policy: Policy) -> Differences:
    """Cancel in the first attempt, and compare with the trace without those calls."""
    seen = play(world, policy, cancels=True, first_attempt_only=True)
    bare = play(world, policy, cancels=False, without=seen.cancelled)
    assert seen.stories.keys() == bare.stories.keys()
    return Differences(
        len(seen.cancelled),
        seen.probes,
        seen.leaked,
        sum(story != bare.stories[call] for call, story in seen.stories.items()),
        sum(state != bare.state[name] for name, state in seen.state.items()),
    )


def replayed(world: World, policy: Policy) -> Differences:
    """Cancel anywhere, and compare with the gates' own record without what was given back."""
    seen = play(world, policy, cancels=True)
    fresh = gates(policy, world.seed, world.trace.targets)
    transitions = states = 0
    for name, ledger in seen.ledgers.items():
        transitions += replay(ledger, fresh[name]) != ledger.changes
        states += remembered(fresh[name], seen.ended) != seen.state[name]
    return Differences(len(seen.cancelled), seen.probes, seen.leaked, transitions, states)
