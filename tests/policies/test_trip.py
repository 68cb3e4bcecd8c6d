"""When a circuit opens, and for how long (CB2, CB4, CB7, CB12)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.policies.trip import JITTER, BreakerConfig, Tally, open_time, reaches_rate, should_trip
from tests.policies.vectors import read

BY_RATE = 10**9
"""`consecutive` out of reach: only the rate decides."""

VECTORS = read("circuit_breaker")


@st.composite
def tallies(draw):
    calls = draw(st.integers(0, 200))
    bad = st.integers(0, calls)
    failures = draw(bad)
    return Tally(calls, failures, draw(bad), draw(st.integers(0, failures)))


@given(
    tally=tallies(),
    percent=st.integers(1, 100),
    min_calls=st.integers(1, 100),
    consecutive=st.integers(1, 20),
)
def test_cb2_a_circuit_opens_by_rate_or_by_a_run_of_failures(tally, percent, min_calls, consecutive):
    """trips iff n >= min_calls and (failures/n >= rate or slow/n >= rate) or consecutive >= k.

    The run must also hold a quarter of the window's failures: in a busy brown-out five in a row are chance.
    """
    config = BreakerConfig(failure_rate=percent / 100, min_calls=min_calls, consecutive=consecutive)
    rate = Fraction(percent, 100)
    known = tally.calls >= min_calls
    failing = known and Fraction(tally.failures, tally.calls) >= rate
    slow = known and Fraction(tally.slow, tally.calls) >= rate

    run = tally.consecutive >= consecutive and 4 * tally.consecutive >= tally.failures

    assert should_trip(config, tally) is (failing or slow or run)


@pytest.mark.parametrize(("failures", "calls", "rate"), [(11, 20, 0.55), (7, 100, 0.07), (1, 10, 0.1)])
def test_cb2_a_rate_that_is_met_exactly_opens(failures, calls, rate):
    """`>=`, not `>`; and 0.55 * 20 is 11.000000000000002, which 11 failures would never reach."""
    config = BreakerConfig(failure_rate=rate, min_calls=calls, consecutive=BY_RATE)

    assert should_trip(config, Tally(calls, failures))
    assert not should_trip(config, Tally(calls, failures - 1))


@pytest.mark.parametrize("vector", VECTORS["polly_should_break"])
def test_cb2_the_decisions_of_polly(vector):
    """Polly 10 calls, 10 %, threshold 10 % => break; one call less => the rate is unknown."""
    config = BreakerConfig(failure_rate=vector["threshold"], min_calls=vector["min"], consecutive=BY_RATE)
    failures = round(vector["rate"] * vector["throughput"])

    assert should_trip(config, Tally(vector["throughput"], failures)) is vector["break"]


@given(calls=st.integers(0, 9), share=st.floats(0, 1))
def test_cb2_below_min_calls_the_rate_is_unknown(calls, share):
    """Never 0 or 100 %: four failures out of four say nothing yet."""
    bad = round(share * calls)

    assert not should_trip(BreakerConfig(consecutive=BY_RATE), Tally(calls, bad, bad, bad))


def test_cb2_five_failures_in_a_row_open_whatever_the_rate():
    """Or 5 consecutive."""
    assert should_trip(BreakerConfig(), Tally(1000, 5, 0, 5))
    assert not should_trip(BreakerConfig(), Tally(1000, 5, 0, 4))


def test_cb4_slow_calls_open_like_failed_ones():
    """resilience4j: of five calls one slow success and one slow error at 40 % => open."""
    vector = VECTORS["r4j_slow_rate"]
    slow = vector["slow_ok"] + vector["slow_err"]
    config = BreakerConfig(failure_rate=vector["slow_rate"], min_calls=5, consecutive=BY_RATE)

    assert should_trip(config, Tally(len(vector["calls"]), vector["slow_err"], slow))
    assert not should_trip(config, Tally(len(vector["calls"]), vector["slow_err"], slow - 1))


def test_no_calls_reach_no_rate():
    """0/0 is unknown."""
    assert not reaches_rate(BreakerConfig(), Tally())


@given(times_opened=st.integers(0, 100_000), jitter=st.floats(0, 1))
def test_cb12_open_time_doubles_up_to_its_cap_within_twenty_percent(times_opened, jitter):
    """Open time grows base*2^k, jitter +-20 %, capped; no overflow however often it opened."""
    seconds = open_time(BreakerConfig(), times_opened, jitter=jitter)

    steady = min(5.0, 2.0 ** min(times_opened, 10))
    assert steady * (1 - JITTER) * 0.999999 <= seconds <= steady * (1 + JITTER) * 1.000001


@pytest.mark.parametrize(
    ("times_opened", "jitter", "seconds"),
    [(0, 0.5, 1.0), (0, 0.0, 0.8), (0, 1.0, 1.2), (1, 0.5, 2.0), (2, 0.5, 4.0), (3, 0.5, 5.0), (9, 0.5, 5.0)],
)
def test_cb12_the_shipped_open_times(times_opened, jitter, seconds):
    """Open 1 s, doubling to 5 s."""
    assert open_time(BreakerConfig(), times_opened, jitter=jitter) == pytest.approx(seconds)


def test_a_run_of_failures_by_chance_in_a_busy_brown_out_does_not_open() -> None:
    """At 50 calls a second and 30 % failures, five in a row come every few seconds and say nothing new."""
    config = BreakerConfig(failure_rate=0.5, consecutive=5)

    assert not should_trip(config, Tally(calls=500, failures=150, consecutive=5))
    assert should_trip(config, Tally(calls=500, failures=20, consecutive=5))
