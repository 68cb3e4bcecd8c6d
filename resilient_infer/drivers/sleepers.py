"""Sleepers: calls that wait, and the one who can wake them all."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from resilient_infer.transport.fork import renew_in_children


class Bell(Protocol):
    """What a sleeper may be woken by: a ticket that is called, a consumer who leaves."""

    def notify(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread and perhaps twice, once it rings."""
        ...


class Closing:
    """Who sleeps for a client, and is woken when it is closed."""

    def __init__(self) -> None:
        self.closed = False
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Forget who sleeps: in a forked child, those threads are gone."""
        self._lock = threading.Lock()
        self._asleep: set[Callable[[], None]] = set()

    @contextmanager
    def waking(self, wake: Callable[[], None], bells: Sequence[Bell]) -> Iterator[None]:
        """Have `wake` called when a bell rings or at the close, at once if that is past."""
        with self._lock:
            self._asleep.add(wake)
            if self.closed:
                wake()
        try:
            for bell in bells:
                bell.notify(wake)
            yield
        finally:
            with self._lock:
                self._asleep.discard(wake)

    def close(self) -> None:
        """Wake everyone, now and in future."""
        with self._lock:
            self.closed = True
            for wake in self._asleep:
                wake()


class Sleepers(Closing):
    """Sleeps that end early when a bell rings or the client is closed.

    `Event.wait` rather than `time.sleep`: it can be ended, and Ctrl-C comes through at once.
    """

    def sleep(self, seconds: float, bells: Sequence[Bell] = ()) -> None:
        """Sleep for at most `seconds`, or until one of the bells rings."""
        event = threading.Event()
        with self.waking(event.set, bells):
            event.wait(seconds)
