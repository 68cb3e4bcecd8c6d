"""Loopback: one server in a process of its own, so that only the client's work is measured.

It speaks as much of hf-inference and of OpenAI's chat as one healthy call needs, keeps connections
alive, and answers at once or after a while. No work is done that a client could wait for.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ALIAS: Final = "sentiment"
MODEL: Final = "org/bench"
KEY_VARIABLE: Final = "RESILIENT_INFER_BENCH_KEY"
TEXT: Final = "x" * 186
"""With its framing a body of 200 bytes."""

_LABELS: Final = b'[{"label":"POSITIVE","score":0.98},{"label":"NEGATIVE","score":0.02}]'
_CHAT: Final = (
    b'{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"org/bench",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}'
)


def _whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: bench\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


_ANSWER: Final = _whole(_LABELS)
_CHAT_ANSWER: Final = _whole(_CHAT)
_MANIFEST: Final = """\
version: 1
providers:
  bench: {{kind: hf-inference, url: "{url}", key_env: {variable}}}
{policy}
models:
  {alias}:
    task: text-classification
    targets:
{targets}
"""
_TARGET: Final = "      - {{model: {model}, routes: [bench]}}"
_LOCK: Final = """\
lock_version: "1.0"
models:
  {alias}:
    task: text-classification
    pins:
{pins}
"""
_PIN: Final = """\
      - model: {model}
        requested: main
        revision: "{commit}"
"""


@dataclass(frozen=True, slots=True)
class Loopback:
    """A server that runs, and the lockfiles that lead to it."""

    url: str
    folder: Path

    @property
    def model_url(self) -> str:
        """Where the model is asked by those who have no lockfiles."""
        return f"{self.url}/models/{MODEL}"


@contextmanager
def serving(*, delay: float = 0.0) -> Iterator[Loopback]:
    """A server that answers after `delay` seconds. The key that its manifest names is set."""
    os.environ[KEY_VARIABLE] = "a key for the bench"
    with TemporaryDirectory() as folder, _running(delay) as port:
        url = f"http://127.0.0.1:{port}"
        write_lockfiles(Path(folder), url)
        yield Loopback(url, Path(folder))


def write_lockfiles(folder: Path, url: str, *, models: tuple[str, ...] = (MODEL,), policy: str = "") -> None:
    """A manifest with one alias whose models are all reached at `url`, and its lock."""
    targets = "\n".join(_TARGET.format(model=model) for model in models)
    manifest = _MANIFEST.format(url=url, variable=KEY_VARIABLE, alias=ALIAS, targets=targets, policy=policy)
    (folder / "models.yaml").write_text(manifest, encoding="utf-8")
    pins = "".join(_PIN.format(model=model, commit="a" * 40) for model in models)
    (folder / "models.lock.yaml").write_text(_LOCK.format(alias=ALIAS, pins=pins), encoding="utf-8")


@contextmanager
def _running(delay: float) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.bench.loopback", str(delay)]
    place = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=place) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()  # the server ends with its input, however this process ends


class _Connection(asyncio.Protocol):
    """Answers each whole request. Clients that wait for an answer send one request at a time."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length):
            return
        self._received = b""
        answer = _CHAT_ANSWER if b"/chat/completions " in head else _ANSWER
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def _serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
