"""Breaker: lets calls through, stops them, and probes. pybreaker keeps the state.

pybreaker runs the wrapped call under its own lock, counts only consecutive
failures and takes an excluded error for a success, so nothing is ever wrapped
here: `policies/trip.py` decides, and pybreaker holds the state and tells
listeners. Not locked: it belongs to a gate, which holds its own lock.
"""

import math
import sys
from collections.abc import Callable

import pybreaker

from resilient_infer.core.gates import CircuitChange, CircuitState, NotBefore, Permit, SkipReason
from resilient_infer.policies.trip import BreakerConfig, Tally, open_time, reaches_rate, should_trip
from resilient_infer.state.window import Window


class Breaker:
    """A circuit breaker in two phases: `take` before the attempt, `record` or `ignore` after it.

    `generation` grows with every transition: an answer to an attempt of an earlier generation
    changes nothing.
    """

    __slots__ = (
        "_config",
        "_jitter",
        "_open_until",
        "_probe_tally",
        "_probes",
        "_times_opened",
        "_window",
        "circuit",
        "generation",
    )

    def __init__(
        self,
        name: str,
        config: BreakerConfig,
        *,
        jitter: Callable[[], float],
        listener: pybreaker.CircuitBreakerListener,
    ) -> None:
        self.circuit = pybreaker.CircuitBreaker(fail_max=sys.maxsize, name=name, listeners=[listener])
        self.generation = 0
        self._config = config
        self._jitter = jitter
        self._window = Window(config.window)
        self._open_until = 0.0
        self._times_opened = 0
        self._probes: dict[Permit, None] = {}
        self._probe_tally = Tally()

    @property
    def state(self) -> CircuitState:
        """The state as of the last transition; reading it changes nothing."""
        return CircuitState(self.circuit.current_state)

    def refusal(self, now: float) -> NotBefore | None:
        """Why nothing may be sent at `now`, or None."""
        state = self.circuit.current_state
        if state == pybreaker.STATE_CLOSED:
            return None
        if state == pybreaker.STATE_OPEN:
            if now >= self._open_until:
                return None
            return NotBefore(self._open_until, SkipReason.OPEN)
        for permit in [permit for permit in self._probes if permit.expires_at <= now]:
            del self._probes[permit]
        if len(self._probes) + self._probe_tally.calls < self._config.probes:
            return None
        # A lease is the longest a probe can take; most are back, for better or worse, much sooner.
        soonest = min(now + self._config.open, *(permit.expires_at for permit in self._probes))
        return NotBefore(soonest, SkipReason.OPEN, "a probe is on its way")

    def take(self, permit: Permit) -> CircuitChange | None:
        """Let an attempt through. Only after `refusal` said None."""
        change = None
        state = self.circuit.current_state
        if state != pybreaker.STATE_CLOSED:
            if state == pybreaker.STATE_OPEN:
                change = self._half_open()
            permit.probe = True
            self._probes[permit] = None
        permit.generation = self.generation
        return change

    def record(self, permit: Permit, now: float, *, failed: bool, elapsed: float) -> CircuitChange | None:
        """Count what came of an attempt, and make the transition it causes, if any."""
        if permit.generation != self.generation:
            return None
        slow = self._config.slow_after is not None and elapsed > self._config.slow_after
        if permit.probe:
            return self._record_probe(permit, now, failed=failed, slow=slow)
        self._window.record(now, failed=failed, slow=slow)
        # A success too may be the call that makes the rate known.
        if self._window.troubled and should_trip(self._config, self._window.tally(now)):
            return self._open(now)
        return None

    def ignore(self, permit: Permit) -> None:
        """Give the place of a probe back; count nothing."""
        self._probes.pop(permit, None)

    def isolate(self) -> None:
        """Open the circuit by hand, until `restore`."""
        self._open_until = math.inf
        self._change(CircuitState.OPEN)

    def restore(self) -> None:
        """Close the circuit by hand and forget what was counted, if it is not closed."""
        if self.circuit.current_state != pybreaker.STATE_CLOSED:
            self._close()

    def _record_probe(self, permit: Permit, now: float, *, failed: bool, slow: bool) -> CircuitChange | None:
        if permit not in self._probes:
            return None  # its lease ran out and its place was given to another
        del self._probes[permit]
        seen = self._probe_tally
        self._probe_tally = Tally(seen.calls + 1, seen.failures + failed, seen.slow + slow)
        if self._probe_tally.calls < self._config.probes:
            return None
        if reaches_rate(self._config, self._probe_tally):
            return self._open(now)
        return self._close()

    def _open(self, now: float) -> CircuitChange | None:
        self._open_until = now + open_time(self._config, self._times_opened, jitter=self._jitter())
        self._times_opened += 1
        return self._change(CircuitState.OPEN)

    def _half_open(self) -> CircuitChange | None:
        return self._change(CircuitState.HALF_OPEN)

    def _close(self) -> CircuitChange | None:
        self._window.clear()
        self._times_opened = 0
        return self._change(CircuitState.CLOSED)

    def _change(self, new: CircuitState) -> CircuitChange | None:
        self.generation += 1
        self._probes.clear()
        self._probe_tally = Tally()
        old = self.state
        if old is new:
            return None
        match new:
            case CircuitState.OPEN:
                self.circuit.open()
            case CircuitState.HALF_OPEN:
                self.circuit.half_open()
            case CircuitState.CLOSED:
                self.circuit.close()
        return CircuitChange(old, new, self._open_until)
