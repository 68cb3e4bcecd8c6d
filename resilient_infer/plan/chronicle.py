"""Chronicle: what is told of a call, in its records and to the listeners.

No event is made when nobody listens.
"""

import math
from collections.abc import Callable

from resilient_infer.core.attempt import Attempt, AttemptRecord
from resilient_infer.core.events import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallStarted,
    ChunkSkipped,
    CircuitChanged,
    Event,
    FirstTokenReceived,
    PinMismatched,
    RouteSkipped,
    TargetFailed,
    WaitStarted,
)
from resilient_infer.core.gates import CircuitChange, NotBefore
from resilient_infer.core.outcome import Failure, Outcome
from resilient_infer.core.target import Route, Target
from resilient_infer.plan.spec import CallSpec, TargetSpec


class Chronicle:
    """The records of one call, and the voice that tells its events. Moments are monotonic seconds."""

    __slots__ = ("_emit", "_spec", "_started", "records", "requests")

    def __init__(self, spec: CallSpec, emit: Callable[[Event], None] | None, started: float) -> None:
        self._spec = spec
        self._emit = emit
        self._started = started
        self.records: list[AttemptRecord] = []
        self.requests = 0
        if emit is not None:
            alias = spec.alias
            emit(
                CallStarted(
                    call_id=spec.call_id, alias=alias.alias, task=alias.task.name, deadline=spec.deadline
                )
            )

    def attempt_started(self, attempt: Attempt, now: float) -> None:
        """A request is on its way."""
        self.requests = attempt.number
        if self._emit is not None:
            self._emit(
                AttemptStarted(
                    call_id=attempt.call_id,
                    at=now - self._started,
                    number=attempt.number,
                    route=str(attempt.route),
                    model=attempt.model,
                    revision=attempt.revision,
                    timeout=attempt.timeout,
                    identity=attempt.identity is not None,
                )
            )

    def attempt_finished(
        self,
        attempt: Attempt,
        outcome: Outcome,
        now: float,
        *,
        elapsed: float,
        identity: bool = False,
        first_token: float | None = None,
    ) -> None:
        """An attempt came to its end; `identity`: it was no more than a question before the payload."""
        failure = outcome if isinstance(outcome, Failure) else None
        record = AttemptRecord(
            number=attempt.number,
            model=attempt.model,
            revision=attempt.revision,
            route=str(attempt.route),
            outcome="success" if failure is None else failure.kind.value,
            reason="" if failure is None else failure.reason,
            started=now - elapsed - self._started,
            elapsed=elapsed,
            status=outcome.status,
            request_id=outcome.request_id,
            retry_after=None if failure is None else failure.advice,
            identity=identity,
            first_token=first_token,
        )
        self.records.append(record)
        if self._emit is not None:
            self._emit(
                AttemptFinished(
                    call_id=attempt.call_id,
                    at=now - self._started,
                    number=record.number,
                    route=record.route,
                    outcome=record.outcome,
                    reason=record.reason,
                    status=record.status,
                    elapsed=elapsed,
                    request_id=record.request_id,
                    identity=record.identity,
                )
            )

    def first_token(self, attempt: Attempt, now: float, *, elapsed: float) -> None:
        """The first piece of a streamed answer has come."""
        if self._emit is not None:
            self._emit(
                FirstTokenReceived(
                    call_id=attempt.call_id,
                    at=now - self._started,
                    number=attempt.number,
                    route=str(attempt.route),
                    elapsed=elapsed,
                )
            )

    def chunk_skipped(self, route: str, reason: str, now: float) -> None:
        """A chunk of a streamed answer could not be read."""
        if self._emit is not None:
            self._emit(
                ChunkSkipped(call_id=self._spec.call_id, at=now - self._started, route=route, reason=reason)
            )

    def refused(self, target: Target, route: str, refusal: NotBefore, now: float) -> None:
        """A gate let nothing through."""
        reason = f"{refusal.reason.value}: {refusal.detail}" if refusal.detail else refusal.reason.value
        retry_after = None if math.isinf(refusal.moment) else max(0.0, refusal.moment - now)
        self.skipped(target, route, reason, now, retry_after=retry_after)

    def skipped(
        self,
        target: Target,
        route: str,
        reason: str,
        now: float,
        *,
        retry_after: float | None = None,
        outcome: str = "skipped",
    ) -> None:
        """A route was passed over; nothing was sent."""
        self.records.append(
            AttemptRecord(
                number=0,
                model=target.model,
                revision=target.revision,
                route=route,
                outcome=outcome,
                reason=reason,
                started=now - self._started,
                elapsed=0.0,
                retry_after=retry_after,
            )
        )
        if self._emit is not None:
            self._emit(
                RouteSkipped(
                    call_id=self._spec.call_id,
                    at=now - self._started,
                    route=route,
                    reason=reason,
                    retry_after=retry_after,
                )
            )

    def pin_mismatched(self, target: Target, route: str, reported: str, now: float, *, refused: bool) -> None:
        """A server runs another commit than the locked one."""
        if self._emit is not None:
            self._emit(
                PinMismatched(
                    call_id=self._spec.call_id,
                    at=now - self._started,
                    route=route,
                    model=target.model,
                    revision=target.revision or "",
                    reported=reported,
                    refused=refused,
                )
            )

    def wait_started(self, route: str, until: float, reason: str, now: float) -> None:
        """The call sleeps."""
        if self._emit is not None:
            self._emit(
                WaitStarted(
                    call_id=self._spec.call_id,
                    at=now - self._started,
                    route=route,
                    seconds=until - now,
                    reason=reason,
                )
            )

    def circuit_changed(self, route: Route, change: CircuitChange | None, now: float) -> None:
        """A circuit changed on account of this call."""
        if change is not None and self._emit is not None:
            self._emit(
                CircuitChanged(
                    call_id=self._spec.call_id,
                    at=now - self._started,
                    route=str(route),
                    old=change.old.value,
                    new=change.new.value,
                    open_for=max(0.0, change.until - now),
                )
            )

    def last_word(self, spec: TargetSpec) -> AttemptRecord | None:
        """Why the target did not answer, as its latest record says."""
        routes = {str(route.route) for route in spec.routes}
        model, revision = spec.target.model, spec.target.revision
        for record in reversed(self.records):
            same = record.route in routes and record.model == model and record.revision == revision
            if same and record.outcome != "success":
                return record
        return None

    def target_failed(self, spec: TargetSpec, following: TargetSpec | None, now: float) -> None:
        """The call goes on to the next target, if there is one."""
        if self._emit is not None:
            last = self.last_word(spec)
            self._emit(
                TargetFailed(
                    call_id=self._spec.call_id,
                    at=now - self._started,
                    model=spec.target.model,
                    next_model=None if following is None else following.target.model,
                    reason="" if last is None else last.reason,
                )
            )

    def call_finished(self, outcome: str, route: str | None, now: float) -> None:
        """The call is over."""
        if self._emit is not None:
            self._emit(
                CallFinished(
                    call_id=self._spec.call_id,
                    at=now - self._started,
                    alias=self._spec.alias.alias,
                    outcome=outcome,
                    route=route,
                    attempts=self.requests,
                )
            )
