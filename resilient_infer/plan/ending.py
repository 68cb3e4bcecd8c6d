"""Ending: the `Result` a call returns, or the one error it raises."""

from typing import Final

from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.gates import SkipReason
from resilient_infer.core.outcome import LONG_BAR, FailureKind, Success
from resilient_infer.core.result import Result
from resilient_infer.errors import (
    AllTargetsFailed,
    AttemptFailed,
    AuthFailed,
    CallError,
    DeadlineExceeded,
    NotAdmitted,
    PayloadRefused,
    PinMismatch,
    StreamInterrupted,
)
from resilient_infer.plan.attest import words
from resilient_infer.plan.places import Turn
from resilient_infer.plan.progress import Progress
from resilient_infer.policies.cost import cost, usd
from resilient_infer.policies.fallback import Step
from resilient_infer.policies.pinning import differs, strength

REQUEST_FAULTS: Final = frozenset((FailureKind.BAD_REQUEST, FailureKind.TOO_LONG, FailureKind.CONTENT_FILTER))
_NO_OTHER_FAILURE: Final = (FailureKind.PIN_MISMATCH.value, FailureKind.STALE.value)
_AUTH_OUTCOMES: Final = frozenset((FailureKind.UNAUTHORIZED.value, FailureKind.FORBIDDEN.value))

MEND: Final = (
    "renew the key, top up the account, or name another model, as it says;"
    f" until {LONG_BAR:g} s have passed it is not asked again"
)
REDEPLOY: Final = (
    "redeploy the pinned commit, or ask for the served one in the manifest and lock it;"
    " on_pin_mismatch: warn takes such answers"
)


def result_of(call: Progress, turn: Turn, success: Success) -> Result:
    """The answer, with what is known of where it came from."""
    alias, target, route = call.spec.alias, turn.place.spec.target, turn.spec.route
    said = None if turn.testimony is None else turn.testimony.commit
    reported = success.commit or said
    warnings = call.spec.payload.warnings
    if differs(target, reported):
        warnings = (*warnings, words(target, reported or ""))
    if call.transcript is not None and call.transcript.skipped:
        number = call.transcript.skipped
        chunks = "1 chunk" if number == 1 else f"{number} chunks"
        warnings = (*warnings, f"{chunks} could not be read: something may be missing in the text")
    return Result(
        output=success.output,
        alias=alias.alias,
        task=alias.task.name,
        model=target.model or route.name,
        revision=target.revision,
        pin=strength(target, reported, enforced=success.enforced and success.commit is not None),
        route=str(route),
        attempts=tuple(call.chronicle.records),
        elapsed=call.now - call.started,
        served_model=success.served_model,
        served_by=success.served_by,
        served_revision=reported,
        cost=usd(cost(success.usage, route.price)),
        usage=success.usage,
        request_id=success.request_id,
        fallback=_why_not_first(call, turn),
        finish_reason=success.finish_reason,
        warnings=warnings,
        raw=success.raw,
    )


def call_error(call: Progress) -> CallError:
    """The error of a call that brought no answer; its cause is the last real failure."""
    records = call.chronicle.records
    sent = [record for record in records if record.number and not record.identity]
    kind, summary, hint = _kind_of_error(call, sent)
    retry_after = _retry_after(call)
    if retry_after is not None and not hint:
        hint = f"try again in {retry_after:.1f} s"
    error = kind(
        f"{call.spec.alias.alias}: {summary}",
        hint=hint,
        alias=call.spec.alias.alias,
        attempts=tuple(records),
        elapsed=call.now - call.started,
        retry_after=retry_after,
    )
    if isinstance(error, StreamInterrupted) and call.transcript is not None:
        error.partial, error.events = call.transcript.text, call.transcript.events
    if sent:
        error.__cause__ = AttemptFailed(sent[-1])
    return error


