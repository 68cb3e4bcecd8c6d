"""The async driver of streams over real sockets: what the consumer gets, and what is left when he goes."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import pytest

from resilient_infer.core.events import AttemptFinished, CallFinished, CircuitChanged
from resilient_infer.drivers.aio import AsyncSleepers
from resilient_infer.drivers.aio_stream import AsyncStream
from resilient_infer.errors import CallError, StreamInterrupted
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.transport.http_async import HttpAsync
from tests.scenarios.stage import Stage
from tests.sockets import closed_down_to, internet_sockets
from tests.transport.async_asking import Runner, loops
from tests.transport.stories import Server, Story, hangs, resets, response, says

from .streams import (
    BEGINS,
    SILENT,
    WORDS,
    Interruption,
    answer,
    free,
    holds,
    interrupted,
    repeats,
    shown,
    spec_of,
    stage_of,
)

TEXT = "".join(WORDS)


@pytest.fixture(params=loops())
def run(request: pytest.FixtureRequest) -> Runner:
    return Runner(request.param)


def stream_of(
    stage: Stage, client: HttpAsync, sleepers: AsyncSleepers | None = None, **settings: Any
) -> AsyncStream:
    return AsyncStream(spec_of(stage, **settings), stage.env, client, sleepers or AsyncSleepers())


def ended(stage: Stage) -> list[str]:
    """How the call ended; it is told once."""
    return [event.outcome for event in stage.events if isinstance(event, CallFinished)]


async def read(stream: AsyncStream) -> list[Any]:
    return [event async for event in stream]


def test_a_whole_answer_comes_piece_by_piece_and_its_connection_is_used_again(run: Runner) -> None:
    stage = stage_of("a")

    async def act(client: HttpAsync) -> None:
        for _ in range(3):
            stream = stream_of(stage, client, a=server)
            with pytest.raises(CallError, match="has not finished"):
                _ = stream.result
            assert shown(await read(stream)) == [*WORDS, "FINISHED"]
            assert await stream.text() == stream.result.text == TEXT
            assert await read(stream) == []
            assert free(stage)

    with Server(repeats(answer(*WORDS))) as server:
        run(act)
        assert server.visits == 1


@pytest.mark.parametrize("story", SILENT.values(), ids=SILENT)
def test_st2_before_the_first_token_every_failure_fails_over_in_silence(run: Runner, story: Story) -> None:
    """ST1, ST2, ST5: the consumer sees the second route's answer only."""
    stage = stage_of("a", "b", attempt_timeout=0.2, min_useful=0.1)

    async def act(client: HttpAsync) -> None:
        stream = stream_of(stage, client, a=bad, b=good)
        assert shown(await read(stream)) == [*WORDS, "FINISHED"]
        assert stream.result.route == "server:b"

    with Server(story) as bad, Server(repeats(answer(*WORDS))) as good:
        run(act)
    assert free(stage, "a")
    assert free(stage, "b")


@pytest.mark.parametrize("how", [resets, holds])
@pytest.mark.parametrize("words", [WORDS, ("Gold", "en")])
def test_st1_after_a_cut_the_text_goes_on_or_begins_anew(
    run: Runner, how: Callable[[bytes], Story], words: tuple[str, ...]
) -> None:
    stage = stage_of("a", "b")

    async def act(client: HttpAsync) -> list[str]:
        return shown(await read(stream_of(stage, client, stall=0.2, a=bad, b=good)))

    with Server(how(BEGINS)) as bad, Server(repeats(answer(*words))) as good:
        events = run(act)
    assert events == (
        [*WORDS, "FINISHED"] if words == WORDS else ["Silver ", "RESTARTED", *words, "FINISHED"]
    )


def test_st1_a_cut_answer_is_an_error_where_nothing_may_be_begun_anew(run: Runner) -> None:
    stage = stage_of("a", "b")

    async def act(client: HttpAsync) -> None:
        stream = stream_of(stage, client, restart=False, a=bad, b=good)
        await anext(stream)
        with pytest.raises(StreamInterrupted) as raised:
            await anext(stream)
        assert raised.value.partial == "Silver "
        assert await read(stream) == []

    with Server(resets(BEGINS)) as bad, Server(repeats(answer(*WORDS))) as good:
        run(act)
    assert free(stage)


# Leaving


async def by_close(stream: AsyncStream) -> None:
    await anext(stream)
    await stream.aclose()
    await stream.aclose()


async def by_break(stream: AsyncStream) -> None:
    async for _ in stream:
        break


async def by_error(stream: AsyncStream) -> None:
    async with stream:
        await anext(stream)
        raise ZeroDivisionError


async def by_cancel(stream: AsyncStream) -> None:
    await anext(stream)
    asyncio.current_task().cancel()  # type: ignore[union-attr]  # it runs in one
    await anext(stream)


async def by_cancel_elsewhere(stream: AsyncStream) -> None:
    async for _ in stream:
        asyncio.current_task().cancel()  # type: ignore[union-attr]  # it runs in one
        await asyncio.sleep(1)


async def in_a_cycle(stream: AsyncStream) -> None:
    await anext(stream)
    cycle: list[Any] = [stream]
    cycle.append(cycle)


WAYS = (by_close, by_break, by_error, by_cancel, by_cancel_elsewhere)


