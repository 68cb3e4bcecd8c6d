"""The stage of the fault suite: a primary and a fallback over real sockets, and a client with the defaults.

Two models are targets of one chat alias, each on a server of its own. The
sync and the async client play the same stories; the journals of the servers
tell what the providers saw.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from resilient_infer import AsyncClient, Client
from resilient_infer.core.events import Event
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Delta, Finished, Restarted, StreamEvent
from resilient_infer.core.task import TASKS, Json
from resilient_infer.errors import CallError
from resilient_infer.lock.policy import resolve
from resilient_infer.testing.sandbox import Model, Received, Sandbox, Served, Server
from tests.testing.raw import ask

ALIAS = "chat"
SMALL = Model(name="small-chat-2025-04-14", task="chat", context=4096, hub=False)
TINY = Model(name="tiny-chat-2025-04-14", task="chat", context=16, hub=False)
LARGE = Model(name="large-chat-2025-04-14", task="chat", context=131_072, hub=False)
PRICES: Mapping[str, Mapping[str, float]] = {
    "primary": {"input": 1.0, "output": 2.0},
    "fallback": {"input": 30.0, "output": 70.0},
}
"""USD per million tokens; so far apart that no sum of one is a sum of the other."""

PAYLOAD: Mapping[str, Json] = {
    "messages": [
        {"role": "user", "content": "Tell me of the harbour."},
        {"role": "assistant", "content": "Which one?"},
        {"role": "user", "content": "The one that the ferry left before dawn, and what the captain read."},
    ],
    "temperature": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a story is told.

    Attributes:
        scale: What every second of a story, and every key of the policy that is a time, is multiplied by.
        busy: Seconds that the machine may be late.
    """

    scale: float
    busy: float

    def __call__(self, seconds: float) -> float:
        """A time of a story at this pace."""
        return seconds * self.scale

    @property
    def policy(self) -> dict[str, Json]:
        """The defaults of the policy with their times scaled; at full scale nothing is said."""
        if self.scale == 1.0:
            return {}
        usual = resolve(TASKS["chat"])
        times = (
            "deadline",
            "attempt_timeout",
            "first_token_timeout",
            "stall_timeout",
            "max_wait",
            "min_useful",
        )
        breaker = {name: self(getattr(usual.breaker, name)) for name in ("window", "open", "max_open")}
        return {**{name: self(getattr(usual, name)) for name in times}, "breaker": breaker}


@dataclass(slots=True)
class Seen:
    """What a caller saw of one call.

    Attributes:
        text: What the consumer of a stream was left with.
        restarts: How often he was told to throw away what he had.
        first: Seconds until the first piece of a stream; None without one.
        elapsed: Seconds until the answer was whole, or the error was raised.
        events: What the client's listener heard.
    """

    result: Result | None = None
    error: CallError | None = None
    text: str = ""
    restarts: int = 0
    first: float | None = None
    elapsed: float = 0.0
    began: float = field(default_factory=time.monotonic)
    events: tuple[Event, ...] = ()

    def take(self, event: StreamEvent) -> None:
        match event:
            case Delta(text=text):
                self.first = self.first or time.monotonic() - self.began
                self.text += text
            case Restarted():
                self.restarts += 1
                self.text = ""
            case Finished(result=result):
                self.result = result

    @property
    def attempts(self) -> list[str]:
        """The provider that each request went to, as the answer or the error tells it."""
        told = self.result or self.error
        assert told is not None
        return [record.route.partition(":")[0] for record in told.attempts if record.number]


class Caller(Protocol):
    """A client in the hands of somebody who calls it."""

    def ask(self, *, stream: bool) -> Seen: ...

    def close(self) -> None: ...


class SyncCaller:
    def __init__(self, folder: Path) -> None:
        self._heard: list[Event] = []
        self._client = Client(lockfiles=folder, private_state=True, listeners=[self._heard.append])

    def ask(self, *, stream: bool) -> Seen:
        self._heard.clear()
        seen = Seen()
        try:
            if stream:
                with self._client.stream(ALIAS, PAYLOAD) as events:
                    for event in events:
                        seen.take(event)
            else:
                seen.result = self._client.call(ALIAS, PAYLOAD)
        except CallError as error:
            seen.error = error
        return _ended(seen, self._heard)

    def close(self) -> None:
        self._client.close(cancel=True)


class AsyncCaller:
    def __init__(self, folder: Path) -> None:
        self._heard: list[Event] = []
        self._client = AsyncClient(lockfiles=folder, private_state=True, listeners=[self._heard.append])
        self._runner = asyncio.Runner()

    def ask(self, *, stream: bool) -> Seen:
        self._heard.clear()
        return self._runner.run(self._ask(stream))

    async def _ask(self, stream: bool) -> Seen:
        seen = Seen()
        try:
            if stream:
                async with self._client.stream(ALIAS, PAYLOAD) as events:
                    async for event in events:
                        seen.take(event)
            else:
                seen.result = await self._client.call(ALIAS, PAYLOAD)
        except CallError as error:
            seen.error = error
        return _ended(seen, self._heard)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


FACES = {"sync": SyncCaller, "async": AsyncCaller}


class Stage:
    """The two servers, what they would say undisturbed, and a caller."""

    def __init__(self, sandbox: Sandbox, folder: Path, face: str, pace: Pace, primary: Model = SMALL) -> None:
        self.primary = sandbox.serve("openai", name="primary", models=[primary])
        self.fallback = sandbox.serve("openai", name="fallback", models=[LARGE])
        self.truths = {server.name: _truth(server) for server in sandbox.servers}
        self.caller: Caller = FACES[face](_written(sandbox, folder, pace))
        self.begin()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.caller.close()

    def server(self, name: str) -> Server:
        return self.primary if name == self.primary.name else self.fallback

    def begin(self) -> None:
        """The journals are told from here."""
        self._before = {server.name: len(server.requests) for server in (self.primary, self.fallback)}

    def journal(self, server: Server) -> tuple[Received, ...]:
        """What the client has sent to a server."""
        return server.requests[self._before[server.name] :]


def _ended(seen: Seen, heard: list[Event]) -> Seen:
    seen.elapsed = time.monotonic() - seen.began
    seen.events = tuple(heard)
    return seen


def _truth(server: Server) -> Any:
    """The whole answer of a server that nothing is wrong with; None if it refuses the payload."""
    answer = ask(server, "/chat/completions", {"model": next(iter(server.models)), **PAYLOAD})
    return answer.json if answer.status == 200 else None


def _written(sandbox: Sandbox, folder: Path, pace: Pace) -> Path:
    """`models.yaml` and `models.lock.yaml`; JSON is YAML."""
    targets = [
        {"provider": server.name, "name": next(iter(server.models)), "pin": "versioned"}
        | {"price": PRICES[server.name]}
        for server in sandbox.servers
    ]
    manifest = {
        "version": 1,
        "providers": {server.name: {"kind": server.kind, "url": server.url} for server in sandbox.servers},
        "policy": pace.policy,
        "models": {ALIAS: {"task": "chat", "targets": targets}},
    }
    served = [Served(model=next(iter(server.models)), by=(server,)) for server in sandbox.servers]
    folder.mkdir()
    (folder / "models.yaml").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "models.lock.yaml").write_text(sandbox.lock({ALIAS: served}), encoding="utf-8")
    return folder
