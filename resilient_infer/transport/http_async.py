"""HTTP over aiohttp: one request, one time limit, one value back, on any event loop.

What the sync transport promises holds here too, in the same words: no netrc,
no cookies, no retries, no redirects, proxies and certificates worked out once
per endpoint. A body of many megabytes is sent and read in pieces, so that
others have a turn between; to undo a compression takes the loop's own thread.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Final

import aiohttp
import requests

from resilient_infer.core.http import FaultKind, HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.errors import ConfigError
from resilient_infer.transport.async_limit import EXPECTED, AsyncLimit
from resilient_infer.transport.async_opened import AsyncOpened
from resilient_infer.transport.async_pool import AsyncPools, LoopPool
from resilient_infer.transport.async_template import AsyncTemplate, template_of
from resilient_infer.transport.body import BodyTooLarge, read_body
from resilient_infer.transport.faults import ended_fault
from resilient_infer.transport.fork import renew_in_children
from resilient_infer.transport.headers import lowered
from resilient_infer.transport.http_sync import LONGEST
from resilient_infer.transport.prepared import MOST_TEMPLATES
from resilient_infer.transport.resolve import RESOLVER, Resolver
from resilient_infer.transport.watchdog import Ending, Phase

_BODILESS: Final = (204, 304)
"""Statuses without a body, whatever their headers say. Source: RFC 9112, section 6.3."""


class HttpAsync:
    """Sends requests from any number of tasks, loops and threads. Safe to use after a fork.

    Args:
        resolver: Where addresses come from; the process's own by default.
    """

    def __init__(self, *, resolver: Resolver = RESOLVER) -> None:
        self._resolver = resolver
        self._closed = False
        self._start()
        renew_in_children(self)

    def _start(self) -> None:
        self._lock = Lock()
        self._templates: dict[tuple[str, str, int], AsyncTemplate] = {}
        self._pools = AsyncPools(self._resolver)

    def renew(self) -> None:
        """In a forked child: new connections; the parent's go on undisturbed."""
        pools = self._pools
        self._start()
        pools.let_go()

    @property
    def connected(self) -> bool:
        """A loop that has not stopped may have connections of it."""
        return self._pools.connected

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool = False,
        notify: Callable[[Callable[[], None]], None] | None = None,
    ) -> Reception:
        """Send one request and read the whole answer.

        Args:
            timeout: Seconds for everything: name, connection, TLS, request, answer.
            fresh: Use a new connection, because a kept-alive one has just failed.
            notify: Takes a function that breaks the exchange off, from any thread and as long as it lasts.

        Returns:
            The answer, whatever its status (redirects are not followed), or the fault. Nothing a server or
            a network does is raised. A request that cannot be sent at all is `REJECTED`.
        """
        limit = self._limit(timeout, fresh, notify)
        received = await self._exchange(request, limit, stream=False)
        assert not isinstance(received, AsyncOpened)
        return received

    async def open(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool = False,
        notify: Callable[[Callable[[], None]], None] | None = None,
    ) -> AsyncOpened | Reception:
        """Send one request and read the head of the answer; the body of a 200 is the caller's to read.

        Args:
            timeout: Seconds until the head is there; of an answer with another status, until all of it is.
            fresh: As in `send`; so is `notify`.

        Returns:
            The answer with status 200 from its head on; any other as from `send`.
        """
        limit = self._limit(timeout, fresh, notify)
        return await self._exchange(request, limit, stream=True)

    async def close(self, cancel: bool = False) -> None:
        """Close idle connections; nothing is sent from now on. A second time it changes nothing.

        Those of other loops close as soon as these have a turn, and all of them after what is in flight.

        Args:
            cancel: End what is in flight at once (`LOST`); otherwise it may finish.
        """
        self._closed = True
        if cancel:
            self._pools.end_all(Ending.CLOSED)
        await self._pools.close()

    def _limit(
        self, timeout: float, fresh: bool, notify: Callable[[Callable[[], None]], None] | None
    ) -> AsyncLimit:
        limit = AsyncLimit(min(timeout, LONGEST), owner=self, fresh=fresh)
        if notify is not None:
            notify(partial(limit.end, Ending.CLOSED))
        return limit

    async def _exchange(
        self, request: HttpRequest, limit: AsyncLimit, *, stream: bool
    ) -> AsyncOpened | Reception:
        try:
            template = self._template(request)
            words = template.head(request)
        except (ConfigError, requests.RequestException, ValueError) as error:
            return TransportFault(kind=FaultKind.REJECTED, reason=_why_unsendable(error), sent=False)
        if self._closed:
            limit.ended = Ending.CLOSED
        if limit.left() <= 0:
            return ended_fault(limit, template.place)
        pool = self._pools.current()
        pool.watch.watch(limit)
        if self._closed:  # asked again, so that close() either sees the limit or is seen here
            limit.end(Ending.CLOSED)
        received: AsyncOpened | Reception | None = None
        try:
            wire = await pool.wire(template, limit)
            content = await wire.ask(words, request.body, limit, bodiless=request.method == "HEAD")
            limit.received = True
            limit.status = wire.status
            limit.phase = Phase.BODY
            received_at, headers = time.time(), lowered(wire.headers.items())
            framed = _is_framed(wire.status, request.method, headers)
            whole = not (stream and wire.status == 200)
            body = await _body(content, limit, headers, framed, request.max_response) if whole else b""
            received = HttpResponse(
                status=wire.status, headers=headers, body=body, framed=framed, received_at=received_at
            )
            if not whole:
                received = AsyncOpened(received, wire, limit, pool, template.place, request.max_response)
            return received
        except EXPECTED as error:
            return limit.fault(error, template.place)
        finally:
            if not isinstance(received, AsyncOpened):  # it leaves when it is closed
                _leave(limit, pool)

    def _template(self, request: HttpRequest) -> AsyncTemplate:
        key = (request.method, request.url, id(request.headers))
        template = self._templates.get(key)
        if template is None:
            template = template_of(request)
            with self._lock:
                if len(self._templates) >= MOST_TEMPLATES:
                    self._templates = {}
                self._templates[key] = template
        return template


def _leave(limit: AsyncLimit, pool: LoopPool) -> None:
    if limit.awaited is not None:
        limit.awaited.close()  # after a whole answer this changes nothing
    pool.leave(limit)


def _is_framed(status: int, method: str, headers: Mapping[str, str]) -> bool:
    return (
        "content-length" in headers
        or headers.get("transfer-encoding", "").lower() == "chunked"
        or status in _BODILESS
        or method == "HEAD"
    )


async def _body(
    content: aiohttp.StreamReader, limit: AsyncLimit, headers: Mapping[str, str], framed: bool, most: int
) -> bytes:
    pieces = await _pieces(content, most)
    if not framed and limit.was_reset():
        raise ConnectionResetError
    coding = headers.get("content-encoding", "")
    return read_body(pieces, coding, most) if coding else b"".join(pieces)


async def _pieces(content: aiohttp.StreamReader, most: int) -> list[bytes]:
    pieces: list[bytes] = []
    total = 0
    while not content.at_eof():
        piece = await content.readany()
        pieces.append(piece)
        total += len(piece)
        if total > most:
            raise BodyTooLarge(f"the answer is larger than {most} bytes")
    return pieces


def _why_unsendable(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    return f"the URL cannot be used ({type(error).__name__})"  # its text may quote a login
