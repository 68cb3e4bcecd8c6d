"""Quota: no request goes out that the Hub has said it will refuse."""

from threading import Condition

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.bounded import gather
from resilient_infer.lock.quota import ROUNDED, UNSAID, Quota, quota_of


def test_nothing_is_held_back_before_the_hub_has_said_anything() -> None:
    """The first reply tells."""
    quota = Quota()

    assert [quota.begin("api", 0.0) for _ in range(1000)] == [None] * 1000


def begun(quota: Quota, times: int, now: float = 0.0) -> int:
    """How many of so many requests could be begun; each is through before the next, and tells nothing."""
    count = 0
    for _ in range(times):
        if quota.begin("api", now) is None:
            quota.done("api")
            count += 1
    return count


def test_a_quota_that_is_used_up_tells_when_there_is_more() -> None:
    """From then on the Hub is asked how much there is."""
    quota = Quota()
    quota.note('"api";r=0;t=60', 100.0)

    assert quota.begin("api", 100.0) == quota.begin("api", 160.0) == 160.0 + ROUNDED
    assert quota.begin("api", 160.0 + ROUNDED) is None


@pytest.mark.parametrize("jobs", [1, 2, 8, 32])
@pytest.mark.parametrize("further", [0, 1, 7, 100])
def test_of_a_window_no_request_is_left_over_and_none_is_sent_in_vain(jobs: int, further: int) -> None:
    """However many are under way when the Hub tells what is left.

    The first ones are sent before anything is known, so the window holds at least as many as there are jobs.
    """
    quota, told = Quota(), Condition()
    allowed, counted, read = jobs + further, [0], [0]

    def request() -> bool:
        if quota.begin("api", 0.0) is not None:
            return False
        with told:
            counted[0] += 1
            number = counted[0]
            told.notify_all()
            if number <= jobs:  # all of these are counted before the first is read, and read in their order
                told.wait_for(lambda: counted[0] >= jobs and read[0] >= number - 1, timeout=10)
            read[0] += 1
            told.notify_all()
        quota.note(f'"api";r={max(0, allowed - number)};t=300', 0.0)
        quota.done("api")
        return True

    asked = gather([request] * (allowed + 50), jobs=jobs)

    assert (asked.count(True), counted[0]) == (allowed, allowed)


@given(st.permutations(range(10)))
def test_of_replies_out_of_order_the_least_counts(seen: list[int]) -> None:
    """Threads read their replies as they come; the last one of the window may be read first."""
    quota = Quota()
    for left in seen:
        quota.note(f'"api";r={left};t=300', 0.0)

    assert quota.begin("api", 1.0) == 300.0 + ROUNDED


def test_the_quotas_of_api_and_downloads_are_apart() -> None:
    """One that is used up does not hold back the other."""
    quota = Quota()
    quota.note('"api";r=0;t=10', 0.0)

    assert quota.begin("api", 1.0) == 10.0 + ROUNDED
    assert quota.begin("resolvers", 1.0) is None
    assert (quota_of("/api/models/a"), quota_of("/a/resolve/main/b")) == ("api", "resolvers")


@pytest.mark.parametrize(("advice", "wait"), [(7.5, 7.5), (None, UNSAID)])
def test_a_429_holds_back_all_of_its_kind(advice: float | None, wait: float) -> None:
    """As long as the Hub says, else a minute; what a reply said earlier does not shorten it."""
    quota = Quota()
    quota.note('"api";r=100;t=1', 0.0)
    quota.limited("/api/models/a", advice, 0.0)

    assert quota.begin("api", 0.0) == wait
    assert quota.begin("resolvers", 0.0) is None


@pytest.mark.parametrize(
    "header", ["", "api;r=0;t=5", '"api";r=-1;t=5', '"api";t=5', '"api";r=9999999999;t=5']
)
def test_a_header_of_another_shape_is_passed_over(header: str) -> None:
    """It limits nothing."""
    quota = Quota()
    quota.note(header, 0.0)

    assert begun(quota, 9) == 9
