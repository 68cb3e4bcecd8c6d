"""The simulated driver: any number of calls on one virtual clock."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.events import CircuitChanged, Event
from resilient_infer.core.gates import Permit
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.result import Result
from resilient_infer.errors import AllTargetsFailed, CallError, DeadlineExceeded, NotAdmitted, ProviderError
from resilient_infer.plan.spec import Env
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.testing.simulated import SimulatedCall, Simulation
from tests.scenarios.stage import Stage

ANSWER = Success(output=[])
DOWN = Failure(kind=FailureKind.UNREACHABLE, reason="connection refused")
ALONE = (("a",),)


def always(seconds: float, outcome: Outcome) -> Simulation:
    """A world in which every attempt goes the same way."""
    return Simulation(lambda attempt, now: (seconds, outcome))


def ends(calls: list[SimulatedCall]) -> list[float]:
    return [call.ended_at for call in calls]


def test_one_call_runs_to_its_end() -> None:
    """`call` returns the result, and no more time has passed than the attempt took."""
    stage, simulation = Stage(), always(0.2, ANSWER)

    result = simulation.call(stage.spec(), stage.env)

    assert result.route == "server:a"
    assert simulation.now == 0.2


def test_one_call_raises_what_a_real_client_raises() -> None:
    """A CallError with its attempts."""
    stage = Stage(retries=0)

    with pytest.raises(AllTargetsFailed) as raised:
        always(0.2, DOWN).call(stage.spec(), stage.env)

    assert len(raised.value.attempts) == 2


def test_an_answer_later_than_the_timeout_is_a_timeout_at_the_timeout() -> None:
    """The world says how long it takes; the attempt's limit is kept here."""
    stage = Stage(targets=ALONE, attempt_timeout=2.0)
    on_time, late = always(2.0, ANSWER), always(2.1, ANSWER)

    assert on_time.call(stage.spec(), stage.env).elapsed == 2.0
    with pytest.raises(AllTargetsFailed) as raised:
        late.call(Stage(targets=ALONE, attempt_timeout=2.0).spec(), stage.env)
    assert [record.outcome for record in raised.value.attempts] == ["timeout"]
    assert late.now == 2.0


def test_an_unfit_payload_sends_nothing_and_takes_no_time() -> None:
    """UNFIT is the answer to Start."""
    stage = Stage()
    simulation = always(5.0, Failure(kind=FailureKind.UNFIT, reason="cannot say it"))

    with pytest.raises(CallError, match="cannot say it"):
        simulation.call(stage.spec(), stage.env)
    assert simulation.now == 0.0


def test_calls_side_by_side_do_not_wait_for_one_another() -> None:
    """A hundred calls of one second take one second."""
    stage, simulation = Stage(), always(1.0, ANSWER)
    calls = [simulation.start(stage.spec(), stage.env) for _ in range(60)]

    simulation.run()

    assert set(ends(calls)) == {1.0}
    assert simulation.now == 1.0


def test_calls_begin_when_they_are_due_in_the_order_they_were_put_there() -> None:
    """Equal moments: first come, first served."""
    begun: list[tuple[str, float]] = []

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        begun.append((attempt.route.name, now))
        return 0.5, ANSWER

    simulation = Simulation(world, now=10.0)
    for name, moment in (("c", 12.0), ("a", 11.0), ("b", 11.0)):
        stage = Stage(targets=((name,),))
        simulation.start(stage.spec(), stage.env, at=moment)

    simulation.run()

    assert begun == [("a", 11.0), ("b", 11.0), ("c", 12.0)]


def test_time_can_pass_up_to_a_moment_and_then_on() -> None:
    """`run(until)` leaves what is due later for later, and the clock stands at the moment."""
    stage, simulation = Stage(), always(1.0, ANSWER)
    soon, late = (simulation.start(stage.spec(), stage.env, at=moment) for moment in (0.0, 5.0))

    simulation.run(until=3.0)

    assert isinstance(soon.ended, Result)
    assert late.ended is None
    assert simulation.now == 3.0
    simulation.run()
    assert (late.ended_at, simulation.now) == (6.0, 6.0)
    simulation.run(until=4.0)
    assert simulation.now == 6.0


def test_a_call_that_failed_is_kept_and_the_others_go_on() -> None:
    """`run` raises for nobody; each call holds its own end."""
    stage = Stage(targets=ALONE, retries=0, breaker=None)
    simulation = Simulation(lambda attempt, now: (1.0, DOWN if now < 0.5 else ANSWER))
    failed, fine = (simulation.start(stage.spec(), stage.env, at=moment) for moment in (0.0, 0.7))

    simulation.run()

    assert isinstance(failed.ended, AllTargetsFailed)
    assert isinstance(fine.ended, Result)


def test_a_world_that_breaks_a_contract_ends_its_call_alone() -> None:
    """ProviderError, as from a real client; and told."""
    stage = Stage(targets=ALONE, concurrency=1)

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        if now < 0.5:
            raise ProviderError("the codec broke its contract")
        return 0.1, ANSWER

    simulation = Simulation(world)
    broken, fine = (simulation.start(stage.spec(), stage.env, at=moment) for moment in (0.0, 1.0))

    simulation.run()

    assert isinstance(broken.ended, ProviderError)
    assert isinstance(fine.ended, Result)
    with pytest.raises(ProviderError):
        Simulation(world).call(stage.spec(), stage.env)


