"""The sync driver: performs a plan's actions with blocking calls in the caller's thread."""

import time
from collections.abc import Callable
from typing import Protocol

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
    flying: tuple[Attempt, HttpRequest, float] | None = None
    action = next(plan)
    while True:
        value: Done | Failure | None = None
        if isinstance(action, Start):
            request = exchange.build(action.attempt)
            if isinstance(request, Failure):
                value = request
            else:
                flying = action.attempt, request, now
        elif flying is not None:
            # The only attempt in flight: sent here, in line, rather than from a thread of its own.
            attempt, request, ordered_at = flying
            flying = None
            # To put a large payload in words takes time, too, and it is the attempt's.
            timeout = max(0.0, attempt.timeout - (clock() - ordered_at))
            reception = transport.send(request, timeout=timeout, fresh=attempt.fresh)
            if sleepers.closed and isinstance(reception, TransportFault):
                plan.throw(_closed(spec))  # perhaps it was cut short for that: it says nothing of the server
            value = Done(attempt, exchange.read(attempt, reception))
        else:
            assert isinstance(action, Wait)
            sleepers.sleep(max(0.0, action.until - clock()), action.tickets)
            if sleepers.closed:
                plan.throw(_closed(spec))
        now = clock()
        action = plan.send(Reply(now, value))


def _closed(spec: CallSpec) -> CallError:
    return CallError(f"{spec.alias.alias}: the client was closed", alias=spec.alias.alias)
