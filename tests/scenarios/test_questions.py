"""What a question about the commit may cost: other calls, the payload's time, and what is told of it."""

from dataclasses import replace

import pytest

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.events import AttemptFinished, AttemptStarted, CircuitChanged, WaitStarted
from resilient_infer.core.gates import Permit
from resilient_infer.core.http import FaultKind, TransportFault
from resilient_infer.core.outcome import Outcome
from resilient_infer.core.result import Result
from resilient_infer.core.target import Pin
from resilient_infer.core.testimony import UNSAID
from resilient_infer.drivers import exchange
from resilient_infer.errors import PayloadRefused, PinMismatch
from resilient_infer.policies.pinning import IDENTITY_TIMEOUT
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.testing.simulated import SimulatedCall, Simulation
from tests.scenarios.stage import HANG, LOST, MISSING, OK, REFUSED, STALE, Play, Reaction, Stage, commit, runs

FLAT = replace(OK, body='[{"label": "POSITIVE", "score": 0.9}]')
CALLS = 16


def swallowed(stage: Stage) -> list[SimulatedCall]:
    """Many calls begin at once; no connection to `a` comes about, and `b` answers."""

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        if attempt.route.name == "b":
            return 0.1, exchange.read(attempt, OK.reception())
        silence = TransportFault(kind=FaultKind.TIMEOUT, reason="no connection", sent=False)
        return attempt.timeout, exchange.read(attempt, silence)

    simulation = Simulation(world)
    calls = [simulation.start(stage.spec(), stage.env) for _ in range(CALLS)]
    simulation.run()
    return calls


def test_calls_that_wait_for_a_server_nobody_reaches_do_not_wait_for_one_another() -> None:
    """Each would otherwise ask in its turn for two seconds, the last one after half a minute."""
    calls = swallowed(Stage(kinds={"a": "tei"}, attempt_timeout=10.0))

    assert all(isinstance(call.ended, Result) for call in calls)
    assert max(call.ended_at for call in calls) <= 10.0 + IDENTITY_TIMEOUT + 1.5


def test_questions_that_reach_nobody_open_the_circuit() -> None:
    """They got all the time a question gets: that they are short says nothing for the server."""
    stage = Stage(kinds={"a": "tei"}, breaker=BreakerConfig(consecutive=2))

    swallowed(stage)

    assert any(isinstance(event, CircuitChanged) and event.new == "open" for event in stage.events)


def test_a_question_cut_short_by_the_callers_deadline_is_not_held_against_the_server() -> None:
    stage = Stage(kinds={"a": "tei"}, breaker=BreakerConfig(consecutive=1))

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        silence = TransportFault(kind=FaultKind.TIMEOUT, reason="no connection", sent=False)
        return attempt.timeout, exchange.read(attempt, silence)

    simulation = Simulation(world)
    simulation.start(stage.spec(deadline=1.03), stage.env)
    simulation.run()

    asked = [event for event in stage.events if isinstance(event, AttemptStarted) and event.identity]
    assert [event.timeout < IDENTITY_TIMEOUT / 2 for event in asked] == [True]
    first, *_ = [event for event in stage.events if isinstance(event, AttemptFinished)]
    assert (first.route, first.outcome) == ("server:a", "connect timeout")
    assert not [
        event for event in stage.events if isinstance(event, CircuitChanged) and event.route == first.route
    ]


@pytest.mark.parametrize("min_useful", [0.5, 0.9, 1.97])
def test_the_payload_is_sent_in_the_time_that_a_hanging_question_left(play: Play, min_useful: float) -> None:
    """Late in a call there may be less of it than an attempt is started with; nothing sent is no better."""
    stage = Stage(kinds={"b": "tei"}, deadline=5.07, min_useful=min_useful, attempt_timeout=30.0)
    performance = play(stage, {"a": [HANG], "b": [FLAT], "b/info": [HANG]})

    assert [name for name, _ in performance.asked] == ["a", "b/info", "b"]
    assert performance.result.route == "server:b"
    assert performance.elapsed <= 5.07


