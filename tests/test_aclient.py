"""The async client over real sockets: `Client` in all but the waiting, and nothing left behind."""

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pytest

from resilient_infer import AllTargetsFailed, CallError, Client, NotAdmitted
from resilient_infer import aclient as async_face
from resilient_infer import client as sync_face
from resilient_infer.aclient import AsyncClient
from resilient_infer.core.stream import Delta, Finished
from resilient_infer.testing.sandbox import Delay, Hang, Sandbox, Status

from .conftest import MakeClient
from .models import CHAT, SENTIMENT
from .sockets import closed_down_to, internet_sockets
from .transport.async_asking import loops

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture(params=loops())
def run(request: pytest.FixtureRequest) -> Run[Any]:
    with asyncio.Runner(loop_factory=request.param) as first:
        first.run(asyncio.sleep(0))  # uvloop keeps a pair of sockets from its first loop on

    def go(act: Coroutine[Any, Any, T]) -> T:
        async def whole() -> T:
            result = await act
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return result

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(whole())

    return go


@pytest.fixture
def folder(make_client: MakeClient, tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    def make(models: dict[str, str]) -> Path:
        make_client(models).close()
        return tmp_path / "lockfiles"

    return make


def client_of(folder: Path, **settings: Any) -> AsyncClient:
    return AsyncClient(lockfiles=folder, private_state=True, **settings)


@contextmanager
def nothing_left() -> Iterator[None]:
    """No socket and no thread stays that was not there before."""
    threads, before = set(threading.enumerate()), internet_sockets()
    yield
    assert closed_down_to(before)
    names = {thread.name for thread in set(threading.enumerate()) - threads}
    assert not any("asyncio" in name for name in names), names


def test_both_clients_have_the_same_methods_with_the_same_signatures() -> None:
    def parameters(function: Any) -> list[Any]:
        return list(inspect.signature(function).parameters.values())

    def public(face: type) -> set[str]:
        return {name for name in vars(face) if not name.startswith("_")}

    names = {"call": "call", "stream": "stream", "close": "aclose"}
    assert public(Client) == set(names)
    assert public(AsyncClient) == set(names.values())
    for name, twin in names.items():
        assert parameters(getattr(Client, name)) == parameters(getattr(AsyncClient, twin))
    assert parameters(Client) == parameters(AsyncClient)
    for name in ("call", "stream"):
        assert parameters(getattr(sync_face, name)) == parameters(getattr(async_face, f"a{name}"))
    assert inspect.iscoroutinefunction(async_face.acall)


def test_a_call_is_answered_as_the_sync_client_is(run: Run[Any], sandbox: Sandbox, folder: Any) -> None:
    sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    place = folder({"sentiment": SENTIMENT})

    async def act() -> Any:
        async with client_of(place) as client:
            results = [await client.call("sentiment", "I love it") for _ in range(3)]
        with pytest.raises(CallError, match="the client is closed"):
            await client.call("sentiment", "I love it")
        return results

    with nothing_left():
        results = run(act())
    with Client(lockfiles=place, private_state=True) as client:
        expected = client.call("sentiment", "I love it")

    for result in results:
        assert (result.output, result.route, result.pin) == (expected.output, expected.route, expected.pin)


def test_many_calls_at_once_fail_over_and_leave_nothing(run: Run[Any], sandbox: Sandbox, folder: Any) -> None:
    first = sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    first.fail(Status(code=500), chance=0.3)
    place = folder({"sentiment": SENTIMENT})

    async def act() -> list[Any]:
        async with client_of(place) as client:
            calls = (client.call("sentiment", f"I love it {n}", deadline=20) for n in range(60))
            return await asyncio.gather(*calls, return_exceptions=True)

    with nothing_left():
        outcomes = run(act())

    assert all(hasattr(each, "output") or isinstance(each, CallError) for each in outcomes)
    assert sum(hasattr(each, "output") for each in outcomes) > 30


def test_a_stream_tells_the_whole_answer(run: Run[Any], sandbox: Sandbox, folder: Any) -> None:
    sandbox.serve("openai", name="ours", models=[CHAT])
    place = folder({"chat": CHAT})

    async def act() -> Any:
        async with client_of(place) as client:
            whole = await client.call("chat", "Hello")
            async with client.stream("chat", "Hello") as stream:
                events = [event async for event in stream]
                assert stream.result is events[-1].result
            return whole, events, await client.stream("chat", "Hello").text()

    with nothing_left():
        whole, events, text = run(act())

    assert "".join(each.text for each in events if isinstance(each, Delta)) == whole.text == text
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("leave", ["break", "drop", "close", "cancel"])
def test_st4_abandoned_streams_give_everything_back(
    run: Run[Any], sandbox: Sandbox, folder: Any, leave: str
) -> None:
    """Slots never leak: there is room for 64, and 200 leave after the first event."""
    sandbox.serve("openai", name="ours", models=[CHAT])
    place = folder({"chat": CHAT})

    async def consume(client: AsyncClient) -> None:
        stream = client.stream("chat", "Hello")
        async for _ in stream:
            if leave == "close":
                await stream.aclose()
                await stream.aclose()
            if leave == "cancel":
                asyncio.current_task().cancel()  # type: ignore[union-attr]  # it runs in one
                await stream.text()
            break

    async def act() -> None:
        async with client_of(place) as client:
            for _ in range(200):
                await asyncio.gather(asyncio.create_task(consume(client)), return_exceptions=True)
            await asyncio.sleep(0.01)  # dropped ones are closed in the loop's next turn
            assert (await client.call("chat", "Hello")).text

    with nothing_left():
        run(act())


def test_cx4_another_task_s_close_ends_a_read_that_waits(
    run: Run[Any], sandbox: Sandbox, folder: Any
) -> None:
    server = sandbox.serve("openai", name="ours", models=[CHAT])
    server.fail(Hang())
    place = folder({"chat": CHAT})

    async def act() -> None:
        async with client_of(place) as client:
            stream = client.stream("chat", "Hello")
            reading = asyncio.create_task(anext(stream))
            while not server.requests:
                await asyncio.sleep(0.005)
            began = monotonic()
            await stream.aclose()
            with pytest.raises(CallError, match="the stream was closed"):
                await reading
            assert monotonic() - began < 1

    with nothing_left():
        run(act())


@pytest.mark.parametrize("how", ["cancel", "timeout", "group"])
def test_cx1_a_cancelled_call_comes_through_and_is_held_against_nobody(
    run: Run[Any], sandbox: Sandbox, folder: Any, how: str
) -> None:
    """CX1, CX3: the caller's own exception, at once; the circuit and the bulkhead know nothing of it."""
    server = sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    server.fail(Hang())
    place = folder({"sentiment": SENTIMENT})

    async def once(client: AsyncClient) -> None:
        seen = len(server.requests)
        if how == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.call("sentiment", "x")
        elif how == "cancel":
            task = asyncio.create_task(client.call("sentiment", "x"))
            while len(server.requests) == seen:
                await asyncio.sleep(0.001)
            task.cancel("mine")
            with pytest.raises(asyncio.CancelledError, match="mine"):
                await task
        else:
            with pytest.raises(ExceptionGroup) as raised:
                await _in_a_group_that_fails(client)
            assert [type(each) for each in raised.value.exceptions] == [ZeroDivisionError]

    async def act() -> Any:
        async with client_of(place) as client:
            for _ in range(70):  # more than the bulkhead holds
                await once(client)
            server.heal()
            return await client.call("sentiment", "x")

    with nothing_left():
        assert len(run(act()).attempts) == 1


async def _in_a_group_that_fails(client: AsyncClient) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(client.call("sentiment", "x"))
        group.create_task(_fail())


async def _fail() -> None:
    await asyncio.sleep(0.005)
    raise ZeroDivisionError


def test_cx4_closing_with_cancel_ends_calls_in_flight_and_without_lets_them_finish(
    run: Run[Any], sandbox: Sandbox, folder: Any
) -> None:
    server = sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    server.fail(Delay(seconds=0.2))
    place = folder({"sentiment": SENTIMENT})

    async def act(cancel: bool) -> Any:
        client, seen = client_of(place), len(server.requests)
        calls = [asyncio.create_task(client.call("sentiment", "x")) for _ in range(3)]
        while len(server.requests) < seen + 3:
            await asyncio.sleep(0.002)
        await client.aclose(cancel=cancel)
        ended = await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.01)  # the last one out closes the connections
        return ended

    with nothing_left():
        finished, cut = run(act(False)), run(act(True))

    assert all(hasattr(each, "output") for each in finished)
    assert all(isinstance(each, CallError) and "was closed" in str(each) for each in cut)


