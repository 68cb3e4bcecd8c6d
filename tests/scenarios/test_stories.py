"""What each failure means, told as stories: the table "what counts" of the design, row by row.

The route `a` belongs to the first target, `b` to the second; who is asked is written "aab".
"""

from dataclasses import replace

import pytest

from resilient_infer.core.events import AttemptFinished, CircuitChanged, TargetFailed, WaitStarted
from resilient_infer.core.gates import SkipReason
from resilient_infer.core.http import FaultKind
from resilient_infer.errors import (
    AllTargetsFailed,
    AttemptFailed,
    CallError,
    PayloadRefused,
)
from resilient_infer.policies.trip import BreakerConfig
from tests.scenarios.stage import (
    BAD_REQUEST,
    CONFLICT,
    CUT,
    FILTERED,
    GENERATED,
    HANG,
    LOST,
    MISSING,
    NO_CREDITS,
    NOT_JSON,
    OK,
    REFUSED,
    SERVER_ERROR,
    STALE,
    TOO_LONG,
    UNAUTHORIZED,
    WRONG_SHAPE,
    Play,
    Reaction,
    Stage,
    loading,
    throttled,
)

TOUCHY = BreakerConfig(consecutive=1)
"""Opens at the first failure, so that one attempt shows what it heard."""

WRITTEN = replace(OK, body=GENERATED)
"""The answer to a generation, which is not safe to repeat."""


def status(number: int, body: str = "{}") -> Reaction:
    return Reaction(status=number, body=body)


