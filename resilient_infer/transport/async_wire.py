"""Async wire: one request on one of aiohttp's connections, and the answer that comes back on it.

aiohttp opens and keeps the connections, and parses what comes. What its session
would do for each request between the two is done once for each endpoint (see
`async_template.py`): it costs more than to send, and nothing of it differs from call to call.
"""

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import aiohttp
from aiohttp import StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy
from urllib3.util import wait_for_read

from resilient_infer.transport.body import CHUNK
from resilient_infer.transport.watchdog import Limit, Phase

LONGEST_LINE: Final = 65_536
"""Bytes of one header line. Source: `http.client._MAXLINE`, so that both transports read the same answers."""

SWITCHING_PROTOCOLS: Final = 101


class Outspoken(ResponseHandler):
    """Tells the one who reads an answer that its framing is broken, where aiohttp would let him wait.

    And what a server sends unasked, between two requests, is nobody's answer; aiohttp would give it to the
    next one who asks.

    Attributes:
        reading: The body that is read now.
    """

    reading: StreamReader | None = None
    _unread: Callable[[], object] | None = None

    def rest(self) -> None:
        """The answer has ended, and nothing else was asked for: what comes from now on is only kept."""
        self._parser = None

    @property
    def spoilt(self) -> bool:
        """Something came unasked, or lies there unread: an answer of its own, or the connection's end."""
        transport = self.transport
        if self.should_close or transport is None:
            return True
        if self._unread is None:  # the socket stays the same, also where what is sent becomes encrypted
            self._unread = _looking_at(transport)
        return bool(self._unread())

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """The connection has failed."""
        if exc_cause is None:
            super().set_exception(exc)
        else:
            super().set_exception(exc, exc_cause)
        reading = self.reading
        if isinstance(exc, HttpProcessingError) and reading is not None and not reading.is_eof():
            reading.set_exception(aiohttp.ClientPayloadError("the framing of the answer is broken"))


class Wire:
    """A connection while one attempt uses it. Closed or released once; then it is the pool's, or nobody's.

    Attributes:
        protocol: What reads the connection.
        status: Of the answer, once its head has come; so are `headers` and `content`.
    """

    __slots__ = ("_connection", "_loop", "_released", "_writing", "content", "headers", "protocol", "status")

    status: int
    headers: CIMultiDictProxy[str]

    def __init__(self, connection: Connection) -> None:
        protocol = connection.protocol
        assert protocol is not None
        self.protocol: ResponseHandler = protocol
        self.content: StreamReader | None = None
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._writing: asyncio.Task[None] | None = None
        self._released = False

    async def ask(self, head: bytes, body: bytes, limit: Limit, *, bodiless: bool) -> StreamReader:
        """Send a request, and wait until the head of its answer has come.

        Args:
            bodiless: The answer has no body, whatever its head says (HEAD).
        """
        protocol = self.protocol
        protocol.set_response_params(
            skip_payload=bodiless, read_until_eof=True, auto_decompress=False, read_bufsize=CHUNK,
            max_line_size=LONGEST_LINE, max_field_size=LONGEST_LINE,
        )  # fmt: skip
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        if len(body) <= CHUNK:
            # In the loop's next turn, as a session's writer task does it: what all tasks of this turn send
            # leaves together, and wakes a server on the same machine once.
            self._loop.call_soon(_write, transport, head + body)
        else:
            transport.write(head)
            self._writing = self._loop.create_task(_written(protocol, body, limit))
        message, content = await protocol.read()
        while message.code < 200 and message.code != SWITCHING_PROTOCOLS:
            message, content = await protocol.read()
        self.status, self.headers, self.content = message.code, message.headers, content
        if isinstance(protocol, Outspoken):
            protocol.reading = content
        content.on_eof(self._release)
        return content

    def close(self) -> None:
        """Break off, and wake the one who waits; after a whole answer it changes nothing."""
        content = self.content
        if self._loop.is_closed() or (self._released and content is not None and content.at_eof()):
            return
        self._stop_writing()
        self._break_off()
        if content is not None and content.exception() is None:
            content.set_exception(aiohttp.ClientConnectionError("the connection was closed"))

    def _release(self) -> None:
        """The whole answer is here: the connection is the pool's again, if the request has gone, too."""
        self._released = True
        if self._stop_writing():
            self._break_off()
        else:
            if isinstance(self.protocol, Outspoken):
                self.protocol.rest()
            self._connection.release()

    def _break_off(self) -> None:
        transport = self._connection.transport
        self._connection.close()
        if transport is not None:  # it must not wait until the rest of a request has gone
            transport.abort()

    def _stop_writing(self) -> bool:
        """Whether a part of the request was still to be sent, which will not be."""
        writing, self._writing = self._writing, None
        return writing is not None and writing.cancel()


def _looking_at(transport: asyncio.BaseTransport) -> Callable[[], object]:
    """What tells, as often as it is asked, whether something lies unread on a connection."""
    socket = transport.get_extra_info("socket")
    if not hasattr(select, "poll"):  # Windows
        return partial(wait_for_read, socket, 0.0)
    unread = select.poll()
    unread.register(socket, select.POLLIN)
    return partial(unread.poll, 0)


def _write(transport: asyncio.Transport, request: bytes) -> None:
    if not transport.is_closing():  # the attempt may have been ended in between, from another thread
        transport.write(request)


async def _written(protocol: ResponseHandler, body: bytes, limit: Limit) -> None:
    """Write a large body piece by piece, so that others have a turn between."""
    limit.phase = Phase.SENDING
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    view = memoryview(body)
    with suppress(OSError, RuntimeError, aiohttp.ClientError):  # the one who waits for the answer hears of it
        for start in range(0, len(view), CHUNK):
            await writer.write(view[start : start + CHUNK])
    if limit.phase is Phase.SENDING:
        limit.phase = Phase.WAITING
