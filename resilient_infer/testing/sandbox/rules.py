"""Rules: which fault meets which request, and what a fault has to remember.

A fault is a value and remembers nothing; the moment a model was first asked
for, how often, and what a rate limit has admitted is kept here. Not
thread-safe: the server holds its lock around `sight`.
"""

import random
from collections import Counter, deque
from collections.abc import Callable, Container
from dataclasses import dataclass

from resilient_infer.testing.sandbox.faults import Fault, RateLimit, Sight
from resilient_infer.testing.sandbox.wire import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request as the rules see it; `moment` counts seconds of the sandbox, each `scale` seconds long."""

    moment: float
    model: str
    patience: float
    reused: bool
    complain: Callable[[int, str], Reply]
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which requests a fault is set for.

    Attributes:
        model: Only requests for this one; None: all, also those that name no model.
        attempts: Which of them, counted per model from 1 since the fault was set; None: all.
        chance: Share of them that is hit.
        seed: What the chance draws from; the nth request of a model always draws the same.
    """

    model: str | None
    attempts: Container[int] | None
    chance: float
    seed: int

    def covers(self, model: str, attempt: int) -> bool:
        """Is this request hit?"""
        if self.attempts is not None and attempt not in self.attempts:
            return False
        if self.chance >= 1:
            return True
        return random.Random(f"{self.seed}/{model}/{attempt}".encode()).random() < self.chance


class Rule:
    """A fault that is set on a server, and its memory."""

    def __init__(self, fault: Fault, scope: Scope) -> None:
        self.fault = fault
        self._scope = scope
        self._attempts: Counter[str] = Counter()
        self._first: dict[str, float] = {}
        self._busy_until: deque[float] = deque()  # when each admitted request leaves the window

    def sight(self, arrival: Arrival) -> Sight | None:
        """What the fault may know of a request that it hits; None: it does not hit it."""
        if self._scope.model not in (None, arrival.model):
            return None
        self._attempts[arrival.model] += 1
        if not self._scope.covers(arrival.model, self._attempts[arrival.model]):
            return None
        first = self._first.setdefault(arrival.model, arrival.moment)
        return Sight(
            model=arrival.model,
            age=arrival.moment - first,
            remainder=self._remainder(arrival.moment),
            patience=arrival.patience,
            reused=arrival.reused,
            complain=arrival.complain,
            scale=arrival.scale,
        )

    def _remainder(self, moment: float) -> float:
        if not isinstance(self.fault, RateLimit):
            return 0.0
        while self._busy_until and self._busy_until[0] <= moment:
            self._busy_until.popleft()
        if len(self._busy_until) < self.fault.requests:
            self._busy_until.append(moment + self.fault.window)
            return 0.0
        return self._busy_until[0] - moment
