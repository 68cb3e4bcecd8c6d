"""Whatever interrupts a call or a stream comes through as it is, and everything is given back (CX1-CX3)."""

from asyncio import CancelledError
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.events import AttemptFinished, AttemptStarted, CallFinished
from resilient_infer.core.stream import Finished, StreamEvent
from resilient_infer.drivers.aio import drive
from resilient_infer.drivers.sync_stream import Stream
from resilient_infer.errors import CallError
from resilient_infer.testing.streamed import Consumer
from tests.plan.scripts import Drama, dramas
from tests.plan.streaming import Streaming
from tests.plan.watched import WatchedGate, watch
from tests.scenarios.scripted_async import ScriptedAsync, by_hand
from tests.scenarios.stage import Scripted, ScriptedTransport, Stage
from tests.scenarios.streams import ScriptedStreams, StreamScript, consumed, stream_stage
from tests.scenarios.test_streams import consumers, scripts

INTERRUPTIONS = st.sampled_from((CancelledError, KeyboardInterrupt, SystemExit))
turns = st.integers(1, 25)
LIMITS = Streaming(script={}).gate_config


def ending(run: Callable[[], object], kind: type[BaseException]) -> BaseException | None:
    """The interruption of this kind that came out; None: it was over before, in whatever way."""
    try:
        run()
    except CallError:
        return None
    except kind as raised:
        return raised
    return None


def nothing_is_held(stage: Stage, gates: dict[str, WatchedGate], ended: str) -> None:
    """Each attempt but the one that was interrupted has its verdict; the call has told its end once."""
    assert not any(gate.permits or gate.tickets for gate in gates.values())
    finished = sum(isinstance(event, AttemptFinished) and not event.identity for event in stage.events)
    assert sum(gate.settled for gate in gates.values()) == finished
    last = [event for event in stage.events if isinstance(event, CallFinished)]
    assert [event.outcome for event in last] == [ended]
    assert sum(isinstance(event, AttemptStarted) for event in stage.events) - finished <= 2


@given(drama=dramas(), turn=turns, kind=INTERRUPTIONS)
def test_cx1_an_async_call_that_is_cancelled_at_any_await_gives_everything_back(
    drama: Drama, turn: int, kind: type[BaseException]
) -> None:
    """The same object comes out, nothing is counted, no new attempt is started."""
    stage, gates = drama.stage()
    side = ScriptedAsync(world := ScriptedTransport(Scripted(drama.script), 0.0))
    interruption = kind()
    call = drive(stage.spec(), stage.env, side, side, world.clock)
    raised = ending(lambda: by_hand(call, turns=turn, throws=interruption), kind)

    if raised is not None:
        assert raised is interruption
        assert sum(isinstance(event, AttemptStarted) for event in stage.events) <= turn
        nothing_is_held(stage, gates, "cancelled")


@given(script=scripts, consumer=consumers, turn=turns, kind=INTERRUPTIONS)
def test_cx1_an_async_stream_that_is_cancelled_at_any_await_gives_everything_back(
    script: StreamScript, consumer: Consumer, turn: int, kind: type[BaseException]
) -> None:
    """And its connection is closed, once."""
    stage = stream_stage()
    stage.alias, gates = watch(stage.alias, LIMITS)
    world, interruption = ScriptedStreams(Scripted(script), 0.0), kind()  # type: ignore[arg-type]  # it only hands reactions on
    reading = consumed(stage, world, consumer, [])
    raised = ending(lambda: by_hand(reading, turns=turn, throws=interruption), kind)

    if raised is not None:
        assert raised is interruption
        nothing_is_held(stage, gates, "cancelled")
    assert all(opened.closed for opened in world.opened)
    assert not any(gate.permits for gate in gates.values())


class Interrupting(ScriptedStreams):
    """Ctrl-C while the driver waits for the n-th time."""

    def __init__(self, script: StreamScript, waits: int, interruption: BaseException) -> None:
        super().__init__(Scripted(script), 0.0)  # type: ignore[arg-type]  # it only hands reactions on
        self._waits = waits
        self._interruption = interruption

    def clock(self) -> float:
        self._waits -= 1
        if self._waits == 0:
            raise self._interruption
        return super().clock()


@given(script=scripts, waits=st.integers(2, 30), kind=INTERRUPTIONS)
def test_cx1_ctrl_c_anywhere_in_a_sync_stream_gives_everything_back(
    script: StreamScript, waits: int, kind: type[BaseException]
) -> None:
    """As the same object, with the connection closed."""
    stage = stream_stage()
    stage.alias, gates = watch(stage.alias, LIMITS)
    interruption = kind()
    world = Interrupting(script, waits, interruption)
    stream = Stream(replace(stage.spec(), stream=True), stage.env, world, world, world.clock)
    told: list[StreamEvent] = []
    raised = ending(lambda: told.extend(stream), kind)  # it keeps what came before

    if raised is not None:
        assert raised is interruption
        whole = bool(told) and isinstance(told[-1], Finished)  # nothing but the end was left to be asked for
        nothing_is_held(stage, gates, "success" if whole else "cancelled")
    stream.close()
    stream.close()
    assert all(opened.closed for opened in world.opened)
    assert not any(gate.permits or gate.tickets for gate in gates.values())
    with pytest.raises(StopIteration):
        next(stream)
