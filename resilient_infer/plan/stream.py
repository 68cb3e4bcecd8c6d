"""Stream: how an answer is received piece by piece, and handed on.

Called only by `plan/call.py`, where a call waits for a whole answer. What
happens after a failure is decided there, by the same rules.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Final

from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.stream import Piece, StreamEvent, Unread
from resilient_infer.plan import attest
from resilient_infer.plan.actions import Action, Cancel, Deliver, Done, Parts, Reply, Wait
from resilient_infer.plan.places import Turn
from resilient_infer.plan.progress import Progress
from resilient_infer.plan.transcript import Transcript

LINGER: Final = 0.5
"""Seconds in which formalities (a usage, [DONE]) may follow the reason why a generation ended."""


def receive(call: Progress, turn: Turn, transcript: Transcript) -> Generator[Action, Reply, Outcome]:
    """Receive one attempt's answer and hand on what is news to the consumer."""
    flight = call.flight
    assert flight is not None
    transcript.begin(str(turn.spec.route), "" if call.last is None else call.last.reason)
    until = min(call.ends_at, call.now + flight.attempt.timeout)
    ending = False
    while True:
        reply = yield Wait(until)
        call.now = reply.now
        if isinstance(reply.value, Done):
            outcome = reply.value.outcome
            taken_back = transcript.end() if isinstance(outcome, Success) else []
            if taken_back:
                yield from _deliver(call, taken_back)
            return _told(call, turn, outcome)
        parts = reply.value
        assert isinstance(parts, Parts)
        refusal = "" if parts.commit is None else attest.refusal(call, turn, parts.commit)
        if refusal:
            yield Cancel(flight.attempt)
            return Failure(kind=FailureKind.PIN_MISMATCH, reason=refusal, status=200)
        events, told = _news(call, turn, transcript, parts.pieces)
        if events:
            yield from _deliver(call, events)
        if told or parts.ending > ending:  # pings, and what nobody can read, put no limit off
            ending = parts.ending
            flight.heard_at = call.now
            until = min(call.ends_at, call.now + (LINGER if ending else turn.spec.stall_timeout))


def _news(
    call: Progress, turn: Turn, transcript: Transcript, pieces: tuple[Piece, ...]
) -> tuple[list[StreamEvent], bool]:
    """What the pieces add to what the consumer was shown, and whether they tell anything of the answer."""
    flight = call.flight
    assert flight is not None
    events: list[StreamEvent] = []
    told = False
    for piece in pieces:
        if isinstance(piece, Unread):
            transcript.skipped += 1
            call.chronicle.chunk_skipped(str(turn.spec.route), piece.reason, call.now)
            continue
        told = told or piece.told
        if piece.told and flight.first_token is None:
            flight.first_token = call.now - flight.started
            call.chronicle.first_token(flight.attempt, call.now, elapsed=flight.first_token)
        events += transcript.add(piece)
    return events, told


def _deliver(call: Progress, events: list[StreamEvent]) -> Generator[Action, Reply, None]:
    assert call.flight is not None
    before, call.now = call.now, (yield Deliver(tuple(events))).now
    call.flight.idle += call.now - before


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
