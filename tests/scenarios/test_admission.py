"""Admission, told as stories: open circuits, full bulkheads, routes that cannot be asked."""

from dataclasses import replace

import pytest

from resilient_infer.core.events import (
    AttemptStarted,
    CircuitChanged,
    RouteSkipped,
    WaitStarted,
)
from resilient_infer.core.gates import Permit, SkipReason
from resilient_infer.core.payload import Payload
from resilient_infer.errors import (
    AuthFailed,
    DeadlineExceeded,
    NotAdmitted,
    PayloadRefused,
)
from resilient_infer.policies.trip import BreakerConfig
from tests.scenarios.stage import (
    OK,
    REFUSED,
    SERVER_ERROR,
    Play,
    Stage,
)

ALONE = (("a",),)
TOUCHY = BreakerConfig(consecutive=1, open=10.0, max_open=10.0)


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


def test_a_circuit_whose_time_came_while_others_were_asked_is_asked_after_all(play: Play) -> None:
    """Nobody waits for it, but time has passed."""
    stage = Stage(breaker=BreakerConfig(consecutive=1, open=2.0), retries=0)
    play(stage, {"a": [REFUSED], "b": [OK]})

    told = play(stage, {"a": [OK], "b": [replace(SERVER_ERROR, seconds=5.0)]}, at=1.0)

    assert told.order == "ba"
    assert told.told(WaitStarted) == []
    assert told.result.route == "server:a"


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


def test_bh4_a_full_bulkhead_is_left_for_the_next_target_at_once(play: Play) -> None:
    """A rejected call sends nothing there, and its place in the queue is given back."""
    stage = Stage(concurrency=1)
    held = stage.route("a").gate.ask(0.0, lease=100.0)
    assert isinstance(held, Permit)

    told = play(stage, {"a": [OK], "b": [OK]})

    assert told.order == "b"
    assert told.elapsed == 0.1
    stage.route("a").gate.release(held)
    assert play(stage, {"a": [OK], "b": [OK]}, at=1.0).order == "a"


def test_a_full_bulkhead_is_waited_for_until_an_attempt_would_be_too_short(play: Play) -> None:
    """Bounded by the deadline: nothing was sent, and it says so."""
    stage = Stage(targets=ALONE, concurrency=1, deadline=5.0, min_useful=0.5)
    stage.route("a").gate.ask(0.0, lease=100.0)

    told = play(stage, {"a": [OK]})

    assert type(told.error) is DeadlineExceeded
    assert told.elapsed == pytest.approx(4.5)
    assert "too many attempts in flight" in str(told.error)


def test_a_full_bulkhead_is_asked_again_after_the_others_failed(play: Play) -> None:
    """Its queue was left when another route was asked; that must not end the call with time left."""
    stage = Stage(concurrency=1, deadline=5.0, min_useful=0.5, retries=0)
    stage.route("a").gate.ask(0.0, lease=2.0)  # lost: runs out at 2.0

    told = play(stage, {"a": [OK], "b": [REFUSED]})

    assert told.order == "ba"
    assert [event.at for event in told.told(WaitStarted)] == [pytest.approx(0.001)]


def test_no_place_in_a_queue_is_held_while_another_route_is_waited_for(play: Play) -> None:
    """A slot must not be kept for one who sleeps."""
    stage = Stage(targets=(("a", "b"),), concurrency=1, retries=1)
    gate, found = stage.route("a").gate, []
    held = gate.ask(0.0, lease=100.0)
    assert isinstance(held, Permit)

    def freeing(event: object) -> None:
        if isinstance(event, WaitStarted) and event.route == "server:b":
            gate.release(held)
            found.append(isinstance(gate.ask(event.at, lease=100.0), Permit))

    stage.env = type(stage.env)(stage.env.jitter, freeing)

    assert play(stage, {"a": [OK], "b": [SERVER_ERROR, OK]}).order == "bb"
    assert found == [True]


def test_no_place_in_a_queue_is_held_while_another_route_answers(play: Play) -> None:
    """A slot that becomes free meanwhile is for others."""
    stage = Stage(concurrency=1)
    gate, found = stage.route("a").gate, []
    held = gate.ask(0.0, lease=100.0)
    assert isinstance(held, Permit)

    def freeing(event: object) -> None:
        if isinstance(event, AttemptStarted):
            gate.release(held)
            found.append(isinstance(gate.ask(event.at, lease=100.0), Permit))

    stage.env = type(stage.env)(stage.env.jitter, freeing)

    assert play(stage, {"a": [OK], "b": [OK]}).order == "b"
    assert found == [True]


def test_no_place_in_a_queue_is_held_for_a_target_that_is_over(play: Play) -> None:
    """Its rounds were used up while one of its routes was full."""
    stage = Stage(targets=(("b", "a"), ("c",)), concurrency=1, retries=0)
    stage.route("c").gate.postpone(5.0, SkipReason.ADVISED, "slow down")
    gate, found = stage.route("a").gate, []
    held = gate.ask(0.0, lease=100.0)
    assert isinstance(held, Permit)

    def freeing(event: object) -> None:
        if isinstance(event, WaitStarted):
            gate.release(held)
            found.append(isinstance(gate.ask(event.at, lease=100.0), Permit))

    stage.env = type(stage.env)(stage.env.jitter, freeing)

    assert play(stage, {"a": [OK], "b": [SERVER_ERROR], "c": [OK]}).order == "bc"
    assert found == [True]


def test_a_route_refused_by_its_credential_keeps_no_place_in_a_queue(play: Play) -> None:
    """A slot must not be kept for one who may not send."""
    stage = Stage(targets=ALONE, concurrency=1, route_key=lambda name: "k1", deadline=4.0)
    route = stage.route("a")
    held = route.gate.ask(0.0, lease=100.0)
    assert isinstance(held, Permit)
    plain = stage.events.append

    def barring(event: object) -> None:  # while the call waits in the queue, its credential is refused
        plain(event)  # type: ignore[arg-type]  # an Event
        if isinstance(event, WaitStarted):
            assert route.credential_gate is not None
            route.credential_gate.postpone(50.0, SkipReason.BARRED, "invalid token")

    stage.env = type(stage.env)(stage.env.jitter, barring)

    told = play(stage, {"a": [OK]})

    assert told.order == ""
    route.gate.release(held)
    assert isinstance(route.gate.ask(10.0, lease=1.0), Permit)


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


def test_bh1_a_queue_behind_slots_that_were_lost_moves_on_when_their_leases_end(play: Play) -> None:
    """Nobody is left to call the ticket: the expiry is the guarantee, and the call looks for itself."""
    stage = Stage(targets=(("a",),), concurrency=2)
    gate = stage.route("a").gate
    lost = [gate.ask(0.0, lease=lease) for lease in (20.0, 8.0)]
    assert all(isinstance(permit, Permit) for permit in lost)

    told = play(stage, {"a": [OK]})

    assert told.asked == [("a", pytest.approx(8.0))]
    assert len(told.told(RouteSkipped)) == 1
