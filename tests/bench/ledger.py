"""Ledger: what passed between the calls of a run and one gate, and what the gate keeps of it."""

from dataclasses import dataclass, field

from resilient_infer.core.gates import CircuitChange, NotBefore, Permit, SkipReason, Ticket
from resilient_infer.core.outcome import Verdict
from resilient_infer.state.gate import RouteGate


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

    def leaked(self, repeats: int) -> int:
        """Permits that were never given back, and tokens kept for more than the `repeats` that were sent."""
        permits = sum(entry.permit.outstanding for entry in self.entries if isinstance(entry, Asked))
        kept = sum(isinstance(entry, TokenTaken) and entry not in self.withdrawn for entry in self.entries)
        return permits + abs(kept - repeats)

    def cancelled_probes(self) -> int:
        """Probes of a half-open circuit that were given back without an answer."""
        return sum(isinstance(entry, Permit) and entry.probe for entry in self.withdrawn)


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
        gate._tokens,
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
