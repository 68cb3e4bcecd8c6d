"""In flight: the attempt of a streamed call that is under way, and the connection its answer comes by.

What the two lines have in common. How one waits is theirs: in a thread (`line.py`), or in a task
(`aio_line.py`).
"""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse, Reception, TransportFault
from resilient_infer.core.outcome import Failure
from resilient_infer.core.stream import StreamEvent
from resilient_infer.drivers import exchange
from resilient_infer.drivers.incoming import Incoming
from resilient_infer.drivers.leave import Leave
from resilient_infer.drivers.sync import Order, put
from resilient_infer.plan.actions import Action, Cancel, Deliver, Done, Parts, Plan, Receive, Reply, Start


class Begun(Protocol):
    """An answer of status 200 whose body is still to come.

    Attributes:
        ends_at: Monotonic moment at which it is broken off, even if nobody reads.
    """

    ends_at: float

    @property
    def head(self) -> HttpResponse:
        """Status and headers, without the body."""
        ...

    def close(self) -> None:
        """Break off."""
        ...


OpenedT = TypeVar("OpenedT", bound=Begun)


class InFlight(Generic[OpenedT]):
    """At most one attempt: first its order, then its answer as that comes in.

    Args:
        ends_at: Monotonic moment at which the call ends, and no connection is kept longer.

    Attributes:
        interrupted: What was waited for last was a sleep, or ended with a fault of the connection.
    """

    def __init__(self, leave: Leave, clock: Callable[[], float], *, ends_at: float) -> None:
        self.interrupted = False
        self._leave = leave
        self._clock = clock
        self._ends_at = ends_at
        self._order: Order | None = None
        self._answer: tuple[OpenedT, Incoming] | None = None

    def hang_up(self) -> None:
        """Break off, without a wait, what is in flight. A second time it changes nothing."""
        answer = self._answer
        self._order = self._answer = None
        if answer is not None:
            answer[0].close()

    def _begin(self, action: Start | Cancel, now: float) -> Failure | None:
        """Put the next attempt in words, in the place of the one before; it is sent when one waits for it."""
        self.hang_up()
        if isinstance(action, Cancel):
            return None
        started = put(action.attempt, now)
        if isinstance(started, Failure):
            return started
        self._order = started
        return None

    def _time_to_begin(self, order: Order, until: float) -> float:
        """Seconds in which the head of a streamed answer must come."""
        now = self._clock()
        return max(0.0, min(order.timeout(now), until - now))

    def _answered(self, attempt: Attempt, reception: Reception) -> Done:
        """What came of an attempt whose answer did not come piece by piece."""
        self.interrupted = isinstance(reception, TransportFault)
        return Done(attempt, exchange.read(attempt, reception))

    def _has_begun(self, attempt: Attempt, opened: OpenedT) -> None:
        opened.ends_at = self._ends_at
        try:
            self._answer = opened, Incoming(attempt, opened.head)
        except BaseException:  # Ctrl-C, too
            opened.close()
            raise


def news(action: Action, heard: Done | Parts | Failure | None, now: float) -> Sequence[StreamEvent]:
    """What is to be handed to the consumer on account of an action, and of what came of it."""
    if isinstance(heard, Parts):
        assert isinstance(action, Receive)
        return action.receiver.take(heard, now)
    return action.events if isinstance(action, Deliver) else ()


def onward(plan: Plan, action: Action, heard: Done | Parts | Failure | None, now: float) -> Action | None:
    """The plan's next action, now that this one is done; the same again while its receiver listens.

    None: that was the last.

    Raises:
        CallError: As the plan raises it.
    """
    if isinstance(heard, Parts):
        assert isinstance(action, Receive)
        action.receiver.resume(now)
        if not action.receiver.enough:
            return action
        heard = None
    try:
        return plan.send(Reply(now, heard))
    except StopIteration:
        return None
