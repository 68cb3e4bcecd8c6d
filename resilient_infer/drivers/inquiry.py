"""Inquiry: a server is asked which commit it runs, outside of any call.

The question is the one that calls put before a payload; here nothing follows it.
"""

import time
from collections.abc import Callable

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, Outcome
from resilient_infer.core.payload import Payload
from resilient_infer.core.target import Target
from resilient_infer.drivers import exchange
from resilient_infer.drivers.sync import Transport, put, send
from resilient_infer.plan.spec import AliasSpec, RouteSpec


def inquire(
    spec: AliasSpec,
    target: Target,
    route: RouteSpec,
    transport: Transport,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """What the server of a route says of itself: a `Success` whose `commit` may be None, or a `Failure`.

    Args:
        route: Its `identity` is there.
        timeout: Seconds for all of it.

    Raises:
        ProviderError: The codec broke its contract.
    """
    attempt = Attempt(
        number=1,
        call_id="",
        alias=spec.alias,
        task=spec.task,
        route=route.route,
        model=target.model,
        revision=target.revision,
        pin=target.pin,
        payload=Payload(),
        secret=route.secret,
        timeout=timeout,
        safe=True,
        identity=route.identity,
    )
    order = put(attempt, clock())
    if isinstance(order, Failure):
        return order
    return exchange.read(attempt, send(order, transport, clock))
