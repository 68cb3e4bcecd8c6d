"""Simulated driver: virtual time, for tests that take microseconds and never flake.

A `World` says what each attempt comes to and how long it takes, or which pieces
of a streamed answer come when. Any number of calls run side by side on one
virtual clock; nothing sleeps and no thread is made. The plan and the gates are
the real ones.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.core.result import Result
from resilient_infer.core.stream import StreamEvent
from resilient_infer.errors import CallError, ProviderError
from resilient_infer.plan.actions import Cancel, Deliver, Done, Plan, Receive, Receiver, Reply, Start, Wait
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import CallSpec, Env
from resilient_infer.testing.streamed import Arriving, Consumer, Streamed, at_once

World = Callable[[Attempt, float], tuple[float, Outcome] | Streamed]
"""(attempt, virtual seconds now) → (seconds until the outcome, the outcome), or a streamed answer.

What comes later than the attempt's timeout is a TIMEOUT at the timeout; an UNFIT failure means that
nothing was sent.
"""

READER = Consumer()
"""A consumer who takes no time and reads to the end."""


@dataclass(slots=True)
class SimulatedCall:
    """One call on the virtual clock.

    Attributes:
        ended: Its `Result` or error; None as long as it runs, and for ever if its consumer left.
        told: Of a streamed call: the events its consumer was given so far.
        left: Its consumer left before the end.
    """

    spec: CallSpec
    began: float
    consumer: Consumer = READER
    ended: Result | CallError | ProviderError | None = None
    ended_at: float = 0.0
    told: list[StreamEvent] = field(default_factory=list)
    left: bool = False
    _arriving: Arriving | None = field(default=None, repr=False)

    @property
    def over(self) -> bool:
        """Nothing more happens in it."""
        return self.left or self.ended is not None


class Simulation:
    """A virtual clock with any number of calls on it.

    >>> simulation = Simulation(world)
    >>> simulation.call(spec, env)              # runs until this call is over
    >>> simulation.stream(spec, env)            # so does this one: the events its consumer is given
    >>> simulation.start(spec, env, at=3.0)     # many calls ...
    >>> simulation.run()                        # ... until all are over
    """

    def __init__(self, world: World, *, now: float = 0.0) -> None:
        self.now = now
        self._world = world
        self._order = itertools.count()
        self._agenda: list[tuple[float, int]] = []
        self._acts: dict[int, Callable[[], None]] = {}

    def call(self, spec: CallSpec, env: Env) -> Result:
        """Run one call to its end.

        Raises:
            CallError: As from a real client; so is ProviderError.
        """
        ended = self._finished(self.start(spec, env)).ended
        assert isinstance(ended, Result)  # a consumer who reads to the end does not leave
        return ended

    def stream(self, spec: CallSpec, env: Env, *, consumer: Consumer = READER) -> list[StreamEvent]:
        """Run one streamed call until it is over or its consumer leaves; gives the events he got.

        Raises:
            CallError: As from a real client; so is ProviderError.
        """
        return self._finished(self.start(replace(spec, stream=True), env, consumer=consumer)).told

    def start(
        self, spec: CallSpec, env: Env, *, at: float | None = None, consumer: Consumer = READER
    ) -> SimulatedCall:
        """Put a call on the clock, now or `at` a moment in the virtual future.

        Args:
            consumer: Who reads the events, if `spec.stream` asks for them.
        """
        moment = self.now if at is None else at
        call = SimulatedCall(spec, moment, consumer)

        def begin() -> None:
            plan = call_plan(spec, env, self.now)
            self._advance(call, plan, None)

        self._at(moment, begin)
        return call

    def run(self, until: float = float("inf")) -> None:
        """Let time pass until everything is over, or until a moment."""
        while self._agenda and self._agenda[0][0] <= until:
            self._step()
        if until != float("inf"):
            self.now = max(self.now, until)

    def _at(self, moment: float, act: Callable[[], None]) -> int:
        """Put an act on the clock; it can be called off by the number given back."""
        number = next(self._order)
        self._acts[number] = act
        heapq.heappush(self._agenda, (moment, number))
        return number

    def _step(self) -> None:
        moment, number = heapq.heappop(self._agenda)
        act = self._acts.pop(number, None)
        if act is not None:  # called off: no time passes for it
            self.now = max(self.now, moment)
            act()

    def _finished(self, call: SimulatedCall) -> SimulatedCall:
        while not call.over:
            self._step()
        if isinstance(call.ended, Exception):
            raise call.ended
        return call

    def _advance(self, call: SimulatedCall, plan: Plan, reply: Reply | None) -> None:
        """Give the plan its reply, and put what it orders on the clock."""
        try:
            action = next(plan) if reply is None else plan.send(reply)
            while isinstance(action, Start | Cancel):
                action = plan.send(self._obey(call, plan, action))
        except StopIteration as done:
            call.ended, call.ended_at = done.value, self.now
        except (CallError, ProviderError) as error:
            call.ended, call.ended_at = error, self.now
        else:
            if isinstance(action, Deliver):
                self._deliver(call, plan, action.events, lambda: self._advance(call, plan, Reply(self.now)))
            elif isinstance(action, Receive):
                self._receive(call, plan, action.receiver)
            else:
                self._wait(call, plan, action)

    def _obey(self, call: SimulatedCall, plan: Plan, action: Start | Cancel) -> Reply:
        """What takes no time."""
        if isinstance(action, Cancel):
            call._arriving = None
            return Reply(self.now)
        try:
            answer = self._world(action.attempt, self.now)
        except ProviderError as error:
            plan.throw(error)  # it tells how the call ended
            raise
        if not isinstance(answer, Streamed):
            answer = at_once(*answer)
        if isinstance(answer.outcome, Failure) and answer.outcome.kind is FailureKind.UNFIT:
            return Reply(self.now, answer.outcome)
        call._arriving = Arriving(action.attempt, self.now, answer)
        return Reply(self.now)

    def _wait(self, call: SimulatedCall, plan: Plan, action: Wait) -> None:
        if call._arriving is not None:
            moment, heard = call._arriving.heard(self.now, action.until)
            assert isinstance(heard, Done)  # a question before the payload: its answer comes whole
            call._arriving = None
            self._at(moment, lambda: self._advance(call, plan, Reply(self.now, heard)))
            return
        alarm = self._at(action.until, lambda: self._advance(call, plan, Reply(self.now)))

        def wake() -> None:
            act = self._acts.pop(alarm, None)
            if act is not None:
                self._at(self.now, act)

        for ticket in action.tickets:
            ticket.notify(wake)

    def _receive(self, call: SimulatedCall, plan: Plan, receiver: Receiver) -> None:
        """Let the answer grow once; what is heard of it is handed on, until it is over or refused."""
        assert call._arriving is not None
        moment, heard = call._arriving.heard(self.now, receiver.until)

        def hear() -> None:
            if isinstance(heard, Done):
                call._arriving = None
                self._advance(call, plan, Reply(self.now, heard))
            else:
                self._deliver(call, plan, receiver.take(heard, self.now), go_on)

        def go_on() -> None:
            receiver.resume(self.now)
            if receiver.enough:
                self._advance(call, plan, Reply(self.now))
            else:
                self._receive(call, plan, receiver)

        self._at(moment, hear)

    def _deliver(
        self, call: SimulatedCall, plan: Plan, events: Sequence[StreamEvent], then: Callable[[], None]
    ) -> None:
        """Give the consumer the next event; he leaves, or comes back for more once he has thought."""
        if not events:
            then()
            return
        event, *others = events
        call.told.append(event)
        if len(call.told) == call.consumer.leaves_after:
            plan.close()
            call.left, call.ended_at = True, self.now
            return
        self._at(self.now + call.consumer.thinks, lambda: self._deliver(call, plan, others, then))
