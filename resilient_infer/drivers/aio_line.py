"""Async line: the attempt of a streamed call that is in flight, and the connection its answer comes by.

The async twin of `line.py`: what is waited for there is awaited here.
"""

from collections.abc import Callable
from typing import Protocol

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.core.outcome import Failure
from resilient_infer.drivers import exchange
from resilient_infer.drivers.aio import AsyncSleepers, AsyncTransport, send
from resilient_infer.drivers.incoming import Incoming
from resilient_infer.drivers.leave import Leave
from resilient_infer.drivers.sync import Order, put
from resilient_infer.plan.actions import Cancel, Done, Parts, Start, Wait


class AsyncOpened(Protocol):
    """An answer of status 200 whose body is still to come.

    Attributes:
        ends_at: Monotonic moment at which it is broken off, even if nobody reads.
    """

    ends_at: float

    @property
    def head(self) -> HttpResponse:
        """Status and headers, without the body."""
        ...

    async def read(self, until: float) -> bytes | TransportFault:
        """What comes next; b"" at the body's end, a TIMEOUT if nothing has come at a moment."""
        ...

    async def finish(self) -> None:
        """Close, as nothing more is to be read; the body may come to its end if it does so at once."""
        ...

    def close(self) -> None:
        """Break off."""
        ...


class AsyncStreamTransport(AsyncTransport, Protocol):
    """What can also hand on an answer as it comes."""

    async def open(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool,
        notify: Callable[[Callable[[], None]], None],
    ) -> AsyncOpened | Reception:
        """The same, but an answer of status 200 from its head on.

        Args:
            notify: Takes a function that breaks the exchange off, from any thread and as long as it lasts.
        """
        ...


class AsyncLine:
    """Performs what a plan orders, but for what it tells the consumer. Used by one task at a time.

    Args:
        ends_at: Monotonic moment at which the call ends, and no connection is kept longer.

    Attributes:
        interrupted: What was waited for last was a sleep, or ended with a fault of the connection.
    """

    def __init__(
        self,
        transport: AsyncStreamTransport,
        sleepers: AsyncSleepers,
        leave: Leave,
        clock: Callable[[], float],
        *,
        ends_at: float,
    ) -> None:
        self.interrupted = False
        self._transport = transport
        self._sleepers = sleepers
        self._leave = leave
        self._clock = clock
        self._ends_at = ends_at
        self._order: Order | None = None
        self._opened: AsyncOpened | None = None
        self._incoming: Incoming | None = None

    async def perform(self, action: Start | Cancel | Wait, now: float) -> Done | Parts | Failure | None:
        """Do it, and give what the plan is told.

        Raises:
            ProviderError: A codec broke its contract.
        """
        self.interrupted = False
        if isinstance(action, Wait):
            return await self._wait(action)
        self.hang_up()
        if isinstance(action, Cancel):
            return None
        started = put(action.attempt, now)
        if isinstance(started, Failure):
            return started
        self._order = started
        return None

    def hang_up(self) -> None:
        """Break off, without a wait, what is in flight. A second time it changes nothing."""
        opened = self._opened
        self._order = self._opened = self._incoming = None
        if opened is not None:
            opened.close()

    async def _wait(self, action: Wait) -> Done | Parts | None:
        if self._opened is not None:
            return await self._listen(action.until)
        order, self._order = self._order, None
        if order is None:
            self.interrupted = True
            seconds = max(0.0, action.until - self._clock())
            await self._sleepers.sleep(seconds, (*action.tickets, self._leave))
            return None
        if not order.attempt.stream:
            return self._answered(order.attempt, await send(order, self._transport, self._clock))
        now = self._clock()
        opened = await self._transport.open(
            order.request,
            timeout=max(0.0, min(order.timeout(now), action.until - now)),
            fresh=order.attempt.fresh,
            notify=self._leave.notify,
        )
        if isinstance(opened, HttpResponse | TransportFault):
            return self._answered(order.attempt, opened)
        opened.ends_at = self._ends_at
        self._opened = opened
        self._incoming = Incoming(order.attempt, opened.head)
        return await self._listen(action.until)

    def _answered(self, attempt: Attempt, reception: Reception) -> Done:
        self.interrupted = isinstance(reception, TransportFault)
        return Done(attempt, exchange.read(attempt, reception))

    async def _listen(self, until: float) -> Done | Parts:
        """Read until there is something to tell."""
        opened, incoming = self._opened, self._incoming
        assert opened is not None
        assert incoming is not None
        news: Done | Parts | None = incoming.over
        while news is None:
            news = incoming.take(await opened.read(until))
        if isinstance(news, Done):
            self.interrupted = incoming.broken
            await opened.finish()
            self.hang_up()
        return news
