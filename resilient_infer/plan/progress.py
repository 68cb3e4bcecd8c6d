"""Progress: what one call has done so far, and what it holds. The decisions are in `call.py`."""

import math
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.gates import NotBefore, Permit, SkipReason
from resilient_infer.core.outcome import LONG_BAR, Bar, Failure, FailureKind, Outcome, Success, Verdict
from resilient_infer.core.testimony import Identity
from resilient_infer.plan.chronicle import Chronicle
from resilient_infer.plan.places import Flight, Place, Turn
from resilient_infer.plan.spec import CallSpec, Env
from resilient_infer.plan.transcript import Transcript
from resilient_infer.policies import backoff
from resilient_infer.policies.deadline import attempt_timeout, least_useful
from resilient_infer.policies.fallback import Step, onward
from resilient_infer.policies.pinning import IDENTITY_TIMEOUT

TIMEOUTS: Final = frozenset((FailureKind.TIMEOUT, FailureKind.CONNECT_TIMEOUT))

REPLACED: Final = frozenset(
    kind
    for kind in FailureKind
    if kind.verdict is Verdict.FAILURE or kind.value in ("stale connection", "loading")
)
"""Failures after which the server may be another one: it broke down, or restarts."""

LEASE_MARGIN: Final = 1.0
"""Seconds after an attempt's timeout at which its permit runs out, should it never be given back."""

LATE: Final = 0.2
"""Share of `min_useful`: attempts and sleeps end some milliseconds late, and clocks round."""


