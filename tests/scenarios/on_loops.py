"""Calls and streams on real event loops and real sockets, interrupted where a test likes."""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest

from resilient_infer.core.events import AttemptFinished, AttemptStarted, CallFinished
from resilient_infer.core.gates import Permit
from resilient_infer.drivers.aio import AsyncSleepers, drive
from resilient_infer.drivers.aio_stream import AsyncStream
from resilient_infer.plan.spec import CallSpec
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig
from resilient_infer.transport.http_async import HttpAsync
from tests.drivers.streams import spec_of, stage_of
from tests.plan.watched import watch
from tests.scenarios.stage import Stage
from tests.transport.stories import Server

T = TypeVar("T")
LIMITS = GateConfig(breaker=BreakerConfig(consecutive=2), concurrency=1, retries=1)


@dataclass
class Scene:
    """One alias whose gates are watched: one slot, one token, and two failures open the circuit."""

    stall: float = 15.0
    stage: Stage = field(default_factory=lambda: stage_of("a", retries=1))

    def __post_init__(self) -> None:
        self.stage.alias, self.gates = watch(self.stage.alias, LIMITS)
        self.gate = self.gates["a"]

    async def text(self, client: HttpAsync, server: Server, *, stream: bool) -> str:
        """What a call comes to, or a stream that is read to its end."""
        spec = replace(spec_of(self.stage, stall=self.stall, a=server), stream=stream)
        return await text_of(spec, self.stage, client)

    def holds_nothing(self, *, ended: str = "cancelled") -> None:
        """Each permit, ticket and token is back, but for a token that a repeat was sent with, and the end
        was told, once. An attempt that was interrupted has no verdict."""
        events = self.stage.events
        assert not self.gate.permits
        assert not self.gate.tickets
        finished = sum(isinstance(event, AttemptFinished) for event in events)
        started = sum(isinstance(event, AttemptStarted) for event in events)
        assert self.gate.settled == finished
        assert 0 <= started - finished <= 1
        assert self.gate.taken - self.gate.returned == max(0, started - 1)
        assert [event.outcome for event in events if isinstance(event, CallFinished)] == [ended]
        # The circuit stands as the answers that came have left it: one failure at the most.
        assert isinstance(self.gate.gate.ask(1e6, lease=1.0), Permit)


async def text_of(spec: CallSpec, stage: Stage, client: HttpAsync) -> str:
    """The text of an answer, whole or piece by piece as the call has it."""
    if not spec.stream:
        return (await drive(spec, stage.env, client, AsyncSleepers())).text
    async with AsyncStream(spec, stage.env, client, AsyncSleepers()) as stream:
        return await stream.text()


@types.coroutine
def at_wait(
    coroutine: Coroutine[Any, Any, T], number: int, act: Callable[[Any], object]
) -> Generator[Any, Any, T]:
    """Await a coroutine; as it begins to wait for the `number`-th time, `act` on what it waits for.

    Numbers count from 1, and what it waits for is a future, or None if it only lets others have a turn.
    """
    waits, answer, error = 0, None, None
    while True:
        try:
            pending = coroutine.send(answer) if error is None else coroutine.throw(error)
        except StopIteration as done:
            value: T = done.value
            return value
        waits += 1
        if waits == number:
            act(pending)
        answer = error = None
        try:
            answer = yield pending
        except BaseException as raised:
            error = raised


async def interrupted(coroutine: Coroutine[Any, Any, T], number: int, how: str) -> T | int:
    """Cancel a task of the coroutine at its `number`-th wait, and see the cancellation come out of it.

    Args:
        how: "at once", or "answered": right behind what it waited for, before it has a turn.

    Returns:
        The turns that the loop took until the task was over; what it came to, if it never waited so often.
    """
    task: asyncio.Task[T]
    loop, turns = asyncio.get_running_loop(), Turns()

    def cancel(*_: object) -> None:
        task.cancel("mine")
        turns.count(loop, task)

    def act(pending: Any) -> None:
        if how == "at once" or pending is None:
            loop.call_soon(cancel)
        else:  # the task's own callback is added after this one, so it has not run when this has
            pending.add_done_callback(cancel)

    task = loop.create_task(_whole(coroutine, number, act))
    await asyncio.wait({task})
    if turns.taken is None:
        return task.result()
    with pytest.raises(asyncio.CancelledError, match="mine"):
        task.result()
    return turns.taken


@dataclass
class Turns:
    """Turns of a loop until a task is over."""

    taken: int | None = None

    def count(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]") -> None:
        self.taken = 0 if self.taken is None else self.taken + 1
        if not task.done():
            loop.call_soon(self.count, loop, task)


async def _whole(coroutine: Coroutine[Any, Any, T], number: int, act: Callable[[Any], object]) -> T:
    return await at_wait(coroutine, number, act)