def _kind_of_error(call: Progress, sent: list[AttemptRecord]) -> tuple[type[CallError], str, str]:
    """Which error it is, what it says, and what to do about it."""
    out_of_time = call.useful_from(call.now) <= 0.0
    if call.transcript is not None and call.transcript.begun:
        told = f"{sent[-1].route}: {sent[-1].reason}"
        return StreamInterrupted, f"the answer was cut in its middle: {told}", "its text so far is .partial"
    if _only_mismatches(call, sent):
        return PinMismatch, _said(call), REDEPLOY
    if not sent:
        return _nothing_sent(call, out_of_time)
    told = f"{sent[-1].route}: {sent[-1].reason}"
    if call.last is not None and call.last.kind in REQUEST_FAULTS and not _others_refused(call):
        return PayloadRefused, f"the request was refused: {told}", "change the payload and call again"
    if all(record.outcome in _AUTH_OUTCOMES for record in sent):
        return AuthFailed, f"no credential was accepted: {told}", "check the token and what it may access"
    if out_of_time:
        return DeadlineExceeded, f"the deadline of {call.spec.deadline:g} s has passed; the last: {told}", ""
    hint = ""
    if call.last is not None and call.last.kind is FailureKind.QUOTA:
        hint = "the account's credits or quota are used up: top up, or add a route with another provider"
    elif call.ambiguous > 1 and not call.spec.alias.retry.safe:
        hint = (
            "it may have been carried out twice and was not sent again; set safe: true if that does no harm"
        )
    return AllTargetsFailed, f"{_who_failed(call)} after {_counted(sent)}; the last: {told}", hint


def _only_mismatches(call: Progress, sent: list[AttemptRecord]) -> bool:
    """Whether no route is left but those whose servers run, or answered with, another commit."""
    if any(record.outcome not in _NO_OTHER_FAILURE for record in sent):
        return False
    refused = [turn for turn in call.turns_left() if turn.refusal is not None]
    others = [turn for turn in refused if not _is_mismatched(turn)]
    return not others and (bool(sent) or any(map(_is_mismatched, refused)))


def _is_barred(turn: Turn) -> bool:
    return turn.refusal is not None and turn.refusal.reason is SkipReason.BARRED


def _is_mismatched(turn: Turn) -> bool:
    return turn.refusal is not None and turn.refusal.reason is SkipReason.MISMATCHED


def _said(call: Progress) -> str:
    told = (f"{record.route}: {record.reason}" for record in call.chronicle.records if record.reason)
    return "; ".join(dict.fromkeys(told))


def _who_failed(call: Progress) -> str:
    count = len(call.places)
    unusable = [place for place in call.places if all(turn.spec.unusable for turn in place.turns)]
    if unusable:
        why = unusable[0].turns[0].spec.unusable
        return f"{count - len(unusable)} of {count} targets failed, and no other can be asked ({why})"
    if count == 1:
        return "its only target failed"
    if _others_refused(call):
        return "the targets left may not be asked now: the call gave up"
    if any(not _is_mismatched(turn) for turn in call.turns_left()):
        return "no other target may be asked after this failure: the call gave up"
    return f"all {count} targets failed"


def _counted(sent: list[AttemptRecord]) -> str:
    return "1 attempt" if len(sent) == 1 else f"{len(sent)} attempts"


def _others_refused(call: Progress) -> bool:
    """Whether a route to which the call may go on was let through by no gate: another time it may answer."""
    if call.last is None or call.step_after(call.last) is Step.STOP:
        return False
    return any(turn.refusal is not None and not _is_mismatched(turn) for turn in call.turns_left())


def _nothing_sent(call: Progress, out_of_time: bool) -> tuple[type[CallError], str, str]:
    turns = [turn for place in call.places for turn in place.turns]
    said = _said(call)
    if all(turn.spec.unusable for turn in turns):
        return AuthFailed, f"nothing was sent: {said}", "set the variable and call again"
    if all(turn.spent for turn in turns):
        return PayloadRefused, f"no route can express the payload: {said}", "change the payload or the routes"
    if out_of_time:
        return DeadlineExceeded, f"nothing was sent within {call.spec.deadline:g} s: {said}", ""
    barred = all(map(_is_barred, call.turns_left()))
    return NotAdmitted, f"nothing was sent: {said}", MEND if barred else ""


def _retry_after(call: Progress) -> float | None:
    """Seconds until the first of the routes may be asked, as far as that is known."""
    moments = []
    for place in call.places:
        for turn in place.turns:
            if turn.refusal is not None:
                moments.append(turn.refusal.moment)
            elif turn.failure is not None and turn.failure.advice is not None:
                moments.append(turn.failed_at + turn.failure.advice)
    waits = [moment - call.now for moment in moments if call.now < moment < float("inf")]
    return min(waits, default=None)


def _why_not_first(call: Progress, turn: Turn) -> str | None:
    """Why the first target did not answer; None if it did."""
    if turn.place.index == 0:
        return None
    told = call.chronicle.last_word(call.places[0].spec)
    return "" if told is None else f"{told.route}: {told.reason}"
