"""Waiting, told as stories: whose advice is waited for, and which repeat can be paid for."""

import pytest

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.events import (
    AttemptStarted,
    RouteSkipped,
    WaitStarted,
)
from resilient_infer.core.gates import SkipReason
from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.drivers import exchange
from resilient_infer.errors import (
    AllTargetsFailed,
    NotAdmitted,
)
from resilient_infer.policies.backoff import BASE, THROTTLED_BASE
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.testing.simulated import Simulation
from tests.scenarios.stage import (
    OK,
    REFUSED,
    SERVER_ERROR,
    STALE,
    THROTTLED,
    Play,
    Reaction,
    Stage,
    loading,
    throttled,
)

ALONE = (("a",),)


def empty_bucket(stage: Stage, name: str) -> None:
    """Spend every token of a route."""
    while stage.route(name).gate.take_token():
        pass


@pytest.mark.parametrize("reaction", [throttled(20), loading(20)])
def test_ra5_the_only_route_is_waited_for_and_never_asked_early(play: Play, reaction: Reaction) -> None:
    """chosen delay >= advice; jitter only upward, by at most the ceiling of a throttled first wait."""
    told = play(Stage(targets=ALONE), {"a": [reaction, OK]})

    assert told.order == "aa"
    assert 0.1 + 20.0 <= told.asked[1][1] <= 0.1 + 20.0 + THROTTLED_BASE
    assert [event.route for event in told.told(WaitStarted)] == ["server:a"]


def test_ra6_advice_that_outlives_the_deadline_is_not_slept_on(play: Play) -> None:
    """advice > remaining deadline => no sleep: raise immediately with `.retry_after` set."""
    told = play(Stage(targets=ALONE), {"a": [throttled(40)]})

    assert told.elapsed == 0.1
    assert type(told.error) is AllTargetsFailed
    assert told.error.retry_after == 40.0
    assert "try again in 40.0 s" in str(told.error)


def test_dl2_advice_that_leaves_too_little_time_is_not_slept_on(play: Play) -> None:
    """It would end before the deadline, but no attempt would be worth starting then."""
    steady = Stage(targets=ALONE, deadline=5.0, min_useful=1.0)
    steady.env = type(steady.env)(lambda: 0.0, steady.events.append)

    told = play(steady, {"a": [throttled(4.5), OK]})

    assert told.elapsed == 0.1
    assert type(told.error) is AllTargetsFailed


def test_long_advice_is_passed_over_while_others_are_left_and_waited_for_when_they_failed(
    play: Play,
) -> None:
    """429 with a long wait: to the next target at once; wait only on the last candidate."""
    told = play(Stage(retries=1), {"a": [throttled(20), OK], "b": [SERVER_ERROR]})

    assert told.order == "abba"
    assert told.asked[1][1] == 0.1
    assert told.asked[3][1] >= 20.1
    assert told.result.route == "server:a"
    assert told.result.fallback is None


def test_short_advice_is_waited_for_at_once(play: Play) -> None:
    """Up to `max_wait` seconds the same route is asked again before the next target."""
    told = play(Stage(), {"a": [throttled(3), OK], "b": [OK]})

    assert told.order == "aa"
    assert told.asked[1][1] >= 3.1


def test_two_with_long_advice_are_both_waited_for_in_the_order_they_open(play: Play) -> None:
    """Neither waits for the other for ever: the first to open is asked first."""
    told = play(Stage(), {"a": [throttled(20), SERVER_ERROR], "b": [throttled(10), OK]})

    assert told.order == "abb"
    assert told.asked[2][1] >= 10.2


def test_a_cold_start_is_left_alone_while_others_answer(play: Play) -> None:
    """503 loading: at once to the next; short or not."""
    told = play(Stage(), {"a": [loading(0.5), OK], "b": [OK]})

    assert told.order == "ab"
    assert told.elapsed == 0.2


