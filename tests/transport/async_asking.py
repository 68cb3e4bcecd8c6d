"""Requests on an event loop as the tests send them, and on which loops."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar

import pytest

from resilient_infer.core.http import Reception, TransportFault
from resilient_infer.transport.http_async import HttpAsync

from .asking import ALLOWANCE, fault_of, request

T = TypeVar("T")
Loop = Callable[[], asyncio.AbstractEventLoop]


def loops() -> list[Any]:
    """The loops to run on: the standard one, and uvloop where it is installed."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        absent = pytest.mark.skip(reason="uvloop is not installed")
        return [asyncio.new_event_loop, pytest.param(None, marks=absent, id="uvloop")]
    return [asyncio.new_event_loop, pytest.param(uvloop.new_event_loop, id="uvloop")]


async def ask(
    client: HttpAsync, url: str, timeout: float = 5.0, fresh: bool = False, **changes: Any
) -> Reception:
    return await client.send(request(url, **changes), timeout=timeout, fresh=fresh)


async def fault_within(client: HttpAsync, url: str, timeout: float, **changes: Any) -> TransportFault:
    """The fault of an attempt, which must have come within its limit."""
    started = monotonic()
    fault = fault_of(await ask(client, url, timeout, **changes))
    assert monotonic() - started < timeout + ALLOWANCE
    return fault


class Runner:
    """Runs what a test does with a client of its own, which is closed before the loop is."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def __call__(self, act: Callable[[HttpAsync], Awaitable[T]], **settings: Any) -> T:
        async def whole() -> T:
            client = HttpAsync(**settings)
            try:
                return await act(client)
            finally:
                await client.close(cancel=True)
                assert asyncio.all_tasks() == {asyncio.current_task()}

        with asyncio.Runner(loop_factory=self._loop) as runner:
            return runner.run(whole())
