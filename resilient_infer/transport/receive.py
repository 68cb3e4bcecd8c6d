"""Receive: an answer as it comes from its connection, whole or piece by piece."""

import time
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Final

from urllib3 import BaseHTTPResponse

from resilient_infer.core.http import HttpResponse, Reception, TransportFault
from resilient_infer.transport.body import CHUNK, BodyCut, read_body, undone
from resilient_infer.transport.chunked import Dechunked
from resilient_infer.transport.faults import EXPECTED, ended_fault, fault_of
from resilient_infer.transport.headers import lowered
from resilient_infer.transport.watchdog import WATCHDOG, Ending, Limit

GRACE: Final = 0.02
"""Seconds in which the end of a body may follow the end of what it says. Most servers send it in the same
packet or right behind, and a connection that is kept saves two round trips, with TLS three."""


def whole(answer: BaseHTTPResponse, limit: Limit, place: str, most: int) -> Reception:
    """Read the answer to its end.

    Args:
        place: "host:port", for messages.
        most: Bytes of the body that are read at the most.
    """
    received_at = time.time()
    framed = _is_framed(answer)
    try:
        body = read_body(_raw(answer), answer.headers.get("content-encoding", ""), most)
    except EXPECTED as error:
        return fault_of(error, limit, place, answer.status)
    finally:
        answer.close()  # after a whole body the connection is back in the pool and this changes nothing
    if not limit.finish():
        return ended_fault(limit, place, answer.status)
    return _response(answer, body, framed, received_at)


class Opened:
    """An answer of status 200 whose body is still to come.

    One thread reads at a time; any thread may close.

    Attributes:
        head: Status and headers; its body is empty.
        ends_at: Monotonic moment at which the connection is broken off, even if nobody reads. At first
            the one until which the head had to come; heeded from the next read on.
    """

    def __init__(self, answer: BaseHTTPResponse, limit: Limit, place: str, most: int) -> None:
        self.head = _response(answer, b"", _is_framed(answer), time.time())
        self.ends_at = limit.ends_at
        self._answer = answer
        self._limit = limit
        self._place = place
        pieces = undone(_raw(answer), answer.headers.get("content-encoding", ""), most)
        self._pieces = filter(None, pieces)
        self._fault: TransportFault | None = None
        self._over = self._whole = self._reading = False

    def read(self, until: float) -> bytes | TransportFault:
        """What comes next, as soon as it is there.

        Args:
            until: Monotonic moment. If nothing has come by then, the connection is broken off (`TIMEOUT`).

        Returns:
            b"" once the body has come to its end, as its framing has it. After that, and after a fault,
            always the same.
        """
        # Told before the look at whether it is over, and `close` does it the other way round: one of the two
        # threads sees the other.
        self._reading = True
        limit = self._limit
        data = b""
        try:
            if not self._over:
                WATCHDOG.move(limit, min(until, self.ends_at))
                if limit.ends_at <= time.monotonic():
                    limit.end(Ending.EXPIRED)
                limit.check()
                data = next(self._pieces, b"")
                if not data:
                    self._whole = limit.finish()  # what was shut down may look like the end of a body
        except EXPECTED as error:
            self._fault = fault_of(error, limit, self._place, self.head.status)
        finally:
            self._reading = False
            if data:
                limit.ends_at = self.ends_at
            if not data or limit.ended is not None:  # over, or interrupted
                self._let_go()
        return data or self._fault or b""

    def finish(self) -> None:
        """Close, as nothing more is to be read; if the body ends within `GRACE`, the connection is kept."""
        if not self._over:
            self.read(min(time.monotonic() + GRACE, self.ends_at))
        self.close()

    def close(self) -> None:
        """Break the answer off, unless its body has ended. A second time it changes nothing."""
        self._limit.end(Ending.CLOSED)  # wakes the one who reads, and he lets go
        if not self._reading:
            self._let_go()

    def _let_go(self) -> None:
        self._over = True
        if self._fault is None and not self._whole:  # closed, or interrupted by a signal
            self._limit.ended = self._limit.ended or Ending.CLOSED
            self._fault = ended_fault(self._limit, self._place, self.head.status)
        WATCHDOG.forget(self._limit)
        self._limit.finish()
        self._answer.close()  # the connection of a body that has ended is back in the pool already


def _raw(answer: BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it was sent, all that is there in one go; at its end the connection is the pool's again."""
    source = getattr(answer, "_original_response", None)  # what requests' cookies are read from, too
    if answer.chunked and isinstance(source, HTTPResponse):
        return _chunks(answer, source)
    return _pieces(answer)


def _pieces(answer: BaseHTTPResponse) -> Iterator[bytes]:
    while piece := answer.read1(CHUNK, decode_content=False):
        yield piece


def _chunks(answer: BaseHTTPResponse, source: HTTPResponse) -> Iterator[bytes]:
    """The content of a chunked answer; let go at its end, if nothing follows."""
    coding = Dechunked()
    read, feed = source.fp.read1, coding.feed
    while not coding.over:
        data = read(CHUNK)
        if not data:
            raise BodyCut("the connection ended inside the answer")
        if piece := feed(data):
            yield piece
    if not coding.excess:
        source.close()
        answer.release_conn()


def _is_framed(answer: BaseHTTPResponse) -> bool:
    return bool(answer.chunked) or answer.length_remaining is not None


def _response(answer: BaseHTTPResponse, body: bytes, framed: bool, received_at: float) -> HttpResponse:
    return HttpResponse(
        status=answer.status,
        headers=lowered(answer.headers.iteritems()),
        body=body,
        framed=framed,
        received_at=received_at,
    )
