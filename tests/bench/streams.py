"""Bench 12: what do streams cost beside bare reading of the same bytes?

    python -m tests.bench.streams

CPU per chunk and the time to the first token, beside `requests` and aiohttp that read the same body and
make no sense of it; and the memory of 1,000 async streams at once. Tokens come all at once, where only
the work is measured, and a millisecond apart, where each is read by itself as from a real server. There
each finds the processor's caches cold, and the same work takes several times as long: what it takes to do
no more than decode each token and make an event of it stands beside ("least").
Needs orjson (the extra `fast`).
"""

import asyncio
import resource
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, Final

import aiohttp
import orjson
import requests

from resilient_infer import Client
from resilient_infer.aclient import AsyncClient
from resilient_infer.core.stream import Delta
from tests.bench.loopback import Loopback
from tests.bench.measure import BEST_OF, Act, alternating, verdict
from tests.bench.memory import resident
from tests.bench.stream_loopback import ALIAS, MODEL, WORD, streaming

BURST: Final = 2_000
"""Tokens of a stream that comes as fast as it can."""

PACED: Final = 400
BETWEEN: Final = 0.001
FIRSTS: Final = 300
"""Streams whose first token is waited for."""

TOGETHER: Final = 1_000
TOKENS_TOGETHER: Final = 10
CHUNK_BAR: Final = 15.0
FIRST_BAR: Final = 1.0
MEMORY_BAR: Final = 200.0

_HELLO: Final = [{"role": "user", "content": "Hello"}]


def main() -> bool:
    """Print the figures; whether all bars are met."""
    assert orjson.loads(b"1") == 1
    with streaming() as server:
        met = [_per_chunk(server, BURST, "at once"), _first_tokens(server)]
    with streaming(between=BETWEEN) as server:
        met.append(_per_chunk(server, PACED, "1 ms apart"))
    with streaming(between=1.0) as server:
        met.append(_together(server))
    return all(met)


class _Readers:
    """Ways to read a stream: ours and the bare one, sync and async, each on connections of its own."""

    def __init__(self, server: Loopback, stack: ExitStack) -> None:
        self._url = f"{server.url}/chat/completions"
        self._loop = stack.enter_context(asyncio.Runner())
        self._client = stack.enter_context(Client(lockfiles=server.folder, private_state=True))
        self._session = stack.enter_context(requests.Session())
        self._async_client = AsyncClient(lockfiles=server.folder, private_state=True)
        self._async_session = self._loop.run(_session())
        stack.callback(lambda: self._loop.run(self._close()))

    def sync_stream(self, tokens: int) -> float:
        """Seconds until the first token; the rest is read, too."""
        began, first, told = perf_counter(), 0.0, 0
        for event in self._client.stream(ALIAS, _payload(tokens)):
            if isinstance(event, Delta):
                first = first or perf_counter() - began
                told += len(event.text)
        assert told == tokens * len(WORD)
        return first

    def sync_bare(self, tokens: int) -> float:
        """The same until the first bytes."""
        began, first = perf_counter(), 0.0
        body = {"model": MODEL, "stream": True, **_payload(tokens)}
        with self._session.post(self._url, json=body, stream=True) as answer:
            for _ in answer.iter_content(chunk_size=None):
                first = first or perf_counter() - began
        return first

    def sync_least(self, tokens: int) -> float:
        """Bare reading, with each event decoded and told, and nothing else of what a stream is for."""
        began, first = perf_counter(), 0.0
        body = {"model": MODEL, "stream": True, **_payload(tokens)}
        with self._session.post(self._url, json=body, stream=True) as answer:
            for data in answer.iter_content(chunk_size=None):
                for event in data.split(b"\n\n"):
                    if event and not event.endswith(b"[DONE]"):
                        chunk = orjson.loads(event.removeprefix(b"data: "))
                        Delta(text=chunk["choices"][0]["delta"].get("content", ""), raw=chunk)
                first = first or perf_counter() - began
        return first

    def async_stream(self, tokens: int) -> float:
        """As `sync_stream`."""
        return self._loop.run(self._async_stream(tokens))

    def async_bare(self, tokens: int) -> float:
        """As `sync_bare`."""
        return self._loop.run(self._async_bare(tokens))

    async def _async_stream(self, tokens: int) -> float:
        began, first, told = perf_counter(), 0.0, 0
        async for event in self._async_client.stream(ALIAS, _payload(tokens)):
            if isinstance(event, Delta):
                first = first or perf_counter() - began
                told += len(event.text)
        assert told == tokens * len(WORD)
        return first

    async def _async_bare(self, tokens: int) -> float:
        began, first = perf_counter(), 0.0
        body = {"model": MODEL, "stream": True, **_payload(tokens)}
        async with self._async_session.post(self._url, json=body) as answer:
            async for _ in answer.content.iter_any():
                first = first or perf_counter() - began
        return first

    async def _close(self) -> None:
        await self._async_client.aclose()
        await self._async_session.close()


