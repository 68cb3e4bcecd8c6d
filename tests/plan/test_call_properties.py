"""What holds for every call, whatever its targets, policies and servers are."""

import re
from collections import Counter
from dataclasses import fields, replace

import pytest
from hypothesis import given

from resilient_infer.core.events import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallStarted,
    Event,
    RouteSkipped,
    TargetFailed,
    WaitStarted,
)
from resilient_infer.core.gates import Permit
from resilient_infer.core.outcome import FailureKind
from resilient_infer.core.result import Result
from resilient_infer.errors import AttemptFailed, NotAdmitted, PayloadRefused
from resilient_infer.plan.progress import LATE, LEASE_MARGIN
from resilient_infer.plan.spec import Env
from tests.plan.scripts import NEUTRAL, Drama, dramas
from tests.plan.watched import WatchedGate, watch_attestations
from tests.scenarios.stage import Performance, play_simulated, play_sync

ROUNDING = 1e-6
"""Seconds that sums of floats may be off."""


def play(drama: Drama) -> Performance:
    return played(drama)[0]


def played(drama: Drama) -> tuple[Performance, dict[str, WatchedGate]]:
    stage, gates = drama.stage()
    return play_simulated(stage, drama.script), gates


def said(told: Performance) -> str:
    """All that a caller and a server can see of a call, with moments to the nanosecond.

    A clock that adds up sleeps and one that is set to their ends differ in the last binary digit.
    """
    ended = told.ended
    if isinstance(ended, Result):
        facts: tuple[object, ...] = tuple(getattr(ended, field.name) for field in fields(ended))
    else:
        facts = type(ended), str(ended), ended.attempts, ended.elapsed, ended.retry_after
    exact = repr((facts, told.asked, told.events, told.elapsed))
    return re.sub(r"\d+\.\d+(e[-+]?\d+)?", lambda number: f"{float(number[0]):.9f}", exact)


def served(name: str) -> str:
    """The route whose server was asked, for its commit ("a/info") or with the payload."""
    return name.removesuffix("/info")


def attempts_of(told: Performance) -> Counter[str]:
    """How often each route was asked, questions left out that only came before the payload."""
    records = (record for record in told.ended.attempts if record.number and not record.identity)
    return Counter(record.route.removeprefix("server:") for record in records)


@given(drama=dramas())
def test_pa1_the_sync_and_the_simulated_driver_tell_the_same_story(drama: Drama) -> None:
    """PA1, FB6: with one seed and one script the requests, the events and the end are identical."""
    by_sync = play_sync(drama.stage()[0], drama.script)

    assert said(by_sync) == said(play(drama))


@given(drama=dramas())
def test_dl1_a_call_never_ends_after_its_deadline(drama: Drama) -> None:
    """`call` returns or raises by t0 + deadline."""
    told = play(drama)

    assert told.elapsed <= drama.deadline + ROUNDING
    assert told.ended.elapsed == pytest.approx(told.elapsed, abs=ROUNDING)


@given(drama=dramas())
def test_dl2_every_wait_leaves_time_for_an_attempt(drama: Drama) -> None:
    """No sleep starts unless it ends while an attempt is still worth starting."""
    for wait in play(drama).told(WaitStarted):
        assert wait.seconds > 0.0
        assert wait.at + wait.seconds <= drama.deadline - drama.useful + ROUNDING


@given(drama=dramas())
def test_dl3_an_attempt_keeps_time_for_the_targets_after_it(drama: Drama) -> None:
    """attempt_timeout = min(configured, remaining - reserve), and never less than is useful.

    Only the last route that can help, after every other one was asked or passed over, gets more than is
    configured: all the time that is left. No time is kept for what cannot be asked at all.
    """
    told = play(drama)
    reached = -1
    routes = {f"server:{name}" for target in drama.targets for name in target if name not in drama.unusable}
    met: set[str] = set()
    question: AttemptStarted | None = None
    for event in told.events:
        if isinstance(event, AttemptFinished | RouteSkipped):
            met.add(event.route)
            reached = max(reached, drama.target_of(event.route))
            if isinstance(event, AttemptFinished) and event.outcome == "too long":
                met |= {f"server:{name}" for name in drama.targets[drama.target_of(event.route)]}
        if not isinstance(event, AttemptStarted):
            continue
        question, before = event if event.identity else None, question
        if event.identity:
            continue
        reached = max(reached, drama.target_of(event.route))
        left = drama.deadline - event.at
        later = [] if any(drama.contexts) else drama.targets[reached + 1 :]
        to_come = sum(any(name not in drama.unusable for name in target) for target in later)
        if event.timeout > drama.attempt_timeout:
            assert len(routes) > 1
            assert routes - {event.route} <= met or any(drama.contexts)
            assert event.timeout >= left - len(routes) * drama.useful - ROUNDING
        assert event.timeout <= max(left - to_come * drama.useful, drama.useful) + ROUNDING
        assert 0.0 < event.timeout <= left + ROUNDING
        least = (1.0 - LATE) * drama.useful
        if before is not None and before.route == event.route:
            least /= 2
        assert event.timeout >= min(least, drama.attempt_timeout) - ROUNDING