async def left(way: Callable[[AsyncStream], Awaitable[None]], stream: AsyncStream) -> None:
    """In a task of its own, as consumers are."""
    await asyncio.gather(asyncio.ensure_future(way(stream)), return_exceptions=True)


def test_cx1_an_interruption_before_the_first_byte_is_read_lets_the_connection_go(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the head has come, and nothing reads the body yet."""
    monkeypatch.setattr("resilient_infer.drivers.exchange.reader", interrupted)
    stage = stage_of("a")

    async def act(client: HttpAsync) -> None:
        with pytest.raises(Interruption):
            await anext(stream_of(stage, client, a=server))
        assert free(stage)
        assert client._pools.current().watch.idle

    with Server(holds(BEGINS)) as server:
        run(act)
    assert ended(stage) == ["cancelled"]


@pytest.mark.parametrize("way", [*WAYS, in_a_cycle])
def test_st4_a_stream_that_is_abandoned_gives_everything_back(
    run: Runner, way: Callable[[AsyncStream], Awaitable[None]]
) -> None:
    """Permit, slot and connection, exactly once; nobody's failure (ST3). Dropped: in the loop's next turn."""
    stage, before = stage_of("a", breaker=BreakerConfig(consecutive=1)), internet_sockets()

    async def act(client: HttpAsync) -> None:
        await left(way, stream_of(stage, client, a=server))
        gc.collect()
        for _ in range(4):  # the frames of the task go, and what closes the stream has its turn
            await asyncio.sleep(0)
        assert free(stage)

    with Server(holds(BEGINS)) as server:
        run(act)
    assert closed_down_to(before)
    assert ended(stage) == ["cancelled"]
    assert not [event for event in stage.events if isinstance(event, AttemptFinished | CircuitChanged)]


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_st4_slots_never_leak_after_many_abandoned_streams(run: Runner, count: int) -> None:
    """Generator close/GC releases permit, bulkhead slot, connection exactly once."""
    stage, before = stage_of("a"), internet_sockets()

    async def act(client: HttpAsync) -> None:
        for number in range(count):
            await left(WAYS[number % len(WAYS)], stream_of(stage, client, a=server))
            while not free(stage):
                await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    with Server(holds(BEGINS)) as server:
        run(act)
    assert closed_down_to(before)
    assert ended(stage) == ["cancelled"] * count


def test_st4_what_a_kept_exception_holds_ends_with_its_deadline(run: Runner) -> None:
    """A consumer who is cancelled between two events, and left no `async with`: as long as somebody keeps
    the exception, its frames keep the stream; the connection is cut at the deadline, the permit runs out."""
    stage, before = stage_of("a", deadline=0.3), internet_sockets()

    async def act(client: HttpAsync) -> None:
        task = asyncio.create_task(by_cancel_elsewhere(stream_of(stage, client, a=server)))
        with pytest.raises(asyncio.CancelledError) as kept:
            await task
        assert not free(stage)
        await asyncio.sleep(0.35)
        assert closed_down_to(before, and_more=1)  # the server listens
        assert kept.value.__traceback__ is not None
        gate = stage.route("a").gate
        assert type(gate.ask(monotonic() + 1.0, lease=1.0)).__name__ == "Permit"

    with Server(holds(BEGINS)) as server:
        run(act)


@pytest.mark.parametrize("where", ["question", "head", "body", "sleep"])
def test_another_task_s_close_ends_what_waits_at_once(run: Runner, where: str) -> None:
    """The one who reads gets an error, and everything is given back once."""
    kinds = {"a": "tgi" if where == "question" else "openai"}  # TGI is asked first which commit it runs
    stage = stage_of("a", attempt_timeout=20.0, retries=2, kinds=kinds)
    busy = says(response(b"{}", "Retry-After: 4", status="429 Slow"))

    async def act(client: HttpAsync) -> None:
        stream = stream_of(stage, client, a=server)
        if where == "body":
            await anext(stream)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.1)
        with pytest.raises(CallError, match="another task"):
            await anext(stream)
        await stream.aclose()
        ended_in = [await asyncio.sleep(0, reading.done()) for _ in range(4)]
        assert True in ended_in
        with pytest.raises(CallError, match="the stream was closed"):
            reading.result()
        assert await read(stream) == []

    with Server({"question": hangs, "head": hangs, "body": holds(BEGINS), "sleep": busy}[where]) as server:
        run(act)
    assert ended(stage) == ["cancelled"]
    if where != "sleep":  # where the server asked to be left alone for a while
        assert free(stage)


@pytest.mark.parametrize("cancel", [False, True])
def test_cx4_closing_the_client_lets_a_stream_finish_or_cuts_it_short(run: Runner, cancel: bool) -> None:
    stage, sleepers = stage_of("a", "b"), AsyncSleepers()

    async def act(client: HttpAsync) -> None:
        stream = stream_of(stage, client, sleepers, a=server, b=server)
        await anext(stream)
        sleepers.close()
        await client.close(cancel=cancel)
        if cancel:
            with pytest.raises(CallError, match="story: the client was closed"):
                await stream.text()
        else:
            assert await stream.text() == TEXT
        await asyncio.sleep(0.01)  # the last one out closes the connections

    with Server(holds(BEGINS) if cancel else repeats(answer(*WORDS))) as server:
        run(act)
    assert ended(stage) == ["CallError" if cancel else "success"]
    assert free(stage)
