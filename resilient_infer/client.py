"""Client: the sync face. `call(alias, payload)` and what it needs to be made once."""

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from resilient_infer.assembly import Assembly
from resilient_infer.core.events import Listener
from resilient_infer.core.payload import PayloadInput
from resilient_infer.core.result import Result
from resilient_infer.drivers.frames import forget_frames
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.drivers.sync import drive
from resilient_infer.drivers.sync_stream import Stream
from resilient_infer.errors import CallError, ResilientInferError
from resilient_infer.telemetry.installed import INSTALLED, hears_circuits
from resilient_infer.telemetry.listeners import checked, teller
from resilient_infer.transport.http_sync import HttpSync

if TYPE_CHECKING:
    import pybreaker

LockMode = Literal["locked", "frozen", "off"]


class Client:
    """Calls the models of one lockfiles folder. Safe to share between threads, and after a fork.

    >>> with Client(lockfiles="lockfiles", environment="prod") as client:
    ...     client.call("chat", {"messages": [{"role": "user", "content": "Hi"}]}, deadline=2.0).text

    Args:
        lockfiles: Folder with `models.yaml` and `models.lock.yaml`. None: `RESILIENT_INFER_LOCKFILES`,
            else the nearest parent folder that has a `lockfiles` folder.
        environment: Environment of the manifest. None: `RESILIENT_INFER_ENV`, else the default one.
        lock_mode: "locked" (the lock must match the manifest), "frozen" (only the lock is there) or
            "off" (experiments). None: `RESILIENT_INFER_LOCK_MODE`, else "locked".
        listeners: Each is called with every event of this client's calls, in the calling thread; one
            that fails is logged and changes nothing. A `pybreaker.CircuitBreakerListener` is told of
            the state changes of the circuits this client uses. So are the installed ones (entry points
            `resilient_infer.listeners`), before these.
        private_state: Circuits, limits and buckets of its own, instead of the process's shared ones, and
            no installed listeners: for tests and tools.

    Raises:
        ConfigError: The folder, the manifest, the lock or an argument is wrong; all problems are told.
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
        given = checked(listeners)
        if not private_state:
            given = (*INSTALLED.listeners(), *given)
        self._sleepers = Sleepers()
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
        self._transport = HttpSync()

    def call(self, alias: str, payload: PayloadInput, *, deadline: float | None = None) -> Result:
        """Send `payload` to the model locked as `alias` and return its answer.

        Args:
            alias: Name in the manifest, for example "summarizer".
            payload: The HF shape, the OpenAI shape, or a bare string or list of strings. Never
                changed; may be sent more than once.
            deadline: Seconds for the whole call, waits included. None: the alias's policy.

        Raises:
            AliasNotLocked: Unknown alias, or not in the lock. Nothing was sent.
            StaleLock: The manifest asks for another model or ref than the lock. Nothing was sent.
            ConfigError: The alias's configuration or `deadline` is unusable. Nothing was sent.
            PayloadRefused: The payload cannot be sent as it is, or a server refused its content.
            AuthFailed: A token is not set, or none was accepted.
            NotAdmitted: Every circuit is open or limit reached; see `.retry_after`. Nothing was sent.
            DeadlineExceeded: Time ran out. `.attempts` tells each attempt.
            AllTargetsFailed: Every target gave up; the last cause is chained.
        """
        self._check_open(alias)
        try:
            return drive(
                self._assembly.call_spec(alias, payload, deadline),
                self._env,
                self._transport,
                self._sleepers,
                time.monotonic,
            )
        except ResilientInferError as error:
            forget_frames(error)
            raise

    def stream(self, alias: str, payload: PayloadInput, *, deadline: float | None = None) -> Stream:
        """The answer of `call`, piece by piece, for chat and text generation.

        >>> for event in client.stream("chat", "Hi"):
        ...     match event:
        ...         case Delta(text=text): print(text, end="")
        ...         case Restarted(): print("\\n-- again:")
        ...         case Finished(result=result): print(result.usage)

        Args:
            alias: As in `call`; so is `payload`.
            deadline: Seconds for the whole stream, from the moment its first event is asked for. None:
                the alias's policy.

        Returns:
            An iterator of `Delta`, `Restarted` (throw away what was told so far) and, at the end,
            `Finished`. Nothing is sent before it is asked for the first.

        Raises:
            AliasNotLocked: As in `call`, and so are StaleLock, ConfigError (also if no route streams the
                task) and PayloadRefused. The other errors of `call` come from the iterator.
            StreamInterrupted: From the iterator: the answer was cut after it had begun, and is not begun
                anew. `.partial` is its text so far.
        """
        self._check_open(alias)
        try:
            spec = self._assembly.call_spec(alias, payload, deadline, stream=True)
        except ResilientInferError as error:
            forget_frames(error)
            raise
        return Stream(spec, self._env, self._transport, self._sleepers)

    def close(self, *, cancel: bool = False) -> None:
        """Refuse new calls, wake calls that wait (they raise `CallError`), and free the sockets.

        Args:
            cancel: Cut attempts and streams in flight short. Otherwise they finish and their sockets close
                after them.
        """
        self._sleepers.close()
        self._transport.close(cancel=cancel)
        self._assembly.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = ", closed" if self._sleepers.closed else ""
        return f"<Client of {self._source}{closed}>"

    def _check_open(self, alias: str) -> None:
        if self._sleepers.closed:
            raise CallError(f"{alias}: the client is closed", hint="make a new Client", alias=alias)


_default: Client | None = None
_default_lock = threading.Lock()


def call(alias: str, payload: PayloadInput, *, deadline: float | None = None) -> Result:
    """`Client.call` on one client that is made on first use, from the nearest `lockfiles` folder.

    The folder and the `RESILIENT_INFER_…` variables are looked at then, and not again; a key's
    variable is looked up by every call. To see changed files, make a `Client`.
    """
    return _default_client().call(alias, payload, deadline=deadline)


def stream(alias: str, payload: PayloadInput, *, deadline: float | None = None) -> Stream:
    """`Client.stream` on the client of `call`."""
    return _default_client().stream(alias, payload, deadline=deadline)


def _default_client() -> Client:
    global _default
    client = _default
    if client is None:
        with _default_lock:
            if _default is None:
                _default = Client()
            client = _default
    return client


def _renew_lock() -> None:
    global _default_lock
    _default_lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_renew_lock)