def test_ra7_advice_closes_the_route_for_other_calls(play: Play) -> None:
    """until then, and no longer: a later call finds it open."""
    stage = Stage()
    play(stage, {"a": [throttled(20)], "b": [OK]})

    soon = play(stage, {"a": [OK], "b": [OK]}, at=19.0)
    late = play(stage, {"a": [OK], "b": [OK]}, at=20.2)

    assert soon.order == "b"
    (skipped,) = soon.told(RouteSkipped)
    assert skipped.route == "server:a"
    assert skipped.retry_after == pytest.approx(1.1)
    assert late.order == "a"


def test_advice_to_another_call_is_waited_for_if_nobody_else_is_left(play: Play) -> None:
    """A route that was never asked in this call needs no token for it."""
    stage = Stage(targets=ALONE, retries=0)
    stage.route("a").gate.postpone(4.0, SkipReason.ADVISED, "slow down")

    told = play(stage, {"a": [OK]})

    assert told.order == "a"
    assert 4.0 <= told.asked[0][1] <= 4.0 + THROTTLED_BASE
    assert [event.route for event in told.told(WaitStarted)] == [""]


def test_ra5_those_whom_another_call_s_advice_held_up_do_not_come_back_at_one_moment(play: Play) -> None:
    """Jitter comes on top of the moment, for everyone anew."""
    stage = Stage(targets=ALONE)
    stage.env = type(stage.env)(lambda: 0.5, stage.events.append)
    stage.route("a").gate.postpone(4.0, SkipReason.ADVISED, "slow down")

    ((_, asked_at),) = play(stage, {"a": [OK]}).asked
    assert asked_at == pytest.approx(4.0 + 0.5 * THROTTLED_BASE)


def test_a_refusal_that_stays_the_same_is_told_once(play: Play) -> None:
    """Asked again after a wait, the other route still says the same."""
    stage = Stage()
    stage.route("a").gate.postpone(9.0, SkipReason.ADVISED, "slow down")
    stage.route("b").gate.postpone(3.0, SkipReason.ADVISED, "slow down")

    told = play(stage, {"a": [OK], "b": [OK]})

    assert told.order == "b"
    assert [event.route for event in told.told(RouteSkipped)] == ["server:a", "server:b"]


def test_ra6_advice_to_another_call_that_outlives_the_deadline_is_no_reason_to_sleep(play: Play) -> None:
    """NotAdmitted at once, with the time to come back."""
    stage = Stage(targets=ALONE)
    stage.route("a").gate.postpone(50.0, SkipReason.ADVISED, "slow down")

    told = play(stage, {"a": [OK]})

    assert type(told.error) is NotAdmitted
    assert told.elapsed == 0.0
    assert told.error.retry_after == 50.0


def test_bo7_throttling_without_advice_waits_longer(play: Play) -> None:
    """The class of the latest error picks the base: 1 s for throttling, 50 ms else."""
    jittered = Stage(targets=ALONE)
    jittered.env = type(jittered.env)(lambda: 1.0, jittered.events.append)

    told = play(jittered, {"a": [THROTTLED, SERVER_ERROR, OK]})

    waits = [event.seconds for event in told.told(WaitStarted)]
    assert waits == pytest.approx([THROTTLED_BASE, 2 * BASE])


def test_rb4_an_empty_bucket_costs_no_sleep(play: Play) -> None:
    """refused => no sleep, on to the next target; the attempt's record says the bucket was empty."""
    stage = Stage()
    empty_bucket(stage, "a")

    told = play(stage, {"a": [SERVER_ERROR], "b": [OK]})

    assert told.order == "ab"
    assert told.told(WaitStarted) == []
    assert [record.reason for record in told.result.attempts][1] == "the retry bucket is empty"


def test_rb4_an_empty_bucket_ends_the_call_when_nobody_is_left(play: Play) -> None:
    """`AllTargetsFailed` as in FB3, never the money's error."""
    stage = Stage(targets=ALONE)
    empty_bucket(stage, "a")

    told = play(stage, {"a": [SERVER_ERROR]})

    assert type(told.error) is AllTargetsFailed
    assert told.error.attempts[-1].reason == "the retry bucket is empty"
    assert told.error.last is not None
    assert told.error.last.status == 500


