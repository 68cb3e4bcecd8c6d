"""Gates: who may send now. Typed here, built in `state/`, asked by the plan.

A gate never waits. It answers with a `Permit`, which must be settled or given
back, or with `NotBefore`, which costs nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from resilient_infer.core.outcome import Verdict
from resilient_infer.core.testimony import Limits, Testimony


class SkipReason(Enum):
    """Why a route was not asked. `passes`: worth waiting for within a call.

    An open circuit is not waited for: to fail at once is what it is there for.
    """

    passes: bool

    def __new__(cls, value: str, passes: bool) -> "SkipReason":
        reason = object.__new__(cls)
        reason._value_ = value
        reason.passes = passes
        return reason

    ADVISED = "the server asked to wait", True
    FULL = "too many attempts in flight", True
    OPEN = "the circuit is open", False
    BARRED = "refused within the last minutes", False
    MISMATCHED = "pin mismatch", False


class CircuitState(Enum):
    """The states of a circuit breaker, by pybreaker's names."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class CircuitChange:
    """One transition of a circuit; `until` is the monotonic moment an open one lets a probe through."""

    old: CircuitState
    new: CircuitState
    until: float


class Permit:
    """Leave to send one attempt. A lease: void once given back, or after `expires_at`.

    Attributes:
        expires_at: Monotonic seconds.
        generation: The circuit's generation it was given in; an answer from an older one changes nothing.
        probe: The attempt decides whether a half-open circuit closes.
        outstanding: Not given back yet.
        change: The transition that asking for it caused (an open circuit became half-open), or None.
    """

    __slots__ = ("change", "expires_at", "generation", "outstanding", "probe")

    def __init__(self, expires_at: float) -> None:
        self.expires_at = expires_at
        self.generation = 0
        self.probe = False
        self.outstanding = True
        self.change: CircuitChange | None = None


class Ticket:
    """A place in the queue of a full bulkhead, first come first served.

    Attributes:
        called: A slot is kept for this ticket; ask the gate again with it.
        expires_at: Monotonic seconds until which the slot is kept; None until that is decided.
        ask_again_at: Monotonic seconds at which a slot that was lost will be free, should nobody call.
    """

    __slots__ = ("_wakes", "ask_again_at", "called", "expires_at")

    def __init__(self) -> None:
        self.called = False
        self.expires_at: float | None = None
        self.ask_again_at = math.inf
        self._wakes: list[Callable[[], None]] = []

    def notify(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread and perhaps twice, once the ticket is called."""
        self._wakes.append(wake)
        if self.called:
            wake()

    def wake(self) -> None:
        """Tell whoever asked to be told. For the gate, which holds no lock meanwhile."""
        for wake in tuple(self._wakes):
            wake()


@dataclass(frozen=True, slots=True)
class NotBefore:
    """A refusal: nothing may be sent before `moment` (monotonic seconds, inf if unknown)."""

    moment: float
    reason: SkipReason
    detail: str = ""
    ticket: Ticket | None = None


class Gate(Protocol):
    """What remembers how one route has been doing."""

    def ask(self, now: float, *, lease: float, ticket: Ticket | None = None) -> Permit | NotBefore:
        """May one attempt be sent now? `lease` is its longest life in seconds."""
        ...

    def settle(
        self, permit: Permit, verdict: Verdict, now: float, *, elapsed: float, clean: bool
    ) -> CircuitChange | None:
        """Give a permit back with what came of it. A second time it changes nothing, and what was let
        through by an earlier generation of the circuit moves no circuit.

        Args:
            elapsed: Seconds the attempt took; a slow answer may count as a failure.
            clean: A first attempt succeeded, which pays a little into the retry bucket.
        """

    def release(self, permit: Permit) -> None:
        """Give a permit back as if it had never been asked for. Needs no clock; safe while being closed."""

    def leave(self, ticket: Ticket) -> None:
        """Give a place in the queue back. A second time it changes nothing."""

    def postpone(self, moment: float, reason: SkipReason, detail: str) -> None:
        """Let nothing through before `moment`; the latest of all moments seen holds."""

    def take_token(self) -> bool:
        """Take one token from the retry bucket, for a repeat; False if there is none."""
        ...

    def return_token(self) -> None:
        """Put back a token whose repeat was never sent."""


class CredentialGate(Protocol):
    """What remembers that a credential was refused or its account is empty."""

    def ask(self, now: float) -> NotBefore | None:
        """None if the credential may be used now."""

    def postpone(self, moment: float, reason: SkipReason, detail: str) -> None:
        """Let nothing through before `moment`; the latest of all moments seen holds."""


class Attestation(Protocol):
    """What remembers which commit one server said it runs, and lets one call at a time ask."""

    def known(self, now: float) -> Testimony | None:
        """What the server said last; None: it has to be asked (again)."""

    def ask(self, now: float, *, lease: float) -> Ticket | None:
        """Take the right to ask, for `lease` seconds. None: it is yours; else another call asks
        already, and the ticket is called once that has come to an end."""

    def tell(self, commit: str | None, limits: Limits, now: float) -> Testimony:
        """What the server said, None for nothing; the right to ask ends."""
        ...

    def leave(self) -> None:
        """Give the right to ask back, unused. Needs no clock; safe while being closed."""

    def forget(self) -> None:
        """Whatever was said may no longer hold: the server failed, and may have been replaced."""
