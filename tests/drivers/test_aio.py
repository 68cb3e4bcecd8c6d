"""What the async driver has of its own: sleeps of tasks, woken from anywhere.

Its calls are told in `test_sync.py`, and its streams in `test_aio_stream.py`.
"""

import asyncio
import threading
from time import monotonic

import pytest

from resilient_infer.core.gates import Ticket
from resilient_infer.drivers.aio import AsyncSleepers, drive
from resilient_infer.errors import CallError
from tests.scenarios.scripted_async import ScriptedAsync
from tests.scenarios.stage import Scripted, ScriptedTransport, Stage, throttled
from tests.transport.async_asking import Loop, loops

LONG = 30.0
"""Seconds; a test that sleeps them out has failed."""


@pytest.fixture(params=loops())
def loop(request: pytest.FixtureRequest) -> Loop:
    factory: Loop = request.param
    return factory


async def asleep(sleepers: AsyncSleepers, *tickets: Ticket) -> "asyncio.Task[None]":
    """A task that sleeps already."""
    task = asyncio.create_task(sleepers.sleep(LONG, tickets))
    while not sleepers._asleep:
        await asyncio.sleep(0)
    return task


def call(ticket: Ticket) -> None:
    ticket.called = True
    ticket.wake()


def test_a_sleep_takes_its_time_and_leaves_nothing_behind(loop: Loop) -> None:
    sleepers, began = AsyncSleepers(), monotonic()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(sleepers.sleep(0.02))

    assert monotonic() - began > 0.019  # a loop's clock is a little coarser
    assert not sleepers._asleep


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_called_ticket_ends_the_sleep_from_any_thread(loop: Loop, elsewhere: bool) -> None:
    """`Wait(until, tickets)` ends early when one of them is called, perhaps twice."""
    sleepers, one, other = AsyncSleepers(), Ticket(), Ticket()

    async def act() -> None:
        task = await asleep(sleepers, one, other)
        for ticket in (other, one):
            if elsewhere:
                await asyncio.to_thread(call, ticket)
            else:
                call(ticket)
        await asyncio.wait_for(task, 1.0)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(act())
    assert not sleepers._asleep


def test_a_ticket_called_before_the_sleep_is_not_missed(loop: Loop) -> None:
    ticket = Ticket()
    ticket.called = True

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(AsyncSleepers().sleep(LONG, (ticket,)), 1.0))


def test_cx2_a_cancelled_sleep_is_over_in_the_loop_s_next_turn(loop: Loop) -> None:
    """And leaves no timer that the loop would wait for."""
    sleepers = AsyncSleepers()

    async def act() -> None:
        task = await asleep(sleepers)
        task.cancel()
        await asyncio.sleep(0)
        assert task.cancelled()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(act())
    assert not sleepers._asleep


@pytest.mark.parametrize("runs", [1, 3])
def test_cx4_closing_wakes_the_sleepers_of_every_loop(loop: Loop, runs: int) -> None:
    """Who is closed sleeps no more, and a second close changes nothing."""
    sleepers = AsyncSleepers()

    def sleep_out() -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(sleepers.sleep(LONG))

    threads = [threading.Thread(target=sleep_out) for _ in range(runs)]
    for thread in threads:
        thread.start()
    while len(sleepers._asleep) < runs:
        threading.Event().wait(0.001)
    sleepers.close()
    sleepers.close()
    for thread in threads:
        thread.join(2.0)

    assert not any(thread.is_alive() for thread in threads)
    began = monotonic()
    sleep_out()
    assert monotonic() - began < 1.0


@pytest.mark.parametrize("how", ["called", "closed"])
def test_who_slept_in_a_loop_that_is_gone_is_woken_in_vain(loop: Loop, how: str) -> None:
    """The gate that calls him, or the client that is closed, hears nothing of it."""
    sleepers, ticket = AsyncSleepers(), Ticket()
    gone = loop()
    task = gone.run_until_complete(asleep(sleepers, ticket))
    gone.close()

    call(ticket) if how == "called" else sleepers.close()

    task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio would complain
    task.get_coro().close()  # type: ignore[union-attr]  # it has one
    assert not sleepers._asleep


def test_cx4_a_call_that_sleeps_is_woken_by_the_close_of_its_client_in_another_thread(loop: Loop) -> None:
    stage, sleepers = Stage(targets=(("a",),), concurrency=1, retries=1), AsyncSleepers()
    world = ScriptedTransport(Scripted({"a": [throttled(20)]}), 0.0)

    async def act() -> None:
        calling = asyncio.create_task(
            drive(stage.spec(), stage.env, ScriptedAsync(world), sleepers, monotonic)
        )
        while not sleepers._asleep:
            await asyncio.sleep(0)
        await asyncio.to_thread(sleepers.close)
        with pytest.raises(CallError, match="story: the client was closed"):
            await asyncio.wait_for(calling, 1.0)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(act())
    assert stage.route("a").gate.take_token()
