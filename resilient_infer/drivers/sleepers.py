"""Sleepers: calls that wait, and the one who can wake them all."""

import threading
from collections.abc import Callable
from typing import Protocol

from resilient_infer.transport.fork import renew_in_children


class Bell(Protocol):
    """What a sleeper may be woken by: a ticket that is called, a consumer who leaves."""

    def notify(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread and perhaps twice, once it rings."""
        ...


class Sleepers:
    """Sleeps that end early when a bell rings or the client is closed.

    `Event.wait` rather than `time.sleep`: it can be ended, and Ctrl-C comes through at once.
    """

    def __init__(self) -> None:
        self.closed = False
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Forget who sleeps: in a forked child, those threads are gone."""
        self._lock = threading.Lock()
        self._asleep: set[threading.Event] = set()

    def sleep(self, seconds: float, bells: tuple[Bell, ...] = ()) -> None:
        """Sleep for at most `seconds`, or until one of the bells rings."""
        event = threading.Event()
        with self._lock:
            if self.closed:
                return
            self._asleep.add(event)
        try:
            for bell in bells:
                bell.notify(event.set)
            event.wait(seconds)
        finally:
            with self._lock:
                self._asleep.discard(event)

    def close(self) -> None:
        """Wake everyone, now and in future."""
        with self._lock:
            self.closed = True
            for event in self._asleep:
                event.set()
