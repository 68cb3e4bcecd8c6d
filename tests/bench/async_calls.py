"""Bench 13: 256 calls in flight on one event loop, beside bare aiohttp and litellm's Router.

    python -m tests.bench.async_calls

What bare aiohttp does with the same requests to the same server in the same run:
one session, an unlimited connector, no work with the answer but `json()`. And
what litellm's async Router makes of as many chats in flight, in a process and an environment of its own
(a Python that has it can be named in RESILIENT_INFER_LITELLM_PYTHON).
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

import aiohttp

from resilient_infer.aclient import AsyncClient
from tests.bench import stream_loopback
from tests.bench.loopback import ALIAS, TEXT, Loopback, serving, write_lockfiles
from tests.bench.measure import Spent, best_cpu, ratio, verdict, wall
from tests.bench.peers import Absent, Peer, litellm_router

IN_FLIGHT: Final = 256
CALLS: Final = 2048
ROUNDS: Final = 7
BAR: Final = 0.7
LITELLM_CALLS: Final = 512
LITELLM_ROUNDS: Final = 3
LITELLM_BAR: Final = 15.0
PAYLOAD: Final = {"inputs": TEXT}
CHAT: Final = {"messages": [{"role": "user", "content": "Hello"}]}

Once = Callable[[], Awaitable[object]]


def main() -> bool:
    """Print the figures; whether the bars are met."""
    with serving() as server:
        write_lockfiles(server.folder, server.url, policy=f"policy: {{concurrency: {IN_FLIGHT}}}")
        met = _beside_aiohttp(server)
        try:
            with litellm_router(server.url, IN_FLIGHT, LITELLM_CALLS) as router:
                return _beside_litellm(server, router) and met
        except Absent as absent:
            print(f"litellm's Router is left out: {absent}")
            return met


def _beside_aiohttp(server: Loopback) -> bool:
    ours, bare = asyncio.run(_measured(server))
    _show("acall", ours)
    _show("aiohttp", bare)
    share = 1 / ratio(ours, bare, wall)
    return verdict(f"requests a second, {IN_FLIGHT} in flight / bare aiohttp", share, BAR, at_least=True)


async def _measured(server: Loopback) -> tuple[list[Spent], list[Spent]]:
    body = json.dumps(PAYLOAD).encode()
    headers = {"Authorization": "Bearer a key for the bench", "Content-Type": "application/json"}
    ours: list[Spent] = []
    bare: list[Spent] = []
    async with (
        AsyncClient(lockfiles=server.folder, private_state=True) as client,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), headers=headers
        ) as session,
    ):

        async def post() -> object:
            async with session.post(server.model_url, data=body) as answer:
                return await answer.json()

        for number in range(ROUNDS + 1):
            pair = [(ours, lambda: client.call(ALIAS, PAYLOAD)), (bare, post)]
            for taken, once in pair[:: -1 if number % 2 else 1]:
                spent = await _together(once, CALLS)
                if number:  # the first opens the connections
                    taken.append(spent)
    return ours, bare


def _beside_litellm(server: Loopback, router: Peer) -> bool:
    with TemporaryDirectory() as folder:
        chats = Loopback(f"{server.url}/v1", Path(folder))
        stream_loopback.write_chat_lockfiles(chats)
        ours, theirs = asyncio.run(_in_turn(chats, router))
    _show("acall, a chat", ours)
    _show("litellm's acompletion", theirs)
    times = ratio(theirs, ours, wall)
    return verdict("chats a second / litellm's Router", times, LITELLM_BAR, at_least=True)


async def _in_turn(chats: Loopback, router: Peer) -> tuple[list[Spent], list[Spent]]:
    ours: list[Spent] = []
    theirs: list[Spent] = []
    async with AsyncClient(lockfiles=chats.folder, private_state=True) as client:
        await _together(lambda: client.call(stream_loopback.ALIAS, CHAT), IN_FLIGHT)
        for _ in range(LITELLM_ROUNDS):
            ours.append(await _together(lambda: client.call(stream_loopback.ALIAS, CHAT), CALLS))
            theirs.append(router.round())
    return ours, theirs


async def _together(once: Once, calls: int) -> Spent:
    async def again() -> None:
        for _ in range(calls // IN_FLIGHT):
            await once()

    began, cpu_began = perf_counter(), process_time()
    await asyncio.gather(*(again() for _ in range(IN_FLIGHT)))
    return Spent((perf_counter() - began) / calls, (process_time() - cpu_began) / calls)


def _show(name: str, rounds: list[Spent]) -> None:
    best = 1 / min(map(wall, rounds))
    print(f"{name:<22} {best:7,.0f} a second in the best round, {best_cpu(rounds):8,.1f} µs of CPU a call")


if __name__ == "__main__":
    sys.exit(not main())
