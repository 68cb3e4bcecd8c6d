"""Async line: a streamed call's attempt in flight, awaited in the consumer's task."""

from collections.abc import Callable
from typing import Protocol

from resilient_infer.core.http import HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.core.outcome import Failure
from resilient_infer.drivers.aio import AsyncSleepers, AsyncTransport
from resilient_infer.drivers.in_flight import Begun, InFlight
from resilient_infer.drivers.leave import Leave
from resilient_infer.drivers.sync import Order
from resilient_infer.plan.actions import Action, Deliver, Done, Parts, Receive, Wait


class AsyncOpened(Begun, Protocol):
    """The same, read in a task."""

    async def read(self, until: float) -> bytes | TransportFault:
        """What comes next; b"" at the body's end, a TIMEOUT if nothing has come at a moment."""
        ...

    async def finish(self) -> None:
        """Close, as nothing more is to be read; the body may come to its end if it does so at once."""
        ...


class AsyncStreamTransport(AsyncTransport, Protocol):
    """What can also hand on an answer as it comes, and be interrupted."""

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool,
        notify: Callable[[Callable[[], None]], None] | None = None,
    ) -> Reception:
        """One request, one time limit in seconds; `notify` as below."""
        ...

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


class AsyncLine(InFlight[AsyncOpened]):
    """Performs what a plan orders, but for what it tells the consumer. Used by one task at a time.

    Args:
        ends_at: Monotonic moment at which the call ends, and no connection is kept longer.
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
        super().__init__(leave, clock, ends_at=ends_at)
        self._transport = transport
        self._sleepers = sleepers

    async def perform(self, action: Action, now: float) -> Done | Parts | Failure | None:
        """Do it, and give what came of it. To hand on events is left to the caller.

        Raises:
            ProviderError: A codec broke its contract.
        """
        self.interrupted = False
        if isinstance(action, Receive):
            return await self._listen(action.receiver.until)
        if isinstance(action, Deliver):
            return None
        if not isinstance(action, Wait):
            return self._begin(action, now)
        order, self._order = self._order, None
        if order is None:
            await self._sleep(action)
            return None
        answer = await self._transport.send(
            order.request,
            timeout=self._time_to_begin(order, action.until),
            fresh=order.attempt.fresh,
            notify=self._leave.notify,
        )
        return self._answered(order.attempt, answer)

    async def _listen(self, until: float) -> Done | Parts:
        """Read on until there is something to tell; at first, send what is to be answered."""
        over = None if self._order is None else await self._open(self._order, until)
        if over is not None:
            return over
        assert self._answer is not None
        opened, incoming = self._answer
        news: Done | Parts | None = incoming.over
        while news is None:
            news = incoming.take(await opened.read(until))
        if isinstance(news, Done):
            self.interrupted = incoming.broken
            await opened.finish()
            self.hang_up()
        return news

    async def _sleep(self, action: Wait) -> None:
        self.interrupted = True
        seconds = max(0.0, action.until - self._clock())
        await self._sleepers.sleep(seconds, (*action.tickets, self._leave))

    async def _open(self, order: Order, until: float) -> Done | None:
        """Send it; gives what came of it, unless the answer is on its way."""
        self._order = None
        opened = await self._transport.open(
            order.request,
            timeout=self._time_to_begin(order, until),
            fresh=order.attempt.fresh,
            notify=self._leave.notify,
        )
        if isinstance(opened, HttpResponse | TransportFault):
            return self._answered(order.attempt, opened)
        self._has_begun(order.attempt, opened)
        return None
