"""Async limit: the time one attempt of an event loop may take, and how a fault of aiohttp is read from it.

The same account of an attempt as the sync transport keeps; only what ends it
differs: nothing is shut down under a blocked read, a timer of the loop fires. One timer
for all attempts of a loop: each of them, and each piece of a stream, only says until when.
"""

import asyncio
import http.client
import os
import socket
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import Final, Protocol

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from resilient_infer.core.http import FaultKind, TransportFault
from resilient_infer.transport.body import BodyCut, BodyGarbled, BodyTooLarge
from resilient_infer.transport.faults import ended_fault, fault_of
from resilient_infer.transport.watchdog import Ending, Limit

EXPECTED: Final = (
    aiohttp.ClientError, HttpProcessingError, OSError, ValueError, RuntimeError,
    BodyTooLarge, BodyCut, BodyGarbled,
)  # fmt: skip
"""What a server, a proxy or a network can make aiohttp and the body reader raise; TimeoutError is an OSError,
and a connection closed under a reader is a RuntimeError."""


class Breakable(Protocol):
    """What an attempt waits for."""

    def close(self) -> None:
        """Break it off, and wake the one who waits."""
        ...


class AsyncLimit(Limit):
    """A limit that the loop's own watch holds, instead of the watchdog's thread.

    Attributes:
        protocol: What reads the connection in use, once there is one.
        awaited: That connection, or the streamed answer that comes by it.
        status: Of the answer, once its headers came.
    """

    __slots__ = ("_connecting", "_loop", "awaited", "protocol", "status")

    def __init__(self, length: float, *, owner: object, fresh: bool) -> None:
        super().__init__(length, owner=owner, fresh=fresh)
        self.protocol: ResponseHandler | None = None
        self.awaited: Breakable | None = None
        self.status: int | None = None
        self._loop = asyncio.get_running_loop()
        self._connecting: asyncio.Timeout | None = None

    @asynccontextmanager
    async def connecting(self) -> AsyncGenerator[None, None]:
        """What a new connection is opened under."""
        try:
            async with asyncio.timeout(None) as self._connecting:
                yield
        finally:
            # It knows the task. The loop knows the limit for as long as an answer lasts, and would keep the
            # frames of a consumer who was cancelled, with the stream that is to be closed once they are gone.
            self._connecting = None

    def expire(self) -> None:
        """End the attempt, whose time is up; from the loop."""
        self.ended = Ending.EXPIRED
        self._break_off()

    def end(self, why: Ending) -> None:
        """End the attempt now; from any thread."""
        if self.ended is None:
            self.ended = why
            with suppress(RuntimeError):  # the loop is closed, and nothing of it runs
                self._loop.call_soon_threadsafe(self._break_off)

    def _break_off(self) -> None:
        if self.awaited is not None:
            self.awaited.close()
        elif self._connecting is not None:
            with suppress(RuntimeError):  # it has connected, or failed, this moment
                self._connecting.reschedule(self._loop.time())

    def was_reset(self) -> bool:
        """Whether the connection broke, where its end could be taken for the end of a body without length."""
        return self.protocol is not None and isinstance(self.protocol.exception(), OSError)

    def fault(self, error: BaseException, place: str) -> TransportFault:
        """The fault behind an exception of an exchange with `place` (host:port)."""
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
            case aiohttp.ClientResponseError() | HttpProcessingError():
                self.received = True
                return http.client.HTTPException()
            case aiohttp.ClientPayloadError() if _is_broken(error):
                return BodyGarbled("the answer's chunked coding is broken")
            case _:
                return error


class LoopWatch:
    """Ends the limits of one loop when they are due. All but `end_all` is called from the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._live: set[AsyncLimit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return not self._live

    def watch(self, limit: AsyncLimit) -> None:
        """End `limit` at its moment, unless `forget` comes first."""
        self._live.add(limit)
        self.move(limit, limit.ends_at)

    def move(self, limit: AsyncLimit, ends_at: float) -> None:
        """Let a limit end at another moment. Touches no timer unless it would fire too late."""
        limit.ends_at = ends_at
        if ends_at < self._wakes_at:
            self._wake_at(ends_at)

    def forget(self, limit: AsyncLimit) -> None:
        """Take a limit out. A second time it changes nothing."""
        self._live.discard(limit)

    def end_all(self, why: Ending) -> None:
        """End every limit at once; from any thread."""
        for limit in tuple(self._live):
            limit.end(why)

    def stop(self) -> None:
        """Take the timer out of the loop: nothing is under way any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._wakes_at = None, inf

    def _wake_at(self, moment: float) -> None:
        self.stop()
        self._wakes_at = moment
        self._timer = self._loop.call_later(max(0.0, moment - monotonic()), self._look)

    def _look(self) -> None:
        self._timer, self._wakes_at = None, inf
        now = monotonic()
        for limit in [limit for limit in self._live if limit.ended is None and limit.ends_at <= now]:
            limit.expire()
        earliest = min((limit.ends_at for limit in self._live if limit.ended is None), default=inf)
        if earliest < self._wakes_at:
            self._wake_at(earliest)


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
