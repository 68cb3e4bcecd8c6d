"""Stream: what a consumer of a streamed answer is told, and the pieces it is made of."""

from dataclasses import dataclass, field

from resilient_infer.core.quick import quick
from resilient_infer.core.result import Result
from resilient_infer.core.task import Json


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The next piece of the answer.

    Attributes:
        text: What to append; "" for a piece that is no text, for example of a tool call.
        raw: The chunk as the server sent it, decoded.
    """

    text: str
    raw: Json = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """Throw away all that was told so far: another attempt answers from the start.

    Attributes:
        reason: Why the attempt before did not come to its end.
        route: "provider:name" that answers now.
    """

    reason: str
    route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The answer is whole; the last event of a stream. `result` is what `call` would have returned."""

    result: Result


StreamEvent = Delta | Restarted | Finished


@quick
@dataclass(frozen=True, slots=True)
class Part:
    """One chunk as a codec read it.

    Attributes:
        text: Text of the answer in it.
        told: It holds a part of the answer: text, a tool call, reasoning. False for a role, a usage, a ping.
    """

    text: str
    raw: Json = field(repr=False)
    told: bool = True


@dataclass(frozen=True, slots=True)
class Unread:
    """A chunk that could not be read and was skipped; says why, without quoting it."""

    reason: str


Piece = Part | Unread
