"""Stream: how an answer is received piece by piece, and handed on.

Called only by `plan/call.py`, where a call waits for a whole answer. What
happens after a failure is decided there, by the same rules.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Final

from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.core.stream import StreamEvent, Unread
from resilient_infer.plan import attest
from resilient_infer.plan.actions import Action, Cancel, Deliver, Done, Parts, Receive, Reply
from resilient_infer.plan.places import Flight, Turn
from resilient_infer.plan.progress import Progress
from resilient_infer.plan.transcript import Transcript

LINGER: Final = 0.5
"""Seconds in which formalities (a usage, [DONE]) may follow the reason why a generation ended."""


def receive(call: Progress, turn: Turn, transcript: Transcript) -> Generator[Action, Reply, Outcome]:
    """Receive one attempt's answer and hand on what is news to the consumer."""
    assert call.flight is not None
    transcript.begin(str(turn.spec.route), "" if call.last is None else call.last.reason)
    receiver = _Receiver(call, turn, call.flight, transcript)
    reply = yield Receive(receiver)
    call.now = reply.now
    if not isinstance(reply.value, Done):
        yield Cancel(call.flight.attempt)
        return Failure(kind=FailureKind.PIN_MISMATCH, reason=receiver.refusal, status=200)
    return _told(call, turn, reply.value.outcome)


def take_back(call: Progress, transcript: Transcript) -> Generator[Action, Reply, None]:
    """Have the consumer throw away what he was shown and the answer left out, now that it is whole."""
    events = transcript.end()
    if events:
        call.now = (yield Deliver(tuple(events))).now


class _Receiver:
    """Hears one attempt's answer for a call.

    Attributes:
        until, enough: See `actions.Receiver`.
        refusal: Why the server's own word about its commit makes the answer none; "" if it does not.
    """

    __slots__ = ("_call", "_ending", "_flight", "_told", "_transcript", "_turn", "enough", "refusal", "until")

    def __init__(self, call: Progress, turn: Turn, flight: Flight, transcript: Transcript) -> None:
        self.until = min(call.ends_at, call.now + flight.attempt.timeout)
        self.enough = False
        self.refusal = ""
        self._call = call
        self._turn = turn
        self._flight = flight
        self._transcript = transcript
        self._ending = self._told = False

    def take(self, parts: Parts, now: float) -> list[StreamEvent]:
        """What the parts add to what the consumer was shown."""
        call, transcript = self._call, self._transcript
        call.now = now
        if parts.commit is not None:
            self.refusal = attest.refusal(call, self._turn, parts.commit)
            if self.refusal:
                self.enough = True
                return []
        events: list[StreamEvent] = []
        for piece in parts.pieces:
            if isinstance(piece, Unread):
                transcript.skipped += 1
                call.chronicle.chunk_skipped(str(self._turn.spec.route), piece.reason, now)
            elif piece.told:
                self._told = True
                if self._flight.first_token is None:
                    self._hear_first(now)
                events += transcript.add(piece)
        if parts.ending > self._ending:
            self._ending = self._told = True
        return events

    def resume(self, now: float) -> None:
        """The next limit counts from now on; pings, and what nobody can read, put none off."""
        call, flight = self._call, self._flight
        flight.idle += now - call.now
        call.now = now
        if self._told:
            self._told = False
            flight.heard_at = now
            patience = LINGER if self._ending else self._turn.spec.stall_timeout
            self.until = min(call.ends_at, now + patience)

    def _hear_first(self, now: float) -> None:
        flight = self._flight
        flight.first_token = now - flight.started
        self._call.chronicle.first_token(flight.attempt, now, elapsed=flight.first_token)


def _told(call: Progress, turn: Turn, outcome: Outcome) -> Outcome:
    """The outcome; a silence in mid-stream is told as what it is, and so is a deadline."""
    flight = call.flight
    assert flight is not None
    if not isinstance(outcome, Failure) or outcome.kind is not FailureKind.TIMEOUT or flight.heard_at is None:
        return outcome
    reason = f"nothing more came for {call.now - flight.heard_at:.1f} s, in the middle of the answer"
    if call.now >= call.ends_at:
        reason = f"the deadline of {call.spec.deadline:g} s came in the middle of the answer"
    return replace(outcome, reason=reason)
