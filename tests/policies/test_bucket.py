"""The retry bucket's arithmetic (RB1-RB8); who takes and gives when is told by the gate and the plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.policies.bucket import CAPACITY, COST, GAIN, can_take, put, start
from tests.policies.vectors import assert_complete, read

VECTORS = read("retry_budget")
OTHER_FAMILY = "another family: "
LEFT_OUT = {
    "aws21_constants": "other prices: 500 tokens, 14 or 5 a retry; here 10 tokens, 1 a repeat",
    "aws20_constants": "other prices",
    "aws21_sequences": "refunds the last cost after a success; here only clean successes give",
    "grpc_throttling": OTHER_FAMILY + "retries stop when the bucket is half empty",
    "grpc_retry_unary": "about which statuses are retried, not about a budget",
    "finagle": OTHER_FAMILY + "deposits per request that expire",
    "envoy": OTHER_FAMILY + "a share of the calls in flight",
    "failsafe": OTHER_FAMILY + "a share of the calls in flight",
    "mongodb": "about backoff and deadline; no bucket",
    "quota_ops[3]": "acquires of differing size; here each repeat costs the same",
}

tenths = st.integers(0, CAPACITY)


def test_every_group_of_vectors_is_run_or_left_out_for_a_reason():
    cases = {f"quota_ops[{at}]" for at in range(len(VECTORS["quota_ops"]))}
    groups = (set(VECTORS) - {"quota_ops"}) | cases
    assert_complete(groups, cases - {"quota_ops[3]"}, LEFT_OUT)


@pytest.mark.parametrize("case", VECTORS["quota_ops"][:3])
def test_rb3_botocores_quota_never_overflows(case):
    """botocore's figures, at the scale of ours: 50 tokens at 5 a retry are ten retries."""
    scale = CAPACITY // case["max"]
    tokens = CAPACITY
    for operation, amount, granted, left in case["ops"]:
        if operation == "acquire":
            assert can_take(tokens) is granted
            assert amount * scale == COST
            tokens -= COST
        else:
            tokens = put(tokens, amount * scale)
        assert tokens == left * scale


def test_the_bucket_holds_ten_repeats_of_one_token():
    """Capacity 10, a repeat costs 1, a clean success gives 0.1."""
    assert CAPACITY == 10 * COST
    assert COST == 10 * GAIN


@pytest.mark.parametrize("retries", [0, 1, 2, 10, 11, 1000])
def test_a_new_bucket_pays_for_the_retries_of_one_call(retries):
    """Starts at `retries`, and never above the capacity."""
    tokens, repeats = start(retries), 0
    while can_take(tokens):
        tokens -= COST
        repeats += 1

    assert repeats == min(retries, 10)


@given(held=tenths, amount=st.integers(0, 3 * CAPACITY))
def test_rb3_the_bucket_holds_between_nothing_and_its_capacity(held, amount):
    """0 <= tokens <= capacity."""
    assert held <= put(held, amount) <= CAPACITY
    assert can_take(held) is (held - COST >= 0)


@given(clean=st.lists(st.booleans(), max_size=300), retries=st.integers(0, 10))
def test_rb2_repeats_are_bounded_by_the_start_and_a_tenth_of_the_successes(clean, retries):
    """Over any run: retries <= start + 0.1 * successes; each call here repeats whenever it can."""
    tokens, repeats, successes = start(retries), 0, 0
    for success in clean:
        if success:
            tokens = put(tokens, GAIN)
            successes += 1
        elif can_take(tokens):
            tokens -= COST
            repeats += 1

    assert repeats <= retries + successes / 10


@given(held=tenths)
def test_rb8_it_is_full_again_after_ten_clean_successes_a_token(held):
    """After (capacity - tokens)/0.1 clean successes the bucket is full again, and not before."""
    tokens = held
    for _ in range(CAPACITY - held):
        assert tokens < CAPACITY
        tokens = put(tokens, GAIN)

    assert tokens == CAPACITY


def test_rb8_ten_clean_successes_buy_one_repeat():
    """Ten times a tenth is one; as floats it is 0.9999999999999999, and the eleventh would be due."""
    tokens = 0
    for _ in range(10):
        assert not can_take(tokens)
        tokens = put(tokens, GAIN)

    assert can_take(tokens)
