"""Story: what the demo does, and what it must have seen to say so. Real calls to real servers; no words.

Every step ends in checks: a claim that does not hold raises `NotShown`, and
the demo exits 1 instead of saying it.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from resilient_infer.client import Client
from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.events import CircuitChanged, Event
from resilient_infer.core.result import Result
from resilient_infer.core.target import Pin
from resilient_infer.core.task import Json
from resilient_infer.errors import CallError, DeadlineExceeded
from resilient_infer.lock.discovery import ENVIRONMENT_VARIABLE
from resilient_infer.testing.sandbox import Drip, Fault, Hang, Refused, Sandbox, Served, Server

FIRST: Final = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
SECOND: Final = "siebert/sentiment-roberta-large-english"
PAYLOAD: Final = "I love it"

DEADLINE: Final = 1.0
"""Seconds each call of the last step may take."""

GRACE: Final = 0.1
"""Seconds after the deadline within which a call must have ended."""

_PACE: Final = 0.15
"""Seconds from one call of the stream to the next."""

_CALM: Final = 5
"""Calls before the outage, and after it."""

_QUICK: Final[Mapping[str, Json]] = {"breaker": {"open": 0.5}}
"""The policy: a circuit that opens asks again sooner than usual, for an audience."""

_PATIENCE: Final = 15.0
"""Seconds after which a circuit that has not changed never will: more than it stays open at the most."""


class NotShown(Exception):
    """A claim of the story did not hold."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Two servers, and a client whose first target is served by the one and its fallback by the other.

    Attributes:
        changes: What the circuits did since it was last emptied.
    """

    primary: Server
    backup: Server
    client: Client
    changes: list[CircuitChanged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call and what its caller got.

    Attributes:
        ended: The result, or the error that was raised.
        elapsed: Seconds, on the caller's clock.
        changes: What the circuits did meanwhile.
    """

    ended: Result | CallError
    elapsed: float
    changes: tuple[CircuitChanged, ...]

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Every attempt and every skipped route."""
        return self.ended.attempts

    def answered_by(self, server: Server) -> bool:
        """Whether the answer is that server's."""
        return isinstance(self.ended, Result) and self.ended.route.startswith(f"{server.name}:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The calls of the second step, in order; `broken` is the place of the first after the primary died."""

    calls: tuple[Asked, ...]
    broken: int


@contextmanager
def stage() -> Iterator[Stage]:
    """Servers, files and a client, all gone afterwards."""
    changes: list[CircuitChanged] = []

    def listen(event: Event) -> None:
        if isinstance(event, CircuitChanged):
            changes.append(event)

    with (
        _own_environment(),
        tempfile.TemporaryDirectory(prefix="resilient-infer-") as folder,
        Sandbox() as sandbox,
    ):
        primary = sandbox.serve("hf-inference", name="primary", models=[FIRST])
        backup = sandbox.serve("hf-inference", name="backup", models=[SECOND])
        first, second = Served(model=FIRST, by=(primary,)), Served(model=SECOND, by=(backup,))
        sandbox.write(folder, {"sentiment": [first, second], "alone": [first]}, _QUICK)
        with Client(lockfiles=folder, lock_mode="locked", listeners=[listen], private_state=True) as client:
            yield Stage(primary, backup, client, changes)


def one_call(on: Stage) -> Result:
    """The first step: a call that nothing disturbs."""
    result = _ask(on, "sentiment").ended
    if not isinstance(result, Result):
        raise NotShown(f"the first call is answered ({result})")
    _claim(result.model == FIRST and result.fallback is None, "the first target answers")
    _claim(result.revision == on.primary.models[FIRST], "the result names the commit that is locked")
    _claim(result.pin is Pin.DECLARED, "the pin says no more than is known")
    _claim(len(on.primary.requests) == 1 and not on.backup.requests, "one request is sent, to the primary")
    return result


def outage(
    on: Stage, killed: Callable[[], None], back: Callable[[], None], saw: Callable[[Asked], None]
) -> Outage:
    """The second step: the primary dies under a stream of calls, and recovers.

    Args:
        killed: Told when the primary has died.
        back: Told when it is there again, which the circuit learns from its next probe only.
        saw: Told each call, as soon as it has ended.
    """
    calls: list[Asked] = []

    def stream(until: Callable[[], bool], limit: float = _PATIENCE) -> None:
        ends_at = time.monotonic() + limit
        while not until() and time.monotonic() < ends_at:
            time.sleep(_PACE)
            calls.append(_ask(on, "sentiment"))
            saw(calls[-1])
            _claim(isinstance(calls[-1].ended, Result), "every call is answered")

    stream(lambda: len(calls) >= _CALM)
    on.primary.fail(Refused())
    killed()
    broken, asked_before = len(calls), len(on.primary.requests)
    stream(lambda: _transitions(calls)[-2:] == ["half-open", "open"])
    on.primary.heal()
    back()
    stream(lambda: _transitions(calls)[-1:] == ["closed"])
    asked_after = len(on.primary.requests)
    calm = len(calls) + _CALM
    stream(lambda: len(calls) >= calm)

    expected = ["open", "half-open", "open", "half-open", "closed"]
    _claim(_transitions(calls) == expected, "the circuit opens, probes in vain, probes again and closes")
    _claim(
        asked_after == asked_before + 1,
        "until its probe succeeds, the primary that is back gets nothing else",
    )
    untroubled = (*calls[:broken], *calls[-_CALM:])
    _claim(all(call.answered_by(on.primary) for call in untroubled), "before and after, the primary answers")
    spared = [call for call in calls if call.answered_by(on.backup) and not _sent_to(on.primary, call)]
    _claim(len(spared) > 1, "while the circuit is open, calls go to the backup at once")
    return Outage(calls=tuple(calls), broken=broken)


def deadlines(on: Stage, saw: Callable[[str, Asked], None]) -> None:
    """The third step: servers that never finish, and calls that do.

    Args:
        saw: Told what the primary does and what came of the call, as soon as it has ended.
    """
    trials: tuple[tuple[Fault, str, str], ...] = (
        (Hang(), "sentiment", "hangs"),
        (Hang(), "alone", "hangs, and there is no backup"),
        (Drip(where="headers"), "alone", "sends a byte now and then, and no backup"),
    )
    for fault, alias, what in trials:
        on.primary.fail(fault)
        asked = _ask(on, alias, deadline=DEADLINE)
        on.primary.heal()
        saw(what, asked)
        if alias == "sentiment":
            _claim(asked.answered_by(on.backup), f"where the primary {what}, the backup answers")
        else:
            _claim(
                isinstance(asked.ended, DeadlineExceeded), f"a primary that {what} ends in DeadlineExceeded"
            )
        _claim(
            asked.elapsed <= DEADLINE + GRACE,
            f"a call ends in {DEADLINE + GRACE:.1f} s if the primary {what}",
        )


def _ask(on: Stage, alias: str, deadline: float | None = None) -> Asked:
    on.changes.clear()
    started = time.monotonic()
    ended: Result | CallError
    try:
        ended = on.client.call(alias, PAYLOAD, deadline=deadline)
    except CallError as error:
        ended = error
    return Asked(ended=ended, elapsed=time.monotonic() - started, changes=tuple(on.changes))


def _claim(holds: bool, claim: str) -> None:
    if not holds:
        raise NotShown(claim)


def _transitions(calls: list[Asked]) -> list[str]:
    return [change.new for call in calls for change in call.changes]


def _sent_to(server: Server, call: Asked) -> bool:
    return any(record.number and record.route.startswith(f"{server.name}:") for record in call.attempts)


@contextmanager
def _own_environment() -> Iterator[None]:
    """For the demo's time, nothing of the user's environment tells its client what to do.

    The servers are on loopback, which no proxy reaches; of the variables for "no proxy" the lower
    case one is asked for first.
    """
    own = {"no_proxy": "127.0.0.1", ENVIRONMENT_VARIABLE: ""}
    kept = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
