"""The async driver: performs a plan's actions in the caller's task, and makes no other.

To put a payload of many megabytes in words, or to make sense of such an answer,
holds the loop up for as long as it takes. Who sends those beside others had
better call the sync client in a thread.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from resilient_infer.core.http import HttpRequest, Reception, TransportFault
from resilient_infer.core.outcome import Failure
from resilient_infer.core.result import Result
from resilient_infer.drivers import exchange
from resilient_infer.drivers.sleepers import Bell, Closing
from resilient_infer.drivers.sync import Order, closed, put
from resilient_infer.errors import ProviderError
from resilient_infer.plan.actions import Done, Reply, Start, Wait
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import CallSpec, Env


class AsyncTransport(Protocol):
    """What sends a request; never raises for what a server or a network does."""

    async def send(self, request: HttpRequest, *, timeout: float, fresh: bool) -> Reception:
        """One request, one time limit in seconds."""
        ...


class AsyncSleepers(Closing):
    """Sleeps of tasks, of any loop, that end early when a bell rings or the client is closed."""

    async def sleep(self, seconds: float, bells: Sequence[Bell] = ()) -> None:
        """Sleep for at most `seconds`, or until one of the bells rings."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _settle, over)
        try:
            with self.waking(partial(_wake, loop, over), bells):
                await over
        finally:
            timer.cancel()


async def drive(
    spec: CallSpec,
    env: Env,
    transport: AsyncTransport,
    sleepers: AsyncSleepers,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Perform the plan of one call.

    Whatever interrupts it (a cancelled task above all) comes through as it is, once the plan has given
    back what it holds.

    Raises:
        CallError: No answer, or the client was closed meanwhile.
        ProviderError: A codec broke its contract.
    """
    now = clock()
    plan = call_plan(spec, env, now)
    order: Order | None = None
    try:
        action = next(plan)
        while True:
            value: Done | Failure | None = None
            if isinstance(action, Start):
                started = put(action.attempt, now)
                order, value = (None, started) if isinstance(started, Failure) else (started, None)
            elif order is not None:
                sent, order = order, None
                reception = await send(sent, transport, clock)
                if sleepers.closed and isinstance(reception, TransportFault):
                    plan.throw(
                        closed(spec)
                    )  # perhaps it was cut short for that: it says nothing of the server
                value = Done(sent.attempt, exchange.read(sent.attempt, reception))
            else:
                assert isinstance(action, Wait)
                await sleepers.sleep(max(0.0, action.until - clock()), action.tickets)
                if sleepers.closed:
                    plan.throw(closed(spec))
            now = clock()
            action = plan.send(Reply(now, value))
    except StopIteration as done:
        result: Result = done.value
        return result
    except ProviderError as error:
        plan.throw(error)  # it tells how the call ended
        raise
    finally:
        plan.close()


def send(order: Order, transport: AsyncTransport, clock: Callable[[], float]) -> Awaitable[Reception]:
    """Send an attempt, and receive the whole answer."""
    timeout = order.timeout(clock())
    return transport.send(order.request, timeout=timeout, fresh=order.attempt.fresh)


def _wake(loop: asyncio.AbstractEventLoop, over: "asyncio.Future[None]") -> None:
    with suppress(RuntimeError):  # the loop is closed, and nobody sleeps there any more
        loop.call_soon_threadsafe(_settle, over)


def _settle(over: "asyncio.Future[None]") -> None:
    if not over.done():
        over.set_result(None)
