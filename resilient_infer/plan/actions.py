"""Actions: the whole vocabulary in which a plan orders and a driver answers.

`Start` sends an attempt on its way; its reply carries a `Failure` if nothing
could be sent, else nothing. `Wait` ends when an attempt is done (the reply
carries `Done`), when a streamed answer has grown (`Parts`), when a ticket is
called, or at `until`; with nothing in flight it is the sleep. A streamed answer
of which nothing has come until then is broken off: `Done`, with a timeout.
`Deliver` hands events to the consumer of a stream, and its reply comes when he
wants more. Nothing that must happen on the way out is an action: a generator
may not yield while it is being closed.

What is made anew for each token is not frozen, because that would take longer
than all that is done with it; nobody changes it all the same.
"""

from collections.abc import Generator
from dataclasses import dataclass

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


Action = Start | Wait | Cancel | Deliver


@dataclass(frozen=True, slots=True)
class Done:
    """An attempt came to its end."""

    attempt: Attempt
    outcome: Outcome


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


@dataclass(slots=True)
class Reply:
    """The driver's answer to an action, and the moment it was given (monotonic seconds)."""

    now: float
    value: Done | Parts | Failure | None = None


Plan = Generator[Action, Reply, Result]
"""What a driver drives: it takes replies, gives actions, and returns the `Result` or raises a `CallError`."""
