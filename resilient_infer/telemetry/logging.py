"""Logging: one readable line for each event, for whoever reads the log on a bad day.

    Client(listeners=[log_events()])

| level | lines |
|---|---|
| DEBUG | a call starts; an attempt starts; an attempt succeeds |
| INFO | a call is answered; a route is passed over; a wait; a circuit that tries again or closes |
| WARNING | an attempt fails; a target is given up; a circuit opens; another commit runs; it is cancelled |
| ERROR | a call fails |

Each line begins with the alias and the first digits of the call's id, so that
the lines of one call can be found again among those of many.
"""

import logging
from threading import Lock
from typing import Final

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
from resilient_infer.providers.error_body import one_line

_LONGEST: Final = 1000
"""Characters of a line; a reason is cut at 300 before they come here."""

_REMEMBERED: Final = 10_000
"""Calls whose alias is kept; beyond that some were interrupted and never told that they were over."""


def log_events(logger: logging.Logger | None = None, *, level: int = logging.DEBUG) -> Listener:
    """A listener that writes each event as one line to `logger`. No payload, answer or secret is in it.

    Args:
        logger: None: the logger "resilient_infer.calls".
        level: Lines of a lower level are left out, whatever the logger lets through.
    """
    log = logging.getLogger("resilient_infer.calls") if logger is None else logger
    name_of = _Names()

    def listen(event: Event) -> None:
        alias = name_of(event)
        weight = weight_of(event)
        if weight >= level and log.isEnabledFor(weight):
            log.log(weight, "%s", one_line(f"{alias} {event.call_id[:8]} {words(event)}", limit=_LONGEST))

    return listen


class _Names:
    """The alias of each call that is under way: most events only carry the call's id."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._aliases: dict[str, str] = {}

    def __call__(self, event: Event) -> str:
        with self._lock:
            match event:
                case CallStarted(call_id=call_id, alias=alias):
                    if len(self._aliases) >= _REMEMBERED:
                        del self._aliases[next(iter(self._aliases))]
                    self._aliases[call_id] = alias
                case CallFinished(call_id=call_id, alias=alias):
                    self._aliases.pop(call_id, None)
                case _:
                    alias = self._aliases.get(event.call_id, "?")
        return alias


def weight_of(event: Event) -> int:
    """The level of an event's line, as the table above has it."""
    match event:
        case CallStarted() | AttemptStarted() | FirstTokenReceived() | AttemptFinished(outcome="success"):
            return logging.DEBUG
        case RouteSkipped() | WaitStarted() | CallFinished(outcome="success"):
            return logging.INFO
        case CircuitChanged(new=new) if new != "open":
            return logging.INFO
        case CallFinished(outcome=outcome) if outcome != "cancelled":
            return logging.ERROR
        case _:
            return logging.WARNING


def words(event: Event) -> str:
    """What happened, in a few words. Ours are ASCII, so that any log can hold them."""
    match event:
        case CallStarted():
            return f"starts: {event.task}, at most {_seconds(event.deadline)}"
        case AttemptStarted(identity=True):
            return f"attempt {event.number} asks {event.route} which commit it runs"
        case AttemptStarted():
            return f"attempt {event.number} to {event.route}, at most {_seconds(event.timeout)}"
        case AttemptFinished():
            return f"attempt {event.number} to {event.route}: {_ending(event)}"
        case FirstTokenReceived():
            return f"attempt {event.number} to {event.route}: first token after {_seconds(event.elapsed)}"
        case ChunkSkipped():
            return f"skips a chunk from {event.route}: {event.reason}"
        case RouteSkipped():
            again = "" if event.retry_after is None else f"; again in {_seconds(event.retry_after)}"
            return f"passes over {event.route}: {event.reason}{again}"
        case PinMismatched():
            then = "not asked" if event.refused else "answers all the same"
            return f"{event.route} runs {event.reported[:12]}, not the locked {event.revision[:12]}: {then}"
        case WaitStarted():
            route = f" ({event.route})" if event.route else ""
            return f"waits {_seconds(event.seconds)} {event.reason}{route}"
        case TargetFailed():
            onward = f", goes on to {event.next_model}" if event.next_model else ""
            return f"gives up {event.model or 'a target'}{onward}: {event.reason}"
        case CircuitChanged():
            length = f" for {_seconds(event.open_for)}" if event.new == "open" else ""
            return f"circuit of {event.route} {event.new}{length} (was {event.old})"
        case CallFinished():
            return _end(event)


def _ending(event: AttemptFinished) -> str:
    reason = f": {event.reason}" if event.reason else ""
    request = f" (request {event.request_id})" if event.request_id else ""
    return f"{event.outcome} after {_seconds(event.elapsed)}{reason}{request}"


def _end(event: CallFinished) -> str:
    match event.outcome:
        case "success":
            how = f"answered by {event.route}"
        case "cancelled":
            how = "cancelled"
        case error:
            how = f"failed with {error}"
    plural = "" if event.attempts == 1 else "s"
    return f"{how} after {_seconds(event.at)}, {event.attempts} attempt{plural}"


def _seconds(length: float) -> str:
    return f"{length:.2f} s"
