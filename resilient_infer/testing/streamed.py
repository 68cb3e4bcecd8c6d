"""Streamed: an answer that comes piece by piece in virtual time, and the consumer who reads it."""

import sys
from collections import deque
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.stream import Part, Piece
from resilient_infer.drivers.incoming import text_of
from resilient_infer.plan.actions import Done, Parts

NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What a `World` answers to a streamed attempt. All seconds are counted from its sending.

    Attributes:
        pieces: When each piece comes, and the piece. Those of one moment come together.
        outcome: What the answer comes to, unless it is broken off before.
        seconds: When it ends; nothing comes after that. `NEVER`: the server falls silent.
        ending: When the server has said why the generation ended. An answer that is broken off later
            comes to its `outcome` all the same.
        commit: Full 40-hex commit that the stream says it is made with.
    """

    pieces: tuple[tuple[float, Piece], ...]
    outcome: Outcome
    seconds: float
    ending: float = NEVER
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """How the consumer of a simulated stream goes about it.

    Attributes:
        thinks: Seconds he takes over each event before he asks for more.
        leaves_after: How many events he takes before he leaves; None: he reads to the end.
    """

    thinks: float = 0.0
    leaves_after: int | None = None


class Arriving:
    """One attempt's answer on its way: what is heard of it next, and when."""

    def __init__(self, attempt: Attempt, sent_at: float, answer: Streamed) -> None:
        self._attempt = attempt
        self._sent_at = sent_at
        self._answer = answer
        self._chunks = deque(_chunks(answer) if attempt.stream else ())
        self._ending = self._over = False

    def heard(self, now: float, until: float) -> tuple[float, Done | Parts]:
        """The next that is heard of it, and when: at `until` that it was broken off."""
        answer, attempt = self._answer, self._attempt
        if self._over:
            return now, Done(attempt, answer.outcome)
        if not attempt.stream:
            until = self._sent_at + attempt.timeout
        seconds = self._chunks[0][0] if self._chunks else answer.seconds
        moment = max(now, self._sent_at + seconds)
        if moment > until:
            return max(now, until), self._broken_off(until)
        if not self._chunks:
            return moment, Done(attempt, answer.outcome)
        _, pieces = self._chunks.popleft()
        # An answer that ends with its last piece is over then: no limit can change it any more.
        self._over = not self._chunks and answer.seconds <= seconds
        self._ending = seconds >= answer.ending
        return moment, Parts(attempt, pieces, ending=self._ending, commit=answer.commit)

    def _broken_off(self, moment: float) -> Done:
        if self._ending:
            return Done(self._attempt, self._answer.outcome)
        reason = f"no answer within {moment - self._sent_at:.1f} s"
        return Done(self._attempt, Failure(kind=FailureKind.TIMEOUT, reason=reason))


def at_once(seconds: float, outcome: Outcome) -> Streamed:
    """An answer that comes whole, or a failure: what a server gives that does not stream."""
    if not isinstance(outcome, Success):
        return Streamed(pieces=(), outcome=outcome, seconds=seconds)
    whole = Part(text_of(outcome), outcome.raw)
    return Streamed(
        pieces=((seconds, whole),), outcome=outcome, seconds=seconds, ending=seconds, commit=outcome.commit
    )


def _chunks(answer: Streamed) -> list[tuple[float, tuple[Piece, ...]]]:
    """What comes at each moment until the answer ends, in order."""
    last = min(answer.seconds, sys.float_info.max)
    chunks: dict[float, list[Piece]] = {} if answer.ending > last else {answer.ending: []}
    for moment, piece in answer.pieces:
        if moment <= last:
            chunks.setdefault(moment, []).append(piece)
    return [(moment, tuple(pieces)) for moment, pieces in sorted(chunks.items(), key=itemgetter(0))]