def _per_chunk(server: Loopback, tokens: int, how: str) -> bool:
    with ExitStack() as stack:
        readers = _Readers(server, stack)
        acts: dict[str, Act] = {
            "sync": partial(readers.sync_stream, tokens),
            "requests": partial(readers.sync_bare, tokens),
            "least": partial(readers.sync_least, tokens),
            "async": partial(readers.async_stream, tokens),
            "aiohttp": partial(readers.async_bare, tokens),
        }
        taken = alternating(acts, times=2, rounds=BEST_OF)
    costs = {name: min(each.cpu for each in rounds) * 1e6 / tokens for name, rounds in taken.items()}
    print(f"CPU per token, {how}: " + ", ".join(f"{name} {cost:.1f} µs" for name, cost in costs.items()))
    sync = verdict(
        f"stream over requests, tokens {how}", costs["sync"] - costs["requests"], CHUNK_BAR, unit=" µs"
    )
    beside = costs["async"] - costs["aiohttp"]
    return verdict(f"async stream over aiohttp, tokens {how}", beside, CHUNK_BAR, unit=" µs") and sync


def _first_tokens(server: Loopback) -> bool:
    """Streams of two tokens, ours and the bare one in turn."""
    with ExitStack() as stack:
        readers = _Readers(server, stack)
        sync = _later(partial(readers.sync_stream, 2), partial(readers.sync_bare, 2))
        beside = _later(partial(readers.async_stream, 2), partial(readers.async_bare, 2))
    met = verdict("time to the first token over requests", sync, FIRST_BAR, unit=" ms")
    return verdict("time to the first token over aiohttp", beside, FIRST_BAR, unit=" ms") and met


def _later(mine: Callable[[], float], bare: Callable[[], float]) -> float:
    """Milliseconds by which the first token comes later, in the middle of many pairs."""
    mine(), bare()
    return median(mine() - bare() for _ in range(FIRSTS)) * 1e3


def _together(server: Loopback) -> bool:
    """Memory of the whole process while 1,000 streams are in the middle of their answers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a descriptor each
    before = resident()
    peak, told = asyncio.run(_all_at_once(server))
    assert told == TOGETHER * TOKENS_TOGETHER * len(WORD), told
    print(f"resident before: {before:.0f} MiB; {(peak - before) * 1024 / TOGETHER:.0f} KiB a stream")
    return verdict(f"memory of the process with {TOGETHER:,} async streams", peak, MEMORY_BAR, unit=" MiB")


async def _all_at_once(server: Loopback) -> tuple[float, int]:
    """(MiB resident when all have begun and none has ended, letters that all streams told)."""
    begun, begins = 0, asyncio.Event()
    ended = 0

    async def read(client: AsyncClient) -> int:
        nonlocal begun, ended
        told = 0
        async for event in client.stream(ALIAS, _payload(TOKENS_TOGETHER)):
            if isinstance(event, Delta):
                begun += not told
                told += len(event.text)
                if begun == TOGETHER:
                    begins.set()
        ended += 1
        return told

    async with AsyncClient(lockfiles=server.folder, private_state=True) as client:
        reads = [asyncio.create_task(read(client)) for _ in range(TOGETHER)]
        await begins.wait()
        assert not ended, "some ended before all had begun"
        peak = resident()
        return peak, sum(await asyncio.gather(*reads))


def _payload(tokens: int) -> dict[str, Any]:
    return {"messages": _HELLO, "max_tokens": tokens}


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


if __name__ == "__main__":
    sys.exit(not main())
