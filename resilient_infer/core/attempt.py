"""Attempt: one request to one route, as ordered and as remembered."""

from dataclasses import dataclass, field

from resilient_infer.core.payload import Payload
from resilient_infer.core.quick import quick
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Pin, Route
from resilient_infer.core.task import Task
from resilient_infer.core.testimony import Identity, Testimony


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An order: ask this route once, for at most `timeout` seconds.

    Attributes:
        number: 1 for the first attempt of a call.
        call_id: The same for every attempt of a call; sent as the idempotency key.
        safe: May be sent again after an ambiguous failure (the alias's policy).
        fresh: Use a new connection, because a kept-alive one has just failed.
        identity: What is sent instead of the payload, to learn which commit the server runs.
        testimony: What the server said when it was asked that; None: it was not asked.
        stream: The answer is to come piece by piece; `timeout` is for its first piece.
    """

    number: int
    call_id: str
    alias: str
    task: Task
    route: Route
    model: str | None
    revision: str | None
    pin: Pin
    payload: Payload = field(repr=False)
    secret: Secret | None
    timeout: float
    safe: bool
    fresh: bool = False
    identity: Identity | None = None
    testimony: Testimony | None = None
    stream: bool = False


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """What one attempt, or one refusal to make one, came to. Kept in `Result.attempts`.

    Attributes:
        number: 1, 2, … for requests; 0 for a route that was skipped and not asked.
        route: "provider:name".
        outcome: "success", "skipped" or a `FailureKind` value such as "timeout".
        reason: One line for people, "" for a success.
        started: Seconds since the call began.
        elapsed: Seconds it took.
        status: HTTP status, or None if there was no answer.
        retry_after: Seconds the server asked to wait, or until a skipped route may be asked; None if unknown.
        identity: The server was only asked which commit it runs. A question that reached nobody is an
            attempt like any other: the payload would have met the same.
        first_token: Seconds until the first piece of a streamed answer, None without one.
    """

    number: int
    model: str | None
    revision: str | None
    route: str
    outcome: str
    reason: str
    started: float
    elapsed: float
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None
    identity: bool = False
    first_token: float | None = None
