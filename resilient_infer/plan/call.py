"""The rings of one call, outermost first. This file decides what happens next; nothing here acts.

    deadline > fallback over targets > rounds (backoff, retry bucket) > next route
    > attested commit > not-before > breaker > bulkhead > attempt timeout > send

`_answer` walks the targets and, when all that are left say "not before",
waits once for the earliest moment. `_visit` gives a target its rounds. `_ask`
pays and waits where a route is asked again. `_send` asks the gates and sends;
`attest.py` learns first which commit the server runs.
The gates of a route (not-before, breaker, bulkhead) refuse at no cost.
"""

import math
from collections.abc import Generator
from operator import itemgetter
from typing import Final

from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Finished
from resilient_infer.plan import attest, stream
from resilient_infer.plan.actions import Action, Deliver, Done, Plan, Reply, Start, Wait
from resilient_infer.plan.ending import call_error, result_of
from resilient_infer.plan.places import Place, Turn
from resilient_infer.plan.progress import Progress
from resilient_infer.plan.spec import CallSpec, Env
from resilient_infer.policies import backoff
from resilient_infer.policies.balance import arrange
from resilient_infer.policies.fallback import Step, is_larger
from resilient_infer.policies.retry import Again, GiveUp, decide

BUCKET_EMPTY: Final = "the retry bucket is empty"


def call_plan(spec: CallSpec, env: Env, now: float) -> Plan:
    """The plan of one call, started at `now` (monotonic seconds).

    Raises:
        CallError: No target answered; raised once, at the end, with every attempt.
    """
    call = Progress(spec, env, now)
    outcome, route = "cancelled", None
    try:
        result = yield from _answer(call)
        outcome, route = "success", result.route
        if call.transcript is not None:
            yield Deliver((Finished(result=result),))
        return result
    except Exception as error:
        outcome = type(error).__name__
        raise
    finally:
        call.give_back()
        call.chronicle.call_finished(outcome, route, call.now)


def _answer(call: Progress) -> Generator[Action, Reply, Result]:
    """The targets in order, again and again, as long as one of them may still be asked."""
    while True:
        for place in call.places:
            if not place.left:
                continue
            result = yield from _visit(call, place)
            if result is not None:
                return result
            call.go_on(place)
        yield from _wait_for_admission(call)


def _visit(call: Progress, place: Place) -> Generator[Action, Reply, Result | None]:
    """Rounds over the routes of one target, until one answers or none may be asked for now."""
    while place.rounds <= call.spec.alias.retry.retries:
        asked = False
        for turn in _round(call, place):
            outcome = yield from _ask(call, turn)
            if outcome is None:
                continue
            asked = True
            if isinstance(outcome, Success):
                return result_of(call, turn, outcome)
            if _leaves_target(call, turn, outcome):
                place.over = True
                return None
        if not asked:
            return None
        place.rounds += 1
    place.over = True
    return None


def _round(call: Progress, place: Place) -> list[Turn]:
    """The routes to ask in this round, in order. Those that may never be asked again are spent here."""
    turns = []
    for turn in place.turns:
        if turn.spec.unusable and not turn.spent:
            call.spend(turn, turn.spec.unusable)
        if not turn.spent and (turn.failure is None or _may_repeat(call, turn, turn.failure)):
            turns.append(turn)
    if len(turns) < 2:
        return turns
    return [turns[position] for position in arrange([turn.ready_at for turn in turns], call.now)]


def _may_repeat(call: Progress, turn: Turn, failure: Failure) -> bool:
    """Whether a route that has failed is asked again now, after its wait."""
    verdict = decide(
        call.spec.alias.retry,
        failure,
        repeats=turn.repeats,
        delay=turn.ready_at - turn.failed_at,
        time_left=call.useful_from(turn.failed_at),
        others_left=turn.ready_at > call.now and call.others_left(turn),
    )
    turn.spent = isinstance(verdict, GiveUp)
    return isinstance(verdict, Again)


def _ask(call: Progress, turn: Turn) -> Generator[Action, Reply, Outcome | None]:
    """Ask one route; before it is asked again, pay and wait. None: nothing was sent.

    A failure that no other server may be asked about (a conflict) is repeated here, not in the next round.
    """
    while True:
        if turn.failure is not None:
            if not call.pay(turn):
                call.spend(turn, BUCKET_EMPTY)
                return None
            yield from _back_off(call, turn, turn.failure)
        outcome = yield from _send(call, turn)
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.STALE and not turn.fresh:
            # A kept-alive connection was already closed: nobody's failure, and free.
            turn.fresh = True
            outcome = yield from _send(call, turn)
        if turn.ticket is None:  # in a queue, the token is kept: it must not be missing when the slot comes
            call.refund(turn)
        if not isinstance(outcome, Failure):
            return outcome
        if call.step_after(outcome) is not Step.STOP or not _may_repeat(call, turn, outcome):
            return outcome


