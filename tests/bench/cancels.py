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

Two floats for a bucket's tokens are the same within 1e-9: sums in another order.
"""

import heapq
import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from resilient_infer.core.gates import CircuitChange, NotBefore, Permit, SkipReason, Ticket
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Verdict
from resilient_infer.core.result import Result
from resilient_infer.errors import CallError
from resilient_infer.lock.policy import Policy
from resilient_infer.plan.actions import Done, Plan, Reply, Start, Wait
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import Env
from resilient_infer.state.gate import RouteGate
from tests.bench.ours import Wire, alias_spec, call_spec, gates, route_spec
from tests.bench.story import Story
from tests.bench.trace import World

DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Asked:
    """A permit that was granted."""

    permit: Permit
    now: float
    lease: float


@dataclass(frozen=True, slots=True)
class Settled:
    """A permit that was settled."""

    permit: Permit
    verdict: Verdict
    now: float
    elapsed: float
    clean: bool


@dataclass(frozen=True, slots=True, eq=False)
class TokenTaken:
    """A token taken from the retry bucket."""


@dataclass(slots=True)
class Ledger:
    """All that was granted by and reported to one gate, and which of it was given back."""

    entries: list[Asked | Settled | TokenTaken] = field(default_factory=list)
    withdrawn: set[Permit | TokenTaken] = field(default_factory=set)
    changes: list[CircuitChange] = field(default_factory=list)

    def leaked(self) -> int:
        """Permits that were never given back."""
        return sum(entry.permit.outstanding for entry in self.entries if isinstance(entry, Asked))


class WatchedGate:
    """A gate as one call sees it; all that passes is written into the gate's ledger."""

    def __init__(self, gate: RouteGate, ledger: Ledger) -> None:
        self.granted: list[Permit] = []
        self._gate = gate
        self._ledger = ledger
        self._token: TokenTaken | None = None

    def ask(self, now: float, *, lease: float, ticket: Ticket | None = None) -> Permit | NotBefore:
        """See `core.gates.Gate`; so for all that follow."""
        answer = self._gate.ask(now, lease=lease, ticket=ticket)
        if isinstance(answer, Permit):
            self.granted.append(answer)
            self._ledger.entries.append(Asked(answer, now, lease))
            self._note(answer.change)
        return answer

    def settle(
        self, permit: Permit, verdict: Verdict, now: float, *, elapsed: float, clean: bool
    ) -> CircuitChange | None:
        self._ledger.entries.append(Settled(permit, verdict, now, elapsed, clean))
        change = self._gate.settle(permit, verdict, now, elapsed=elapsed, clean=clean)
        self._note(change)
        return change

    def release(self, permit: Permit) -> None:
        self._ledger.withdrawn.add(permit)
        self._gate.release(permit)

    def leave(self, ticket: Ticket) -> None:
        self._gate.leave(ticket)

    def postpone(self, moment: float, reason: SkipReason, detail: str) -> None:
        self._gate.postpone(moment, reason, detail)

    def take_token(self) -> bool:
        if not self._gate.take_token():
            return False
        self._token = TokenTaken()
        self._ledger.entries.append(self._token)
        return True

    def return_token(self) -> None:
        assert self._token is not None, "a token was given back that was never taken"
        self._ledger.withdrawn.add(self._token)
        self._gate.return_token()

    def _note(self, change: CircuitChange | None) -> None:
        if change is not None:
            self._ledger.changes.append(change)


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
    state: Mapping[str, tuple[object, ...]]
    ended: float


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
        state={name: remembered(gate, clock.now) for name, gate in guards.items()},
        ended=clock.now,
    )


def _in_first_attempt(live: _Live) -> bool:
    """Whether all that a call has done is to send one attempt, not a probe, which has not come back."""
    permits = [permit for guard in live.guards.values() for permit in guard.granted]
    return len(permits) == 1 and permits[0].outstanding and not permits[0].probe


def remembered(gate: RouteGate, now: float) -> tuple[object, ...]:
    """All that a gate remembers. The one place here that looks inside: no caller needs to know."""
    breaker, bulkhead = gate._breaker, gate._bulkhead
    assert breaker is not None
    assert bulkhead is not None
    return (
        breaker.state,
        breaker.generation,
        breaker._times_opened,
        breaker._window.tally(now),
        round(gate._tokens, DIGITS),
        len(bulkhead._flying),
        len(bulkhead._queue),
    )


def replay(ledger: Ledger, gate: RouteGate) -> list[CircuitChange]:
    """Tell a new gate all that was granted and reported, but not what was given back: its transitions."""
    changes: list[CircuitChange | None] = []
    permits: dict[Permit, Permit] = {}
    for entry in ledger.entries:
        match entry:
            case Asked(permit, now, lease) if permit not in ledger.withdrawn:
                answer = gate.ask(now, lease=lease)
                assert isinstance(answer, Permit), "refused now what was granted beside a cancelled attempt"
                permits[permit] = answer
                changes.append(answer.change)
            case Settled(permit, verdict, now, elapsed, clean):
                changes.append(gate.settle(permits[permit], verdict, now, elapsed=elapsed, clean=clean))
            case TokenTaken() if entry not in ledger.withdrawn:
                assert gate.take_token(), "refused now what was paid beside a cancelled repeat"
            case _:
                pass
    return [change for change in changes if change is not None]


@dataclass(frozen=True, slots=True)
class Differences:
    """What cancelled calls changed, counted.

    Attributes:
        cancelled: Calls that were cut short.
        leaked: Permits never given back; 0 is right, as for the next two.
        elsewhere: Other calls that fared differently, or circuits that took other turns.
        states: Gates that ended in another state.
    """

    cancelled: int
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
        sum(ledger.leaked() for ledger in seen.ledgers.values()),
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
    leaked = sum(ledger.leaked() for ledger in seen.ledgers.values())
    return Differences(len(seen.cancelled), leaked, transitions, states)
