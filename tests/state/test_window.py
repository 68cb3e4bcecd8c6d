"""The sliding window of the breaker (CB3, CK2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.policies.trip import Tally
from resilient_infer.state.window import BUCKETS, Window
from tests.policies.vectors import read

VECTORS = read("circuit_breaker")
SECONDS = 10.0

steps = st.one_of(st.floats(0, 3), st.sampled_from([0.0, 1.0, 9.0, 10.0, 11.0, 3600.0, 1e6]))
outcomes = st.tuples(steps, st.booleans(), st.booleans())


def count(history, now, age):
    """Calls, failures and slow ones of a list that are at the most `age` seconds old."""
    kept = [(failed, slow) for moment, failed, slow in history if now - moment <= age]
    return len(kept), sum(failed for failed, _ in kept), sum(slow for _, slow in kept)


def run_of_failures(history, calls):
    """The failures at the end of the last `calls` of a list."""
    run = 0
    for _, failed, _ in reversed(history[len(history) - calls :]):
        if not failed:
            break
        run += 1
    return run


@given(story=st.lists(outcomes, max_size=80), later=steps)
def test_cb3_an_outcome_older_than_the_window_never_counts(story, later):
    """Older than W never counts; between W(1-1/buckets) and W either; by a brute-force list."""
    window, history, now = Window(SECONDS), [], 1000.0
    for step, failed, slow in story:
        now += step
        window.record(now, failed=failed, slow=slow)
        history.append((now, failed, slow))
    now += later

    tally = window.tally(now)
    seen = tally.calls, tally.failures, tally.slow
    at_least = count(history, now, SECONDS * (1 - 1 / BUCKETS))
    at_most = count(history, now, SECONDS)
    assert all(low <= each <= high for low, each, high in zip(at_least, seen, at_most, strict=True))
    assert tally.consecutive == run_of_failures(history, tally.calls)


@given(story=st.lists(outcomes, max_size=40))
def test_cb3_reading_a_window_changes_nothing(story):
    """Two windows of the same story, one of them read after every outcome, hold the same."""
    read_often, left_alone, now = Window(SECONDS), Window(SECONDS), 0.0
    for step, failed, slow in story:
        now += step
        read_often.tally(now)
        for window in (read_often, left_alone):
            window.record(now, failed=failed, slow=slow)
        read_often.tally(now)

    assert read_often.tally(now) == left_alone.tally(now)


@given(story=st.lists(outcomes, min_size=1, max_size=40), gap=st.floats(SECONDS * 1.001, 1e9))
def test_ck2_a_gap_longer_than_the_window_empties_it(story, gap):
    """Suspended machine: gaps larger than the window simply empty it."""
    window, now = Window(SECONDS), 0.0
    for step, failed, slow in story:
        now += step
        window.record(now, failed=failed, slow=slow)

    assert window.tally(now + gap) == Tally()
    assert not window.troubled


@given(story=st.lists(st.tuples(st.floats(-0.5, 1), st.booleans(), st.booleans()), max_size=60))
def test_ts1_a_moment_that_comes_late_to_the_lock_counts_all_the_same(story):
    """Threads read the clock before they take the lock: `now` may go back a little, and nothing is lost."""
    window, now, latest = Window(1000.0), 500.0, 500.0
    for step, failed, slow in story:
        now += step
        latest = max(latest, now)
        window.record(now, failed=failed, slow=slow)

    tally = window.tally(latest)
    assert tally.calls == len(story)
    assert tally.failures == sum(failed for _, failed, _ in story)
    assert tally.consecutive == run_of_failures(story, len(story))


@given(story=st.lists(outcomes, max_size=40))
def test_a_window_is_troubled_while_something_in_it_failed_or_was_slow(story):
    """Without trouble no rate is reached, and no tally need be made."""
    window, now = Window(SECONDS), 0.0
    for step, failed, slow in story:
        now += step
        window.record(now, failed=failed, slow=slow)
        troubled = window.troubled
        tally = window.tally(now)
        assert troubled is (tally.failures > 0 or tally.slow > 0)


def test_cb13_a_cleared_window_has_seen_nothing():
    """Metrics are cleared on entering closed."""
    window = Window(SECONDS)
    for _ in range(3):
        window.record(5.0, failed=True, slow=True)
    window.clear()

    assert window.tally(5.0) == Tally()
    window.record(5.0, failed=True, slow=False)
    assert window.tally(5.0) == Tally(calls=1, failures=1, slow=0, consecutive=1)


def test_cb3_the_time_window_of_resilience4j():
    """5 s: three calls in the first second are there at 4.8 s and gone at 5.8 s."""
    window = Window(5.0)
    for when, what, expected in VECTORS["r4j_time_window_5s"]:
        now = float(when.removeprefix("t="))
        if what != "read":
            window.record(now, failed="err" in what, slow="slow" in what)
        tally = window.tally(now)
        assert tally.calls == expected["n"]
        assert tally.failures == expected.get("failed", tally.failures)
        assert tally.slow == expected.get("slow_failed", 0 if expected["n"] == 0 else tally.slow)


def test_cb3_the_rolling_health_of_polly():
    """10 s in 10 buckets: two calls every two seconds, read after each two seconds."""
    vectors = VECTORS["polly_rolling_10s_10_buckets"]
    reads = {vector.get("i", "after"): vector for vector in vectors["reads"]}
    window, now = Window(10.0), 0.0
    for turn in range(5):
        window.record(now, failed=turn < 2, slow=False)
        window.record(now, failed=False, slow=False)
        now += 2.0
        if turn in reads:
            assert_rolling(window.tally(now), reads[turn])
    assert_rolling(window.tally(now + 2.0), reads["after"])


def assert_rolling(tally, vector):
    assert tally.calls == vector["n"]
    assert tally.failures / tally.calls == pytest.approx(vector["rate"])


def test_cb3_ten_calls_a_second_apart():
    """Polly: after the tenth second nine of them count, then eight."""
    window = Window(10.0)
    for second in range(10):
        window.record(float(second), failed=False, slow=False)

    assert [window.tally(10.0).calls, window.tally(11.0).calls] == (
        VECTORS["polly_rolling_10s_10_buckets"]["ten_calls_1s_apart"]
    )