@given(drama=dramas())
def test_dl4_attempts_and_waits_follow_one_another_and_fill_the_call(drama: Drama) -> None:
    """sum of attempts + sleeps <= deadline, and nothing else takes time."""
    told = play(drama)

    attempts = sum(event.elapsed for event in told.told(AttemptFinished))
    waits = sum(event.seconds for event in told.told(WaitStarted))
    assert attempts <= told.elapsed + ROUNDING
    assert told.elapsed <= attempts + waits + ROUNDING


@given(drama=dramas())
def test_fb1_targets_are_tried_in_order(drama: Drama) -> None:
    """Target i+1 never before i failed, was skipped, or is too small for what i could not take."""
    records = play(drama).ended.attempts
    seen: list[int] = []
    for record in records:
        target = drama.target_of(record.route)
        if target in seen:
            continue
        passed_over = set(range(target)) - set(seen)
        assert not passed_over or any(record.outcome == "too long" for record in records)
        assert target > max(seen, default=-1)
        seen.append(target)


@given(drama=dramas())
def test_fb2_after_a_fault_of_the_request_nothing_more_is_sent(drama: Drama) -> None:
    """A stop-class error raises at once, unless the server itself asks for another try."""
    told = play(drama)
    records = [record for record in told.ended.attempts if record.number]
    for position, record in enumerate(records):
        asked_for = record.route in {
            f"server:{name}" for name, done in drama.script.items() if _invites(done)
        }
        if record.outcome == "bad request" and not asked_for:
            assert position == len(records) - 1
            assert type(told.ended) is PayloadRefused


def _invites(reactions: object) -> bool:
    return "x-should-retry" in repr(reactions)


@given(drama=dramas())
def test_fb3_an_error_tells_every_attempt_and_chains_the_last(drama: Drama) -> None:
    """`last` and `__cause__` are the last real answer; NotAdmitted only when nothing was sent."""
    told = play(drama)
    sent = [record for record in told.ended.attempts if record.number]

    assert [record.number for record in sent] == list(range(1, len(told.asked) + 1))
    assert [record.route for record in sent] == [f"server:{served(name)}" for name, _ in told.asked]
    sent = [record for record in sent if not record.identity]
    if isinstance(told.ended, Result):
        assert sent[-1].outcome == "success"
        assert (told.ended.fallback is None) == (drama.target_of(told.ended.route) == 0)
        return
    assert told.ended.last == (sent[-1] if sent else None)
    if sent:
        assert not isinstance(told.ended, NotAdmitted)
        assert isinstance(told.ended.__cause__, AttemptFailed)
        assert told.ended.__cause__.record == sent[-1]
    else:
        assert told.ended.__cause__ is None


@given(drama=dramas())
def test_fb4_what_is_told_of_a_failed_target_is_its_own(drama: Drama) -> None:
    """The reason stands in a record of that target."""
    told = play(drama)
    for event in told.told(TargetFailed):
        own = {record.reason for record in told.ended.attempts if record.model == event.model}
        assert event.reason in own
        assert event.next_model != event.model


@given(drama=dramas())
def test_co2_nothing_is_held_once_a_call_is_over(drama: Drama) -> None:
    """Each request has one permit and one record; permits, places in queues and tokens are given back."""
    told, gates = played(drama)

    requests = attempts_of(told)
    for name, gate in gates.items():
        assert not gate.permits
        assert not gate.tickets
        assert gate.settled == requests[name]
        resends = sum(
            record.outcome == FailureKind.STALE.value and record.route == f"server:{name}"
            for record in told.ended.attempts
        )
        paid = gate.taken - gate.returned
        assert max(0, requests[name] - 1 - resends) <= paid <= max(0, requests[name] - 1)


@given(drama=dramas())
def test_bh5_no_permit_is_held_across_a_wait(drama: Drama) -> None:
    """Permit is per attempt, not across backoff sleeps; nor is the right to ask for a commit held."""
    stage, gates = drama.stage()
    stage.alias, attestations = watch_attestations(stage.alias)
    waits = []

    def watching(event: Event) -> None:
        if isinstance(event, WaitStarted):
            waits.append(event)
            assert not any(gate.permits for gate in gates.values())
            assert not any(attestation.rights for attestation in attestations.values())

    stage.env = Env(stage.env.jitter, watching)
    play_simulated(stage, drama.script)


@given(drama=dramas())
def test_bh1_a_permit_outlives_the_attempt_it_is_for(drama: Drama) -> None:
    """One lost to a signal expires after the attempt's timeout and a margin, and not before."""
    told, gates = played(drama)
    for event in told.told(AttemptStarted):
        gate = gates[event.route.removeprefix("server:")]
        end = event.at + event.timeout + LEASE_MARGIN
        leases = [(asked, lease) for asked, lease in gate.asked_at.values() if asked <= event.at + ROUNDING]
        if drama.script.keys() & {f"{event.route.removeprefix('server:')}/info"}:
            assert any(end <= asked + lease + ROUNDING for asked, lease in leases)
        else:
            assert event.timeout + LEASE_MARGIN in [lease for _, lease in leases]


