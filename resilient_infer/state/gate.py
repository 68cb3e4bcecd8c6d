"""Gate: what remembers how one route has been doing, and who may send now.

One lock; only arithmetic under it. Listeners and waiting tickets are told
after it is released, listeners by one thread at a time so that they hear of
transitions in order. No method reads a clock: the moment comes in as `now`.
"""

import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import pybreaker

from resilient_infer.core.gates import CircuitChange, NotBefore, Permit, SkipReason, Ticket
from resilient_infer.core.outcome import Verdict
from resilient_infer.policies import bucket
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.breaker import Breaker
from resilient_infer.state.bulkhead import Bulkhead

_log = logging.getLogger("resilient_infer")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """Settings of one route's gate; part of the key under which it is shared.

    Attributes:
        breaker: None: the circuit admits everything and records nothing.
        concurrency: Attempts in flight at the most; None: no limit.
        retries: Tokens the retry bucket starts with.
    """

    breaker: BreakerConfig | None
    concurrency: int | None
    retries: int


_Transition = tuple[
    pybreaker.CircuitBreaker, pybreaker.CircuitBreakerState | None, pybreaker.CircuitBreakerState
]


class _Relay(pybreaker.CircuitBreakerListener):
    """Remembers transitions while the lock is held, for the users' listeners to hear after it."""

    def __init__(self) -> None:
        self.pending: deque[_Transition] = deque()

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        self.pending.append((cb, old_state, new_state))


