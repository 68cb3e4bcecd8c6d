"""Simulated driver: virtual time, for tests that take microseconds and never flake.

A `World` says what each attempt comes to and how long it takes. Any number of
calls run side by side on one virtual clock; nothing sleeps and no thread is
made. The plan and the gates are the real ones.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.core.result import Result
from resilient_infer.errors import CallError, ProviderError
from resilient_infer.plan.actions import Done, Plan, Reply, Start, Wait
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import CallSpec, Env

World = Callable[[Attempt, float], tuple[float, Outcome]]
"""(attempt, virtual seconds now) → (seconds until the outcome, the outcome).

An outcome later than the attempt's timeout is a TIMEOUT at the timeout; an UNFIT failure means that
nothing was sent.
"""


@dataclass(slots=True)
class SimulatedCall:
    """One call on the virtual clock; `ended` holds its `Result` or error once it is over."""

    spec: CallSpec
    began: float
    ended: Result | CallError | ProviderError | None = None
    ended_at: float = 0.0
    _flying: tuple[Attempt, float, Outcome] | None = field(default=None, repr=False)


class Simulation:
    """A virtual clock with any number of calls on it.

    >>> simulation = Simulation(world)
    >>> simulation.call(spec, env)              # runs until this call is over
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
        call = self.start(spec, env)
        while call.ended is None:
            self._step()
        if not isinstance(call.ended, Result):
            raise call.ended
        return call.ended

    def start(self, spec: CallSpec, env: Env, *, at: float | None = None) -> SimulatedCall:
        """Put a call on the clock, now or `at` a moment in the virtual future."""
        moment = self.now if at is None else at
        call = SimulatedCall(spec, moment)

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

    def _advance(self, call: SimulatedCall, plan: Plan, reply: Reply | None) -> None:
        """Give the plan its reply, and put what it orders on the clock."""
        try:
            action = next(plan) if reply is None else plan.send(reply)
            while isinstance(action, Start):
                action = plan.send(self._begin(call, plan, action.attempt))
        except StopIteration as done:
            call.ended, call.ended_at = done.value, self.now
        except (CallError, ProviderError) as error:
            call.ended, call.ended_at = error, self.now
        else:
            assert isinstance(action, Wait)
            self._wait(call, plan, action)

    def _begin(self, call: SimulatedCall, plan: Plan, attempt: Attempt) -> Reply:
        try:
            seconds, outcome = self._world(attempt, self.now)
        except ProviderError as error:
            plan.throw(error)  # it tells how the call ended
            raise
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.UNFIT:
            return Reply(self.now, outcome)
        if seconds > attempt.timeout:
            seconds = attempt.timeout
            reason = f"no answer within {attempt.timeout:.1f} s"
            outcome = Failure(kind=FailureKind.TIMEOUT, reason=reason)
        call._flying = attempt, self.now + seconds, outcome
        return Reply(self.now)

    def _wait(self, call: SimulatedCall, plan: Plan, action: Wait) -> None:
        if call._flying is not None:
            attempt, moment, outcome = call._flying
            call._flying = None
            self._at(moment, lambda: self._advance(call, plan, Reply(self.now, Done(attempt, outcome))))
            return
        alarm = self._at(action.until, lambda: self._advance(call, plan, Reply(self.now)))

        def wake() -> None:
            act = self._acts.pop(alarm, None)
            if act is not None:
                self._at(self.now, act)

        for ticket in action.tickets:
            ticket.notify(wake)
