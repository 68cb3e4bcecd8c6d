"""Async client: the face for event loops. `await acall(alias, payload)` and what it needs to be made once."""

import os
import threading
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from resilient_infer.assembly import Assembly
from resilient_infer.core.events import Listener
from resilient_infer.core.payload import PayloadInput
from resilient_infer.core.result import Result
from resilient_infer.drivers.aio import AsyncSleepers, drive
from resilient_infer.drivers.aio_stream import AsyncStream
from resilient_infer.drivers.frames import forget_frames
from resilient_infer.errors import CallError, ConfigError, ResilientInferError
from resilient_infer.telemetry.installed import INSTALLED, hears_circuits
from resilient_infer.telemetry.listeners import checked, teller

if TYPE_CHECKING:
    import pybreaker

    from resilient_infer.transport.http_async import HttpAsync

LockMode = Literal["locked", "frozen", "off"]


class AsyncClient:
    """Calls the models of one lockfiles folder from event loops. `Client`, method by method.

    Safe to share between tasks, and between loops in several threads; each loop has connections of its
    own, which it closes at the latest when it stops. Circuits, limits and buckets are those of the
    process, and shared with every `Client` in it.

    >>> async with AsyncClient(lockfiles="lockfiles", environment="prod") as client:
    ...     (await client.call("chat", "Hi", deadline=2.0)).text

    A payload or an answer of many megabytes holds the loop up while it is put in words or read: call
    `Client` in a thread for those.

    Args:
        lockfiles: As for `Client`, and so are all others.

    Raises:
        ConfigError: As from `Client`; also if aiohttp is not installed.
    """

    def __init__(
        self,
        *,
        lockfiles: str | Path | None = None,
        environment: str | None = None,
        lock_mode: LockMode | None = None,
        listeners: "Iterable[Listener | pybreaker.CircuitBreakerListener]" = (),
        private_state: bool = False,
    ) -> None:
        transport = _transport()
        given = checked(listeners)
        if not private_state:
            given = (*INSTALLED.listeners(), *given)
        self._sleepers = AsyncSleepers()
        self._source = "nothing yet"
        try:
            self._assembly = Assembly.load(
                lockfiles=lockfiles,
                environment=environment,
                lock_mode=lock_mode,
                circuit_listeners=tuple(each for each in given if hears_circuits(each)),
                private_state=private_state,
            )
        except ResilientInferError as error:
            forget_frames(error)
            raise
        self._source = self._assembly.source
        self._env = self._assembly.env(teller(given))
        self._transport = transport

    async def call(self, alias: str, payload: PayloadInput, *, deadline: float | None = None) -> Result:
        """Send `payload` to the model locked as `alias` and return its answer.

        A cancelled call is over at once: everything is given back, and nothing is held against a server.

        Args:
            alias: As for `Client.call`, and so are `payload` and `deadline`.

        Raises:
            ResilientInferError: As `Client.call`.
        """
        self._check_open(alias)
        try:
            return await drive(
                self._assembly.call_spec(alias, payload, deadline),
                self._env,
                self._transport,
                self._sleepers,
                time.monotonic,
            )
        except ResilientInferError as error:
            forget_frames(error)
            raise

    def stream(self, alias: str, payload: PayloadInput, *, deadline: float | None = None) -> AsyncStream:
        """The answer of `call`, piece by piece, for chat and text generation.

        >>> async for event in client.stream("chat", "Hi"):
        ...     match event:
        ...         case Delta(text=text): print(text, end="")
        ...         case Restarted(): print("\\n-- again:")
        ...         case Finished(result=result): print(result.usage)

        Args:
            alias: As for `Client.stream`, and so are `payload` and `deadline`.

        Raises:
            ResilientInferError: As `Client.stream`, and as there mostly from the iterator.
        """
        self._check_open(alias)
        try:
            spec = self._assembly.call_spec(alias, payload, deadline, stream=True)
        except ResilientInferError as error:
            forget_frames(error)
            raise
        return AsyncStream(spec, self._env, self._transport, self._sleepers)

    async def aclose(self, *, cancel: bool = False) -> None:
        """Refuse new calls, wake calls that wait (they raise `CallError`), and free the sockets.

        Args:
            cancel: Cut attempts and streams in flight short. Otherwise they finish and their sockets close
                after them.
        """
        self._sleepers.close()
        self._assembly.close()
        await self._transport.close(cancel=cancel)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        closed = ", closed" if self._sleepers.closed else ""
        return f"<AsyncClient of {self._source}{closed}>"

    def __del__(self) -> None:
        with suppress(AttributeError):  # it could not be made
            if self._transport.connected:  # the loops close what is open
                told = f"{self!r} was not closed; await its aclose()"
                warnings.warn(told, ResourceWarning, stacklevel=2, source=self)

    def _check_open(self, alias: str) -> None:
        if self._sleepers.closed:
            raise CallError(f"{alias}: the client is closed", hint="make a new AsyncClient", alias=alias)


def _transport() -> "HttpAsync":
    try:
        from resilient_infer.transport.http_async import HttpAsync  # an extra brings aiohttp along
    except ModuleNotFoundError as missing:
        if missing.name not in ("aiohttp", "multidict", "yarl"):
            raise
        raise ConfigError(
            "async calls need aiohttp, which is not installed", hint='pip install "resilient-infer[async]"'
        ) from None
    return HttpAsync()


_default: AsyncClient | None = None
_default_lock = threading.Lock()


async def acall(alias: str, payload: PayloadInput, *, deadline: float | None = None) -> Result:
    """`AsyncClient.call` on one client that is made on first use, from the nearest `lockfiles` folder.

    As `resilient_infer.call`, but awaited; its connections are closed when their loops stop.
    """
    return await _default_client().call(alias, payload, deadline=deadline)


def astream(alias: str, payload: PayloadInput, *, deadline: float | None = None) -> AsyncStream:
    """`AsyncClient.stream` on the client of `acall`."""
    return _default_client().stream(alias, payload, deadline=deadline)


def _default_client() -> AsyncClient:
    global _default
    client = _default
    if client is None:
        with _default_lock:
            if _default is None:
                _default = AsyncClient()
            client = _default
    return client


def _renew_lock() -> None:
    global _default_lock
    _default_lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_renew_lock)
