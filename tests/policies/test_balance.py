"""Which route of a target is asked first."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.policies.balance import arrange

moments = st.lists(st.floats(0, 100), max_size=12)


@given(ready_at=moments, now=st.floats(0, 100))
def test_every_route_is_asked_once_and_the_soonest_first(ready_at, now):
    """By the moment each may be asked; ties, and all that is past, in the manifest's order."""
    order = arrange(ready_at, now)

    assert sorted(order) == list(range(len(ready_at)))
    for first, second in pairwise(order):
        wait_first, wait_second = max(ready_at[first], now), max(ready_at[second], now)
        assert wait_first < wait_second or (wait_first == wait_second and first < second)


@given(ready_at=moments)
def test_fb7_a_first_round_follows_the_manifest(ready_at):
    """With nothing to wait for, the order is the one that people wrote down."""
    assert arrange(ready_at, now=100.0) == list(range(len(ready_at)))
