"""Actions: the whole vocabulary in which a plan orders and a driver answers.

`Start` sends an attempt on its way; its reply carries a `Failure` if nothing
could be sent, else nothing. `Wait` ends when an attempt is done (the reply
carries `Done`), when a ticket is called, or at `until`; with nothing in flight
it is the sleep. `Receive` takes a streamed answer to its end (`Done`), or until
its receiver has heard enough (nothing): a token is too small a thing to come
through the whole plan and back. `Deliver` hands events to the consumer of a
stream, and its reply comes when he wants more. Nothing that must happen on the
way out is an action: a generator may not yield while it is being closed.

What is made anew for each token is not frozen, because that would take longer
than all that is done with it; nobody changes it all the same.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.gates import Ticket
from resilient_infer.core.outcome import Failure, Outcome
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Piece, StreamEvent


@dataclass(frozen=True, slots=True)
class Start:
    """Send this attempt; it ends by itself within its timeout."""

    attempt: Attempt


@dataclass(slots=True)
class Wait:
    """Wait for an attempt in flight, for one of the tickets, or until a moment (monotonic seconds)."""

    until: float
    tickets: tuple[Ticket, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Break this attempt off; nothing is to be heard of it any more."""

    attempt: Attempt


@dataclass(slots=True)
class Deliver:
    """Hand these to the consumer of the stream, one by one; the next action is due when he asks for more."""

    events: tuple[StreamEvent, ...]


@dataclass(slots=True)
class Parts:
    """A streamed answer has grown.

    Attributes:
        ending: The server has said why the generation ended; only formalities may follow.
        commit: Full 40-hex commit that the stream says it is made with, once it says so.
    """

    attempt: Attempt
    pieces: tuple[Piece, ...]
    ending: bool = False
    commit: str | None = None


class Receiver(Protocol):
    """What a plan wants with an answer that comes piece by piece.

    Attributes:
        until: Monotonic moment at which the answer is broken off (`Done`, with a timeout) if nothing came.
        enough: Nothing more is to be heard of it.
    """

    until: float
    enough: bool

    def take(self, parts: Parts, now: float) -> Sequence[StreamEvent]:
        """Hear how the answer has grown, and give what is to be handed to the consumer, one by one."""
        ...

    def resume(self, now: float) -> None:
        """The consumer had all of it, and asks for more."""
        ...


@dataclass(slots=True)
class Receive:
    """Receive the streamed answer of the attempt in flight, whatever comes of it, for this receiver."""

    receiver: Receiver


Action = Start | Wait | Receive | Cancel | Deliver


@dataclass(frozen=True, slots=True)
class Done:
    """An attempt came to its end."""

    attempt: Attempt
    outcome: Outcome


@dataclass(slots=True)
class Reply:
    """The driver's answer to an action, and the moment it was given (monotonic seconds)."""

    now: float
    value: Done | Failure | None = None


Plan = Generator[Action, Reply, Result]
"""What a driver drives: it takes replies, gives actions, and returns the `Result` or raises a `CallError`."""