def test_a_question_that_reached_nobody_is_told_as_the_attempt_it_was(play: Play) -> None:
    """`identity` marks what was only asked before the payload; this was all there was of the attempt."""
    stage = Stage(targets=(("a",),), kinds={"a": "tei"}, retries=0)
    performance = play(stage, {"a": [FLAT], "a/info": [REFUSED]})

    (record,) = performance.error.attempts
    assert (record.outcome, record.identity) == ("unreachable", False)
    assert performance.error.last is record


def test_what_happens_elsewhere_says_nothing_of_the_server(play: Play) -> None:
    """Neither of its circuit, nor in the error of a call that sent it nothing."""
    for fault in (REFUSED, STALE, LOST, HANG, MISSING):
        stage = Stage(targets=(("a",),), kinds={"a": "tei"}, elsewhere=frozenset("a"), retries=0)
        answered = play(stage, {"a": [FLAT], "a/info": [fault]})
        assert answered.result.pin is Pin.DECLARED
        assert [record.identity for record in answered.result.attempts] == [True, False]

        stage.payload = replace(stage.payload, parameters={"mood": "sunny"})
        attestation = stage.route("a").attestation
        assert attestation is not None
        attestation.forget()
        refused = play(stage, {"a": [FLAT], "a/info": [fault]}, at=100.0)
        assert isinstance(refused.error, PayloadRefused)
        assert refused.error.last is None
        assert refused.error.__cause__ is None
        assert "no route can express the payload" in str(refused.error)


def test_a_server_elsewhere_is_asked_over_a_new_connection() -> None:
    """Once a minute: what was kept alive has been closed, and a stale one would cost the attestation."""
    fresh: list[tuple[bool, bool]] = []

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        fresh.append((attempt.identity is not None, attempt.fresh))
        return 0.1, exchange.read(attempt, (runs(commit(0)) if attempt.identity else FLAT).reception())

    for names in (frozenset("a"), frozenset[str]()):
        stage = Stage(targets=(("a",),), kinds={"a": "tei"}, elsewhere=names)
        Simulation(world).call(stage.spec(), stage.env)

    assert fresh == [(True, True), (False, False), (True, False), (False, False)]


def test_an_unknown_commit_is_asked_for_before_every_payload_that_follows_a_failure(play: Play) -> None:
    """One that reached nobody leaves the right to ask to the next."""
    stage = Stage(targets=(("a",),), kinds={"a": "tei"})
    performance = play(stage, {"a": [FLAT], "a/info": [REFUSED, Reaction(status=500), runs(commit(0))]})

    assert [name for name, _ in performance.asked] == ["a/info", "a/info", "a"]
    assert performance.result.pin is Pin.DECLARED


def test_a_call_in_a_queue_whose_server_turns_out_to_be_another_ends_and_frees_its_slot(play: Play) -> None:
    """What a user saw: a busy loop until the deadline, on a slot kept for a route that was refused."""
    stage = Stage(targets=(("a",),), kinds={"a": "tei"}, concurrency=1)
    route = stage.route("a")
    assert route.attestation is not None
    route.attestation.tell(commit(0), UNSAID, 0.0)
    held = route.gate.ask(0.0, lease=100.0)
    assert isinstance(held, Permit)
    events = stage.events.append

    def found_out(event: object) -> None:
        """Once the call waits, another one frees its slot, and has learnt what the server runs now."""
        events(event)  # type: ignore[arg-type]  # an Event
        assert len(stage.events) < 100
        if isinstance(event, WaitStarted) and held.outstanding:
            assert route.attestation is not None
            route.attestation.tell("f" * 40, UNSAID, 0.0)
            route.gate.release(held)

    stage.env = replace(stage.env, emit=found_out)
    performance = play(stage, {"a": [FLAT]})

    assert isinstance(performance.error, PinMismatch)
    assert performance.asked == []
    again = route.gate.ask(0.0, lease=1.0)
    assert isinstance(again, Permit)