@pytest.mark.parametrize(
    ("reaction", "asked", "outcome"),
    [
        (REFUSED, "aaab", "unreachable"),
        (LOST, "aaab", "connection lost"),
        (HANG, "ab", "timeout"),
        (CUT, "aab", "truncated"),
        (NOT_JSON, "aab", "malformed"),
        (status(200, ""), "aab", "truncated"),
        (WRONG_SHAPE, "aab", "wrong shape"),
        (Reaction(fault=FaultKind.REJECTED), "ab", "rejected"),
        (Reaction(fault=FaultKind.OVERSIZED), "ab", "oversized"),
        (Reaction(fault=FaultKind.GARBLED), "aab", "malformed"),
        (SERVER_ERROR, "aaab", "server error"),
        (status(408), "aaab", "server error"),
        (status(424), "aaab", "server error"),
        (status(502), "aaab", "server error"),
        (status(503), "aaab", "server error"),
        (status(504), "aaab", "server error"),
        (status(529), "aaab", "server error"),
        (throttled(20), "ab", "throttled"),
        (throttled(2), "aaab", "throttled"),
        (loading(1), "ab", "loading"),
        (NO_CREDITS, "ab", "quota used up"),
        (UNAUTHORIZED, "ab", "unauthorized"),
        (status(403), "ab", "unauthorized"),
        (MISSING, "ab", "gone"),
        (status(410), "ab", "gone"),
        (status(425), "aaab", "too early"),
        (status(501), "ab", "unsupported"),
        (status(505), "ab", "unsupported"),
        (status(307), "ab", "redirected"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_of_the_moment_or_the_server_is_repeated_as_often_as_it_makes_sense_then_left(
    play: Play, reaction: Reaction, asked: str, outcome: str
) -> None:
    """Retry on the same route by the kind of failure; the next target answers, and the result says why."""
    told = play(Stage(), {"a": [reaction], "b": [OK]})

    assert told.order == asked
    assert told.result.route == "server:b"
    assert told.result.model == "org/b"
    assert told.result.fallback is not None
    assert told.result.fallback.startswith("server:a: ")
    assert [record.outcome for record in told.result.attempts] == [outcome] * (len(asked) - 1) + ["success"]
    assert [event.next_model for event in told.told(TargetFailed)] == ["org/b"]


@pytest.mark.parametrize(
    ("reaction", "opens"),
    [
        (REFUSED, True),
        (LOST, True),
        (HANG, True),
        (CUT, True),
        (NOT_JSON, True),
        (WRONG_SHAPE, True),
        (Reaction(fault=FaultKind.REJECTED), True),
        (SERVER_ERROR, True),
        (status(529), True),
        (status(424), True),
        (throttled(20), False),
        (loading(20), False),
        (NO_CREDITS, False),
        (UNAUTHORIZED, False),
        (MISSING, False),
        (status(425), False),
        (CONFLICT, False),
        (status(501), False),
        (BAD_REQUEST, False),
        (TOO_LONG, False),
        (FILTERED, False),
        (OK, False),
    ],
)
def test_cb2_the_breaker_hears_of_faults_of_the_server_alone(
    play: Play, reaction: Reaction, opens: bool
) -> None:
    """A failure of the server counts; advice, a credential and the request's own fault do not."""
    told = play(Stage(targets=(("a",),), breaker=TOUCHY, retries=0), {"a": [reaction]})

    assert told.order == "a"
    assert [(event.old, event.new) for event in told.told(CircuitChanged)] == [("closed", "open")] * opens


@pytest.mark.parametrize("code", [400, 413, 415, 422])
def test_fb2_a_fault_of_the_request_ends_the_call_with_one_request(play: Play, code: int) -> None:
    """A stop-class error raises at once with exactly one request sent."""
    told = play(Stage(), {"a": [status(code, '{"error": "not like this"}')], "b": [OK]})

    assert told.order == "a"
    assert type(told.error) is PayloadRefused
    assert "not like this" in str(told.error)
    assert told.error.last is not None
    assert told.error.last.status == code
    assert told.elapsed == 0.1


def test_a_fault_of_the_request_proves_that_the_server_is_well(play: Play) -> None:
    """A timely 4xx counts as a success: it closes a circuit that was probing."""
    stage = Stage(targets=(("a",),), breaker=TOUCHY, retries=0)
    play(stage, {"a": [REFUSED]})

    told = play(stage, {"a": [BAD_REQUEST]}, at=10.0)

    assert [(event.old, event.new) for event in told.told(CircuitChanged)] == [
        ("open", "half-open"),
        ("half-open", "closed"),
    ]


def test_a_stale_connection_is_nobody_s_failure(play: Play) -> None:
    """One immediate resend on a fresh connection: no wait, no token, not counted by the breaker."""
    stage = Stage(targets=(("a",),), breaker=TOUCHY, retries=0)

    told = play(stage, {"a": [STALE, OK]})

    assert told.order == "aa"
    assert told.asked[1][1] == 0.001
    assert told.told(WaitStarted) == []
    assert told.told(CircuitChanged) == []
    assert [record.outcome for record in told.result.attempts] == ["stale connection", "success"]


def test_a_route_has_one_free_resend_in_a_call(play: Play) -> None:
    """After a stale connection every later attempt takes a fresh one, so there is no second free resend."""
    told = play(Stage(retries=2), {"a": [STALE, SERVER_ERROR, STALE, STALE, STALE], "b": [OK]})

    assert told.order == "aaab"
    assert told.asked[1][1] == 0.001
    assert len(told.told(WaitStarted)) == 1


def test_a_stale_connection_for_a_task_that_is_not_safe_is_as_bad_as_a_lost_one(play: Play) -> None:
    """Nobody knows whether the server had read the request; it is sent on, and not sent here again."""
    told = play(Stage(task="text-generation"), {"a": [STALE], "b": [WRITTEN]})

    assert told.order == "ab"
    assert told.result.attempts[0].outcome == "connection lost"


def test_a_resend_that_no_gate_lets_through_is_a_skip(play: Play) -> None:
    """The second target answers when the resend may not be sent: here the bar comes from another call."""
    stage = Stage(targets=(("a",), ("b",)), breaker=None)
    gate = stage.route("a").gate
    plain = stage.env.jitter

    def interfering() -> float:  # drawn when the failure is noted, before the resend
        gate.postpone(100.0, SkipReason.ADVISED, "told another call")
        return plain()

    stage.env = replace(stage.env, jitter=interfering)

    told = play(stage, {"a": [STALE, OK], "b": [OK]})

    assert told.order == "ab"
    assert [record.outcome for record in told.result.attempts] == ["stale connection", "skipped", "success"]


@pytest.mark.parametrize("reaction", [LOST, HANG])
def test_what_may_have_been_done_is_sent_on_once_if_it_is_not_safe(play: Play, reaction: Reaction) -> None:
    """Ambiguous and not safe: never again on the same route, at most once to another."""
    targets = (("a",), ("b",), ("c",))

    told = play(Stage(targets=targets, task="text-generation"), {"a": [reaction], "b": [WRITTEN]})
    lost = play(
        Stage(targets=targets, task="text-generation"), {"a": [reaction], "b": [reaction], "c": [WRITTEN]}
    )

    assert told.order == "ab"
    assert lost.order == "ab"
    assert type(lost.error) is AllTargetsFailed
    assert "safe: true" in lost.error.hint


def test_ambiguity_is_counted_over_the_whole_call(play: Play) -> None:
    """Two lost answers end the call even if clear failures lie between them."""
    stage = Stage(targets=(("a", "b", "c"), ("d",)), task="text-generation", retries=0)

    told = play(stage, {"a": [LOST], "b": [SERVER_ERROR], "c": [LOST], "d": [WRITTEN]})

    assert told.order == "abc"
    assert type(told.error) is AllTargetsFailed


def test_one_lost_answer_still_lets_a_clear_failure_be_repeated(play: Play) -> None:
    """What surely was not carried out may be asked again, after an ambiguous failure too."""
    stage = Stage(task="text-generation")

    told = play(stage, {"a": [LOST], "b": [SERVER_ERROR, WRITTEN]})

    assert told.order == "abb"
    assert told.result.route == "server:b"


def test_a_conflict_is_repeated_on_its_own_route_and_then_ends_the_call(play: Play) -> None:
    """409: again here, nowhere else."""
    stage = Stage(targets=(("a", "b"), ("c",)))

    told = play(stage, {"a": [CONFLICT], "b": [OK], "c": [OK]})
    solved = play(Stage(targets=(("a", "b"),)), {"a": [CONFLICT, CONFLICT, OK], "b": [OK]})

    assert told.order == "aaa"
    assert type(told.error) is AllTargetsFailed
    assert solved.order == "aaa"
    assert solved.result.route == "server:a"
    assert len(told.told(WaitStarted)) == 2


def test_fb3_the_error_tells_every_attempt_and_chains_the_last_real_one(play: Play) -> None:
    """`last` and `__cause__` are the last real answer; retry_after is None when nobody gave a time."""
    told = play(Stage(retries=1), {"a": [SERVER_ERROR], "b": [SERVER_ERROR, MISSING]})

    error = told.error
    assert type(error) is AllTargetsFailed
    assert [(record.number, record.status) for record in error.attempts] == [
        (1, 500),
        (2, 500),
        (3, 500),
        (4, 404),
    ]
    assert error.last == error.attempts[-1]
    assert isinstance(error.__cause__, AttemptFailed)
    assert error.__cause__.record == error.last
    assert "all 2 targets failed after 4 attempts;" in str(error)
    assert error.retry_after is None
    assert error.elapsed == told.elapsed


def test_two_revisions_of_one_model_are_told_apart(play: Play) -> None:
    """Why the first target did not answer is not what happened to the second on a route of the same name."""
    stage = Stage(targets=(("a",), ("a",)), retries=1)
    stage.route("a").gate.return_token()  # they share a gate, and with it the bucket

    told = play(stage, {"a": [SERVER_ERROR, SERVER_ERROR, CUT, OK]})

    assert told.result.fallback == "server:a: HTTP 500 Internal Server Error: boom"


def test_the_server_s_own_word_on_another_try_overrides_the_table(play: Play) -> None:
    """`x-should-retry`: false is obeyed; true makes even a 4xx worth the retries of the policy."""
    never = replace(SERVER_ERROR, headers={"x-should-retry": "false"})
    please = replace(BAD_REQUEST, headers={"x-should-retry": "true"})

    assert play(Stage(), {"a": [never], "b": [OK]}).order == "ab"
    assert play(Stage(), {"a": [please, please, OK], "b": [OK]}).order == "aaa"
    assert isinstance(play(Stage(), {"a": [please], "b": [OK]}).ended, CallError)


def test_every_attempt_finished_is_told_as_it_was_recorded(play: Play) -> None:
    """The events and the records of a call say the same."""
    told = play(Stage(), {"a": [SERVER_ERROR, LOST, CUT], "b": [OK]})

    assert [
        (event.number, event.route, event.outcome, event.reason, event.elapsed)
        for event in told.told(AttemptFinished)
    ] == [
        (record.number, record.route, record.outcome, record.reason, record.elapsed)
        for record in told.result.attempts
    ]
