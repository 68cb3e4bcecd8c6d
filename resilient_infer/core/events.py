"""Events: what a listener is told while a call runs. Past tense, no secrets.

`at` is seconds since the call began; `call_id` ties the events of one call
together. A listener is any callable that takes one event.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted:
    """A call was accepted; `deadline` is its length in seconds."""

    call_id: str
    alias: str
    task: str
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """A request is about to be sent; it may take `timeout` seconds.

    `identity`: it carries no payload, and only asks which commit the server runs.
    """

    call_id: str
    at: float
    number: int
    route: str
    model: str | None
    revision: str | None
    timeout: float
    identity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFinished:
    """An attempt came to an end: "success" or a kind of failure, with the reason."""

    call_id: str
    at: float
    number: int
    route: str
    outcome: str
    reason: str
    status: int | None
    elapsed: float
    request_id: str | None
    identity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTokenReceived:
    """The first piece of a streamed answer came, `elapsed` seconds after its attempt began."""

    call_id: str
    at: float
    number: int
    route: str
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSkipped:
    """A chunk of a streamed answer could not be read and was skipped; the stream goes on."""

    call_id: str
    at: float
    route: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSkipped:
    """A route was passed over at no cost; it may be asked again in `retry_after` seconds, if known."""

    call_id: str
    at: float
    route: str
    reason: str
    retry_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinMismatched:
    """The server of a route says that it runs `reported`, and `revision` is locked.

    `refused`: it is not asked; else its answer is taken, with a warning.
    """

    call_id: str
    at: float
    route: str
    model: str | None
    revision: str
    reported: str
    refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStarted:
    """The call sleeps for at most `seconds` before it asks `route` again ("" = whichever is first)."""

    call_id: str
    at: float
    route: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFailed:
    """Every route of a target failed or was skipped; the call goes on to `next_model`, None at the last."""

    call_id: str
    at: float
    model: str | None
    next_model: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitChanged:
    """The circuit breaker of a route went from `old` to `new`, on account of this call."""

    call_id: str
    at: float
    route: str
    old: str
    new: str
    open_for: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """The call returned ("success") or raised (the error's name)."""

    call_id: str
    at: float
    alias: str
    outcome: str
    route: str | None
    attempts: int


Event = (
    CallStarted
    | AttemptStarted
    | AttemptFinished
    | FirstTokenReceived
    | ChunkSkipped
    | RouteSkipped
    | PinMismatched
    | WaitStarted
    | TargetFailed
    | CircuitChanged
    | CallFinished
)
Listener = Callable[[Event], None]
