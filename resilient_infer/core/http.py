"""Request, response and fault: what crosses the border to the sockets.

Header values may carry a token, so no repr shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from resilient_infer.core.quick import quick


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request, complete.

    Attributes:
        url: Absolute, http or https.
        headers: The same object for every request of one endpoint, where possible:
            the transport prepares it once and keeps it under its identity.
        call_headers: What differs from call to call, for example the idempotency key.
        max_response: Bytes of the decoded answer that are read at the most.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    call_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    max_response: int = 64 * 1024 * 1024


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A whole answer, as received.

    Attributes:
        headers: Names in lower case; repeated headers are joined by ", ".
        body: Decoded (gzip and the like are undone), at most the request's `max_response`.
        framed: A Content-Length or chunked coding says where the body ends, and it was met. False:
            the connection's end was the body's end, and only the body can prove that it is whole.
        received_at: Wall clock (seconds since the epoch) when the headers came, for HTTP dates.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    framed: bool
    received_at: float


class FaultKind(Enum):
    """How an exchange failed below HTTP, by what the server may have seen."""

    UNREACHABLE = "unreachable"
    """Refused, no such name, TLS broken off: nothing of the request was sent."""

    REJECTED = "rejected"
    """Cannot succeed by waiting: bad certificate, unusable proxy. Nothing was sent."""

    STALE = "stale"
    """A kept-alive connection was already closed: no byte of an answer came, and none was expected."""

    LOST = "lost"
    """The request was sent, or partly so, and the connection ended before an answer."""

    TIMEOUT = "timeout"
    """The attempt's time was up, whatever it was doing."""

    CUT = "cut"
    """The answer began and did not end."""

    OVERSIZED = "oversized"
    """The answer is larger than `max_response`; reading stopped there."""

    GARBLED = "garbled"
    """What came is no HTTP, or its compression is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFault:
    """An exchange that ended without a whole answer.

    Attributes:
        reason: For people; names host and port, never a header or a body.
        sent: Whether the server may have seen the request (False: certainly not).
        status: The status line's number, if the answer got that far.
    """

    kind: FaultKind
    reason: str
    sent: bool
    status: int | None = None


Reception = HttpResponse | TransportFault
"""What a transport gives back: it never raises for what a server or network does."""
