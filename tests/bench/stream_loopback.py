"""Stream loopback: a server in a process of its own that streams chats, one token a chunk.

It speaks as much of the OpenAI protocol as one healthy stream needs, and sends
each token in a write of its own: all at once, or a while apart, as servers do. A payload's `max_tokens`
says how many. Every `CHUNK` is one chunk of the HTTP body, as uvicorn frames what vLLM yields.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Final

from tests.bench.loopback import KEY_VARIABLE, Loopback

ALIAS: Final = "chat"
MODEL: Final = "org/bench"
WORD: Final = " token"

_MANIFEST: Final = """\
version: 1
providers:
  bench: {{kind: openai, url: "{url}", key_env: {variable}}}
policy: {{concurrency: 2000, deadline: 120, first_token_timeout: 60}}
models:
  {alias}:
    task: chat
    targets:
      - {{model: {model}, routes: [bench]}}
"""
_LOCK: Final = """\
lock_version: "1.0"
models:
  {alias}:
    task: chat
    pins:
      - model: {model}
        requested: main
        revision: "{commit}"
"""
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"X-Request-Id: bench\r\nTransfer-Encoding: chunked\r\n\r\n"
)


@contextmanager
def streaming(*, between: float = 0.0) -> Iterator[Loopback]:
    """A server that streams with `between` seconds from token to token. The key is set."""
    os.environ[KEY_VARIABLE] = "a key for the bench"
    command = [sys.executable, "-m", "tests.bench.stream_loopback", str(between)]
    place = Path(__file__).parents[2]
    with TemporaryDirectory() as name, Popen(command, stdin=PIPE, stdout=PIPE, cwd=place) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            loopback = Loopback(f"http://127.0.0.1:{int(server.stdout.readline())}/v1", Path(name))
            write_chat_lockfiles(loopback)
            yield loopback
        finally:
            server.stdin.close()  # the server ends with its input, however this process ends


def write_chat_lockfiles(server: Loopback) -> None:
    """A manifest with one chat, and its lock."""
    manifest = _MANIFEST.format(url=server.url, variable=KEY_VARIABLE, alias=ALIAS, model=MODEL)
    (server.folder / "models.yaml").write_text(manifest, encoding="utf-8")
    lock = _LOCK.format(alias=ALIAS, model=MODEL, commit="a" * 40)
    (server.folder / "models.lock.yaml").write_text(lock, encoding="utf-8")


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    body = {
        "id": "chatcmpl-0123456789abcdef0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }
    return _framed(b"data: %b\n\n" % json.dumps(body, separators=(",", ":")).encode())


def _framed(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


_TOKEN: Final = _chunk({"content": WORD})
_FIRST: Final = _HEAD + _chunk({"role": "assistant", "content": ""})
_LAST: Final = _chunk({}, "stop") + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, between: float) -> None:
    """Answer one request after the other until the client goes."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        tokens = json.loads(await reader.readexactly(length))["max_tokens"]
        writer.write(_FIRST)
        for _ in range(tokens):
            if between:
                await asyncio.sleep(between)
            writer.write(_TOKEN)
            await writer.drain()
        writer.write(_LAST)
        await writer.drain()


async def _serve(between: float) -> None:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(reader, writer, between)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
