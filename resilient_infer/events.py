"""The public events; each is described in `core/events.py`."""

from resilient_infer.core.events import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallStarted,
    ChunkSkipped,
    CircuitChanged,
    Event,
    FirstTokenReceived,
    Listener,
    PinMismatched,
    RouteSkipped,
    TargetFailed,
    WaitStarted,
)

__all__ = [
    "AttemptFinished",
    "AttemptStarted",
    "CallFinished",
    "CallStarted",
    "ChunkSkipped",
    "CircuitChanged",
    "Event",
    "FirstTokenReceived",
    "Listener",
    "PinMismatched",
    "RouteSkipped",
    "TargetFailed",
    "WaitStarted",
]
