"""Line: a streamed call's attempt in flight, waited for in the consumer's thread."""

from collections.abc import Callable
from typing import Protocol

from resilient_infer.core.http import HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.core.outcome import Failure
from resilient_infer.drivers.in_flight import Begun, InFlight
from resilient_infer.drivers.leave import Leave
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.drivers.sync import Order, Transport
from resilient_infer.plan.actions import Action, Deliver, Done, Parts, Receive, Wait


class Opened(Begun, Protocol):
    """The same, read in a thread."""

    def read(self, until: float) -> bytes | TransportFault:
        """What comes next; b"" at the body's end, a TIMEOUT if nothing has come at a moment."""
        ...

    def finish(self) -> None:
        """Close, as nothing more is to be read; the body may come to its end if it does so at once."""
        ...


class StreamTransport(Transport, Protocol):
    """What can also hand on an answer as it comes, and be interrupted."""

    def send(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool,
        notify: Callable[[Callable[[], None]], None] | None = None,
    ) -> Reception:
        """One request, one time limit in seconds; `notify` as below."""
        ...

    def open(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool,
        notify: Callable[[Callable[[], None]], None],
    ) -> Opened | Reception:
        """The same, but an answer of status 200 from its head on.

        Args:
            notify: Takes a function that breaks the exchange off, from any thread and as long as it lasts.
        """
        ...


class Line(InFlight[Opened]):
    """Performs what a plan orders, but for what it tells the consumer. Used by one thread at a time.

    Args:
        ends_at: Monotonic moment at which the call ends, and no connection is kept longer.
    """

    def __init__(
        self,
        transport: StreamTransport,
        sleepers: Sleepers,
        leave: Leave,
        clock: Callable[[], float],
        *,
        ends_at: float,
    ) -> None:
        super().__init__(leave, clock, ends_at=ends_at)
        self._transport = transport
        self._sleepers = sleepers

    def perform(self, action: Action, now: float) -> Done | Parts | Failure | None:
        """Do it, and give what came of it. To hand on events is left to the caller.

        Raises:
            ProviderError: A codec broke its contract.
        """
        self.interrupted = False
        if isinstance(action, Receive):
            return self._listen(action.receiver.until)
        if isinstance(action, Deliver):
            return None
        if not isinstance(action, Wait):
            return self._begin(action, now)
        order, self._order = self._order, None
        if order is None:
            self._sleep(action)
            return None
        answer = self._transport.send(
            order.request,
            timeout=self._time_to_begin(order, action.until),
            fresh=order.attempt.fresh,
            notify=self._leave.notify,
        )
        return self._answered(order.attempt, answer)

    def _listen(self, until: float) -> Done | Parts:
        """Read on until there is something to tell; at first, send what is to be answered."""
        over = None if self._order is None else self._open(self._order, until)
        if over is not None:
            return over
        assert self._answer is not None
        opened, incoming = self._answer
        news: Done | Parts | None = incoming.over
        while news is None:
            news = incoming.take(opened.read(until))
        if isinstance(news, Done):
            self.interrupted = incoming.broken
            self.hang_up()
        return news

    def hang_up(self) -> None:
        """Let the connection go, if there is one: at the end of an answer it may be used again."""
        if self._answer is not None and self._answer[1].over is not None:
            self._answer[0].finish()
        super().hang_up()

    def _sleep(self, action: Wait) -> None:
        self.interrupted = True
        seconds = max(0.0, action.until - self._clock())
        self._sleepers.sleep(seconds, (*action.tickets, self._leave))

    def _open(self, order: Order, until: float) -> Done | None:
        """Send it; gives what came of it, unless the answer is on its way."""
        self._order = None
        opened = self._transport.open(
            order.request,
            timeout=self._time_to_begin(order, until),
            fresh=order.attempt.fresh,
            notify=self._leave.notify,
        )
        if isinstance(opened, HttpResponse | TransportFault):
            return self._answered(order.attempt, opened)
        self._has_begun(order.attempt, opened)
        return None
