"""Listeners: those a client is given. They are told of every event, and their failures reach no call."""

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from resilient_infer.core.events import Event, Listener
from resilient_infer.errors import ConfigError
from resilient_infer.telemetry.installed import hears_circuits, hears_events

if TYPE_CHECKING:
    import pybreaker

    AnyListener = Listener | pybreaker.CircuitBreakerListener

_log: Final = logging.getLogger("resilient_infer")
_log.addHandler(logging.NullHandler())


def checked(listeners: "Iterable[AnyListener]") -> "tuple[AnyListener, ...]":
    """The listeners that a caller gave.

    Raises:
        ConfigError: One of them is none, or they are no list.
    """
    if callable(listeners) or not isinstance(listeners, Iterable):
        kind = type(listeners).__name__
        raise ConfigError(f"listeners is no list, but of type {kind}", hint="give listeners=[…]")
    given = tuple(listeners)
    for each in given:
        if not hears_events(each) and not hears_circuits(each):
            kind = type(each).__name__
            raise ConfigError(
                f"listeners: {kind} is neither callable nor a pybreaker.CircuitBreakerListener",
                hint="give functions that take one event",
            )
    return given


def teller(listeners: "Iterable[AnyListener]") -> Callable[[Event], None] | None:
    """What tells all who hear events; None if there is nobody, and then no event need be made."""
    hearing = tuple(each for each in listeners if hears_events(each))

    def tell(event: Event) -> None:
        for listener in hearing:
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed on %s; the call goes on", type(event).__name__)

    return tell if hearing else None
