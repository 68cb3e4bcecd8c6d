"""The gate of a route: its retry bucket (RB1-RB8, CO2)."""

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Verdict
from tests.state.asking import admitted, gate, settle, tokens


def test_rb1_first_attempts_are_never_blocked_by_the_budget():
    """An initial attempt is always made: `ask` takes no token."""
    asked = gate(None, retries=0)

    for _ in range(100):
        asked.release(admitted(asked))
    assert tokens(asked) == 0


@given(retries=st.integers(0, 30))
def test_rb2_a_total_outage_gets_no_more_repeats_than_the_start(retries):
    """Total outage: retries <= capacity/cost for ever; a failure gives nothing back."""
    asked = gate(None, retries=retries)
    taken = 0
    for _ in range(50):
        settle(asked, admitted(asked), Verdict.FAILURE)
        taken += asked.take_token()

    assert taken == min(retries, 10)


@given(verdicts=st.lists(st.sampled_from(Verdict), max_size=50))
def test_rb6_only_clean_successes_give(verdicts):
    """Non-retryable failures neither take nor give; nor does an answer to a repeat."""
    asked = gate(None, retries=3)
    for verdict in verdicts:
        settle(asked, admitted(asked), verdict, clean=False)

    assert tokens(asked) == 3


def test_rb5_a_token_is_returned_if_the_repeat_is_never_sent():
    """Taken before the sleep and returned if the call is cancelled; never above the capacity."""
    asked = gate(retries=1)
    assert asked.take_token()
    assert not asked.take_token()
    asked.return_token()
    assert tokens(asked) == 1

    full = gate(retries=10)
    full.return_token()
    assert tokens(full) == 10


def test_rb8_the_bucket_recovers_a_token_with_ten_clean_successes():
    """After (capacity - tokens)/0.1 clean successes the bucket is full again."""
    asked = gate(retries=0)
    for _ in range(9):
        settle(asked, admitted(asked), Verdict.SUCCESS, clean=True)
    assert not asked.take_token()
    settle(asked, admitted(asked), Verdict.SUCCESS, clean=True)
    assert tokens(asked) == 1
    for _ in range(1000):
        settle(asked, admitted(asked), Verdict.SUCCESS, clean=True)
    assert tokens(asked) == 10


def test_co2_a_permit_settled_twice_pays_in_once():
    """Each sent request has exactly one acquire and exactly one record."""
    asked = gate(retries=0)
    for _ in range(5):
        permit = admitted(asked)
        for _ in range(2):
            settle(asked, permit, Verdict.SUCCESS, clean=True)

    assert tokens(asked) == 0
