"""Both drivers of calls: what interrupts them comes through, and everything is given back."""

import gc
import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.events import AttemptStarted, CallFinished, CircuitChanged
from resilient_infer.core.gates import Permit, Ticket
from resilient_infer.core.http import HttpRequest, Reception
from resilient_infer.errors import CallError, DeadlineExceeded
from resilient_infer.plan.places import Place, Turn
from resilient_infer.plan.progress import LATE, Progress
from resilient_infer.policies.trip import BreakerConfig
from tests.drivers.conftest import Driver
from tests.scenarios.stage import (
    HANG,
    LOST,
    OK,
    SERVER_ERROR,
    THROTTLED,
    Reaction,
    Scripted,
    ScriptedTransport,
    Stage,
)

ALONE = (("a",),)


def free(stage: Stage) -> bool:
    """Whether the only slot of the route `a` is free."""
    answer = stage.route("a").gate.ask(1e6, lease=1.0)
    if isinstance(answer, Permit):
        stage.route("a").gate.release(answer)
    return isinstance(answer, Permit)


class Acting(ScriptedTransport):
    """Servers during whose first answer, or first sleep, something happens."""

    def __init__(
        self, *reactions: Reaction, on_send: Callable[[], object] = int, on_sleep: Callable[[], object] = int
    ) -> None:
        super().__init__(Scripted({"a": reactions}), 0.0)
        self.on_send, self.on_sleep = on_send, on_sleep

    def send(self, request: HttpRequest, *, timeout: float, fresh: bool) -> Reception:
        self.on_send()
        return super().send(request, timeout=timeout, fresh=fresh)

    def sleep(self, seconds: float, tickets: tuple[Ticket, ...] = ()) -> None:
        self.on_sleep()
        super().sleep(seconds, tickets)


@contextmanager
def ctrl_c(interruption: KeyboardInterrupt) -> Iterator[None]:
    """SIGINT raises this very object."""

    def interrupt(number: int, frame: object) -> None:
        raise interruption

    former = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("where", ["send", "sleep"])
def test_cx1_ctrl_c_comes_through_as_the_same_object_and_everything_is_given_back(
    drive: Driver, where: str
) -> None:
    """In the middle of a request and of a backoff sleep; no new attempt is started."""
    stage = Stage(targets=ALONE, concurrency=1, retries=1)
    acts = {"send": Acting(OK, on_send=interrupt), "sleep": Acting(SERVER_ERROR, on_sleep=interrupt)}
    world, interruption = acts[where], KeyboardInterrupt()

    with ctrl_c(interruption), pytest.raises(KeyboardInterrupt) as raised:
        drive(stage.spec(), stage.env, world, world, world.clock)

    assert raised.value is interruption
    assert free(stage)
    assert stage.route("a").gate.take_token()
    assert isinstance(stage.events[-1], CallFinished)
    assert stage.events[-1].outcome == "cancelled"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, RuntimeError])
def test_cx1_whatever_a_transport_raises_comes_through(drive: Driver, kind: type[BaseException]) -> None:
    """A transport never raises for what a server does, so what it raises is not ours to judge."""
    thrown = kind("from outside")

    def throw() -> None:
        raise thrown

    stage = Stage(targets=ALONE, concurrency=1)
    world = Acting(OK, on_send=throw)

    with pytest.raises(kind) as raised:
        drive(stage.spec(), stage.env, world, world, world.clock)

    assert raised.value is thrown
    assert free(stage)


@pytest.mark.parametrize("reactions", [(OK,), (SERVER_ERROR, OK)], ids=["at once", "on the second try"])
def test_a_call_leaves_no_work_for_the_garbage_collector(
    drive: Driver, reactions: tuple[Reaction, ...]
) -> None:
    """Whose pauses grow with the program: what a call has made is freed with it."""
    stage, world = Stage(targets=ALONE, retries=1), Acting(*reactions)
    gc.collect()
    gc.disable()
    try:
        drive(stage.spec(), stage.env, world, world, world.clock)
        left = [each for each in gc.get_objects() if type(each) in (Progress, Place, Turn)]
    finally:
        gc.enable()

    assert left == []


def test_cx1_ctrl_c_ends_a_real_sleep_at_once(drive: Driver) -> None:
    """`Event.wait` lets the signal through in the main thread."""
    stage = Stage(targets=ALONE, concurrency=1)
    world, interruption = Acting(replace(THROTTLED, headers={"retry-after": "20"})), KeyboardInterrupt()
    alarm = threading.Timer(
        0.05, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    )

    began = time.monotonic()
    with ctrl_c(interruption):
        alarm.start()
        with pytest.raises(KeyboardInterrupt) as raised:
            drive(stage.spec(), stage.env, world, drive.sleepers(), time.monotonic)

    alarm.join()
    assert raised.value is interruption
    assert time.monotonic() - began < 2.0
    assert free(stage)


