"""Incoming: a streamed answer on its way from the sockets to the plan. Shared by the drivers; does no I/O."""

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse, TransportFault
from resilient_infer.core.outcome import Failure, Outcome, Success
from resilient_infer.core.stream import Part, Piece
from resilient_infer.drivers import exchange
from resilient_infer.plan.actions import Done, Parts
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Reader


class Incoming:
    """One attempt's answer, from its head on.

    Args:
        head: Status 200; the body is still to come.

    Attributes:
        broken: It came to no good end, and the connection broke off, or was broken off.
    """

    def __init__(self, attempt: Attempt, head: HttpResponse) -> None:
        self.broken = False
        self._attempt = attempt
        self._head = head
        self._outcome: Outcome | None = None
        self._reader: Reader | None = None
        self._body = bytearray()
        self._ending = False
        self._commit: str | None = None
        if "event-stream" in head.headers.get("content-type", "").lower():
            self._reader = exchange.reader(attempt, head)

    @property
    def over(self) -> Done | None:
        """The end, once it is known; nothing more is read then."""
        return None if self._outcome is None else Done(self._attempt, self._outcome)

    def take(self, received: bytes | TransportFault) -> Parts | Done | None:
        """What the plan is told on account of what was read, b"" at the body's end; None: nothing yet."""
        if received and isinstance(received, bytes):
            parts = self.feed(received)
        else:
            fault = received if isinstance(received, TransportFault) else None
            parts = self.end(fault)
            self.broken = fault is not None and isinstance(self._outcome, Failure)
        return self.over if parts is None else parts

    def feed(self, data: bytes) -> Parts | None:
        """What the plan is told on account of these bytes; None: nothing yet."""
        if self._reader is None:
            self._body += data
            return None
        reader = self._reader
        pieces = exchange.fed(self._attempt, reader, data)
        if reader.outcome is not None:
            self._outcome = exchange.over(self._attempt, reader)
        news = bool(pieces) or reader.ending != self._ending
        self._ending = reader.ending
        if reader.commit is not None and self._commit is None:
            # Whatever a codec says, only a full one counts.
            self._commit = commit_in(reader.commit)
            news = news or self._commit is not None
        return self._parts(tuple(pieces)) if news else None

    def end(self, fault: TransportFault | None) -> Parts | None:
        """No more bytes follow; `over` says what that came to. Perhaps the plan is told of parts first."""
        if self._reader is not None:
            self._outcome = exchange.ended(self._attempt, self._reader, fault)
            return None
        # A server that does not stream has sent the whole answer at once.
        self._outcome = exchange.read(self._attempt, fault or self._whole())
        if not isinstance(self._outcome, Success):
            return None
        self._ending, self._commit = True, self._outcome.commit
        return self._parts((Part(text_of(self._outcome), self._outcome.raw),))

    def _whole(self) -> HttpResponse:
        head = self._head
        return HttpResponse(
            status=head.status,
            headers=head.headers,
            body=bytes(self._body),
            framed=head.framed,
            received_at=head.received_at,
        )

    def _parts(self, pieces: tuple[Piece, ...]) -> Parts:
        return Parts(self._attempt, pieces, ending=self._ending, commit=self._commit)


def text_of(success: Success) -> str:
    """The text of an answer that can be streamed: a generation, or a chat message."""
    output = success.output
    if isinstance(output, dict):
        output = output.get("content")
    return output if isinstance(output, str) else ""
