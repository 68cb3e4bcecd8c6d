"""The sync driver: performs a plan's actions with blocking calls in the caller's thread."""

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, Reception, TransportFault
from resilient_infer.core.outcome import Failure
from resilient_infer.core.result import Result
from resilient_infer.drivers import exchange
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.errors import CallError, ProviderError
from resilient_infer.plan.actions import Done, Plan, Reply, Start, Wait
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import CallSpec, Env


class Transport(Protocol):
    """What sends a request; never raises for what a server or a network does."""

    def send(self, request: HttpRequest, *, timeout: float, fresh: bool) -> Reception:
        """One request, one time limit in seconds."""
        ...


class Order(NamedTuple):
    """An attempt that is put in words and not sent yet."""

    attempt: Attempt
    request: HttpRequest
    ordered_at: float

    def timeout(self, now: float) -> float:
        """Seconds left of it: to put a large payload in words takes time, too, and it is the attempt's."""
        return max(0.0, self.attempt.timeout - (now - self.ordered_at))


def drive(
    spec: CallSpec,
    env: Env,
    transport: Transport,
    sleepers: Sleepers,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Perform the plan of one call.

    Whatever interrupts it (Ctrl-C above all) comes through as it is, once the plan has given back
    what it holds.

    Raises:
        CallError: No answer, or the client was closed meanwhile.
        ProviderError: A codec broke its contract.
    """
    now = clock()
    plan = call_plan(spec, env, now)
    try:
        return _perform(plan, now, spec, transport, sleepers, clock)
    except StopIteration as done:
        result: Result = done.value
        return result
    except ProviderError as error:
        plan.throw(error)  # it tells how the call ended
        raise
    finally:
        plan.close()


def _perform(
    plan: Plan,
    now: float,
    spec: CallSpec,
    transport: Transport,
    sleepers: Sleepers,
    clock: Callable[[], float],
) -> Result:
    """Drive, from `now` on, until the plan stops, which it says by `StopIteration`."""
    order: Order | None = None
    action = next(plan)
    while True:
        value: Done | Failure | None = None
        if isinstance(action, Start):
            started = put(action.attempt, now)
            if isinstance(started, Failure):
                value = started
            else:
                order = started
        elif order is not None:
            # The only attempt in flight: sent here, in line, rather than from a thread of its own.
            sent, order = order, None
            reception = send(sent, transport, clock)
            if sleepers.closed and isinstance(reception, TransportFault):
                plan.throw(closed(spec))  # perhaps it was cut short for that: it says nothing of the server
            value = Done(sent.attempt, exchange.read(sent.attempt, reception))
        else:
            assert isinstance(action, Wait)
            sleepers.sleep(max(0.0, action.until - clock()), action.tickets)
            if sleepers.closed:
                plan.throw(closed(spec))
        now = clock()
        action = plan.send(Reply(now, value))


def put(attempt: Attempt, now: float) -> Order | Failure:
    """Put an attempt in words, as ordered at `now`.

    Raises:
        ProviderError: A codec broke its contract.
    """
    request = exchange.build(attempt)
    return request if isinstance(request, Failure) else Order(attempt, request, now)


def send(order: Order, transport: Transport, clock: Callable[[], float]) -> Reception:
    """Send an attempt, and receive the whole answer."""
    timeout = order.timeout(clock())
    return transport.send(order.request, timeout=timeout, fresh=order.attempt.fresh)


def closed(spec: CallSpec) -> CallError:
    """The error of a call whose client was closed meanwhile."""
    return CallError(f"{spec.alias.alias}: the client was closed", alias=spec.alias.alias)
