"""Calls and streams that are cancelled on real loops, at each of their waits for a real socket."""

import asyncio
import json
import socket
import threading
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from resilient_infer.core.gates import Permit
from resilient_infer.transport.http_async import HttpAsync
from tests.drivers.streams import DONE, END, HEAD, WORDS, chunk, spec_of, stage_of, told
from tests.scenarios.on_loops import Scene, interrupted, text_of
from tests.sockets import closed_down_to, internet_sockets
from tests.transport.async_asking import Runner, loops
from tests.transport.stories import Server, Story, hangs, read_request, response, says

TEXT = "".join(WORDS)
MESSAGE = {"model": "m", "choices": [{"finish_reason": "stop", "message": {"content": TEXT}}]}
WHOLE = response(json.dumps(MESSAGE).encode(), "Content-Type: application/json")
# Its end is told, else the repeat might meet it on this connection and be sent once more, at no cost.
BROKEN = response(b"{}", "Connection: close", status="500 Oh")
STREAMED = (HEAD, told(*WORDS[:1]), told(*WORDS[1:]) + chunk({}, "stop"), DONE, END)
MOST_WAITS = 60
"""More than any of these calls waits."""


@pytest.fixture(params=loops())
def run(request: pytest.FixtureRequest) -> Runner:
    return Runner(request.param)


def in_pieces(*pieces: bytes) -> Story:
    """An answer in as many packets, one after another, so that each of them is waited for."""

    def story(sock: Any, visit: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            read_request(sock)
            for piece in pieces:
                sock.sendall(piece)
                threading.Event().wait(0.002)

    return story


def split(answer: bytes) -> tuple[bytes, bytes, bytes]:
    end = answer.index(b"\r\n\r\n") + 4
    return answer[:20], answer[20 : end + 5], answer[end + 5 :]


SCENES: dict[str, tuple[bool, tuple[Story, ...]]] = {
    "a call": (False, (in_pieces(*split(WHOLE)),)),
    "a call that asks twice": (False, (says(BROKEN), in_pieces(*split(WHOLE)))),
    "a stream": (True, (in_pieces(*STREAMED),)),
    "a stream that asks twice": (True, (says(BROKEN), in_pieces(*STREAMED))),
    "a stream that begins anew": (True, (says(HEAD + told("Sil")), in_pieces(*STREAMED))),
}


@pytest.mark.parametrize("how", ["at once", "answered"])
@pytest.mark.parametrize("name", SCENES)
def test_cx1_a_task_cancelled_at_any_await_gives_everything_back(run: Runner, name: str, how: str) -> None:
    """CX1-CX3: the cancellation comes out as it is, in the loop's next turn; no permit, token, connection
    or task is left, nothing is counted against the server, and the next one is answered. It is done at the
    first wait, the second, and so on until the answer is there before."""
    stream, stories = SCENES[name]

    async def once(client: HttpAsync, number: int, server: Server) -> str | int:
        scene = Scene()
        ended = await interrupted(scene.text(client, server, stream=stream), number, how)
        scene.holds_nothing(ended="cancelled" if isinstance(ended, int) else "success")
        assert await Scene().text(client, server, stream=stream) == TEXT
        return ended

    before = internet_sockets()
    for number in range(1, MOST_WAITS):
        with Server(*stories) as server:
            ended = run(lambda client, number=number, server=server: once(client, number, server))
        if isinstance(ended, str):
            break
        assert ended <= 1
    assert ended == TEXT
    assert closed_down_to(before)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("outer", [0.04, 0.06])
def test_cx3_the_caller_s_timeout_is_his_although_the_attempt_s_ends_in_the_same_turn(
    run: Runner, stream: bool, outer: float
) -> None:
    """Neither is taken for the other, whichever fires first, and no cancellation is left pending."""
    scene = Scene(stage=stage_of("a", attempt_timeout=0.05, min_useful=0.02))

    async def act(client: HttpAsync) -> None:
        task = asyncio.current_task()
        assert task is not None
        # A loop that is held up finds both moments past.
        asyncio.get_running_loop().call_later(0.03, threading.Event().wait, 0.05)
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(outer):
                await scene.text(client, server, stream=stream)
        assert isinstance(raised.value.__cause__, asyncio.CancelledError)
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    with Server(hangs) as server:
        run(act)
    scene.holds_nothing()
    assert scene.gate.settled == 0


@pytest.mark.parametrize("when", ["waiting", "called", "woken"])
def test_cx1_a_task_cancelled_in_the_queue_of_a_full_route_leaves_its_place(run: Runner, when: str) -> None:
    """And keeps no slot from others that was freed for it at that very moment."""
    scene = Scene()

    async def act(client: HttpAsync) -> None:
        held = scene.gate.ask(monotonic(), lease=60.0)
        assert isinstance(held, Permit)
        task = asyncio.create_task(scene.text(client, server, stream=True))
        while not scene.gate.tickets:
            await asyncio.sleep(0)
        if when != "waiting":
            scene.gate.release(held)
        if when == "woken":  # and had no turn yet
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert not scene.gate.tickets
        if when == "waiting":
            scene.gate.release(held)
        scene.holds_nothing()
        assert await Scene(stage=scene.stage).text(client, server, stream=False) == TEXT

    with Server(in_pieces(WHOLE)) as server:
        run(act)


def test_ts3_loops_of_two_threads_wait_for_each_other_s_slots_and_lose_none_to_cancellations() -> None:
    """One gate works from several loops at once; a slot that is given back in one is called in another."""
    stage, client = stage_of("a", concurrency=4), HttpAsync()
    texts: list[str] = []

    async def one(number: int, server: Server) -> None:
        spec = replace(spec_of(stage, a=server), stream=number % 2 == 0)
        ended = await interrupted(text_of(spec, stage, client), number % 6 or MOST_WAITS, "at once")
        texts.extend([ended] if isinstance(ended, str) else [])

    async def many(server: Server) -> None:
        for start in range(0, 120, 4):  # four slots, and as many places in the queue
            await asyncio.gather(*(one(start + number, server) for number in range(4)))

    with Server(in_pieces(WHOLE)) as server:
        threads = [threading.Thread(target=asyncio.run, args=(many(server),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    gate = stage.route("a").gate
    permits = [gate.ask(monotonic(), lease=1.0) for _ in range(5)]

    assert texts == [TEXT] * len(texts)
    assert len(texts) > 40
    assert [isinstance(permit, Permit) for permit in permits] == [True] * 4 + [False]