def _back_off(call: Progress, turn: Turn, failure: Failure) -> Generator[Action, Reply, None]:
    """Wait until a route that has failed may be asked again."""
    if turn.ready_at > call.now:
        call.leave_queues()  # a slot must not be kept for one who sleeps
        reason = f"before the next attempt after {failure.kind.value}"
        call.chronicle.wait_started(str(turn.spec.route), turn.ready_at, reason, call.now)
        call.now = (yield Wait(turn.ready_at)).now


def _send(call: Progress, turn: Turn) -> Generator[Action, Reply, Outcome | None]:
    """Ask the gates, send, and record the outcome. None: refused, or the payload does not fit the route."""
    if turn.spec.attestation is not None:
        yield from attest.await_testimony(call, turn)
        if _is_mismatched(call, turn):
            return None
    timeout = _timeout(call, turn)
    permit = call.admit(turn, timeout)
    if permit is None:
        call.leave_question(turn)
        return None
    if turn.asks:
        failure = yield from attest.ask_identity(call, turn, permit, timeout)
        if failure is not None:
            return failure
        if _is_mismatched(call, turn):
            return None
        timeout = _rest(call, turn, timeout)
    reply = yield Start(call.begin(turn, permit, timeout))
    call.now = reply.now
    if isinstance(reply.value, Failure):
        call.unfit(reply.value)
        return None
    call.under_way()
    outcome = attest.examined(call, turn, (yield from _receive(call, turn)))
    call.finish(outcome)
    if call.is_interrupted(outcome):
        raise call_error(call)
    if call.transcript is not None and isinstance(outcome, Success):
        yield from stream.take_back(call, call.transcript)
    return outcome


def _receive(call: Progress, turn: Turn) -> Generator[Action, Reply, Outcome]:
    """Wait for the answer under way, whole or piece by piece."""
    if call.transcript is not None:
        return (yield from stream.receive(call, turn, call.transcript))
    reply = yield Wait(math.inf)
    call.now = reply.now
    assert isinstance(reply.value, Done)
    return reply.value.outcome


def _timeout(call: Progress, turn: Turn) -> float:
    """Seconds the next attempt may take; with no time left the call ends here."""
    timeout = call.timeout_for(turn)
    if timeout is None:
        raise call_error(call)
    return timeout


def _rest(call: Progress, turn: Turn, granted: float) -> float:
    """What the question left of the seconds granted: so far begun, the payload is sent, if late."""
    rest = call.timeout_for(turn) or call.ends_at - call.now
    if rest <= 0.0:
        raise call_error(call)
    return min(granted, rest)


def _is_mismatched(call: Progress, turn: Turn) -> bool:
    """Whether the route is passed over because its server runs another commit; it gets nothing to see."""
    refusal = attest.mismatch(call, turn)
    if refusal is not None:
        call.land()
        call.leave_queue(turn)  # a slot that was kept for it would be waited for, and called, for ever
        call.refuse(turn, refusal)
    return refusal is not None


def _leaves_target(call: Progress, turn: Turn, failure: Failure) -> bool:
    """Whether the call leaves the target of this route at once. A fault of the request ends the call here."""
    _may_repeat(call, turn, failure)  # if never, the routes asked next must not count on this one
    step = call.step_after(failure)
    if step is Step.STOP:
        raise call_error(call)
    if step is Step.LARGER_TARGET:
        context = turn.place.spec.target.context
        for place in call.places:
            place.over = place.over or not is_larger(place.spec.target.context, than=context)
    return step is not Step.NEXT_ROUTE


def _wait_for_admission(call: Progress) -> Generator[Action, Reply, None]:
    """Wait once, holding no permit, for the earliest moment at which a route left may be asked."""
    last_useful = call.now + call.useful_from(call.now)
    until = _first_opening(call, last_useful)
    tickets = tuple(turn.ticket for turn in call.turns_left() if turn.ticket is not None)
    if tickets:
        until = min(until, last_useful, *(ticket.ask_again_at for ticket in tickets))
    if until > last_useful or last_useful <= call.now:
        raise call_error(call)
    if until > call.now:
        call.chronicle.wait_started("", until, "until a route may be asked again", call.now)
        call.now = (yield Wait(until, tickets)).now


def _first_opening(call: Progress, last_useful: float) -> float:
    """When the first of the routes left may be asked; what is waited for, if it is a repeat, is paid for."""
    openings = [(moment, turn) for turn in call.turns_left() if (moment := _opens_at(call, turn)) is not None]
    for moment, turn in sorted(openings, key=itemgetter(0)):
        if moment <= call.now or moment > last_useful or turn.failure is None or call.pay(turn):
            return moment
        call.spend(turn, BUCKET_EMPTY)
    return math.inf


def _opens_at(call: Progress, turn: Turn) -> float | None:
    """When a route that was passed over may be asked; None if that is unknown or not worth waiting for."""
    if turn.refusal is None:
        return turn.ready_at
    moment = turn.refusal.moment
    if moment <= call.now:
        return moment
    if not turn.refusal.reason.passes or math.isinf(moment):
        return None
    return moment + backoff.delay(1, throttled=True, advice=None, jitter=call.env.jitter())