def test_rb4_long_advice_is_not_slept_on_when_the_repeat_cannot_be_paid(play: Play) -> None:
    """The bucket is asked before the wait, also where the wait comes after all targets."""
    stage = Stage()
    empty_bucket(stage, "a")
    stage.route("b").gate.postpone(1000.0, SkipReason.BARRED, "gone")

    told = play(stage, {"a": [throttled(20), OK], "b": [OK]})

    assert told.order == "a"
    assert told.elapsed == pytest.approx(0.1)
    assert told.told(WaitStarted) == []
    assert told.error.attempts[-1].reason == "the retry bucket is empty"


def test_rb5_a_refused_repeat_gives_its_token_back_before_the_call_goes_on(play: Play) -> None:
    """Other calls need not wait for the end of this one."""
    stage = Stage(breaker=BreakerConfig(consecutive=1), retries=1)
    gate, tokens = stage.route("a").gate, []

    def counting(event: object) -> None:
        if isinstance(event, AttemptStarted) and event.route == "server:b":
            tokens.append(gate.take_token())

    stage.env = type(stage.env)(stage.env.jitter, counting)

    assert play(stage, {"a": [REFUSED], "b": [OK]}).order == "ab"
    assert tokens == [True]


def test_rb5_a_repeat_keeps_its_token_in_the_queue(play: Play) -> None:
    """Refused for want of a slot, it waits; meanwhile other calls use the bucket up, but not its token."""
    stage = Stage(targets=ALONE, concurrency=1, retries=1, deadline=5.0)
    gate = stage.route("a").gate

    def crowding(event: object) -> None:
        if isinstance(event, WaitStarted) and event.route:  # in the backoff another call takes the slot
            gate.ask(event.at, lease=1.0)
        elif isinstance(event, WaitStarted):
            empty_bucket(stage, "a")

    stage.env = type(stage.env)(stage.env.jitter, crowding)

    assert play(stage, {"a": [SERVER_ERROR, OK]}).order == "aa"


def test_rb1_first_attempts_and_hops_need_no_token(play: Play) -> None:
    """First attempts are never blocked by the budget; nor is the first attempt on a sibling."""
    stage = Stage(targets=(("a", "b"), ("c",)))
    for name in "abc":
        empty_bucket(stage, name)

    told = play(stage, {"a": [SERVER_ERROR], "b": [SERVER_ERROR], "c": [OK]})

    assert told.order == "abc"


def test_rb6_a_success_after_a_repeat_pays_nothing_back(play: Play) -> None:
    """Only an answer at the first attempt is clean: ten of them make one token."""
    stage = Stage(targets=ALONE, retries=1)
    told = play(stage, {"a": [SERVER_ERROR, OK]})
    assert told.order == "aa"

    for moment in range(10):
        assert not stage.route("a").gate.take_token()
        play(stage, {"a": [STALE, OK]}, at=10.0 + moment)

    assert stage.route("a").gate.take_token()
    assert not stage.route("a").gate.take_token()


def test_a_route_that_cannot_take_the_payload_gives_up_no_place_in_another_routes_queue() -> None:
    """What a user saw: "too many attempts in flight" at once, although a slot became free in time."""
    stage = Stage(targets=(("a", "b"),), concurrency=1)
    stage.route("a").gate.ask(0.0, lease=3.0)  # an attempt in flight whose end nobody reports

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        if attempt.route.name == "b":
            return 0.0, Failure(kind=FailureKind.UNFIT, reason="no word for it")
        return 0.1, exchange.read(attempt, OK.reception())

    result = Simulation(world).call(stage.spec(), stage.env)

    assert result.route == "server:a"
    assert result.elapsed == pytest.approx(3.1, abs=0.01)
