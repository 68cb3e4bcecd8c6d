"""Async limit: the time one attempt of an event loop may take, and how a fault of aiohttp is read from it.

The same account of an attempt as the sync transport keeps; only what ends it
differs: nothing is shut down under a blocked read, a timer of the loop fires.
"""

import asyncio
import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from resilient_infer.core.http import FaultKind, TransportFault
from resilient_infer.transport.body import BodyCut, BodyGarbled, BodyTooLarge
from resilient_infer.transport.faults import ended_fault, fault_of
from resilient_infer.transport.watchdog import Ending, Limit

EXPECTED: Final = (
    aiohttp.ClientError, OSError, ValueError, RuntimeError, BodyTooLarge, BodyCut, BodyGarbled,
)  # fmt: skip
"""What a server, a proxy or a network can make aiohttp and the body reader raise; TimeoutError is an OSError,
and a connection closed under a reader is a RuntimeError."""


class AsyncLimit(Limit):
    """A limit that a timer of the loop holds, instead of the watchdog.

    Attributes:
        protocol: What reads the connection in use, once there is one.
        connection: That connection.
        status: Of the answer, once its headers came.
        answer: A streamed answer that is read within this limit; broken off when it ends.
    """

    __slots__ = ("_garbled", "_loop", "_timer", "answer", "connection", "protocol", "status")

    def __init__(self, length: float, *, owner: object, fresh: bool) -> None:
        super().__init__(length, owner=owner, fresh=fresh)
        self.protocol: ResponseHandler | None = None
        self.connection: asyncio.BaseTransport | None = None
        self.status: int | None = None
        self.answer: aiohttp.ClientResponse | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Timeout | None = None
        self._garbled = False

    def timer(self) -> asyncio.Timeout:
        """What ends the attempt when its time is up, to be entered at once."""
        self._timer = asyncio.timeout(self.left())
        return self._timer

    def end(self, why: Ending) -> None:
        """End the attempt now; from any thread."""
        if self.ended is None:
            self.ended = why
            with suppress(RuntimeError):  # the loop is closed, and nothing of it runs
                self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        if self.answer is not None:
            self.answer.close()  # wakes the one who reads
        elif self._timer is not None:
            with suppress(RuntimeError):  # it has just fired, or was left a moment ago
                self._timer.reschedule(self._loop.time())

    def leave(self, answer: aiohttp.ClientResponse) -> None:
        """Close an answer; after a whole body its connection is back in the pool and this changes nothing."""
        self._garbled = self._is_garbled()
        answer.close()

    def _is_garbled(self) -> bool:
        # aiohttp closes a connection whose framing is broken, and forgets to tell the one who reads.
        return self.protocol is not None and isinstance(self.protocol.exception(), HttpProcessingError)

    def hang_up(self) -> None:
        """Let no connection that aiohttp has closed wait until the rest of a request has gone."""
        connection = self.connection
        if connection is not None and connection.is_closing():
            cast(asyncio.Transport, connection).abort()

    def was_reset(self) -> bool:
        """Whether the connection broke, where its end could be taken for the end of a body without length."""
        return self.protocol is not None and isinstance(self.protocol.exception(), OSError)

    def fault(self, error: BaseException, place: str) -> TransportFault:
        """The fault behind an exception of an exchange with `place` (host:port)."""
        timer = self._timer
        if self.ended is None and timer is not None and timer.expired():
            self.ended = Ending.EXPIRED
            if self._garbled or self._is_garbled():
                reason = f"{place}: the answer's chunked coding is broken"
                return TransportFault(kind=FaultKind.GARBLED, reason=reason, sent=True, status=self.status)
        if self.ended is not None:
            return ended_fault(self, place, self.status)
        partial = _partial_status(error)
        if partial is not None:
            reason = f"{place}: the connection ended inside the headers"
            return TransportFault(kind=FaultKind.CUT, reason=reason, sent=True, status=partial)
        return fault_of(self._in_common_words(error), self, place, self.status)

    def _in_common_words(self, error: BaseException) -> BaseException:
        """The exception that the standard library or the body reader would raise for the same."""
        match error:
            case aiohttp.ClientHttpProxyError():
                return OSError(f"Tunnel connection failed: {error.status}")
            case aiohttp.ClientConnectorCertificateError():
                return error.certificate_error
            case aiohttp.ClientConnectorError():
                return _plain(error.os_error)
            case aiohttp.ServerDisconnectedError():
                self.received = self.received or not isinstance(error.message, str)
                return ConnectionResetError()
            case aiohttp.ClientResponseError():
                self.received = True
                return http.client.HTTPException()
            case aiohttp.ClientPayloadError() if _is_broken(error):
                return BodyGarbled("the answer's chunked coding is broken")
            case _:
                return error


CURRENT: Final[ContextVar[AsyncLimit | None]] = ContextVar("resilient_infer_limit", default=None)
"""The limit of the attempt that this task is making: aiohttp has no argument to carry it to its connector."""


def _plain(error: OSError) -> OSError:
    """The same in the system's words; an event loop adds addresses of its own."""
    if isinstance(error, ssl.SSLError | socket.gaierror) or not error.errno:
        return error
    return OSError(error.errno, os.strerror(error.errno))


def _partial_status(error: BaseException) -> int | None:
    """The status of an answer whose status line came, and not all of its headers."""
    message = error.message if isinstance(error, aiohttp.ServerDisconnectedError) else ""
    # Of a status line that was cut, too, a part of the number may have been read.
    if isinstance(message, str) or not message.reason or message.code < 200:
        return None
    return message.code


def _is_broken(error: BaseException) -> bool:
    """Whether the framing of a body was broken, rather than cut short."""
    return not any("Not enough data" in str(cause) for cause in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__
