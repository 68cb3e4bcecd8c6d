"""Bench: 256 calls in flight on one event loop.

    python -m tests.bench.async_calls

Beside it, what bare aiohttp does with the same requests to the same server in
the same run: one session, an unlimited connector, no work with the answer but
`json()`.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time
from typing import Final

import aiohttp

from resilient_infer.aclient import AsyncClient
from tests.bench.loopback import ALIAS, TEXT, serving, write_lockfiles
from tests.bench.measure import Spent, ratio, verdict, wall

IN_FLIGHT: Final = 256
CALLS: Final = 2048
ROUNDS: Final = 7
BAR: Final = 0.7
PAYLOAD: Final = {"inputs": TEXT}

Once = Callable[[], Awaitable[object]]


def main() -> bool:
    """Print the figures; whether the bars are met."""
    with serving() as server:
        write_lockfiles(server.folder, server.url, policy=f"policy: {{concurrency: {IN_FLIGHT}}}")
        ours, bare = asyncio.run(_measured(server.folder, server.model_url))
    for name, rounds in (("acall", ours), ("aiohttp", bare)):
        print(f"{name:<22} {1 / min(map(wall, rounds)):7,.0f} a second in the best round")
    share = 1 / ratio(ours, bare, wall)
    return verdict(f"requests a second, {IN_FLIGHT} in flight / bare aiohttp", share, BAR, at_least=True)


async def _measured(folder: object, url: str) -> tuple[list[Spent], list[Spent]]:
    body = json.dumps(PAYLOAD).encode()
    headers = {"Authorization": "Bearer a key for the bench", "Content-Type": "application/json"}
    ours: list[Spent] = []
    bare: list[Spent] = []
    async with (
        AsyncClient(lockfiles=str(folder), private_state=True) as client,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), headers=headers
        ) as session,
    ):

        async def post() -> object:
            async with session.post(url, data=body) as answer:
                return await answer.json()

        for number in range(ROUNDS + 1):
            pair = [(ours, lambda: client.call(ALIAS, PAYLOAD)), (bare, post)]
            for taken, once in pair[:: -1 if number % 2 else 1]:
                spent = await _together(once)
                if number:  # the first opens the connections
                    taken.append(spent)
    return ours, bare


async def _together(once: Once) -> Spent:
    async def again() -> None:
        for _ in range(CALLS // IN_FLIGHT):
            await once()

    began, cpu_began = perf_counter(), process_time()
    await asyncio.gather(*(again() for _ in range(IN_FLIGHT)))
    return Spent((perf_counter() - began) / CALLS, (process_time() - cpu_began) / CALLS)


if __name__ == "__main__":
    sys.exit(not main())
