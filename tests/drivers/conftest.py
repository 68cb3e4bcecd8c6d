"""Either driver of calls, ordered in one and the same way, so that a story is told once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from resilient_infer.core.result import Result
from resilient_infer.drivers import aio, sync
from resilient_infer.drivers.aio import AsyncSleepers
from resilient_infer.drivers.sleepers import Closing, Sleepers
from resilient_infer.plan.spec import CallSpec, Env
from tests.scenarios.scripted_async import ScriptedAsync, World
from tests.transport.async_asking import loops


class Driver:
    """`drive`, of one driver or the other, over a scripted world; on a loop of its own where it needs one."""

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop] | None) -> None:
        self._loop = loop

    def sleepers(self) -> Closing:
        """Real ones."""
        return Sleepers() if self._loop is None else AsyncSleepers()

    def __call__(
        self, spec: CallSpec, env: Env, world: World, sleepers: Closing, clock: Callable[[], float]
    ) -> Result:
        if self._loop is None:
            both: Any = world, sleepers
            return sync.drive(spec, env, *both, clock)
        side = ScriptedAsync(world)
        asleep: Any = sleepers if isinstance(sleepers, AsyncSleepers) else side
        with asyncio.Runner(loop_factory=self._loop) as runner:
            return runner.run(aio.drive(spec, env, side, asleep, clock))


@pytest.fixture(scope="session", params=[pytest.param(None, id="sync"), *loops()])
def drive(request: pytest.FixtureRequest) -> Driver:
    return Driver(request.param)
