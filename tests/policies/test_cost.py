"""What an answer costs: integer nano-dollars inside, Decimal USD outside."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Usage
from resilient_infer.core.target import Price
from resilient_infer.policies.cost import cost, usd

tokens = st.integers(0, 10**9)
prices = st.decimals(0, 10_000, places=6)


@given(question=tokens, answer=tokens, share=st.floats(0, 1), per_input=prices, per_output=prices)
def test_a_cost_is_exact_to_half_a_nano_dollar(question, answer, share, per_input, per_output):
    """Sum of tokens times their price per million, rounded half up once."""
    usage = Usage(input=question, output=answer, cached=int(share * question))
    nano = cost(usage, Price(input=per_input, output=per_output))

    exact = (question * Fraction(per_input) + answer * Fraction(per_output)) * 10**9 / 10**6
    assert nano == int(exact + Fraction(1, 2))


@given(usage=st.builds(Usage, input=tokens, output=tokens, cached=tokens), price=prices)
def test_no_server_can_count_tokens_so_that_an_answer_costs_less_than_nothing(usage, price):
    """Some count cached tokens beside the input, not as a part of it."""
    nano = cost(usage, Price(input=price, output=Decimal(0), cached=Decimal(0)))

    assert nano is not None
    assert nano >= 0


@given(many=st.lists(st.integers(0, 10**15), max_size=50))
def test_dollars_are_exact(many):
    """Ten answers of 0.1 cents are one cent, not 0.9999999999999999."""
    assert usd(sum(many)) == sum((amount for nano in many if (amount := usd(nano)) is not None), Decimal(0))


@pytest.mark.parametrize(
    ("usage", "price", "nano"),
    [
        (None, Price(input=Decimal(1)), None),
        (Usage(input=1, output=1), None, None),
        (Usage(input=1, output=1), Price(input=Decimal(1)), None),
        (Usage(input=1, output=0), Price(input=Decimal(1)), 1_000),
        (Usage(input=0, output=0), Price(), 0),
        (Usage(input=1, output=1), Price(input=Decimal(0), output=Decimal(0)), 0),
        (Usage(input=10, output=0, cached=4), Price(input=Decimal(2), cached=Decimal(1)), 16_000),
        (Usage(input=10, output=0, cached=4), Price(input=Decimal(2)), 20_000),
        (Usage(input=1, output=0), Price(input=Decimal("0.0005")), 1),
        (Usage(input=1, output=0), Price(input=Decimal("0.000499")), 0),
    ],
)
def test_free_and_unknown_are_never_confused(usage, price, nano):
    """0 means free, None means unknown; a price that is not needed may be unknown."""
    assert cost(usage, price) == nano


def test_an_unknown_cost_is_unknown_in_dollars():
    """None stays None; a nano-dollar is a billionth."""
    assert usd(None) is None
    assert usd(1) == Decimal("0.000000001")
