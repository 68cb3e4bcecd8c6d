"""The waits between two attempts on one route (BO1-BO7)."""

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.policies.backoff import BASE, CAP, THROTTLED_BASE, ceiling, delay
from tests.policies.vectors import assert_complete, read

VECTORS = read("backoff")
LEFT_OUT = {
    "equal_spread_pm25": "another jitter (±25 %): full jitter is the one chosen",
    "decorrelated_v2_bounds": "decorrelated jitter carries state from wait to wait; full jitter carries none",
    "grpc": "its jitter is applied after the cap and exceeds it",
    "overflow[0]": "a wait without a cap: there is always one here",
}
RUN = {
    "full_jitter",
    "at_random_1",
    "overflow[1]",
    "attempts_to_try",
    "distribution",
    "stamina",
}

repeats = st.integers(1, 10_000)
jitters = st.floats(0, 1)


def test_every_group_of_vectors_is_run_or_left_out_for_a_reason():
    groups = (set(VECTORS) - {"overflow"}) | {f"overflow[{at}]" for at in range(len(VECTORS["overflow"]))}
    assert_complete(groups, RUN, LEFT_OUT)


@given(repeat=repeats, base=st.floats(0, 1e9), cap=st.floats(0, 1e9), jitter=jitters)
def test_bo1_a_wait_lies_between_zero_and_its_ceiling(repeat, base, cap, jitter):
    """0 <= d_n <= min(cap, base*2^(n-1)) for every n, base > 0, cap >= 0."""
    wait = jitter * ceiling(repeat, base=base, cap=cap)

    exact = min(cap, base * 2 ** (repeat - 1)) if repeat < 900 else cap
    assert 0 <= wait <= exact


@pytest.mark.parametrize("repeat", [*VECTORS["attempts_to_try"], 10**9])
@pytest.mark.parametrize("base", [0.0, 1e-9, BASE, THROTTLED_BASE, 86_400.0, 1e9])
def test_bo2_no_repeat_overflows(repeat, base):
    """n up to 10_000 and base up to 1e9 neither raise nor give inf/nan."""
    wait = ceiling(repeat, base=base)

    assert math.isfinite(wait)
    assert 0 <= wait <= CAP
    if base >= BASE and repeat >= 10:
        assert wait == CAP


@pytest.mark.parametrize("vector", VECTORS["at_random_1"], ids=lambda v: f"base {v['base']}, n {v['n']}")
def test_bo3_the_ceilings_are_those_of_the_aws_sdks(vector):
    """With u=1: 0.05 .1 .2 .4 .8 1.6 3.2 6.4 12.8 20 20."""
    assert ceiling(vector["n"], base=vector["base"], cap=vector["cap"]) == pytest.approx(vector["d"])


@given(repeat=repeats, cap=st.floats(0, 1e6))
def test_bo3_a_base_of_zero_never_waits(repeat, cap):
    """base 0 => 0 always."""
    assert ceiling(repeat, base=0.0, cap=cap) == 0


def test_bo2_a_day_doubled_a_thousand_times_is_the_cap():
    """The figure of Polly: base 86400 s, n = 1001, cap 172800 s."""
    vector = VECTORS["overflow"][1]

    assert ceiling(vector["n"], base=vector["base_s"], cap=vector["cap"]) == vector["d"]


@given(repeat=repeats, base=st.floats(0, 1e9), cap=st.floats(0, 1e6))
def test_bo4_the_cap_comes_after_the_doubling_and_before_the_jitter(repeat, base, cap):
    """cap applies AFTER the multiply and BEFORE jitter, so d <= cap."""
    assert ceiling(repeat, base=base, cap=cap) <= cap
    if repeat > 1:
        assert ceiling(repeat, base=base, cap=cap) >= ceiling(repeat - 1, base=base, cap=cap)


@pytest.mark.parametrize("vector", VECTORS["stamina"], ids=lambda v: f"wait_max {v['wait_max']}")
def test_bo4_the_caps_of_stamina_hold(vector):
    """No wait exceeds wait_max, from the first to the ten thousandth."""
    numbers = range(1, 10) if vector["n"] == "1..9" else vector["n"]
    for number in numbers:
        longest = ceiling(number, base=0.1, cap=vector["wait_max"])
        assert longest <= vector.get("d<=", math.inf)
        assert longest == vector.get("d", longest)


def test_bo5_ten_thousand_waits_at_the_cap_are_uniform():
    """10,000 draws at the cap are uniform (20 % per bin)."""
    random = Random(20)
    draws = [delay(10, throttled=False, advice=None, jitter=random.random()) for _ in range(10_000)]

    bins = Counter(int(draw) for draw in draws)
    assert sorted(bins) == list(range(20))
    assert all(400 <= count <= 600 for count in bins.values())
    assert sum(draws) / len(draws) == pytest.approx(CAP / 2, rel=0.02)


@given(
    asked=st.lists(st.tuples(repeats, st.booleans(), jitters), min_size=1),
    repeat=repeats,
    throttled=st.booleans(),
    jitter=jitters,
)
def test_bo6_a_wait_depends_on_nothing_but_its_arguments(asked, repeat, throttled, jitter):
    """Pure function of (n, error class, rng); no hidden state."""
    before = delay(repeat, throttled=throttled, advice=None, jitter=jitter)
    for other, kind, share in asked:
        delay(other, throttled=kind, advice=1.0, jitter=share)

    assert delay(repeat, throttled=throttled, advice=None, jitter=jitter) == before


@given(repeat=repeats)
def test_bo7_the_latest_failure_picks_the_base(repeat):
    """Throttling 1 s, else 50 ms."""
    throttled = delay(repeat, throttled=True, advice=None, jitter=1.0)
    ordinary = delay(repeat, throttled=False, advice=None, jitter=1.0)

    assert throttled == ceiling(repeat, base=1.0, cap=20.0)
    assert ordinary == ceiling(repeat, base=0.05, cap=20.0)


@given(repeat=repeats, throttled=st.booleans(), jitter=jitters, advice=st.floats(0.001, 1e6))
def test_ra5_advice_is_never_undercut_and_jittered_only_upward(repeat, throttled, jitter, advice):
    """Chosen delay >= advice (jitter only upward)."""
    wait = delay(repeat, throttled=throttled, advice=advice, jitter=jitter)

    assert advice <= wait <= advice + CAP
    assert wait == advice + delay(repeat, throttled=throttled, advice=None, jitter=jitter)