def test_circuits_are_shared_with_sync_clients_of_the_process(sandbox: Sandbox, folder: Any) -> None:
    server = sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    server.fail(Status(code=500))
    place = folder({"sentiment": SENTIMENT})

    async def act() -> None:
        async with AsyncClient(lockfiles=place) as client:
            for _ in range(10):
                with pytest.raises((AllTargetsFailed, NotAdmitted)):
                    await client.call("sentiment", "x", deadline=3)

    asyncio.run(act())
    with Client(lockfiles=place) as client, pytest.raises(NotAdmitted):
        client.call("sentiment", "x")


def test_one_client_serves_several_loops_one_after_the_other_and_at_once(
    sandbox: Sandbox, folder: Any
) -> None:
    sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    client = client_of(folder({"sentiment": SENTIMENT}))
    routes: list[str] = []

    async def act() -> None:
        results = await asyncio.gather(*(client.call("sentiment", f"{n}") for n in range(10)))
        routes.extend(result.route for result in results)

    with nothing_left():
        for _ in range(2):
            asyncio.run(act())
        threads = [threading.Thread(target=asyncio.run, args=(act(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(client.aclose())

    assert routes == [f"ours:{SENTIMENT}"] * 60


def test_a_client_that_is_forgotten_warns_and_its_connections_are_closed(
    run: Run[Any], sandbox: Sandbox, folder: Any
) -> None:
    sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    place = folder({"sentiment": SENTIMENT})

    async def act() -> list[str]:
        client = client_of(place)
        await client.call("sentiment", "x")
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            del client
            gc.collect()
        await asyncio.sleep(0.02)
        return [str(each.message) for each in told if each.category is ResourceWarning]

    with nothing_left():
        told = run(act())

    assert len(told) == 1
    assert "was not closed; await its aclose()" in told[0]


@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_ts2_a_forked_child_has_connections_of_its_own_and_harms_none(sandbox: Sandbox, folder: Any) -> None:
    server = sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    place = folder({"sentiment": SENTIMENT})

    async def act() -> None:
        async with client_of(place) as client:
            await client.call("sentiment", "x")
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    asyncio._set_running_loop(None)
                    result = asyncio.run(client.call("sentiment", "in the child", deadline=5))
                    status = 7 if result.output else 2
                finally:
                    os._exit(status)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.waitstatus_to_exitcode(status) == 7
            await client.call("sentiment", "y")

    asyncio.run(act())
    assert len(server.requests) == 3


def test_importing_it_needs_no_aiohttp_and_making_a_client_says_what_to_install() -> None:
    program = """
import sys
sys.modules["aiohttp"] = None
import resilient_infer.aclient
try:
    resilient_infer.aclient.AsyncClient()
except resilient_infer.ConfigError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )

    assert 'pip install "resilient-infer[async]"' in ended.stdout
