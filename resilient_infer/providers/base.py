"""Codec: what one protocol puts on the wire and how it reads the answer.

A codec is pure: no I/O, no retries, no sleeping, no clock. It never raises on
what a server sends; it raises `Unfit` where a route cannot say what the
payload asks for.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse, TransportFault
from resilient_infer.core.outcome import Outcome
from resilient_infer.core.secret import Secret
from resilient_infer.core.stream import Piece
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits


class Unfit(Exception):
    """This route cannot express the payload; the message says which part. Nothing was sent."""


@runtime_checkable
class Codec(Protocol):
    """One protocol. `(kind, task)` is looked up in `providers/registry.py`.

    Attributes:
        kind: Name in the manifest, for example "hf-inference".
        tasks: Tasks it can serve.
    """

    kind: str
    tasks: frozenset[str]

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request for an attempt.

        Raises:
            Unfit: The payload asks for something this route cannot say.
        """
        ...

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means: a `Success` of the task's shape, or a `Failure`. Never raises."""
        ...


@runtime_checkable
class Attesting(Protocol):
    """What a codec adds whose servers tell which commit they run.

    An answer may tell it too: then `parse` puts it into `Success.commit`.
    """

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest | None:
        """The question to the server, without any payload; None: this one cannot be asked."""
        ...

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """The commit in the answer to `identity`, only if it is a full one (`pinning.commit_in`).

        None for a branch, null, a missing field, or a server that is just being updated. Never raises.
        """
        ...

    def limits(self, body: Json) -> Limits:
        """The server's maxima in the same answer. Never raises."""
        ...


class Reader(Protocol):
    """Reads one streamed answer as its bytes come, cut anywhere. Holds state, does no I/O, never raises.

    Attributes:
        outcome: What the answer came to, once nothing that may follow can change it: it is whole, or
            holds an error. None until then.
        ending: The server has said why the generation ended; only formalities may follow.
        commit: Full 40-hex commit that the stream says it is made with, or None.
    """

    outcome: Outcome | None
    ending: bool
    commit: str | None

    def feed(self, data: bytes) -> Sequence[Piece]:
        """The pieces that are complete with these bytes, in order."""
        ...

    def end(self, fault: TransportFault | None) -> Outcome:
        """What the answer came to, now that no more bytes follow; None: the body came to its end.

        A `Success` only if the server said that the generation ended; its output is what the same
        answer, not streamed, would have been.
        """
        ...


@runtime_checkable
class Streaming(Protocol):
    """What a codec adds whose servers stream: `build` heeds `attempt.stream`."""

    streams: frozenset[str]
    """Tasks whose answers can be streamed."""

    def reader(self, attempt: Attempt, head: HttpResponse) -> Reader:
        """A reader for the answer that begins with `head`: status 200, an event stream, no body yet."""
        ...
