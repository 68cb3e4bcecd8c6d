"""How long the next attempt may take (DL3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.policies.deadline import attempt_timeout, least_useful

seconds = st.floats(0.001, 1e4)


@given(configured=seconds, time_left=st.floats(-100, 1e4), others_left=st.integers(0, 20), min_useful=seconds)
def test_dl3_an_attempt_fits_its_own_limit_and_the_deadline(configured, time_left, others_left, min_useful):
    """attempt_timeout = min(configured, remaining - reserve), not started if < min useful."""
    timeout = attempt_timeout(configured, time_left=time_left, others_left=others_left, min_useful=min_useful)

    if timeout is None:
        assert time_left < min_useful
    else:
        assert 0 < timeout <= configured
        assert timeout <= time_left


@given(configured=seconds, time_left=seconds, others_left=st.integers(0, 20), min_useful=seconds)
def test_dl3_time_is_kept_for_what_is_still_to_come(configured, time_left, others_left, min_useful):
    """reserve = (targets left) x min useful time, as far as this attempt keeps its own useful time."""
    timeout = attempt_timeout(configured, time_left=time_left, others_left=others_left, min_useful=min_useful)
    reserve = others_left * min_useful

    if timeout is not None and time_left - reserve >= min_useful:
        assert timeout == min(configured, time_left - reserve)
    elif timeout is not None:
        assert timeout == min(configured, min_useful)


@pytest.mark.parametrize(
    ("time_left", "others_left", "timeout"),
    [
        (30.0, 0, 10.0),
        (5.0, 0, 5.0),
        (5.0, 1, 4.0),
        (5.0, 9, 1.0),
        (1.0, 0, 1.0),
        (0.99, 0, None),
        (0.0, 0, None),
    ],
)
def test_dl3_examples(time_left, others_left, timeout):
    """A 10 s attempt with 1 s of least use, near its end."""
    assert attempt_timeout(10.0, time_left=time_left, others_left=others_left, min_useful=1.0) == timeout


@given(configured=seconds, deadline=seconds)
def test_a_call_that_is_short_on_purpose_is_still_made(configured, deadline):
    """However short the deadline, the first attempt is useful."""
    min_useful = least_useful(configured, deadline)

    assert attempt_timeout(10.0, time_left=deadline, others_left=3, min_useful=min_useful) is not None