class Progress:
    """One call: its clock, its places, its chronicle, and what it holds and must give back."""

    def __init__(self, spec: CallSpec, env: Env, now: float) -> None:
        self.spec = spec
        self.env = env
        self.started = self.now = now
        self.ends_at = now + spec.deadline
        self.min_useful = least_useful(spec.alias.min_useful, spec.deadline)
        self.places = [Place(target, index) for index, target in enumerate(spec.alias.targets)]
        self.chronicle = Chronicle(spec, env.emit, now)
        self.transcript = Transcript() if spec.stream else None
        self.ambiguous = 0
        self.last: Failure | None = None
        self.flight: Flight | None = None

    # What is left

    def useful_from(self, moment: float) -> float:
        """Seconds between a moment and the last one at which an attempt is worth starting."""
        return self.ends_at - self.min_useful - moment

    def others_left(self, turn: Turn) -> bool:
        """Whether another route of this target, or another target, may still be asked."""
        if any(other is not turn and not other.spent for other in turn.place.turns):
            return True
        return any(place is not turn.place and place.left for place in self.places)

    def step_after(self, failure: Failure) -> Step:
        """Where the call may go after a failure."""
        alias = self.spec.alias
        return onward(
            failure,
            safe=alias.retry.safe,
            refusal_fallback=alias.refusal_fallback,
            ambiguous=self.ambiguous,
        )

    def turns_left(self) -> list[Turn]:
        """The routes that may still be asked, in order."""
        return [turn for place in self.places if not place.over for turn in place.turns if not turn.spent]

    def go_on(self, place: Place) -> None:
        """Go on from a target to the next one left, and say so."""
        if place.over:
            for turn in place.turns:
                self.leave_queue(turn)
        following = next((other for other in self.places[place.index + 1 :] if other.left), None)
        self.chronicle.target_failed(place.spec, None if following is None else following.spec, self.now)

    def spend(self, turn: Turn, reason: str, *, outcome: str = "skipped") -> None:
        """Never ask a route again in this call, for a reason that is not one of its failures."""
        turn.spent = True
        target, route = turn.place.spec.target, str(turn.spec.route)
        self.chronicle.skipped(target, route, reason, self.now, outcome=outcome)

    def timeout_for(self, turn: Turn) -> float | None:
        """Seconds the next attempt on a route may take, or None if time is up.

        Time is kept for the routes that were not asked yet and for the targets after this one. When
        others have failed or refused and none of them may help in time, the last one gets all that is
        left: to cut it off would help nobody.
        """
        place = turn.place
        others = [other for other in self.turns_left() if other is not turn and not other.spec.unusable]
        return attempt_timeout(
            math.inf if self._is_last_hope(others) else turn.spec.attempt_timeout,
            time_left=self.ends_at - self.now,
            others_left=_to_come(place, others) if others else 0,
            min_useful=self.min_useful,
            late=LATE * self.min_useful,
        )

    def _is_last_hope(self, others: list[Turn]) -> bool:
        """Whether there were others to ask, and none of those left may be asked in time."""
        if others and any(self._may_open(other) for other in others):
            return False
        turns = [turn for place in self.places for turn in place.turns]
        return len(turns) > 1 and sum(not turn.spec.unusable for turn in turns) > 1

    def _may_open(self, turn: Turn) -> bool:
        """Whether a route lets the call through in time, as far as its last answer tells."""
        refusal = turn.refusal
        if refusal is None:
            return True
        in_time = refusal.moment <= self.now + self.useful_from(self.now)
        return refusal.reason.passes and (in_time or math.isinf(refusal.moment))

    def _usual_timeout(self, turn: Turn) -> float:
        """Seconds an attempt on a route gets when nothing went before it and the caller is in no hurry."""
        alias, place = self.spec.alias, turn.place
        usual = attempt_timeout(
            turn.spec.attempt_timeout,
            time_left=alias.deadline,
            others_left=len(place.turns) - 1 + len(self.places) - place.index - 1,
            min_useful=least_useful(alias.min_useful, alias.deadline),
        )
        return turn.spec.attempt_timeout if usual is None else usual

    # Gates

    def admit(self, turn: Turn, timeout: float) -> Permit | None:
        """Ask a route's gates. A refusal is a skip: it costs no time and takes nothing."""
        spec = turn.spec
        answer: Permit | NotBefore | None = None
        if spec.credential_gate is not None:
            answer = spec.credential_gate.ask(self.now)
            if answer is not None:
                self.leave_queue(turn)
        if answer is None:
            # A streamed answer may go on until the call ends.
            longest = timeout if self.transcript is None else max(timeout, self.ends_at - self.now)
            lease = longest + LEASE_MARGIN + (IDENTITY_TIMEOUT if turn.asks else 0.0)
            answer = spec.gate.ask(self.now, lease=lease, ticket=turn.ticket)
        if isinstance(answer, NotBefore):
            turn.ticket = answer.ticket
            self.refuse(turn, answer)
            return None
        turn.ticket = turn.refusal = None
        return answer

    def refuse(self, turn: Turn, refusal: NotBefore) -> None:
        """Pass a route over because a gate lets nothing through, or its server runs another commit."""
        if refusal != turn.refusal:  # told once
            self.chronicle.refused(turn.place.spec.target, str(turn.spec.route), refusal, self.now)
        turn.refusal = refusal

    def leave_question(self, turn: Turn) -> None:
        """Give back the right to ask a server which commit it runs, if this call has it."""
        if turn.asks:
            turn.asks = False
            assert turn.spec.attestation is not None
            turn.spec.attestation.leave()

    def pay(self, turn: Turn) -> bool:
        """Take a token for the next repeat of a route, unless it has one. Given back if that is not sent."""
        turn.paid = turn.paid or turn.spec.gate.take_token()
        return turn.paid

    def refund(self, turn: Turn) -> None:
        """Give back the token of a repeat that was not sent."""
        if turn.paid:
            turn.paid = False
            turn.spec.gate.return_token()

    def give_back(self) -> None:
        """Give back all that is held. Called on every way out; needs no clock and does not fail."""
        self.land()
        for place in self.places:
            for turn in place.turns:
                self.refund(turn)
                self.leave_queue(turn)
                self.leave_question(turn)
            place.turns.clear()  # each knows its place: nobody but the garbage collector would free them

    def leave_queues(self) -> None:
        """Give back the places in the queues of full bulkheads; their routes may be asked anew."""
        for place in self.places:
            for turn in place.turns:
                if turn.ticket is not None:
                    self.leave_queue(turn)
                    turn.refusal = None

    def leave_queue(self, turn: Turn) -> None:
        """Give back the place of a route in the queue of its full bulkhead, if it has one."""
        if turn.ticket is not None:
            ticket, turn.ticket = turn.ticket, None
            turn.spec.gate.leave(ticket)

    # Attempts

    def begin(self, turn: Turn, permit: Permit, timeout: float, identity: Identity | None = None) -> Attempt:
        """The order for the next attempt, which now holds `permit`, or for the question before it."""
        spec, target = self.spec, turn.place.spec.target
        attempt = Attempt(
            number=self.chronicle.requests + 1,
            call_id=spec.call_id,
            alias=spec.alias.alias,
            task=spec.alias.task,
            route=turn.spec.route,
            model=target.model,
            revision=target.revision,
            pin=target.pin,
            payload=spec.payload,
            secret=turn.spec.secret,
            timeout=timeout,
            safe=spec.alias.retry.safe,
            # One question a minute: by then a connection that was kept alive has mostly been closed.
            fresh=turn.fresh or (identity is not None and identity.elsewhere),
            identity=identity,
            testimony=turn.testimony,
            stream=spec.stream and identity is None,
        )
        held, self.flight = self.flight, Flight(turn, permit, attempt, self.now)
        if held is None:
            # Told only now: whatever a listener does, the permit is given back.
            self.chronicle.circuit_changed(turn.spec.route, permit.change, self.now)
        return attempt

    def under_way(self) -> None:
        """The attempt that was begun has been sent off: its token is spent, no queue is waited in."""
        assert self.flight is not None
        self.flight.started = self.now
        if self.flight.attempt.identity is None:
            self._count(self.flight.turn)
        self.leave_queues()
        self.chronicle.attempt_started(self.flight.attempt, self.now)

    def _count(self, turn: Turn) -> None:
        """A repeat that was paid for has been sent."""
        if turn.paid:
            turn.paid = False
            turn.repeats += 1

    def answered(self, outcome: Outcome) -> None:
        """Record what came of the question in flight; the permit is kept for the payload."""
        assert self.flight is not None
        elapsed = self.now - self.flight.started
        self.chronicle.attempt_finished(
            self.flight.attempt, outcome, self.now, elapsed=elapsed, identity=True
        )

    def land(self) -> None:
        """Give back the permit in hand, if there is one: nothing more is sent with it."""
        flight, self.flight = self.flight, None
        if flight is not None:
            flight.turn.spec.gate.release(flight.permit)

    def unfit(self, failure: Failure) -> None:
        """The attempt that was begun could not be put in words for its route; nothing was sent."""
        assert self.flight is not None
        turn = self.flight.turn
        self.land()  # and no more: places in the queues of other routes are still waited in
        self.spend(turn, failure.reason, outcome=failure.kind.value)

    def finish(self, outcome: Outcome) -> None:
        """Record what came of the attempt in flight, and give its permit back with the verdict."""
        assert self.flight is not None
        flight, self.flight = self.flight, None
        turn, elapsed = flight.turn, self.now - flight.started
        self._count(turn)  # the question before the payload may have been as far as it got
        if isinstance(outcome, Success):
            verdict, clean = Verdict.SUCCESS, turn.repeats == 0
        else:
            verdict, clean = outcome.kind.verdict, False
            if outcome.kind in TIMEOUTS and self._is_cut_short(flight):
                verdict = Verdict.IGNORE  # the caller's deadline ended it, or what the call did before
        waited = elapsed - flight.idle
        change = turn.spec.gate.settle(flight.permit, verdict, self.now, elapsed=waited, clean=clean)
        self.chronicle.attempt_finished(
            flight.attempt, outcome, self.now, elapsed=elapsed, first_token=flight.first_token
        )
        self.chronicle.circuit_changed(turn.spec.route, change, self.now)
        if isinstance(outcome, Failure):
            self._note(turn, outcome)

    def _is_cut_short(self, flight: Flight) -> bool:
        """Whether an attempt that timed out did not get as long as one gets in an undisturbed call."""
        late = LATE * self.min_useful
        if flight.heard_at is not None:
            return self.now - flight.heard_at < flight.turn.spec.stall_timeout - late
        usual = self._usual_timeout(flight.turn) - late
        if flight.attempt.identity is not None:
            usual = min(IDENTITY_TIMEOUT, usual / 2)
        return flight.attempt.timeout < usual

    def is_interrupted(self, outcome: Outcome) -> bool:
        """Whether a streamed answer was cut after something of it was shown, and may not be begun anew."""
        if self.transcript is None or isinstance(outcome, Success):
            return False
        return self.transcript.begun and not self.spec.alias.restart

    def _note(self, turn: Turn, failure: Failure) -> None:
        """Remember a failure: when its route may be asked again, here and by other calls."""
        self.ambiguous += failure.kind.ambiguous
        self.last = turn.failure = failure
        turn.failed_at = self.now
        if turn.spec.attestation is not None and failure.kind in REPLACED:
            turn.spec.attestation.forget()
        turn.ready_at = self.now + backoff.delay(
            turn.repeats + 1,
            throttled=failure.kind.throttling,
            advice=failure.advice,
            jitter=self.env.jitter(),
        )
        if failure.advice is not None:
            turn.spec.gate.postpone(self.now + failure.advice, SkipReason.ADVISED, failure.reason)
        if failure.kind.bar is not Bar.NOTHING:
            by_credential = failure.kind.bar is Bar.CREDENTIAL and turn.spec.credential_gate is not None
            barred = turn.spec.credential_gate if by_credential else turn.spec.gate
            assert barred is not None
            barred.postpone(self.now + LONG_BAR, SkipReason.BARRED, failure.reason)


def _to_come(place: Place, others: list[Turn]) -> int:
    """How many of the others are certain to be asked where this attempt fails: time is kept for each."""
    here = sum(1 for other in others if other.place is place and other.failure is None)
    return here + len({other.place.index for other in others if other.place.index > place.index})
