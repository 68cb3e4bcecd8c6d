"""Quotas: a fixed window, as the headers say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox.hub.quotas import ANONYMOUS, Meter, Quota

LIMITS = st.builds(
    Quota,
    api=st.integers(1, 5),
    resolvers=st.integers(1, 5),
    window=st.floats(0.1, 10).map(lambda s: round(s, 2)),
)
STEPS = st.lists(st.floats(0, 3), min_size=1, max_size=40)


@given(quota=LIMITS, steps=STEPS)
def test_ra2_a_window_admits_its_quota_and_tells_the_rest(quota: Quota, steps: list[float]) -> None:
    """Exactly the first requests of each window are admitted; `r` is what is left, `t` when it is over."""
    meter, now, ends, used = Meter(), 0.0, 0.0, 0
    for number, step in enumerate(steps):
        now += step
        if number == 0 or now >= ends:
            ends, used = now + quota.window, 0
        used += 1
        told = meter.count("", "api", quota, now)
        headers = dict(told.headers)
        said = re.fullmatch(r'"api";r=(\d+);t=(\d+)', headers["RateLimit"])

        assert told.admitted is (used <= quota.api)
        assert said is not None
        assert int(said[1]) == max(0, quota.api - used)
        assert 0 <= int(said[2]) - (ends - now) < 1
        assert now + int(said[2]) >= ends, "who waits that long is admitted"


def test_a_window_is_over_at_its_very_end() -> None:
    """The moment that the headers name belongs to the next window."""
    meter, quota = Meter(), Quota(api=1, resolvers=1, window=1.0)
    assert [meter.count("", "api", quota, now).admitted for now in (0.0, 0.5, 1.0, 1.5)] == [
        True,
        False,
        True,
        False,
    ]


@given(quota=LIMITS)
def test_visitors_and_classes_have_windows_of_their_own(quota: Quota) -> None:
    """What one has used up is there for the other."""
    meter = Meter()
    for _ in range(quota.api + 1):
        last = meter.count("one", "api", quota, 0.0)
    assert not last.admitted
    assert meter.count("two", "api", quota, 0.0).admitted
    assert meter.count("one", "resolvers", quota, 0.0).admitted
    meter.forget()
    assert meter.count("one", "api", quota, 0.0).admitted


def test_the_usual_quota_is_that_of_the_hubs_documentation() -> None:
    """Per five minutes and address."""
    headers = dict(Meter().count("", "resolvers", ANONYMOUS, 0.0).headers)
    assert headers == {
        "RateLimit": '"resolvers";r=2999;t=300',
        "RateLimit-Policy": '"fixed window";"resolvers";q=3000;w=300',
    }


@pytest.mark.parametrize("wrong", [{"api": 0}, {"resolvers": 0}, {"window": 0.0}, {"window": float("inf")}])
def test_a_quota_that_admits_nothing_is_none(wrong: dict[str, float]) -> None:
    """Nor is one without an end."""
    with pytest.raises(ValueError, match="quota"):
        Quota(**{"api": 1, "resolvers": 1, "window": 1.0, **wrong})  # type: ignore[arg-type]  # mixed on purpose