@given(drama=dramas())
def test_ra5_no_route_is_asked_earlier_than_it_asked_for(drama: Drama) -> None:
    """chosen delay >= advice, in this call and (RA7) in the next."""
    told, gates = played(drama)
    for record in told.ended.attempts:
        if record.number and record.retry_after is not None:
            name = record.route.removeprefix("server:")
            until = record.started + record.elapsed + record.retry_after
            later = [
                moment for asked, moment in told.asked if asked == name and moment > record.started + ROUNDING
            ]
            assert all(moment >= until - ROUNDING for moment in later)
            assert not isinstance(gates[name].gate.ask(until - 2 * ROUNDING, lease=1.0), Permit)


@given(drama=dramas())
def test_a_route_is_asked_as_often_as_the_policy_says_and_once_more_if_a_connection_was_stale(
    drama: Drama,
) -> None:
    """At most 1 + retries requests, and one free resend."""
    told = play(drama)
    records = told.ended.attempts
    for name, requests in attempts_of(told).items():
        route = f"server:{name}"
        stale = any(record.route == route and record.outcome == "stale connection" for record in records)
        assert requests <= 1 + drama.retries + stale


@given(drama=dramas())
def test_a_route_that_timed_out_is_not_asked_again(drama: Drama) -> None:
    """Nor one whose failure does not pass by itself."""
    final = {"timeout", "rejected", "oversized", "unauthorized", "forbidden", "quota used up", "gone"}
    spent: set[str] = set()
    for record in play(drama).ended.attempts:
        if record.number:
            assert record.route not in spent
            if record.outcome in final and not record.identity:
                spent.add(record.route)


@given(drama=dramas())
def test_what_is_not_safe_is_carried_out_twice_at_the_most(drama: Drama) -> None:
    """After an ambiguous failure never again on the same route, and after the second one nowhere."""
    records = [record for record in play(drama).ended.attempts if record.number and not record.identity]
    doubtful = [
        place for place, record in enumerate(records) if record.outcome in ("timeout", "connection lost")
    ]
    if drama.task == "text-generation":
        assert len(doubtful) <= 2
        assert len(doubtful) < 2 or doubtful[1] == len(records) - 1
        for place in doubtful:
            assert all(later.route != records[place].route for later in records[place + 1 :])


@given(drama=dramas())
def test_a_call_begins_and_ends_once_and_its_attempts_are_told_in_pairs(drama: Drama) -> None:
    """Exactly one CallStarted and CallFinished, with all other events between them, in order of time."""
    told = play(drama)

    first, *between, last = told.events
    assert isinstance(first, CallStarted)
    assert isinstance(last, CallFinished)
    assert not any(isinstance(event, CallStarted | CallFinished) for event in between)
    attempts = [event for event in between if isinstance(event, AttemptStarted | AttemptFinished)]
    kinds = [AttemptStarted, AttemptFinished] * len(told.asked)
    assert [type(event) for event in attempts] == kinds
    assert [event.number for event in attempts] == [number // 2 + 1 for number in range(len(kinds))]
    assert last.attempts == len(told.asked)
    expected = "success" if isinstance(told.ended, Result) else type(told.ended).__name__
    assert last.outcome == expected
    moments = [event.at for event in between if not isinstance(event, CallStarted)] + [last.at]
    assert moments == sorted(moments)


@given(drama=dramas())
def test_a_call_goes_the_same_way_when_nobody_listens(drama: Drama) -> None:
    """Listening changes nothing but what is heard."""
    silent = play_simulated(drama.stage(listening=False)[0], drama.script)
    heard = play(drama)

    assert silent.events == []
    assert said(silent) == said(replace(heard, events=[]))


@given(drama=dramas())
def test_co1_a_neutral_layer_is_no_layer(drama: Drama) -> None:
    """Neutral values of any one layer give the same trace as not building the layer."""
    bare = replace(_nobody_in_flight(drama), breaker=None, concurrency=None)

    plain = said(play(bare))
    assert said(play(replace(bare, breaker=NEUTRAL))) == plain
    assert said(play(replace(bare, concurrency=10**6))) == plain


@given(drama=dramas())
def test_ck2_a_call_goes_the_same_way_after_any_gap(drama: Drama) -> None:
    """CK2: a clock that has run on for days before the call began changes nothing."""
    late = play_simulated(_without_moments(drama).stage()[0], drama.script, at=2.0**22)
    early = play(_without_moments(drama))

    assert late.order == early.order
    assert type(late.ended) is type(early.ended)
    assert late.elapsed == pytest.approx(early.elapsed, abs=1e-5)


def _nobody_in_flight(drama: Drama) -> Drama:
    before = {name: replace(each, held=()) for name, each in drama.before.items()}
    return replace(drama, before=before)


def _without_moments(drama: Drama) -> Drama:
    """No state with a moment of its own, and no lengths that meet to the last digit."""
    before = {name: replace(each, held=(), postponed=None) for name, each in drama.before.items()}
    return replace(drama, before=before, min_useful=0.4637, deadline=drama.deadline * 1.0371)
