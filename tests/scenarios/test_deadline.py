"""Time, told as stories: how a call divides it, and in which order it asks."""

import pytest

from resilient_infer.core.events import (
    AttemptStarted,
    CircuitChanged,
    TargetFailed,
    WaitStarted,
)
from resilient_infer.core.gates import Permit, SkipReason
from resilient_infer.core.http import FaultKind
from resilient_infer.core.payload import Payload
from resilient_infer.core.result import Result
from resilient_infer.errors import (
    DeadlineExceeded,
)
from resilient_infer.policies.trip import BreakerConfig
from tests.scenarios.stage import (
    GENERATED,
    HANG,
    OK,
    REFUSED,
    SERVER_ERROR,
    Play,
    Reaction,
    Stage,
    throttled,
)

ALONE = (("a",),)
TOUCHY = BreakerConfig(consecutive=1, open=10.0, max_open=10.0)


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


def test_a_round_asks_each_route_once_and_hops_are_free(play: Play) -> None:
    """A wait and a token are due only before a route is asked again."""
    told = play(Stage(targets=(("a", "b", "c"),), retries=1), {name: [SERVER_ERROR] for name in "abc"})

    assert told.order[:3] == "abc"
    assert told.order[3:] == "abc"
    assert told.told(WaitStarted) == []  # each wait was over when its turn came
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


def test_a_hanging_primary_opens_its_circuit_although_its_share_of_a_short_deadline_is_less(
    play: Play,
) -> None:
    """With only `deadline: 5` in the manifest no attempt gets 10 s; a hang is the server's all the same."""
    stage = Stage(deadline=5.0, attempt_timeout=10.0, breaker=TOUCHY)

    told = play(stage, {"a": [HANG], "b": [OK]})

    assert [change.route for change in told.told(CircuitChanged)] == ["server:a"]


def test_what_a_call_used_up_before_is_not_held_against_the_next_server(play: Play) -> None:
    """The fallback that gets half a second because the primary hung has not shown anything."""
    stage = Stage(deadline=5.0, attempt_timeout=10.0, breaker=TOUCHY)

    told = play(stage, {"a": [HANG], "b": [HANG]})

    assert [change.route for change in told.told(CircuitChanged)] == ["server:a"]


def test_the_last_route_that_can_help_gets_all_the_time_that_is_left(play: Play) -> None:
    """To cut it off would help nobody; a route that stood alone from the start keeps its own timeout."""
    slow = Reaction(seconds=3.0)

    last = play(Stage(attempt_timeout=1.0), {"a": [REFUSED, HANG], "b": [slow]})
    alone = play(Stage(targets=ALONE, attempt_timeout=1.0), {"a": [slow]})

    assert isinstance(last.ended, Result)
    assert last.ended.route == "server:b"
    assert alone.error.attempts[-1].elapsed == 1.0


def test_two_servers_that_cannot_be_connected_to_stop_no_chat(play: Play) -> None:
    """A connection that never came about has carried nothing out: unlike other timeouts it is no doubt."""
    stage = Stage(targets=(("a",), ("b",), ("c",)), task="text-generation")
    unconnected = Reaction(seconds=1.0, fault=FaultKind.TIMEOUT, sent=False)

    told = play(stage, {"a": [unconnected], "b": [unconnected], "c": [Reaction(body=GENERATED)]})

    assert told.order == "abc"


@pytest.mark.parametrize("targets", [ALONE, (("a",), ("b",)), (("a", "b"),)])
@pytest.mark.parametrize("at", [0.1, 3600.123, 54321.7])
def test_dl6_a_hang_counts_whatever_the_clock_says_when_the_call_starts(
    play: Play, targets: tuple[tuple[str, ...], ...], at: float
) -> None:
    """The time left is a difference of floats; its last digit must not decide whose fault a hang is."""
    stage = Stage(targets=targets, deadline=5.1, attempt_timeout=10.0, breaker=TOUCHY)

    told = play(stage, {"a": [HANG], "b": [OK]}, at=at)

    assert [change.route for change in told.told(CircuitChanged)] == ["server:a"]


def test_a_route_whose_sibling_will_not_be_asked_again_is_the_last_hope(play: Play) -> None:
    """A route that timed out is no hope any more, in the same target as little as in another one."""
    stage = Stage(targets=(("a", "b"),), attempt_timeout=1.0)

    told = play(stage, {"a": [HANG], "b": [Reaction(seconds=3.0)]})

    assert isinstance(told.ended, Result)
    assert told.order == "ab"


def test_a_route_that_cannot_be_asked_at_all_is_no_hope(play: Play) -> None:
    """No time is kept for it, and none is taken from the last route that can help."""
    stage = Stage(
        targets=(("a",), ("b",), ("c",)), attempt_timeout=1.0, deadline=5.0, unusable={"c": "KEY is not set"}
    )

    told = play(stage, {"a": [HANG], "b": [Reaction(seconds=3.9)]})
    alone = play(Stage(attempt_timeout=1.0, unusable={"b": "KEY is not set"}), {"a": [HANG]})

    assert isinstance(told.ended, Result)
    assert told.order == "ab"
    assert alone.error.attempts[0].elapsed == 1.0


def test_a_full_route_is_still_a_hope_for_a_fallback_that_hangs(play: Play) -> None:
    """A slot is soon free again: the fallback gets its own timeout, and the primary the rest."""
    stage = Stage(concurrency=1)
    gate = stage.route("a").gate
    held = gate.ask(0.0, lease=100.0)
    assert isinstance(held, Permit)

    def freeing(event: object) -> None:
        if isinstance(event, AttemptStarted) and event.route == "server:b":
            gate.release(held)

    stage.env = type(stage.env)(stage.env.jitter, freeing)

    told = play(stage, {"a": [OK], "b": [HANG]})

    assert told.asked == [("b", 0.0), ("a", pytest.approx(10.0))]
    assert told.result.route == "server:a"


def test_short_advice_of_the_primary_leaves_a_hanging_fallback_its_own_timeout(play: Play) -> None:
    """What may be asked again in time is a hope; what opens after the deadline is none."""
    soon, late = Stage(), Stage(attempt_timeout=1.0)
    soon.route("a").gate.postpone(4.0, SkipReason.ADVISED, "")
    late.route("a").gate.postpone(40.0, SkipReason.ADVISED, "")

    assert play(soon, {"a": [OK], "b": [HANG]}).result.route == "server:a"
    assert play(late, {"a": [OK], "b": [Reaction(seconds=3.0)]}).result.route == "server:b"
