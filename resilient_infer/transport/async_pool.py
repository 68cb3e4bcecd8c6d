"""Async pool: the connections of each event loop, opened, kept alive and closed by aiohttp.

A connection belongs to the loop that opened it, so each loop has a connector of
its own. It lives in an asynchronous generator: loops close those before they
stop, so a loop that is gone leaves nothing open behind it.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, Final, cast
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from resilient_infer.transport.async_limit import CURRENT, AsyncLimit, LoopWatch
from resilient_infer.transport.async_template import AsyncTemplate
from resilient_infer.transport.async_wire import Outspoken, Wire
from resilient_infer.transport.prepared import MOST_TEMPLATES
from resilient_infer.transport.resolve import Address, Resolver
from resilient_infer.transport.watchdog import Ending, Phase

KEPT_ALIVE: Final = 60.0
"""Seconds an idle connection is kept. Servers close theirs after 5 (uvicorn) to 75 (nginx) seconds; one that
was closed meanwhile is opened anew."""

NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)
"""aiohttp's own limits are off: the attempt's limit holds for everything."""


class _Lookups(AbstractResolver):
    """aiohttp's door to our resolver, whose threads outlive no one's patience and hold up no loop."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`; its protocol is aiohttp's."""
        limit = CURRENT.get()
        if limit is not None:
            limit.phase = Phase.RESOLVING
        query = self._resolver.query(host, port)
        if not query.done.is_set():
            loop = asyncio.get_running_loop()
            answered = loop.create_future()
            query.notify(partial(_wake, loop, answered))
            await answered
        if limit is not None:
            limit.phase = Phase.CONNECTING
        return [_found(host, address) for address in query.result()]

    async def close(self) -> None:
        """Nothing is held."""


def _found(host: str, address: Address) -> ResolveResult:
    family, _, protocol, _, place = address
    return ResolveResult(
        hostname=host,
        host=str(place[0]),
        port=cast(int, place[1]),
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST,
    )


