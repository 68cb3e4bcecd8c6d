"""The async driver of streams: performs a plan's actions whenever the consumer asks for the next event."""

import time
from collections.abc import AsyncGenerator, Callable
from types import TracebackType

from resilient_infer.core.result import Result
from resilient_infer.core.stream import Finished, StreamEvent
from resilient_infer.drivers.aio import AsyncSleepers
from resilient_infer.drivers.aio_line import AsyncLine, AsyncStreamTransport
from resilient_infer.drivers.frames import forget_frames
from resilient_infer.drivers.in_flight import news, onward
from resilient_infer.drivers.leave import Leave
from resilient_infer.drivers.sync import closed
from resilient_infer.errors import CallError, ResilientInferError
from resilient_infer.plan.actions import Action, Deliver
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import CallSpec, Env

Events = AsyncGenerator[StreamEvent, None]


class AsyncStream:
    """The events of one streamed answer, in order: `Delta`, perhaps `Restarted`, at the end `Finished`.

    >>> async with client.stream("chat", "Hi") as stream:
    ...     async for event in stream:
    ...         if isinstance(event, Delta):
    ...             print(event.text, end="")

    Nothing is sent before the first event is asked for; the deadline counts from then. To leave early,
    close it or drop it: a loop closes what is dropped in its next turn. An exception that is kept keeps what
    its frames hold; `async with` closes all the same, and the deadline at the latest. One task reads at a
    time; another one of the same loop may close it; a read that waits then ends at once (`CallError`).
    """

    def __init__(
        self,
        spec: CallSpec,
        env: Env,
        transport: AsyncStreamTransport,
        sleepers: AsyncSleepers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alias = spec.alias.alias
        self._result: Result | None = None
        self._leave = Leave()
        self._events = _perform(spec, env, transport, sleepers, self._leave, clock)
        self._reading = False

    @property
    def result(self) -> Result:
        """What `call` would have returned.

        Raises:
            CallError: `Finished` has not come, or never will.
        """
        if self._result is None:
            raise CallError(
                f"{self._alias}: the stream has not finished",
                hint="read it to its end, or await .text()",
                alias=self._alias,
            )
        return self._result

    async def text(self) -> str:
        """Read on to the end, and give the text of the whole answer.

        Raises:
            CallError: As from `AsyncClient.stream`; also if the stream was closed before its end.
        """
        async for _ in self:
            pass
        return self.result.text

    async def aclose(self) -> None:
        """Leave: the connection is closed and everything given back. A second time it changes nothing."""
        self._leave.take()
        if not self._reading:  # else the one who reads is woken, and does it
            await self._events.aclose()

    def __aiter__(self) -> "AsyncStream":
        return self

    async def __anext__(self) -> StreamEvent:
        if self._reading:
            raise CallError(f"{self._alias}: another task is reading the stream", alias=self._alias)
        self._reading = True
        try:
            event = await self._events.__anext__()
        except ResilientInferError as error:
            forget_frames(error)
            raise
        finally:
            self._reading = False
        if isinstance(event, Finished):
            self._result = event.result
        return event

    async def __aenter__(self) -> "AsyncStream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def _perform(
    spec: CallSpec,
    env: Env,
    transport: AsyncStreamTransport,
    sleepers: AsyncSleepers,
    leave: Leave,
    clock: Callable[[], float],
) -> Events:
    """Drive the plan of one streamed call; to close this gives everything back, without a wait."""
    now = clock()
    plan = call_plan(spec, env, now)
    line = AsyncLine(transport, sleepers, leave, clock, ends_at=now + spec.deadline)
    try:
        action: Action | None = next(plan)
        while action is not None:
            heard = await line.perform(action, now)
            if leave.taken and not isinstance(action, Deliver):  # what the plan has recorded is told
                plan.close()  # nobody's failure
                raise CallError(f"{spec.alias.alias}: the stream was closed", alias=spec.alias.alias)
            if sleepers.closed and line.interrupted:
                raise closed(spec)  # perhaps it was cut short for that: it says nothing of the server
            for event in news(action, heard, clock()):
                yield event
            now = clock()
            action = onward(plan, action, heard, now)
    except Exception as error:
        line.hang_up()
        plan.throw(error)  # unless it comes from there, it tells how the call ended
        raise
    finally:
        try:
            line.hang_up()
        finally:
            plan.close()
