"""Installed: the listeners that other distributions bring along.

A third party registers under the entry point group `resilient_infer.listeners`;
the name is only for messages, the value a listener, or a class that makes one
without arguments. Telemetry must never take production down: one that cannot be
loaded is warned about and left out.
"""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from threading import RLock
from typing import TYPE_CHECKING, Final, TypeGuard

from resilient_infer.core.events import Listener
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.registry import installed, owner_of
from resilient_infer.transport.fork import renew_in_children

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import pybreaker

    AnyListener = Listener | pybreaker.CircuitBreakerListener

GROUP: Final = "resilient_infer.listeners"

_log = logging.getLogger("resilient_infer")


def hears_events(listener: object) -> TypeGuard[Listener]:
    """Whether it is told of events: it is called with each."""
    return callable(listener)


def hears_circuits(listener: object) -> "TypeGuard[pybreaker.CircuitBreakerListener]":
    """Whether it is told of circuits: it is a `pybreaker.CircuitBreakerListener`."""
    return not callable(listener) and hasattr(listener, "state_change")


class Installed:
    """The installed listeners. The process has one; tests make their own.

    Args:
        plug_ins: The entry points of `GROUP`; asked once, when first needed.
    """

    def __init__(self, plug_ins: "Callable[[], Iterable[EntryPoint]]") -> None:
        self._plug_ins = plug_ins
        self._listeners: tuple[AnyListener, ...] | None = None
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """In a forked child: the lock may be held by a thread that is gone, which was loading."""
        self._lock = RLock()
        self._listeners = self._listeners or None

    def listeners(self) -> "tuple[AnyListener, ...]":
        """Every one that can be loaded, each loaded once. Warns, the first time, of those that cannot."""
        faults: list[str] = []
        with self._lock:
            if self._listeners is not None:
                return self._listeners
            self._listeners = ()  # for a client that a plug-in makes while it is being loaded
            try:
                self._listeners = tuple(_load(self._plug_ins(), faults))
            except BaseException:  # Ctrl-C: the next client starts again
                self._listeners = None
                raise
        for fault in faults:
            _log.warning("%s", fault)
            warnings.warn(fault, RuntimeWarning, stacklevel=3)  # where the client is made
        return self._listeners


def _load(points: "Iterable[EntryPoint]", faults: list[str]) -> "Iterator[AnyListener]":
    for point in points:
        try:
            loaded = point.load()
            listener = loaded() if isinstance(loaded, type) else loaded
            if hears_events(listener) or hears_circuits(listener):
                yield listener
                continue
            what = "is neither callable nor a pybreaker.CircuitBreakerListener"
        except Exception as error:
            what = one_line(f"cannot be loaded: {type(error).__name__}: {error}")
        faults.append(f"the listener from {owner_of(point)} {what}; calls go on without it")


INSTALLED: Final = Installed(lambda: installed(GROUP))
