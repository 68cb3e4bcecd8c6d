"""Resolve: name lookups that take no longer than the attempt has left.

`getaddrinfo` knows no time limit, so it runs on a daemon thread. Whoever gives
up waiting leaves the thread behind, and the next to ask joins it: there is
never more than one lookup of a name under way.
"""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Final

from resilient_infer.transport.fork import renew_in_children

Address = tuple[int, int, int, str, tuple[object, ...]]
"""Family, type, protocol, canonical name and socket address, as `socket.getaddrinfo` gives them."""

Lookup = Callable[[str, int], list[Address]]

LIFETIME: Final = 30.0
"""Seconds an answer is kept: providers that move set a time to live of 30 to 60 s."""

GLANCE: Final = 0.05
"""Seconds between two looks at whether the waiting attempt was ended from outside."""


def look_up(host: str, port: int) -> list[Address]:
    """Ask the system for the TCP addresses of a name. Blocks for as long as it takes."""
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


@dataclass(slots=True)
class Query:
    """A lookup, shared by all who wait for it, and its answer for as long as it is good."""

    done: threading.Event = field(default_factory=threading.Event)
    good_until: float = inf
    addresses: tuple[Address, ...] = ()
    error: Exception | None = None
    _wakes: list[Callable[[], None]] = field(default_factory=list)

    def notify(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread and perhaps twice, once there is an answer. It never raises."""
        self._wakes.append(wake)
        if self.done.is_set():
            wake()

    def finish(self) -> None:
        """Wake all who wait: there is an answer."""
        self.done.set()
        for wake in tuple(self._wakes):
            wake()

    def result(self) -> tuple[Address, ...]:
        """The answer, at least one address.

        Raises:
            socket.gaierror: There is no such name, or no name server answered.
        """
        if self.error is not None:
            raise _fresh_error(self.error)
        return self.addresses


class Resolver:
    """Remembers addresses for `LIFETIME` seconds. Failures are not remembered."""

    def __init__(self, lookup: Lookup = look_up) -> None:
        renew_in_children(self)
        self._lookup = lookup
        self.renew()

    def renew(self) -> None:
        """Forget everything, also what is under way."""
        self._lock = threading.Lock()
        self._queries: dict[tuple[str, int], Query] = {}

    def addresses(self, host: str, port: int, left: Callable[[], float]) -> tuple[Address, ...]:
        """The addresses of `host`, at least one.

        Args:
            left: Seconds the caller has left; 0 ends the wait.

        Raises:
            TimeoutError: There was no answer in the time left.
            socket.gaierror: There is no such name, or no name server answered.
        """
        query = self.query(host, port)
        while not query.done.wait(min(left(), GLANCE)):
            if left() <= 0:
                raise TimeoutError("no answer from the name server")
        return query.result()

    def query(self, host: str, port: int) -> Query:
        """The lookup of `host`: one that has its answer, one under way, or a new one."""
        query = self._queries.get((host, port))
        if query is not None and query.good_until > monotonic():
            return query
        literal = _numeric(host, port)
        if not literal:
            return self._ask((host, port))
        query = Query(addresses=literal)
        query.finish()
        return query

    def _ask(self, name: tuple[str, int]) -> Query:
        now = monotonic()
        with self._lock:
            self._queries = {key: kept for key, kept in self._queries.items() if now < kept.good_until}
            query = self._queries.get(name)
            if query is None:
                query = Query()
                thread = threading.Thread(
                    target=self._answer, args=(name, query), name="resilient-infer-lookup", daemon=True
                )
                thread.start()
                self._queries[name] = query
        return query

    def _answer(self, name: tuple[str, int], query: Query) -> None:
        try:
            query.addresses = tuple(self._lookup(*name))
            if not query.addresses:
                raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
            query.good_until = monotonic() + LIFETIME
        except Exception as error:
            query.error = error
            query.good_until = 0.0
        query.finish()


def _numeric(host: str, port: int) -> tuple[Address, ...]:
    """The address that `host` spells out, or nothing if it is a name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return ()
    return tuple(found)


def _fresh_error(error: Exception) -> socket.gaierror:
    """A copy for each who waited: one exception raised in two threads would mix their tracebacks."""
    if isinstance(error, socket.gaierror):
        return socket.gaierror(*error.args)
    return socket.gaierror(socket.EAI_NONAME, type(error).__name__)


RESOLVER: Final = Resolver()
"""The one of this process."""
