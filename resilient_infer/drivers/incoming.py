"""Incoming: a streamed answer on its way from the sockets to the plan. Shared by the drivers; does no I/O."""

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse, TransportFault
from resilient_infer.core.outcome import Failure, Success
from resilient_infer.core.stream import Part
from resilient_infer.drivers import exchange
from resilient_infer.plan.actions import Done, Parts
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Reader


class Incoming:
    """One attempt's answer, from its head on.

    Args:
        head: Status 200; the body is still to come.

    Attributes:
        over: The end, once it is known; nothing more is read then.
        broken: It came to no good end, and the connection broke off, or was broken off.
    """

    def __init__(self, attempt: Attempt, head: HttpResponse) -> None:
        self.over: Done | None = None
        self.broken = False
        self._attempt = attempt
        self._head = head
        self._reader: Reader | None = None
        self._body = bytearray()
        self._ending = False
        self._commit: str | None = None
        if "event-stream" in head.headers.get("content-type", "").lower():
            self._reader = exchange.reader(attempt, head)

    def take(self, received: bytes | TransportFault) -> Parts | Done | None:
        """What the plan is told on account of what was read, b"" at the body's end; None: nothing yet."""
        if received and isinstance(received, bytes):
            parts = self.feed(received)
        else:
            parts = self.end(received if isinstance(received, TransportFault) else None)
        return self.over if parts is None else parts

    def feed(self, data: bytes) -> Parts | None:
        """What the plan is told on account of these bytes; None: nothing yet."""
        if self._reader is None:
            self._body += data
            return None
        reader = self._reader
        try:
            pieces = reader.feed(data)
        except Exception as error:
            raise exchange.unfed(self._attempt, error) from None
        if reader.outcome is not None:
            self.over = Done(self._attempt, exchange.over(self._attempt, reader.outcome))
        news = bool(pieces) or reader.ending != self._ending
        self._ending = reader.ending
        if reader.commit is not None and self._commit is None:
            # Whatever a codec says, only a full one counts.
            self._commit = commit_in(reader.commit)
            news = news or self._commit is not None
        return Parts(self._attempt, tuple(pieces), self._ending, self._commit) if news else None

    def end(self, fault: TransportFault | None) -> Parts | None:
        """No more bytes follow; `over` says what that came to. Perhaps the plan is told of parts first."""
        if self._reader is not None:
            outcome = exchange.ended(self._attempt, self._reader, fault)
        else:
            outcome = exchange.read(self._attempt, fault or self._whole())
        self.over = Done(self._attempt, outcome)
        self.broken = fault is not None and isinstance(outcome, Failure)
        if self._reader is not None or not isinstance(outcome, Success):
            return None
        # A server that does not stream has sent the whole answer at once.
        part = Part(text_of(outcome), outcome.raw)
        return Parts(self._attempt, (part,), ending=True, commit=outcome.commit)

    def _whole(self) -> HttpResponse:
        head = self._head
        return HttpResponse(
            status=head.status,
            headers=head.headers,
            body=bytes(self._body),
            framed=head.framed,
            received_at=head.received_at,
        )


def text_of(success: Success) -> str:
    """The text of an answer that can be streamed: a generation, or a chat message."""
    output = success.output
    if isinstance(output, dict):
        output = output.get("content")
    return output if isinstance(output, str) else ""
