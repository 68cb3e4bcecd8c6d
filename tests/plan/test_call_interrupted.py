"""A call that is stopped at any of its actions gives back what it holds and counts for nothing."""

from asyncio import CancelledError
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.events import AttemptFinished, AttemptStarted, CallFinished, CircuitChanged, Event
from resilient_infer.core.gates import Permit
from resilient_infer.errors import CallError
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import Env
from resilient_infer.policies.trip import BreakerConfig
from tests.plan.by_hand import advanced, begun
from tests.plan.scripts import Drama, dramas
from tests.plan.watched import condition, new_gate, watch_attestations
from tests.scenarios.stage import OK, REFUSED, Stage, play_simulated

INTERRUPTIONS = (KeyboardInterrupt, SystemExit, CancelledError, GeneratorExit)
AFTERWARDS = 1e5
"""Seconds; by then no advice, bar or open circuit is in force."""

positions = st.integers(1, 12)


@given(drama=dramas(), position=positions, kind=st.sampled_from(INTERRUPTIONS))
def test_cx1_an_interruption_comes_out_as_the_same_object_and_nothing_leaks(
    drama: Drama, position: int, kind: type[BaseException]
) -> None:
    """KeyboardInterrupt and its kin propagate as the SAME object, permits released, no new attempt."""
    stage, gates = drama.stage()
    stage.alias, attestations = watch_attestations(stage.alias)
    plan, hand = begun(stage, drama.script)
    interruption = kind()
    try:
        running = advanced(plan, hand, position) is not None
    except CallError:
        running = False

    if running:
        with pytest.raises(kind) as raised:
            plan.throw(interruption)
        assert raised.value is interruption
    for gate in gates.values():
        assert not gate.permits
        assert not gate.tickets
    assert not any(attestation.rights for attestation in attestations.values())
    (last,) = [event for event in stage.events if isinstance(event, CallFinished)]
    assert (last.outcome == "cancelled") == running


def attempts_of(events: list[Event], route: str) -> set[int]:
    """The numbers of a route's attempts that were begun; a question is none unless it was all."""
    return {
        event.number
        for event in events
        if isinstance(event, AttemptStarted | AttemptFinished)
        if event.route == route and not event.identity
    }


@given(drama=dramas(), position=positions)
def test_cx1_a_closed_plan_leaves_the_gates_as_if_its_last_attempt_had_never_been(
    drama: Drama, position: int
) -> None:
    """Counters equal those of the same trace without what was cancelled: tokens, slots, circuit."""
    stage, gates = drama.stage()
    plan, hand = begun(stage, drama.script)
    with suppress(CallError):
        advanced(plan, hand, position)

    plan.close()

    for name, gate in gates.items():
        again = new_gate(drama.gate_config)
        drama.prepare(name, again)
        for tell in gate.told:
            tell(again)
        requests = len(attempts_of(stage.events, f"server:{name}"))
        paid = gate.taken - gate.returned
        assert 0 <= paid <= max(0, requests - 1)
        for _ in range(paid):
            again.take_token()
        assert condition(gate.gate, AFTERWARDS) == condition(again, AFTERWARDS)


@given(drama=dramas(), position=positions)
def test_cx1_a_second_close_and_a_dropped_plan_change_nothing(drama: Drama, position: int) -> None:
    """However often a plan is stopped, it tells its end once."""
    stage, gates = drama.stage()
    plan, hand = begun(stage, drama.script)
    with suppress(CallError):
        advanced(plan, hand, position)

    plan.close()
    plan.close()

    assert sum(isinstance(event, CallFinished) for event in stage.events) == 1
    assert not any(gate.permits for gate in gates.values())


def test_a_plan_that_was_never_started_tells_and_holds_nothing() -> None:
    """A generator that has not begun has no way out to run."""
    stage = Stage()
    plan, _ = begun(stage, {"a": [OK]})

    plan.close()

    assert stage.events == []


def test_cb8_a_cancelled_probe_frees_its_place() -> None:
    """A probe lost without a report cannot latch the circuit."""
    stage = Stage(targets=(("a",),), breaker=BreakerConfig(consecutive=1, open=1.0), retries=0)
    play_simulated(stage, {"a": [REFUSED]})
    gate = stage.route("a").gate
    probing = call_plan(stage.spec(), stage.env, 50.0)
    next(probing)
    assert not isinstance(gate.ask(50.0, lease=1.0), Permit)

    probing.close()

    assert isinstance(gate.ask(50.0, lease=1.0), Permit)


def test_rb5_a_token_is_taken_before_the_sleep_and_returned_if_the_repeat_is_never_sent() -> None:
    """Stopped in its backoff, a call gives the token back."""
    stage = Stage(targets=(("a",),), retries=1)
    plan, hand = begun(stage, {"a": [REFUSED]})
    gate = stage.route("a").gate
    assert advanced(plan, hand, 3) is not None  # Start, Wait for it, and the sleep
    assert hand.flying is None
    assert not gate.take_token()

    plan.close()

    assert gate.take_token()


def test_cx1_a_listener_interrupted_while_it_hears_of_a_probe_leaks_no_probe() -> None:
    """Ctrl-C in a user's listener: the permit that caused the event is given back."""
    stage = Stage(targets=(("a",),), breaker=BreakerConfig(consecutive=1, open=1.0), retries=0)
    play_simulated(stage, {"a": [REFUSED]})

    def interrupted(event: object) -> None:
        if isinstance(event, CircuitChanged):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(call_plan(stage.spec(), Env(stage.env.jitter, interrupted), 50.0))

    assert isinstance(stage.route("a").gate.ask(50.0, lease=1.0), Permit)
