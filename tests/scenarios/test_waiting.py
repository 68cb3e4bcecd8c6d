"""Waiting, told as stories: advice, the retry bucket, open circuits, full bulkheads, the deadline."""

import pytest

from resilient_infer.core.events import CircuitChanged, RouteSkipped, TargetFailed, WaitStarted
from resilient_infer.core.gates import SkipReason
from resilient_infer.core.payload import Payload
from resilient_infer.core.result import Result
from resilient_infer.errors import (
    AllTargetsFailed,
    AuthFailed,
    DeadlineExceeded,
    NotAdmitted,
    PayloadRefused,
)
from resilient_infer.policies.backoff import BASE, THROTTLED_BASE
from resilient_infer.policies.trip import BreakerConfig
from tests.scenarios.stage import (
    HANG,
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
TOUCHY = BreakerConfig(consecutive=1, open=10.0, max_open=10.0)


def empty_bucket(stage: Stage, name: str) -> None:
    """Spend every token of a route."""
    while stage.route(name).gate.take_token():
        pass


# Advice


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


# The retry bucket


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
    assert not stage.route("a").gate.take_token()

    for moment in range(10):
        play(stage, {"a": [STALE, OK]}, at=10.0 + moment)

    assert stage.route("a").gate.take_token()
    assert not stage.route("a").gate.take_token()


# Open circuits


def test_cb5_an_open_circuit_is_never_waited_for(play: Play) -> None:
    """NotAdmitted at once with retry_after, although the circuit would open within the deadline."""
    stage = Stage(targets=ALONE, breaker=TOUCHY, retries=0)
    play(stage, {"a": [REFUSED]})

    told = play(stage, {"a": [OK]}, at=1.0)

    assert type(told.error) is NotAdmitted
    assert told.elapsed == 0.0
    assert told.error.retry_after is not None
    assert 6.0 < told.error.retry_after < 12.0


def test_cb17_if_every_circuit_is_open_the_earliest_moment_is_told(play: Play) -> None:
    """raise with the earliest retry_after, and why for each."""
    stage = Stage(breaker=TOUCHY, retries=0)
    play(stage, {"a": [REFUSED], "b": [REFUSED]})

    told = play(stage, {"a": [OK], "b": [OK]}, at=1.0)

    skipped = [record.retry_after for record in told.error.attempts]
    assert [record.route for record in told.error.attempts] == ["server:a", "server:b"]
    assert told.error.retry_after == min(moment for moment in skipped if moment is not None)
    assert "server:a: the circuit is open; server:b: the circuit is open" in str(told.error)


def test_fb7_once_the_probe_succeeds_the_next_call_starts_at_the_primary(play: Play) -> None:
    """Fail-back: no sticky fallback."""
    stage = Stage(breaker=TOUCHY)
    down = play(stage, {"a": [REFUSED], "b": [OK]})
    while_open = play(stage, {"a": [OK], "b": [OK]}, at=1.0)
    probe = play(stage, {"a": [OK], "b": [OK]}, at=20.0)
    after = play(stage, {"a": [OK], "b": [OK]}, at=21.0)

    assert (down.order, while_open.order, probe.order, after.order) == ("ab", "b", "a", "a")
    assert [(event.old, event.new) for event in probe.told(CircuitChanged)] == [
        ("open", "half-open"),
        ("half-open", "closed"),
    ]
    assert after.told(CircuitChanged) == []


def test_an_opening_circuit_stops_the_retries_that_remain(play: Play) -> None:
    """Retry outside the breaker: each attempt asks again; the token of the refused one goes back."""
    stage = Stage(breaker=BreakerConfig(consecutive=2), retries=2)

    told = play(stage, {"a": [REFUSED], "b": [OK]})

    assert told.order == "aab"
    gate = stage.route("a").gate
    assert gate.take_token()
    assert not gate.take_token()


def test_a_failed_probe_opens_the_circuit_again_for_longer(play: Play) -> None:
    """One probe, no second request, and the fallback answers."""
    stage = Stage(breaker=BreakerConfig(consecutive=1, open=1.0, max_open=5.0), retries=2)
    play(stage, {"a": [REFUSED], "b": [OK]})

    probe = play(stage, {"a": [REFUSED], "b": [OK]}, at=10.0)

    assert probe.order == "ab"
    change = probe.told(CircuitChanged)[-1]
    assert (change.old, change.new) == ("half-open", "open")
    assert 1.6 <= change.open_for <= 2.4


# Full bulkheads (many calls at once: tests/testing/test_simulated.py)


def test_bh4_a_full_bulkhead_is_left_for_the_next_target_at_once(play: Play) -> None:
    """A rejected call sends nothing there, and its place in the queue is given back."""
    stage = Stage(concurrency=1)
    held = stage.route("a").gate.ask(0.0, lease=100.0)

    told = play(stage, {"a": [OK], "b": [OK]})

    assert told.order == "b"
    assert told.elapsed == 0.1
    stage.route("a").gate.release(held)  # type: ignore[arg-type]  # the gate was free, so it is a permit
    assert play(stage, {"a": [OK], "b": [OK]}, at=1.0).order == "a"


def test_a_full_bulkhead_is_waited_for_until_an_attempt_would_be_too_short(play: Play) -> None:
    """Bounded by the deadline: nothing was sent, and it says so."""
    stage = Stage(targets=ALONE, concurrency=1, deadline=5.0, min_useful=0.5)
    stage.route("a").gate.ask(0.0, lease=100.0)

    told = play(stage, {"a": [OK]})

    assert type(told.error) is DeadlineExceeded
    assert told.elapsed == 4.5
    assert "too many attempts in flight" in str(told.error)


def test_a_full_bulkhead_is_asked_again_after_the_others_failed(play: Play) -> None:
    """Its queue was left when another route was asked; that must not end the call with time left."""
    stage = Stage(concurrency=1, deadline=5.0, min_useful=0.5, retries=0)
    stage.route("a").gate.ask(0.0, lease=2.0)  # lost: runs out at 2.0

    told = play(stage, {"a": [OK], "b": [REFUSED]})

    assert told.order == "ba"
    assert [event.at for event in told.told(WaitStarted)] == [pytest.approx(0.001)]


def test_a_route_refused_by_its_credential_keeps_no_place_in_a_queue(play: Play) -> None:
    """A slot must not be kept for one who may not send."""
    stage = Stage(targets=ALONE, concurrency=1, route_key=lambda name: "k1", deadline=4.0)
    route = stage.route("a")
    held = route.gate.ask(0.0, lease=100.0)
    plain = stage.events.append

    def barring(event: object) -> None:  # while the call waits in the queue, its credential is refused
        plain(event)  # type: ignore[arg-type]  # an Event
        if isinstance(event, WaitStarted):
            assert route.credential_gate is not None
            route.credential_gate.postpone(50.0, SkipReason.BARRED, "invalid token")

    stage.env = type(stage.env)(stage.env.jitter, barring)

    told = play(stage, {"a": [OK]})

    assert told.order == ""
    route.gate.release(held)  # type: ignore[arg-type]  # the gate was free, so it is a permit
    assert not hasattr(route.gate.ask(10.0, lease=1.0), "moment")


# Routes that cannot be asked


def test_a_missing_key_is_told_by_name_and_nothing_is_sent(play: Play) -> None:
    """AuthFailed naming the variable."""
    stage = Stage(unusable={"a": "HF_TOKEN is not set", "b": "GROQ_API_KEY is not set"})

    told = play(stage, {"a": [OK], "b": [OK]})

    assert type(told.error) is AuthFailed
    assert told.order == ""
    assert "HF_TOKEN is not set" in str(told.error)
    assert "GROQ_API_KEY is not set" in str(told.error)
    assert told.error.last is None


def test_a_route_without_its_key_is_passed_over(play: Play) -> None:
    """The others are asked; the record says why this one was not, once."""
    stage = Stage(unusable={"a": "HF_TOKEN is not set"})

    told = play(stage, {"a": [OK], "b": [SERVER_ERROR, OK]})

    assert told.order == "bb"
    assert told.result.fallback == "server:a: HF_TOKEN is not set"
    assert len(told.told(RouteSkipped)) == 1


def test_a_payload_that_no_route_can_say_is_refused(play: Play) -> None:
    """PayloadRefused naming the part, nothing sent, nothing held."""
    stage = Stage(payload=Payload(inputs="x", parameters={"mood": "sunny"}), concurrency=1)

    told = play(stage, {"a": [OK], "b": [OK]})

    assert type(told.error) is PayloadRefused
    assert told.order == ""
    assert "mood" in str(told.error)
    assert [record.outcome for record in told.error.attempts] == ["unfit", "unfit"]
    assert told.elapsed == 0.0


def test_a_payload_that_one_route_cannot_say_goes_to_the_other(play: Play) -> None:
    """UNFIT is a skip."""
    payload = Payload(inputs="x", parameters={"mood": "sunny"})

    told = play(Stage(payload=payload, kinds={"b": "hf-endpoint"}), {"a": [OK], "b": [OK]})

    assert told.order == "b"


# The deadline


@pytest.mark.parametrize("deadline", [1e-3, 0.4, 1.0])
def test_a_deadline_shorter_than_anything_is_still_one_attempt(play: Play, deadline: float) -> None:
    """A call that is short on purpose is made, and ends in time."""
    told = play(Stage(deadline=deadline), {"a": [HANG], "b": [OK]})
    quick = play(Stage(deadline=deadline), {"a": [REFUSED], "b": [REFUSED]})

    assert told.order in ("a", "ab")
    assert told.elapsed <= deadline + 1e-9
    assert quick.elapsed <= deadline + 1e-9
    if told.order == "a":
        assert type(told.error) is DeadlineExceeded


def test_dl3_three_hanging_targets_each_get_a_share(play: Play) -> None:
    """Time is kept for the targets to come, and the last one gets all that is left."""
    stage = Stage(targets=(("a",), ("b",), ("c",)), deadline=5.0, attempt_timeout=10.0, min_useful=0.5)

    told = play(stage, {"a": [HANG], "b": [HANG], "c": [HANG]})

    assert told.asked == [("a", 0.0), ("b", 4.0), ("c", 4.5)]
    assert told.elapsed == 5.0
    assert type(told.error) is DeadlineExceeded


def test_dl3_time_is_kept_for_the_routes_not_asked_yet(play: Play) -> None:
    """Siblings count like targets; those asked already do not."""
    stage = Stage(targets=(("a", "b"), ("c",)), deadline=5.0, attempt_timeout=10.0, min_useful=0.5)

    told = play(stage, {"a": [SERVER_ERROR, OK], "b": [HANG], "c": [OK]})

    assert told.asked == [("a", 0.0), ("b", 0.1), ("a", pytest.approx(4.5))]


def test_dl6_a_timeout_by_the_caller_s_deadline_is_not_held_against_the_server(play: Play) -> None:
    """IGNORE for the breaker unless the attempt had itself run its own timeout."""
    stage = Stage(targets=ALONE, breaker=TOUCHY)

    cut_short = play(stage, {"a": [HANG]}, deadline=5.0)
    own = play(stage, {"a": [HANG]}, at=20.0)

    assert cut_short.told(CircuitChanged) == []
    assert len(own.told(CircuitChanged)) == 1


def test_a_route_that_timed_out_is_not_asked_again(play: Play) -> None:
    """Its sibling and the next target are."""
    told = play(Stage(targets=(("a", "b"), ("c",))), {"a": [HANG], "b": [SERVER_ERROR], "c": [OK]})

    assert told.order == "abbbc"


# Rounds


def test_a_round_asks_each_route_once_and_hops_are_free(play: Play) -> None:
    """A wait and a token are due only before a route is asked again."""
    told = play(Stage(targets=(("a", "b", "c"),), retries=1), {name: [SERVER_ERROR] for name in "abc"})

    assert told.order[:3] == "abc"
    assert sorted(told.order[3:]) == ["a", "b", "c"]
    assert [moment for _, moment in told.asked[:3]] == pytest.approx([0.0, 0.1, 0.2])


def test_a_later_round_asks_first_whoever_is_ready_first(play: Play) -> None:
    """The route whose wait ends first is asked first."""
    told = play(Stage(targets=(("a", "b"),)), {"a": [throttled(3), OK], "b": [SERVER_ERROR, OK]})

    assert told.order == "abb"


def test_fb4_what_is_told_of_a_target_that_failed_is_its_own_last_word(play: Play) -> None:
    """Not that of another target which was asked meanwhile."""
    stage = Stage(targets=(("a",), ("b",)), retries=1)

    told = play(stage, {"a": [throttled(20), OK], "b": [throttled(10), SERVER_ERROR]})

    words = {(event.model, event.reason.split(":")[0]) for event in told.told(TargetFailed)}
    assert ("org/a", "HTTP 500 Internal Server Error") not in words
    assert isinstance(told.ended, Result)


def test_fb5_each_route_gets_the_caller_s_payload_unchanged(play: Play) -> None:
    """The payload sent to each target is the caller's, never mutated."""
    payload = Payload(inputs="I love it", parameters={"top_k": 2})
    stage = Stage(payload=payload)

    told = play(stage, {"a": [REFUSED], "b": [OK]})

    assert told.result.route == "server:b"
    assert payload == Payload(inputs="I love it", parameters={"top_k": 2})
