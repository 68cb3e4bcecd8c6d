"""The gate of a route and the users' pybreaker listeners (TS1, CX1)."""

import logging
import threading

import pybreaker
import pytest

from resilient_infer.core.gates import SkipReason
from resilient_infer.core.outcome import Verdict
from tests.state.asking import LEASE, admitted, fail, gate, settle
from tests.state.listening import Ear, Faulty


def test_ts1_a_listener_that_raises_changes_nothing(caplog):
    """Listener exceptions never change the result, and the other listeners hear all the same."""
    asked = gate()
    ear = Ear()
    asked.add_listener(Faulty())
    asked.add_listener(ear)
    with caplog.at_level(logging.ERROR, "resilient_infer"):
        assert fail(asked, 5) is not None
        assert admitted(asked, 1.0).change is not None

    assert ear.changes == [("closed", "open"), ("open", "half-open")]
    assert len(caplog.records) == 2


def test_ts1_a_listener_may_call_the_gate():
    """No lock is held while a listener runs, and what it causes is told after what it heard."""
    asked, ear = gate(), Ear()

    class Meddler(pybreaker.CircuitBreakerListener):
        def state_change(self, cb, old_state, new_state):
            answers.append(asked.ask(0.0, lease=LEASE))
            asked.postpone(1.0, SkipReason.ADVISED, "")
            asked.take_token()
            asked.return_token()
            if new_state.name == "open":
                asked.restore()

    answers = []
    asked.add_listener(Meddler())
    asked.add_listener(ear)
    thread = threading.Thread(target=fail, args=(asked, 5), daemon=True)
    thread.start()
    thread.join(5.0)

    assert not thread.is_alive()
    assert len(answers) == 2
    assert ear.changes == [("closed", "open"), ("open", "closed")]


def test_ts1_a_listener_that_blocks_delays_nobody_else():
    """Another thread's call goes on at once; its transition is told, in order, by the thread that tells."""
    asked, ear = gate(), Ear()
    entered, leave = threading.Event(), threading.Event()

    class Slow(pybreaker.CircuitBreakerListener):
        def state_change(self, cb, old_state, new_state):
            entered.set()
            leave.wait(5.0)

    asked.add_listener(Slow())
    asked.add_listener(ear)
    thread = threading.Thread(target=fail, args=(asked, 5), daemon=True)
    thread.start()
    assert entered.wait(5.0)
    settle(asked, admitted(asked, 1.0), Verdict.SUCCESS, 1.0)
    assert ear.changes == []
    leave.set()
    thread.join(5.0)

    assert ear.changes == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]


def test_cx1_a_listener_that_is_interrupted_loses_no_later_transition():
    """KeyboardInterrupt passes through as it is; what was not told yet is told with the next transition."""
    asked, ear = gate(), Ear()
    interrupt = KeyboardInterrupt()

    class Interrupted(pybreaker.CircuitBreakerListener):
        def state_change(self, cb, old_state, new_state):
            if new_state.name == "open":
                raise interrupt

    asked.add_listener(ear)
    asked.add_listener(Interrupted())
    with pytest.raises(KeyboardInterrupt) as caught:
        fail(asked, 5)
    assert caught.value is interrupt
    settle(asked, admitted(asked, 1.0), Verdict.SUCCESS, 1.0)

    assert ear.changes == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]


def test_a_listener_is_told_once_however_often_it_was_added():
    """Adding twice is adding once; removing ends it."""
    asked, ear = gate(), Ear()
    asked.add_listener(ear)
    asked.add_listener(ear)
    fail(asked, 5)
    assert ear.changes == [("closed", "open")]
    asked.remove_listener(ear)
    asked.remove_listener(ear)
    admitted(asked, 1.0)

    assert ear.changes == [("closed", "open")]


def test_a_listener_learns_the_routes_name():
    """Users' own listeners tell circuits apart by pybreaker's name."""
    asked, names = gate(), []

    class Names(pybreaker.CircuitBreakerListener):
        def state_change(self, cb, old_state, new_state):
            names.append(cb.name)

    asked.add_listener(Names())
    fail(asked, 5)
    assert names == ["route"]


def test_a_listener_shared_by_two_clients_outlives_the_first_to_close() -> None:
    """Told once for each transition while anyone wants it told, and not after."""
    asked, ear = gate(), Ear()
    asked.add_listener(ear)
    asked.add_listener(ear)

    asked.remove_listener(ear)
    asked.isolate()
    asked.remove_listener(ear)
    asked.restore()

    assert ear.changes == [("closed", "open")]
