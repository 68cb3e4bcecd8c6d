"""The sync driver of streams: performs a plan's actions whenever the consumer asks for the next event."""

import queue
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from types import TracebackType
from typing import Final

from resilient_infer.core.result import Result
from resilient_infer.core.stream import Finished, StreamEvent
from resilient_infer.drivers.frames import forget_frames
from resilient_infer.drivers.in_flight import news, onward
from resilient_infer.drivers.leave import Leave
from resilient_infer.drivers.line import Line, StreamTransport
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.drivers.sync import closed
from resilient_infer.errors import CallError, ResilientInferError
from resilient_infer.plan.actions import Action, Deliver
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import CallSpec, Env

Events = Generator[StreamEvent, None, None]

LOCKING: Final = ("resilient_infer.plan", "resilient_infer.state", "resilient_infer.transport")
"""Where locks are held, and listeners called."""

_HELD: Final[set[Events]] = set()
"""What streams that are not over perform; held, or the garbage collector would close it wherever it comes;
`Stream.__del__` looks first."""

_DROPPED: Final[queue.SimpleQueue[Events]] = queue.SimpleQueue()
"""Streams that were dropped where they could not be closed."""


class Stream:
    """The events of one streamed answer, in order: `Delta`, perhaps `Restarted`, at the end `Finished`.

    >>> with client.stream("chat", "Hi") as stream:
    ...     for event in stream:
    ...         if isinstance(event, Delta):
    ...             print(event.text, end="")

    Nothing is sent before the first event is asked for; the deadline counts from then. To leave early,
    close it or drop it. One thread reads at a time; any thread may close it, which ends a read that
    waits (with a `CallError`) at once.
    """

    def __init__(
        self,
        spec: CallSpec,
        env: Env,
        transport: StreamTransport,
        sleepers: Sleepers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _close_dropped()
        self._alias = spec.alias.alias
        self._result: Result | None = None
        self._leave = Leave()
        self._events = _perform(spec, env, transport, sleepers, self._leave, clock)
        _HELD.add(self._events)
        # Never waited for: a signal may come, or the process fork, while it is held.
        self._turn = threading.Lock()

    @property
    def result(self) -> Result:
        """What `call` would have returned.

        Raises:
            CallError: `Finished` has not come, or never will.
        """
        if self._result is None:
            raise CallError(
                f"{self._alias}: the stream has not finished",
                hint="read it to its end, or call .text()",
                alias=self._alias,
            )
        return self._result

    def text(self) -> str:
        """Read on to the end, and give the text of the whole answer.

        Raises:
            CallError: As from `Client.stream`; also if the stream was closed before its end.
        """
        for _ in self:
            pass
        return self.result.text

    def close(self) -> None:
        """Leave: the connection is closed and everything given back. A second time it changes nothing."""
        self._leave.take()
        self._settle()

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> StreamEvent:
        if not self._turn.acquire(blocking=False):
            raise CallError(f"{self._alias}: another thread is reading the stream", alias=self._alias)
        try:
            event = next(self._events)
        except BaseException as error:
            _HELD.discard(self._events)
            if isinstance(error, ResilientInferError):
                forget_frames(error)
            raise
        finally:
            self._turn.release()
            if self._leave.taken:  # by another thread, which could not close what was in use
                self._settle()
        if isinstance(event, Finished):
            self._result = event.result
        return event

    def __enter__(self) -> "Stream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The garbage collector may have come while this thread holds one of the locks that closing takes.
        with suppress(Exception):  # and the interpreter may be about to end
            if _holds_locks():
                _DROPPED.put(self._events)
            else:
                self._events.close()
            _HELD.discard(self._events)

    def _settle(self) -> None:
        """Close, unless a thread is reading; it will do so itself."""
        if self._turn.acquire(blocking=False):
            try:
                self._events.close()
            finally:
                _HELD.discard(self._events)
                self._turn.release()


def _holds_locks() -> bool:
    """Whether this thread is in code that may hold a lock."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(LOCKING):
            return True
        frame = frame.f_back  # type: ignore[assignment]  # None at the bottom
    return False


def _close_dropped() -> None:
    """Close streams that could not be closed when they were dropped.

    Should nobody come by here, their connections and permits end with their deadlines.
    """
    with suppress(queue.Empty):
        while True:
            _DROPPED.get_nowait().close()


def _perform(
    spec: CallSpec,
    env: Env,
    transport: StreamTransport,
    sleepers: Sleepers,
    leave: Leave,
    clock: Callable[[], float],
) -> Events:
    """Drive the plan of one streamed call; to close this gives everything back."""
    now = clock()
    plan = call_plan(spec, env, now)
    line = Line(transport, sleepers, leave, clock, ends_at=now + spec.deadline)
    try:
        action: Action | None = next(plan)
        while action is not None:
            heard = line.perform(action, now)
            if leave.taken and not isinstance(action, Deliver):  # what the plan has recorded is told
                plan.close()  # nobody's failure
                raise CallError(f"{spec.alias.alias}: the stream was closed", alias=spec.alias.alias)
            if sleepers.closed and line.interrupted:
                raise closed(spec)  # perhaps it was cut short for that: it says nothing of the server
            yield from news(action, heard, clock())
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
