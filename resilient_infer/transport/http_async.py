"""HTTP over aiohttp: one request, one time limit, one value back, on any event loop.

What the sync transport promises holds here too, in the same words: no netrc,
no cookies, no retries, no redirects, proxies and certificates worked out once
per endpoint. A body of many megabytes is sent and read in pieces, so that
others have a turn between; to undo a compression takes the loop's own thread.
"""

import time
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Final

import aiohttp
import requests
from aiohttp.typedefs import LooseHeaders

from resilient_infer.core.http import FaultKind, HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.errors import ConfigError
from resilient_infer.transport.async_limit import CURRENT, EXPECTED, AsyncLimit
from resilient_infer.transport.async_opened import AsyncOpened
from resilient_infer.transport.async_pool import AsyncPools, LoopPool
from resilient_infer.transport.async_template import AsyncTemplate, Slices, template_of
from resilient_infer.transport.body import CHUNK, BodyTooLarge, read_body
from resilient_infer.transport.faults import ended_fault
from resilient_infer.transport.fork import renew_in_children
from resilient_infer.transport.headers import lowered
from resilient_infer.transport.http_sync import LONGEST, MOST_TEMPLATES
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
        self._live: set[AsyncLimit] = set()
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

    async def send(self, request: HttpRequest, *, timeout: float, fresh: bool = False) -> Reception:
        """Send one request and read the whole answer.

        Args:
            timeout: Seconds for everything: name, connection, TLS, request, answer.
            fresh: Use a new connection, because a kept-alive one has just failed.

        Returns:
            The answer, whatever its status (redirects are not followed), or the fault. Nothing a server or
            a network does is raised. A request that cannot be sent at all is `REJECTED`.
        """
        limit = AsyncLimit(min(timeout, LONGEST), owner=self, fresh=fresh)
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
            fresh: As in `send`.
            notify: Takes a function that breaks the exchange off, from any thread and as long as it lasts.

        Returns:
            The answer with status 200 from its head on; any other as from `send`.
        """
        limit = AsyncLimit(min(timeout, LONGEST), owner=self, fresh=fresh)
        if notify is not None:
            notify(partial(limit.end, Ending.CLOSED))
        return await self._exchange(request, limit, stream=True)

    async def close(self, cancel: bool = False) -> None:
        """Close idle connections; nothing is sent from now on. A second time it changes nothing.

        Those of other loops close as soon as these have a turn, and all of them after what is in flight.

        Args:
            cancel: End what is in flight at once (`LOST`); otherwise it may finish.
        """
        self._closed = True
        if cancel:
            for limit in tuple(self._live):
                limit.end(Ending.CLOSED)
        await self._pools.close()

    async def _exchange(
        self, request: HttpRequest, limit: AsyncLimit, *, stream: bool
    ) -> AsyncOpened | Reception:
        try:
            template = self._template(request)
            headers = template.with_call_headers(request.call_headers)
        except (ConfigError, requests.RequestException, ValueError) as error:
            return TransportFault(kind=FaultKind.REJECTED, reason=_why_unsendable(error), sent=False)
        self._live.add(limit)
        if self._closed:  # asked only now, so that close() either sees the limit or is seen here
            limit.ended = Ending.CLOSED
        if limit.left() <= 0:
            self._live.discard(limit)
            return ended_fault(limit, template.place)
        pool = self._pools.current()
        pool.enter()
        leave = partial(self._leave, limit, pool)
        received: AsyncOpened | Reception | None = None
        CURRENT.set(limit)
        try:
            async with limit.timer():
                answer = await _sent(pool.session, template, request, headers, limit)
                received = await _received(answer, request, limit, template.place, leave if stream else None)
                return received
        except EXPECTED as error:
            return limit.fault(error, template.place)
        finally:
            CURRENT.set(None)
            if not isinstance(received, AsyncOpened):  # it leaves when it is closed
                leave()

    def _leave(self, limit: AsyncLimit, pool: LoopPool) -> None:
        limit.hang_up()
        self._live.discard(limit)
        pool.leave()

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


async def _sent(
    session: aiohttp.ClientSession,
    template: AsyncTemplate,
    request: HttpRequest,
    headers: LooseHeaders,
    limit: AsyncLimit,
) -> aiohttp.ClientResponse:
    """The answer to a request, as far as its headers."""
    body = request.body
    answer = await session.request(
        request.method,
        template.url,
        data=Slices(body, limit) if len(body) > CHUNK else body or None,
        headers=headers,
        allow_redirects=False,
        proxy=template.proxy,
        proxy_headers=template.proxy_headers,
        ssl=template.tls,
    )
    limit.received = True
    limit.status = answer.status
    limit.phase = Phase.BODY
    return answer


async def _received(
    answer: aiohttp.ClientResponse,
    request: HttpRequest,
    limit: AsyncLimit,
    place: str,
    leave: Callable[[], None] | None,
) -> AsyncOpened | Reception:
    """The answer whole, or from its head on if it may be handed on so (`leave` is given)."""
    received_at = time.time()
    headers = lowered(answer.headers.items())
    framed = (
        "content-length" in headers
        or headers.get("transfer-encoding", "").lower() == "chunked"
        or answer.status in _BODILESS
        or request.method == "HEAD"
    )
    if leave is not None and answer.status == 200:
        head = HttpResponse(status=200, headers=headers, body=b"", framed=framed, received_at=received_at)
        return AsyncOpened(head, answer, limit, place, request.max_response, leave)
    try:
        pieces = await _pieces(answer.content, request.max_response)
        if not framed and limit.was_reset():
            raise ConnectionResetError
        body = read_body(pieces, headers.get("content-encoding", ""), request.max_response)
    except EXPECTED as error:
        return limit.fault(error, place)
    finally:
        limit.leave(answer)
    return HttpResponse(
        status=answer.status, headers=headers, body=body, framed=framed, received_at=received_at
    )


async def _pieces(content: aiohttp.StreamReader, most: int) -> list[bytes]:
    pieces: list[bytes] = []
    total = 0
    while piece := await content.readany():
        pieces.append(piece)
        total += len(piece)
        if total > most:
            raise BodyTooLarge(f"the answer is larger than {most} bytes")
    return pieces


def _why_unsendable(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    return f"the URL cannot be used ({type(error).__name__})"  # its text may quote a login
