"""Waits: pauses inside the server that healing, closing or the client's leaving ends.

A hanging answer must not outlive the test that asked for it: neither when the
server is closed, nor when the client gives up and hangs up, which is what a
time limit looks like from here.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

# One poll() needs no file descriptor of its own, and thousands of answers may hang at once.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


class _Bell:
    """A socket pair: closing one end wakes everybody who watches the other."""

    def __init__(self) -> None:
        self.heard, self.rope = socket.socketpair()
        self.waiting = 0
        self.rung = False

    def ring(self) -> None:
        self.rung = True
        self.rope.close()
        self.dispose()

    def dispose(self) -> None:
        if self.rung and not self.waiting:
            self.heard.close()


class Waits:
    """All pauses of one server; each lasts `scale` times what it is said to last."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self._lock = threading.Lock()
        self._bell = _Bell()
        self._closed = False

    @contextmanager
    def turn(self, client: socket.socket) -> Iterator["Turn"]:
        """One exchange with a client; must surround all of it, so that none misses a call to `end`."""
        with self._lock:
            bell = self._bell
            bell.waiting += 1
        try:
            yield Turn(bell, client, lambda: self._closed, self.scale)
        finally:
            with self._lock:
                bell.waiting -= 1
                bell.dispose()

    def end(self) -> None:
        """End the pauses of the exchanges under way: they go on at once, and pause no more."""
        with self._lock:
            if self._closed or not self._bell.waiting:
                return
            rung, self._bell = self._bell, _Bell()
            rung.ring()

    def close(self) -> None:
        """End all pauses for good: what waits gives up."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._bell.ring()


class Turn:
    """The pauses of one exchange."""

    def __init__(self, bell: _Bell, client: socket.socket, closed: Callable[[], bool], scale: float) -> None:
        self._bell = bell
        self._client = client
        self._closed = closed
        self._scale = scale

    def pause(self, seconds: float) -> bool:
        """Wait, unless woken, closed, or the client hangs up. False: there is nobody to go on for.

        A client that only shuts down its sending side counts as gone: no HTTP client does that.
        """
        return _watch(self._bell.heard, self._client, seconds * self._scale) and not self._closed()


def _watch(bell: socket.socket, client: socket.socket, seconds: float) -> bool:
    ends_at = time.monotonic() + seconds
    with _Selector() as selector:
        selector.register(bell, selectors.EVENT_READ)
        selector.register(client, selectors.EVENT_READ)
        while (left := ends_at - time.monotonic()) > 0:
            ready = {key.fileobj for key, _ in selector.select(None if left == inf else left)}
            if bell in ready:
                return True
            if client in ready:
                if _hung_up(client):
                    return False
                selector.unregister(client)  # it sent a next request early; that can wait
    return True


def _hung_up(client: socket.socket) -> bool:
    try:
        return not client.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