# A full bulkhead


def test_bh2_who_waits_for_a_slot_is_served_in_order() -> None:
    """FIFO among waiters: one after the other through one slot."""
    stage, simulation = Stage(targets=ALONE, concurrency=2, deadline=30.0), always(1.0, ANSWER)
    calls = [simulation.start(stage.spec(), stage.env, at=0.001 * number) for number in range(4)]

    simulation.run()

    assert ends(calls) == pytest.approx([1.0, 1.001, 2.0, 2.001])
    assert simulation.now == pytest.approx(2.001)


def test_bh2_who_finds_no_place_in_the_queue_fails_at_once() -> None:
    """The queue is bounded: as many may wait as there are slots."""
    stage, simulation = Stage(targets=ALONE, concurrency=2), always(1.0, ANSWER)
    calls = [simulation.start(stage.spec(), stage.env) for _ in range(5)]

    simulation.run()

    assert [type(call.ended) for call in calls] == [Result, Result, Result, Result, NotAdmitted]
    assert calls[-1].ended_at == 0.0


def test_bh2_waiting_for_a_slot_is_bounded_by_the_deadline() -> None:
    """And the place is given up, so that the next in the queue is not kept waiting by it."""
    stage, simulation = Stage(targets=ALONE, concurrency=1, attempt_timeout=60.0), always(9.0, ANSWER)
    impatient = replace(stage.spec(), deadline=4.0)
    first = simulation.start(stage.spec(), stage.env)
    second = simulation.start(impatient, stage.env)
    third = simulation.start(stage.spec(), stage.env, at=5.0)

    simulation.run()

    assert isinstance(first.ended, Result)
    assert isinstance(second.ended, DeadlineExceeded)
    assert second.ended_at == 3.5
    assert isinstance(third.ended, Result)
    assert third.ended_at == 18.0


def test_bh4_a_full_bulkhead_sends_the_rest_to_the_next_target() -> None:
    """Nobody queues while another target has room."""
    stage, simulation = Stage(concurrency=3), always(1.0, ANSWER)
    calls = [simulation.start(stage.spec(), stage.env) for _ in range(6)]

    simulation.run()

    served = Counter(call.ended.route for call in calls if isinstance(call.ended, Result))
    assert served == {"server:a": 3, "server:b": 3}
    assert set(ends(calls)) == {1.0}


@given(
    limit=st.integers(1, 4),
    lengths=st.lists(st.sampled_from((0.1, 0.7, 3.0, 50.0)), min_size=1, max_size=25),
    starts=st.lists(st.sampled_from((0.0, 0.3, 1.0, 4.0)), min_size=25, max_size=25),
)
def test_bh1_no_more_attempts_are_in_flight_than_there_are_slots(
    limit: int, lengths: list[float], starts: list[float]
) -> None:
    """in-flight <= limit at all times; every slot is free in the end, and every call is over in time."""
    flying: list[float] = []
    remaining = iter(lengths * 10)

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        flying[:] = [until for until in flying if until > now]
        seconds = next(remaining)
        flying.append(now + min(seconds, attempt.timeout))
        assert len(flying) <= limit
        return seconds, ANSWER

    stage, simulation = (
        Stage(targets=ALONE, concurrency=limit, deadline=20.0, breaker=None),
        Simulation(world),
    )
    calls = [simulation.start(stage.spec(), stage.env, at=at) for at, _ in zip(starts, lengths, strict=False)]

    simulation.run()

    assert all(call.ended is not None and call.ended_at <= call.began + 20.0 + 1e-6 for call in calls)
    assert all(isinstance(stage.route("a").gate.ask(1e6, lease=1.0), Permit) for _ in range(limit))


# A circuit


def test_cb6_many_calls_at_once_send_one_probe() -> None:
    """half-open: in-flight probes <= quota at every instant; the others are rejected at once."""
    config = BreakerConfig(consecutive=1, open=1.0)
    stage = Stage(targets=ALONE, breaker=config, retries=0)
    simulation = Simulation(lambda attempt, now: (0.5, DOWN if now < 5.0 else ANSWER))
    simulation.start(stage.spec(), stage.env)
    calls = [simulation.start(stage.spec(), stage.env, at=10.0) for _ in range(8)]
    after = [simulation.start(stage.spec(), stage.env, at=11.0) for _ in range(8)]

    simulation.run()

    assert [type(call.ended) for call in calls] == [Result] + [NotAdmitted] * 7
    assert ends(calls) == [10.5] + [10.0] * 7
    assert all(isinstance(call.ended, Result) for call in after)
    changes = [(event.old, event.new) for event in stage.events if isinstance(event, CircuitChanged)]
    assert changes == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]


def test_the_events_of_many_calls_come_in_the_order_of_time() -> None:
    """Listeners hear what happens as it happens, whichever call it is in."""
    stage, moments = Stage(), []
    simulation = always(1.0, DOWN)

    def hear(event: Event) -> None:
        moments.append(simulation.now)

    env = Env(stage.env.jitter, hear)
    for number in range(20):
        simulation.start(stage.spec(), env, at=number * 0.37)

    simulation.run()

    assert all(earlier <= later for earlier, later in pairwise(moments))