def test_cx4_closing_ends_a_call_that_sleeps(drive: Driver) -> None:
    """The call raises CallError within 50 ms, gives its token back and tells its end."""
    stage = Stage(targets=ALONE, concurrency=1, retries=1)
    world, sleepers = Acting(replace(THROTTLED, headers={"retry-after": "20"})), drive.sleepers()
    closing = threading.Timer(0.05, sleepers.close)

    closing.start()
    began = time.monotonic()
    with pytest.raises(CallError, match="story: the client was closed"):
        drive(stage.spec(), stage.env, world, sleepers, time.monotonic)

    closing.join()
    assert time.monotonic() - began < 1.0
    assert free(stage)
    assert stage.route("a").gate.take_token()
    assert isinstance(stage.events[-1], CallFinished)
    assert stage.events[-1].outcome == "CallError"


def test_a_call_that_is_called_from_its_queue_goes_on(drive: Driver) -> None:
    """The slot of a full bulkhead becomes free in another thread while this one sleeps."""
    stage = Stage(targets=ALONE, concurrency=1)
    gate = stage.route("a").gate
    held = gate.ask(time.monotonic(), lease=100.0)
    assert isinstance(held, Permit)
    freeing = threading.Timer(0.02, gate.release, (held,))

    freeing.start()
    began = time.monotonic()
    world = Acting(OK)
    result = drive(stage.spec(), stage.env, world, drive.sleepers(), time.monotonic)

    freeing.join()
    assert result.route == "server:a"
    assert time.monotonic() - began < 2.0
    assert free(stage)


@given(late=st.floats(0.0, 0.09), deadline=st.sampled_from((5.0, 10.0, 31.0)))
def test_dl3_the_time_kept_for_a_target_suffices_although_timeouts_end_late(
    drive: Driver, late: float, deadline: float
) -> None:
    """A primary that hangs must not use up what its fallback needs: the fallback is asked, and answers."""
    stage = Stage(deadline=deadline, attempt_timeout=30.0, min_useful=0.5)
    world = ScriptedTransport(Scripted({"a": [HANG], "b": [OK]}), 100.0, late)

    assert late < LATE * stage.min_useful
    assert drive(stage.spec(), stage.env, world, world, world.clock).route == "server:b"


def test_dl2_an_attempt_is_made_after_the_last_sleep_that_fits_although_sleeps_end_late(
    drive: Driver,
) -> None:
    """No sleep is followed by nothing."""
    stage = Stage(targets=ALONE, deadline=5.0, min_useful=0.5)
    stage.env = type(stage.env)(lambda: 0.0, stage.events.append)
    world = ScriptedTransport(
        Scripted({"a": [replace(THROTTLED, seconds=0.0, headers={"retry-after": "4.499"}), OK]}), 100.0, 0.01
    )

    assert drive(stage.spec(), stage.env, world, world, world.clock).route == "server:a"


def test_dl1_a_call_without_any_time_left_sends_nothing_more(drive: Driver) -> None:
    """A timeout that ends after the deadline is the end."""
    stage = Stage(deadline=5.0, attempt_timeout=30.0, min_useful=0.5)
    world = ScriptedTransport(Scripted({"a": [HANG], "b": [OK]}), 100.0, 0.6)

    with pytest.raises(DeadlineExceeded):
        drive(stage.spec(), stage.env, world, world, world.clock)


def test_cx4_what_closing_cuts_short_is_not_held_against_the_server(drive: Driver) -> None:
    """CX4, CX1: cancelled by choice is IGNORE for the circuit, and no new attempt is started."""
    stage = Stage(targets=(("a",), ("b",)), concurrency=1, breaker=BreakerConfig(consecutive=1))
    sleepers = drive.sleepers()
    world = Acting(LOST, OK, on_send=sleepers.close)

    with pytest.raises(CallError, match="story: the client was closed"):
        drive(stage.spec(), stage.env, world, sleepers, world.clock)

    assert free(stage)
    assert [event for event in stage.events if isinstance(event, CircuitChanged)] == []
    assert sum(isinstance(event, AttemptStarted) for event in stage.events) == 1


def test_cx4_an_answer_that_comes_while_the_client_is_closed_is_returned(drive: Driver) -> None:
    """In-flight finish: the caller gets what was paid for."""
    stage = Stage(targets=ALONE)
    sleepers = drive.sleepers()
    world = Acting(OK, on_send=sleepers.close)

    assert drive(stage.spec(), stage.env, world, sleepers, world.clock).route == "server:a"


def test_dl4_time_spent_on_putting_a_payload_in_words_is_the_attempt_s_own(drive: Driver) -> None:
    """Sum of attempts <= deadline, although each look at this clock finds it a little later."""
    stage = Stage(targets=ALONE, deadline=5.0, attempt_timeout=10.0)
    looks = itertools.count()
    ends: list[float] = []

    class Slow(Acting):
        def clock(self) -> float:
            self.now = next(looks) * 0.125
            return self.now

        def send(self, request: HttpRequest, *, timeout: float, fresh: bool) -> Reception:
            ends.append(self.now + timeout)
            return super().send(request, timeout=timeout, fresh=fresh)

    world = Slow(OK)

    drive(stage.spec(), stage.env, world, world, world.clock)

    assert ends == [pytest.approx(5.0)]
