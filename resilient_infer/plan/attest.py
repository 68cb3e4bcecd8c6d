"""Attest: which commit does the server of a route run? Asked before the payload is sent, and compared.

Called only by `plan/call.py`. One call at a time asks a server; the others
wait for what it says. A server that does not say is "not attested", and gets
the payload all the same; one that says another commit is passed over.
"""

import math
from collections.abc import Generator
from dataclasses import replace
from typing import Final

from resilient_infer.core.gates import NotBefore, Permit, SkipReason
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.target import Target
from resilient_infer.core.testimony import UNSAID
from resilient_infer.plan.actions import Action, Done, Reply, Start, Wait
from resilient_infer.plan.places import Turn
from resilient_infer.plan.progress import LEASE_MARGIN, Progress
from resilient_infer.policies import contract
from resilient_infer.policies.pinning import IDENTITY_TIMEOUT, KEPT, differs

NOT_REACHED: Final = frozenset(
    (FailureKind.UNREACHABLE, FailureKind.CONNECT_TIMEOUT, FailureKind.REJECTED, FailureKind.STALE)
)
"""Failures of the question that the payload would meet too: they are the attempt's own."""


def await_testimony(call: Progress, turn: Turn) -> Generator[Action, Reply, None]:
    """Wait until it is known what the server says, or the right to ask it is this call's."""
    attestation = turn.spec.attestation
    assert attestation is not None
    # One patience for all who ask: where nobody is reached, they fail one after another.
    until = call.now + min(IDENTITY_TIMEOUT + LEASE_MARGIN, call.useful_from(call.now) / 2)
    while attestation.known(call.now) is None and not turn.asks:
        ticket = attestation.ask(call.now, lease=IDENTITY_TIMEOUT + LEASE_MARGIN)
        if ticket is None:
            turn.asks = True
            return
        if until <= call.now:
            return
        call.leave_queues()  # a slot must not be kept for one who sleeps
        reason = "until another call has asked which commit the server runs"
        call.chronicle.wait_started(str(turn.spec.route), until, reason, call.now)
        call.now = (yield Wait(until, (ticket,))).now
        if not ticket.called:
            return  # nobody learned it in time: the answer will be told to be unattested


def ask_identity(
    call: Progress, turn: Turn, permit: Permit, timeout: float
) -> Generator[Action, Reply, Failure | None]:
    """Ask the server which commit it runs, under the permit of the payload. A failure is the attempt's."""
    identity, attestation = turn.spec.identity, turn.spec.attestation
    assert identity is not None
    assert attestation is not None
    reply = yield Start(call.begin(turn, permit, min(IDENTITY_TIMEOUT, timeout / 2), identity))
    call.now = reply.now
    call.under_way()
    reply = yield Wait(math.inf)
    call.now = reply.now
    assert isinstance(reply.value, Done)
    outcome = reply.value.outcome
    if isinstance(outcome, Failure) and outcome.kind in NOT_REACHED and not identity.elsewhere:
        call.leave_question(turn)
        call.finish(outcome)
        return outcome
    call.answered(outcome)
    turn.asks = False
    if isinstance(outcome, Success):
        attestation.tell(outcome.commit, outcome.limits, call.now)
    else:
        attestation.tell(None, UNSAID, call.now)
    return None


def mismatch(call: Progress, turn: Turn) -> NotBefore | None:
    """Why the route is not asked now: its server is known to run another commit. Keeps what it said."""
    attestation, target = turn.spec.attestation, turn.place.spec.target
    assert attestation is not None
    before, turn.testimony = turn.testimony, attestation.known(call.now)
    said = turn.testimony
    if said is None or said.commit is None or not differs(target, said.commit):
        return None
    if said is not before:
        _tell(call, turn, said.commit)
    if not call.spec.alias.refuse_mismatch:
        return None
    return NotBefore(said.until, SkipReason.MISMATCHED, words(target, said.commit))


def examined(call: Progress, turn: Turn, outcome: Outcome) -> Outcome:
    """An answer as the alias promises it, or why it is none: another commit, or a broken contract."""
    if not isinstance(outcome, Success):
        return outcome
    target = turn.place.spec.target
    mismatched = refusal(call, turn, outcome.commit)
    if mismatched:
        return _refused(outcome, FailureKind.PIN_MISMATCH, mismatched)
    task = call.spec.alias.task.name
    try:
        output = contract.keep(task, target, call.spec.payload, outcome.output)
    except contract.Broken as broken:
        return _refused(outcome, FailureKind.WRONG_SHAPE, f"the answer is not what was locked: {broken}")
    return outcome if output is outcome.output else replace(outcome, output=output)


def refusal(call: Progress, turn: Turn, reported: str | None) -> str:
    """Why an answer is refused that says which commit made it; "" if it is not. What it says is kept.

    A streamed answer may say it with every piece: it is heard once.
    """
    flight = call.flight
    assert flight is not None
    if reported is None or reported == flight.reported:
        return ""
    flight.reported = reported
    target = turn.place.spec.target
    _keep(call, turn, reported)
    if not differs(target, reported):
        return ""
    if turn.testimony is None or turn.testimony.commit != reported:  # else it was told before the answer
        _tell(call, turn, reported)
    return words(target, reported) if call.spec.alias.refuse_mismatch else ""


def words(target: Target, reported: str) -> str:
    """The mismatch, for people."""
    return f"pinned to {target.model}@{(target.revision or '')[:7]} but the server runs @{reported}"


def _tell(call: Progress, turn: Turn, reported: str) -> None:
    refused = call.spec.alias.refuse_mismatch
    target, route = turn.place.spec.target, str(turn.spec.route)
    call.chronicle.pin_mismatched(target, route, reported, call.now, refused=refused)


def _keep(call: Progress, turn: Turn, reported: str) -> None:
    """An answer's word about the commit saves the next question; told again only when it grows old."""
    attestation = turn.spec.attestation
    if attestation is None:
        return
    known = attestation.known(call.now)
    if known is None or known.commit != reported or known.until - call.now < KEPT / 2:
        attestation.tell(reported, UNSAID if known is None else known.limits, call.now)


def _refused(success: Success, kind: FailureKind, reason: str) -> Failure:
    return Failure(kind=kind, reason=reason, status=success.status, request_id=success.request_id)
