"""The gate of a route: its circuit and its not-before (CB1-CB15, RA7)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.gates import CircuitChange, CircuitState, Gate, NotBefore, Permit, SkipReason
from resilient_infer.core.gates import CredentialGate as CredentialGateProtocol
from resilient_infer.core.outcome import Verdict
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import CredentialGate
from tests.state.asking import LEASE, admitted, fail, gate, listened, refused, settle
from tests.state.listening import BY_HAND


def test_the_gates_are_what_the_plan_expects():
    """`state/` implements the protocols of `core/gates.py`."""
    route: Gate = gate()
    credential: CredentialGateProtocol = CredentialGate()

    assert isinstance(route.ask(0.0, lease=LEASE), Permit)
    assert credential.ask(0.0) is None


def test_cb1_each_transition_fires_one_event_and_is_told_to_the_call_that_caused_it():
    """closed->open, open->half-open, half-open->{closed, open}; each fires exactly one event."""
    asked, ear = listened()

    assert fail(asked, 4) is None
    assert fail(asked, 1) == CircuitChange(CircuitState.CLOSED, CircuitState.OPEN, 1.0)
    probe = admitted(asked, 1.0)
    assert probe.change == CircuitChange(CircuitState.OPEN, CircuitState.HALF_OPEN, 1.0)
    again = settle(asked, probe, Verdict.FAILURE, 1.5)
    assert again == CircuitChange(CircuitState.HALF_OPEN, CircuitState.OPEN, 3.5)
    probe = admitted(asked, 3.5)
    closed = settle(asked, probe, Verdict.SUCCESS, 4.0)
    assert closed is not None
    assert (closed.old, closed.new) == (CircuitState.HALF_OPEN, CircuitState.CLOSED)
    assert ear.changes == [
        ("closed", "open"),
        ("open", "half-open"),
        ("half-open", "open"),
        ("open", "half-open"),
        ("half-open", "closed"),
    ]


def test_cb2_a_success_may_be_the_call_that_makes_the_rate_known():
    """Evaluates on each recorded outcome: five failures among ten calls, the tenth of them a success."""
    asked, ear = listened()
    for verdict in [Verdict.FAILURE, Verdict.SUCCESS] * 4 + [Verdict.FAILURE]:
        settle(asked, admitted(asked), verdict)
    assert ear.state == "closed"

    settle(asked, admitted(asked), Verdict.SUCCESS)
    assert ear.state == "open"


@pytest.mark.parametrize(("elapsed", "state"), [(4.0, "closed"), (4.001, "open")])
@pytest.mark.parametrize("verdict", [Verdict.SUCCESS, Verdict.FAILURE])
def test_cb4_slow_is_longer_than_the_threshold_for_successes_and_errors_alike(elapsed, state, verdict):
    """slow = duration > threshold."""
    asked, ear = listened(BreakerConfig(slow_after=4.0, min_calls=4, consecutive=99, failure_rate=0.75))
    settle(asked, admitted(asked), Verdict.SUCCESS)
    for _ in range(2):
        settle(asked, admitted(asked), Verdict.SUCCESS, elapsed=9.0)
    settle(asked, admitted(asked), verdict, elapsed=elapsed)

    assert ear.state == state


def test_cb4_nothing_is_slow_unless_configured():
    """Slow is off unless configured."""
    asked, ear = listened()
    for _ in range(20):
        settle(asked, admitted(asked), Verdict.SUCCESS, elapsed=1e6)

    assert ear.state == "closed"


@given(wait=st.floats(0, 0.999))
def test_cb5_nothing_is_sent_before_the_open_time_is_over(wait):
    """Open: no request before opened + open_s; the rejection carries the moment."""
    asked = gate()
    fail(asked, 5, now=100.0)

    assert refused(asked, 100.0 + wait) == NotBefore(101.0, SkipReason.OPEN)
    assert admitted(asked, 101.0).probe


@given(quota=st.integers(1, 6), more=st.integers(1, 6))
def test_cb6_no_more_probes_are_in_flight_than_the_quota(quota, more):
    """Half-open: in-flight probes <= quota; others are rejected at once, for one open time."""
    asked = gate(BreakerConfig(probes=quota, open=1.0))
    fail(asked, 5)
    probes = [admitted(asked, 1.0) for _ in range(quota)]

    for _ in range(more):
        assert refused(asked, 2.0).moment == 3.0
    settle(asked, probes[0], Verdict.SUCCESS, 2.0)
    if quota > 1:  # one has reported, which uses up its place; one that is given back frees it
        refused(asked, 2.0)
        asked.release(probes[1])
        assert admitted(asked, 2.0).probe


def test_cb8_a_lost_probe_cannot_latch_the_circuit():
    """Permit expires; its place goes to the next, and what the lost one says after that counts nowhere."""
    asked, ear = listened(BreakerConfig(probes=2, failure_rate=1.0))
    fail(asked, 5)
    lost = admitted(asked, 1.0)
    other = admitted(asked, 2.0)
    refused(asked, 1.0 + LEASE - 0.01)

    assert admitted(asked, 1.0 + LEASE).probe
    assert settle(asked, lost, Verdict.SUCCESS, 13.0) is None
    settle(asked, other, Verdict.FAILURE, 13.0)
    assert ear.state == "half-open"


def test_cb9_an_answer_from_an_older_generation_changes_nothing():
    """An outcome reported in a later epoch than its permit counts nowhere, whatever the state by then."""
    asked, ear = listened()
    old = [admitted(asked) for _ in range(20)]
    fail(asked, 5)
    settle(asked, admitted(asked, 1.0), Verdict.SUCCESS, 1.0)
    assert ear.state == "closed"

    assert [settle(asked, permit, Verdict.FAILURE, 1.1) for permit in old] == [None] * 20
    assert ear.state == "closed"
    assert fail(asked, 4, now=1.2) is None


def test_cb10_a_late_failure_while_open_changes_nothing():
    """Neither extends the open time nor fires a second event."""
    asked, ear = listened()
    late = admitted(asked)
    fail(asked, 5)

    assert settle(asked, late, Verdict.FAILURE, 0.9) is None
    assert refused(asked, 0.9).moment == 1.0
    assert ear.changes == [("closed", "open")]


@pytest.mark.parametrize("how", ["release", "ignore"])
def test_cb11_an_ignored_probe_gives_its_place_back_and_decides_nothing(how):
    """Ignore releases the permit, no counter moves: a cancelled probe does not close the circuit."""
    asked, ear = listened()
    fail(asked, 5)
    for _ in range(10):
        probe = admitted(asked, 1.0)
        if how == "release":
            asked.release(probe)
        else:
            assert settle(asked, probe, Verdict.IGNORE, 1.0) is None
    assert ear.state == "half-open"
    settle(asked, admitted(asked, 1.0), Verdict.SUCCESS, 1.0)
    assert ear.state == "closed"


def test_cb13_what_was_counted_is_forgotten_on_closing():
    """Metrics cleared on entering closed; half-open has its own counters."""
    asked, ear = listened()
    fail(asked, 5)
    settle(asked, admitted(asked, 1.0), Verdict.SUCCESS, 1.0)

    fail(asked, 4, now=1.0)
    assert ear.state == "closed"
    fail(asked, 1, now=1.0)
    assert ear.state == "open"


def test_cb14_advice_opens_until_its_moment_and_touches_no_rate():
    """429 with Retry-After r: nothing before r, without touching the failure rate."""
    asked, ear = listened()
    permits = [admitted(asked) for _ in range(20)]
    for permit in permits:
        settle(asked, permit, Verdict.IGNORE)
        asked.postpone(30.0, SkipReason.ADVISED, "HTTP 429")

    assert refused(asked, 29.9) == NotBefore(30.0, SkipReason.ADVISED, "HTTP 429")
    assert fail(asked, 4, now=30.0) is None
    assert ear.changes == []


@given(moments=st.lists(st.floats(0, 1000), min_size=1))
def test_ra7_the_latest_of_all_moments_seen_holds(moments):
    """The advice closes the route for other callers too; monotone: max of seen."""
    asked, credential = gate(), CredentialGate()
    for moment in moments:
        asked.postpone(moment, SkipReason.ADVISED, str(moment))
        credential.postpone(moment, SkipReason.BARRED, str(moment))

    latest = max(moments)
    before = math.nextafter(latest, -math.inf)
    assert isinstance(asked.ask(latest, lease=LEASE), Permit)
    assert credential.ask(latest) is None
    if latest > 0:
        assert refused(asked, before) == NotBefore(latest, SkipReason.ADVISED, str(latest))
        assert credential.ask(before) == NotBefore(latest, SkipReason.BARRED, str(latest))


def test_cb15_isolated_until_restored():
    """Forced-open never half-opens; isolate and restore are idempotent, from every state."""
    asked, ear = listened()
    flying = admitted(asked)
    asked.isolate()
    asked.isolate()
    settle(asked, flying, Verdict.SUCCESS)
    assert refused(asked, 1e12) == NotBefore(math.inf, SkipReason.OPEN)
    asked.restore()
    asked.restore()
    assert ear.changes == [("closed", "open"), ("open", "closed")]

    fail(asked, 5)
    asked.isolate()  # open already: no event, but no longer for a second only
    refused(asked, 1e6)
    asked.restore()
    fail(asked, 5)
    probe = admitted(asked, 1.0)
    asked.isolate()
    settle(asked, probe, Verdict.SUCCESS, 1.0)
    assert ear.state == "open"
    asked.restore()
    ear.assert_legal(BY_HAND)


def test_cb15_restoring_forgets_what_was_counted():
    """A circuit closed by hand starts from nothing, open times included."""
    asked = gate()
    fail(asked, 5)
    fail(asked, 1, now=1.0)
    asked.restore()

    assert fail(asked, 4, now=2.0) is None
    change = fail(asked, 1, now=2.0)
    assert change is not None
    assert change.until == 3.0


def test_cb15_a_disabled_breaker_admits_everything_and_records_nothing():
    """breaker: None."""
    asked, ear = listened(None)
    assert fail(asked, 1000) is None
    asked.isolate()
    assert not admitted(asked).probe
    asked.restore()

    assert ear.changes == []


def test_cb13_a_circuit_closed_by_hand_waits_for_no_probe_of_before():
    """Half-open has its own counters, each time anew: a probe that is still on its way holds no place."""
    asked = gate()
    fail(asked, 5)
    old = admitted(asked, 1.0)
    asked.restore()
    fail(asked, 5, now=1.0)

    assert admitted(asked, 2.0).probe
    assert settle(asked, old, Verdict.FAILURE, 2.0) is None


def test_cb15_restoring_a_closed_circuit_forgets_nothing():
    """A second time it changes nothing: the run of failures goes on."""
    asked, ear = listened()
    fail(asked, 4)
    asked.restore()

    fail(asked, 1)
    assert ear.state == "open"


def test_cb6_the_rejection_names_the_first_moment_a_place_may_come_free():
    """Of all probes on their way, the one whose lease ends first."""
    asked = gate(BreakerConfig(probes=2))
    fail(asked, 5)
    admitted(asked, 1.0, lease=30.0)
    admitted(asked, 1.0, lease=5.0)

    assert refused(asked, 5.5).moment == 6.0


def test_cb5_who_is_refused_for_a_probe_is_told_to_come_back_soon():
    """The probe's lease is its longest life, not what a caller should wait: one open time tells more."""
    asked = gate(BreakerConfig(consecutive=1, open=1.0))
    fail(asked, 1)
    admitted(asked, 1.0, lease=31.0)

    assert refused(asked, 1.5).moment == 2.5
    assert refused(asked, 31.5).moment == 32.0
