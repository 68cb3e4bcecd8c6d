"""Quota: no request goes out that the Hub has said it will refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.quota import ROUNDED, UNSAID, Quota, quota_of


def test_nothing_is_held_back_before_the_hub_has_said_anything() -> None:
    """The first reply tells."""
    quota = Quota()

    assert [quota.take("api", 0.0) for _ in range(1000)] == [0.0] * 1000


@given(left=st.integers(0, 500), window=st.integers(1, 300), tries=st.integers(1, 600))
def test_no_more_is_given_than_is_left(left: int, window: int, tries: int) -> None:
    """Before the window ends; then the Hub is asked how much there is."""
    quota = Quota()
    quota.note(f'"api";r={left};t={window}', 100.0)

    waits = [quota.take("api", 100.0) for _ in range(tries)]

    assert waits.count(0.0) == min(left, tries)
    assert set(waits[left:]) <= {window + ROUNDED}
    assert quota.take("api", 100.0 + window + ROUNDED) == 0.0


@given(st.permutations(range(5, 15)))
def test_replies_out_of_order_give_no_more_than_the_least(seen: list[int]) -> None:
    """Threads read their replies as they come."""
    quota = Quota()
    for left in seen:
        quota.note(f'"api";r={left};t=300', 0.0)

    assert [quota.take("api", 1.0) for _ in range(6)].count(0.0) == 5


def test_the_quotas_of_api_and_downloads_are_apart() -> None:
    """One that is used up does not hold back the other."""
    quota = Quota()
    quota.note('"api";r=0;t=10', 0.0)

    assert quota.take("api", 1.0) == 9.0 + ROUNDED
    assert quota.take("resolvers", 1.0) == 0.0
    assert (quota_of("/api/models/a"), quota_of("/a/resolve/main/b")) == ("api", "resolvers")


@pytest.mark.parametrize(("advice", "wait"), [(7.5, 7.5), (None, UNSAID)])
def test_a_429_holds_back_all_of_its_kind(advice: float | None, wait: float) -> None:
    """As long as the Hub says, else a minute; what a reply said earlier does not shorten it."""
    quota = Quota()
    quota.note('"api";r=100;t=1', 0.0)
    quota.limited("/api/models/a", advice, 0.0)

    assert quota.take("api", 0.0) == wait
    assert quota.take("resolvers", 0.0) == 0.0


@pytest.mark.parametrize(
    "header", ["", "api;r=0;t=5", '"api";r=-1;t=5', '"api";t=5', '"api";r=9999999999;t=5']
)
def test_a_header_of_another_shape_is_passed_over(header: str) -> None:
    """It limits nothing."""
    quota = Quota()
    quota.note(header, 0.0)

    assert quota.take("api", 0.0) == 0.0
