"""Watchdog: one daemon thread per process that ends attempts at their limit.

A socket timeout bounds one read, not an attempt, and closing a socket from
another thread does not wake a blocked read. `shutdown` does, on plain and on
TLS sockets, so that is what happens at the limit.
"""

import socket
import threading
from enum import Enum
from math import inf
from time import monotonic
from typing import Final, Protocol

from resilient_infer.transport.fork import renew_in_children

LONGEST_SLEEP: Final = 3600.0
"""Seconds; a wait beyond `threading.TIMEOUT_MAX` would raise OverflowError."""


class Phase(Enum):
    """How far an attempt has come."""

    RESOLVING = "looking up the name"
    CONNECTING = "connecting"
    SECURING = "opening the secure connection"
    SENDING = "sending the request"
    WAITING = "waiting for headers"
    BODY = "reading the body"


class Ending(Enum):
    """Why an attempt was ended from outside."""

    EXPIRED = "its time was up"
    CLOSED = "the client was closed"
    FORKED = "the connection stayed with the parent process"


class Ended(OSError):
    """The limit was reached before this step began."""


class Numbered(Protocol):
    """What has a file descriptor: sockets, TLS sockets, TLS inside TLS."""

    def fileno(self) -> int:
        """The number of the descriptor, -1 once it is closed."""
        ...


class Limit:
    """The time one attempt may take, and what is known of it when it fails.

    The limit keeps a duplicate of the socket's descriptor for as long as it is
    armed. Whoever closes the socket in the meantime, even to wrap it in TLS,
    the number that is shut down can never have become another connection's.

    Attributes:
        length: Seconds, for messages.
        ends_at: Monotonic moment.
        owner: The transport that sends; closing it ends the limit.
        fresh: No kept-alive connection may be used.
        phase: What the attempt is doing.
        sent: The server may have seen a part of the request.
        reused: The connection was kept alive from an earlier request.
        received: At least one byte of an answer came.
        ended: Set before the socket is shut down; decides the outcome, whatever the read returned.
    """

    __slots__ = (
        "_armed", "_finished", "_lock", "ended", "ends_at", "fresh",
        "length", "owner", "phase", "received", "reused", "sent",
    )  # fmt: skip

    def __init__(self, length: float, *, owner: object = None, fresh: bool = False) -> None:
        self.length = length
        self.ends_at = monotonic() + length
        self.owner = owner
        self.fresh = fresh
        self.phase = Phase.RESOLVING
        self.sent = False
        self.reused = False
        self.received = False
        self.ended: Ending | None = None
        self._armed: socket.socket | None = None
        self._finished = False
        self._lock = threading.Lock()

    @property
    def armed(self) -> bool:
        """A connection is in use that will be shut down at the limit."""
        return self._armed is not None

    def left(self) -> float:
        """Seconds left, at least 0; 0 once the limit has ended."""
        return 0.0 if self.ended else max(0.0, self.ends_at - monotonic())

    def arm(self, connection: Numbered) -> None:
        """Shut `connection` down at the limit, and the one armed before no more.

        Raises:
            Ended: It is too late.
        """
        # Family and type do not matter to shutdown, and TLS inside TLS has none to ask for.
        duplicate = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            late = self._finished or self.ended is not None
            spare = duplicate if late else self._armed
            self._armed = self._armed if late else duplicate
        if spare is not None:
            spare.close()
        self.check()

    def check(self) -> None:
        """Raise `Ended` if the limit has been reached."""
        if self.ended is not None:
            raise Ended(self.ended.value)

    def end(self, why: Ending) -> None:
        """End the attempt now, unless it has finished; wakes whatever reads or writes."""
        with self._lock:
            if self._finished or self.ended is not None:
                return
            self.ended = why
            if self._armed is not None:
                _shut_down(self._armed)

    def finish(self) -> bool:
        """Let the connection go, untouched from now on. False if the limit ended first."""
        with self._lock:
            self._finished = True
            armed, self._armed = self._armed, None
        if armed is not None:
            armed.close()
        return self.ended is None

    def abandon(self) -> None:
        """In a forked child: close the duplicate and leave the parent's connection alone."""
        self._lock = threading.Lock()  # the parent's may have been held
        self.ended = Ending.FORKED
        armed, self._armed = self._armed, None
        if armed is not None:
            armed.close()


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Not connected yet, or the peer was quicker: nothing is left to wake.
        return


class Watchdog:
    """Ends limits when they are due.

    No heap: a finished limit is taken out at once, so nothing stale is kept, and
    the thread looks through what is in flight only when the earliest moment it
    knows of has come. With limits of one length that is one look per length.
    """

    def __init__(self) -> None:
        renew_in_children(self)
        self._live: set[Limit] = set()
        self._set_up()

    def _set_up(self) -> None:
        # Reentrant: a signal handler may send a request of its own.
        self._changed = threading.Condition(threading.RLock())
        self._wakes_at = inf
        self._thread: threading.Thread | None = None

    def renew(self) -> None:
        """Forget the parent's limits and its thread."""
        abandoned, self._live = self._live, set()
        self._set_up()
        for limit in abandoned:
            limit.abandon()

    def watch(self, limit: Limit) -> None:
        """End `limit` at its moment, unless `forget` comes first."""
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="resilient-infer-watchdog", daemon=True)
                thread.start()  # may fail: a machine can be out of threads
                self._thread = thread
            self._live.add(limit)
            if limit.ends_at < self._wakes_at:
                self._wakes_at = limit.ends_at
                self._changed.notify()

    def move(self, limit: Limit, ends_at: float) -> None:
        """Let a watched limit end at another moment. Takes no lock unless the thread would wake too late."""
        limit.ends_at = ends_at
        if ends_at < self._wakes_at:
            with self._changed:
                if ends_at < self._wakes_at:
                    self._wakes_at = ends_at
                    self._changed.notify()

    def forget(self, limit: Limit) -> None:
        """Take a limit out. A second time it changes nothing."""
        with self._changed:
            self._live.discard(limit)

    def end_all(self, owner: object) -> None:
        """End every limit of `owner` at once."""
        with self._changed:
            limits = [limit for limit in self._live if limit.owner is owner]
        for limit in limits:
            limit.end(Ending.CLOSED)

    def _run(self) -> None:
        while True:
            for limit in self._wait_for_due():
                limit.end(Ending.EXPIRED)

    def _wait_for_due(self) -> list[Limit]:
        with self._changed:
            while True:
                self._wakes_at = inf  # who moves a limit too late to be seen below takes the lock
                now = monotonic()
                due = [limit for limit in self._live if limit.ends_at <= now]
                if due:
                    self._live.difference_update(due)
                    return due
                self._wakes_at = min((limit.ends_at for limit in self._live), default=inf)
                self._changed.wait(min(self._wakes_at - now, LONGEST_SLEEP))


WATCHDOG: Final = Watchdog()
"""The one of this process. Its thread starts with the first limit."""