def _wake(loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[None]") -> None:
    with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
        loop.call_soon_threadsafe(_settle, waiter)


def _settle(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class _Connector(aiohttp.TCPConnector):
    """Tells the attempt's limit how far it has come, and opens a new connection where one is asked for."""

    def __init__(self, resolver: Resolver) -> None:
        super().__init__(
            limit=0, resolver=_Lookups(resolver), use_dns_cache=False, keepalive_timeout=KEPT_ALIVE
        )
        protocols: Any = partial(Outspoken, loop=self._loop)
        self._factory = protocols
        self._seen: WeakSet[ResponseHandler] = WeakSet()

    async def take(self, way: aiohttp.ClientRequest, limit: AsyncLimit) -> Wire:
        """A connection, kept alive or new, that leads where `way` does."""
        limit.phase = Phase.CONNECTING
        CURRENT.set(limit)
        try:
            while True:
                limit.reused = True
                connection = await self.connect(way, [], NO_TIMEOUT)
                if not limit.reused or not (limit.fresh or _spoilt(connection)):
                    break
                connection.close()  # those next to one that had been closed are old, too
        finally:
            CURRENT.set(None)
        wire = limit.awaited = Wire(connection)
        limit.protocol = wire.protocol
        limit.sent = True
        limit.phase = Phase.WAITING
        return wire

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        limit = CURRENT.get()
        if limit is None:
            raise RuntimeError("a connection was asked for without a limit")
        limit.reused = False
        async with limit.connecting():
            protocol = await super()._create_connection(req, traces, timeout)
        self._seen.add(protocol)
        return protocol

    def let_go(self) -> None:
        """In a forked child: let go of the copies of sockets; the parent's and the loop stay as they are."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for protocol in tuple(self._seen):
            transport = protocol.transport
            if transport is not None:
                # Replaced, not closed: the number stays taken for as long as aiohttp's objects know it.
                os.dup2(nothing, transport.get_extra_info("socket").fileno())
        os.close(nothing)


def _spoilt(connection: Connection) -> bool:
    protocol = connection.protocol
    return isinstance(protocol, Outspoken) and protocol.spoilt


class LoopPool:
    """The connections of one loop, and what is under way on them.

    Attributes:
        loop: Its loop.
        watch: Ends what is under way when its time is up.
    """

    def __init__(self, resolver: Resolver) -> None:
        self.loop = asyncio.get_running_loop()
        self.watch = LoopWatch()
        self._closing: asyncio.Task[None] | None = None
        self._due = False
        self._ways: dict[AsyncTemplate, aiohttp.ClientRequest] = {}
        self._connector = _Connector(resolver)
        self._kept = _kept(self._connector)
        with suppress(StopIteration):  # runs to its yield without a wait; the loop knows of it from now on
            self._kept.__anext__().send(None)

    @property
    def closed(self) -> bool:
        """Nothing can be sent by it any more."""
        return self._connector.closed

    @property
    def usable(self) -> bool:
        """Its loop, and what is open in it, are still there."""
        return not (self.closed or self.loop.is_closed())

    async def wire(self, template: AsyncTemplate, limit: AsyncLimit) -> Wire:
        """A connection, kept alive or new, for a request by a template."""
        way = self._ways.get(template)
        if way is None:
            if len(self._ways) >= MOST_TEMPLATES:
                self._ways.clear()
            way = self._ways[template] = template.way(self.loop)
        return await self._connector.take(way, limit)

    def leave(self, limit: AsyncLimit) -> None:
        """An attempt is over. The last one of a client that was closed meanwhile closes what is open."""
        self.watch.forget(limit)
        if self._due and self.watch.idle:
            self._close_soon()

    async def close(self) -> None:
        """Close what is open, now, or after the last attempt in flight; from any loop."""
        self._due = True
        if self.loop is not asyncio.get_running_loop():
            with suppress(RuntimeError):  # that loop is closed, and its connections with it
                self.loop.call_soon_threadsafe(self._close_if_idle)
        elif self.watch.idle:
            self.watch.stop()
            await self._kept.aclose()

    def let_go(self) -> None:
        """In a forked child: let go of the copies of sockets."""
        self._connector.let_go()

    def _close_if_idle(self) -> None:
        if self.watch.idle:
            self._close_soon()

    def _close_soon(self) -> None:
        if self._closing is None and not self.loop.is_closed():
            self.watch.stop()
            self._closing = self.loop.create_task(self._kept.aclose())


async def _kept(connector: _Connector) -> AsyncGenerator[None, None]:
    """Holds connections open until it is closed, which the loop does at the latest when it stops."""
    try:
        yield
    finally:
        await connector.close()


class AsyncPools:
    """One pool for each loop that sends."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._lock = Lock()
        self._pools: dict[asyncio.AbstractEventLoop, LoopPool] = {}

    def current(self) -> LoopPool:
        """The pool of the running loop."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is not None and not pool.closed:
            return pool
        made = LoopPool(self._resolver)
        with self._lock:
            self._pools = {each: kept for each, kept in self._pools.items() if kept.usable}
            self._pools[loop] = made
        return made

    @property
    def connected(self) -> bool:
        """Something is open in a loop that is."""
        return any(pool.usable for pool in self._pools.values())

    def end_all(self, why: Ending) -> None:
        """End all that is under way; from any thread."""
        for pool in tuple(self._pools.values()):
            pool.watch.end_all(why)

    async def close(self) -> None:
        """Close every pool, as soon as nothing of it is in flight."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.close()

    def let_go(self) -> None:
        """In a forked child: have nothing to do any more with the parent's loops and sockets."""
        for pool in self._pools.values():
            pool.let_go()
        # Kept for ever: their finalisers would act on loops that run in the parent.
        _PARENTS.extend(self._pools.values())


_PARENTS: Final[list[LoopPool]] = []