class RouteGate:
    """Implements `core.gates.Gate` for one route."""

    def __init__(self, name: str, config: GateConfig, *, jitter: Callable[[], float]) -> None:
        self._lock = Lock()
        self._relay = _Relay()
        self._listeners: tuple[pybreaker.CircuitBreakerListener, ...] = ()
        self._teller: object = None
        self._breaker = (
            None
            if config.breaker is None
            else Breaker(name, config.breaker, jitter=jitter, listener=self._relay)
        )
        self._bulkhead = None if config.concurrency is None else Bulkhead(config.concurrency)
        self._tokens = bucket.start(config.retries)
        self._not_before = NotBefore(0.0, SkipReason.ADVISED)

    def ask(self, now: float, *, lease: float, ticket: Ticket | None = None) -> Permit | NotBefore:
        """May one attempt be sent now? A refusal leaves nothing but the place in the queue it names."""
        woken: list[Ticket] = []
        with self._lock:
            refusal = self._refusal(now, ticket, woken)
            answer = self._admit(now + lease, ticket) if refusal is None else refusal
        self._tell(woken)
        return answer

    def settle(
        self, permit: Permit, verdict: Verdict, now: float, *, elapsed: float, clean: bool
    ) -> CircuitChange | None:
        """Give a permit back with what came of it; see `core.gates.Gate`."""
        change = None
        with self._lock:
            if not permit.outstanding:
                return None
            woken = self._give_back(permit)
            if self._breaker is not None:
                if verdict is Verdict.IGNORE:
                    self._breaker.ignore(permit)
                else:
                    failed = verdict is Verdict.FAILURE
                    change = self._breaker.record(permit, now, failed=failed, elapsed=elapsed)
            if clean:
                self._tokens = bucket.put(self._tokens, bucket.GAIN)
        self._tell(woken)
        return change

    def release(self, permit: Permit) -> None:
        """Give a permit back as if it had never been asked for."""
        with self._lock:
            woken = self._give_back(permit)
            if self._breaker is not None:
                self._breaker.ignore(permit)
        self._tell(woken)

    def leave(self, ticket: Ticket) -> None:
        """Give a place in the queue back."""
        if self._bulkhead is None:
            return
        with self._lock:
            woken = self._bulkhead.leave(ticket)
        self._tell(woken)

    def postpone(self, moment: float, reason: SkipReason, detail: str) -> None:
        """Let nothing through before `moment`; the latest of all moments seen holds."""
        with self._lock:
            if moment > self._not_before.moment:
                self._not_before = NotBefore(moment, reason, detail)

    def take_token(self) -> bool:
        """Take one token from the retry bucket; False if there is none."""
        with self._lock:
            if not bucket.can_take(self._tokens):
                return False
            self._tokens -= bucket.COST
            return True

    def return_token(self) -> None:
        """Put back a token whose repeat was never sent."""
        with self._lock:
            self._tokens = bucket.put(self._tokens, bucket.COST)

    def isolate(self) -> None:
        """Open the circuit by hand, until `restore`. A second time it changes nothing."""
        if self._breaker is not None:
            with self._lock:
                self._breaker.isolate()
            self._tell([])

    def restore(self) -> None:
        """Close the circuit by hand. A second time it changes nothing."""
        if self._breaker is not None:
            with self._lock:
                self._breaker.restore()
            self._tell([])

    def add_listener(self, listener: pybreaker.CircuitBreakerListener) -> None:
        """Have a listener of the user's told of every transition once (`state_change` only)."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: pybreaker.CircuitBreakerListener) -> None:
        """Take back one `add_listener`: another client may have added the same one."""
        with self._lock:
            if listener in self._listeners:
                position = self._listeners.index(listener)
                self._listeners = self._listeners[:position] + self._listeners[position + 1 :]

    def _refusal(self, now: float, ticket: Ticket | None, woken: list[Ticket]) -> NotBefore | None:
        """The rings in order: not-before, breaker, bulkhead. Nothing is taken until all agree."""
        refusal = self._not_before if now < self._not_before.moment else None
        if refusal is None and self._breaker is not None:
            refusal = self._breaker.refusal(now)
        bulkhead = self._bulkhead
        if bulkhead is None:
            return refusal
        if refusal is not None:
            if ticket is not None:  # a slot must not wait for one who may not send
                woken += bulkhead.leave(ticket)
            return refusal
        if bulkhead.has_slot(ticket):
            return None
        woken += bulkhead.reclaim(now)
        if bulkhead.has_slot(ticket):
            return None
        return NotBefore(math.inf, SkipReason.FULL, ticket=bulkhead.queue_up(ticket))

    def _admit(self, expires_at: float, ticket: Ticket | None) -> Permit:
        permit = Permit(expires_at)
        if self._bulkhead is not None:
            self._bulkhead.take(permit, ticket)
        if self._breaker is not None:
            permit.change = self._breaker.take(permit)
        return permit

    def _give_back(self, permit: Permit) -> list[Ticket]:
        permit.outstanding = False
        return [] if self._bulkhead is None else self._bulkhead.give_back(permit)

    def _tell(self, woken: list[Ticket]) -> None:
        """Wake waiting calls and inform listeners, with no lock held."""
        for ticket in woken:
            try:
                ticket.wake()
            except Exception:  # its event loop is closed, for example: that is not this call's fault
                _log.exception("a call that waits for a free slot could not be woken; this call goes on")
        if self._relay.pending:
            self._tell_listeners()

    def _tell_listeners(self) -> None:
        """Tell every transition, unless another thread, or this one further up, is telling them already."""
        teller = object()
        try:
            while (transition := self._next_transition(teller)) is not None:
                for listener in dict.fromkeys(self._listeners):
                    try:
                        listener.state_change(*transition)
                    except Exception:
                        _log.exception("a circuit breaker listener failed; the call goes on")
        finally:
            if self._teller is teller:  # a listener was interrupted: the next call tells the rest
                self._teller = None

    def _next_transition(self, teller: object) -> _Transition | None:
        with self._lock:
            if self._teller is None:
                self._teller = teller
            if self._teller is not teller:
                return None
            if self._relay.pending:
                return self._relay.pending.popleft()
            self._teller = None
            return None


class CredentialGate:
    """Implements `core.gates.CredentialGate` for one credential."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._not_before = NotBefore(0.0, SkipReason.BARRED)

    def ask(self, now: float) -> NotBefore | None:
        """None if the credential may be used now."""
        refusal = self._not_before
        return refusal if now < refusal.moment else None

    def postpone(self, moment: float, reason: SkipReason, detail: str) -> None:
        """Let nothing through before `moment`; the latest of all moments seen holds."""
        with self._lock:
            if moment > self._not_before.moment:
                self._not_before = NotBefore(moment, reason, detail)
