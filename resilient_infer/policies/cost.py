"""Cost: what did an answer cost?

Pure. Money is integer nano-dollars inside and `Decimal` USD outside, so that
sums of many small amounts are exact.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from resilient_infer.core.outcome import Usage
from resilient_infer.core.target import Price

NANO: Final = Decimal(10) ** 9
_TOKENS_PER_PRICE: Final = 1_000_000


def cost(usage: Usage | None, price: Price | None) -> int | None:
    """Nano-dollars, rounded half up; None where the usage or a price that is needed is unknown.

    Cached input tokens cost `price.cached` where it is known, else what input costs.
    """
    if usage is None or price is None:
        return None
    cached = min(usage.cached, usage.input)  # a server that counts them apart must not earn us money
    parts = (
        (usage.input - cached, price.input),
        (cached, price.input if price.cached is None else price.cached),
        (usage.output, price.output),
    )
    total = Decimal(0)
    for tokens, per_million in parts:
        if tokens and per_million is None:
            return None
        total += tokens * (per_million or 0)
    return int((total * NANO / _TOKENS_PER_PRICE).to_integral_value(ROUND_HALF_UP))


def usd(nano: int | None) -> Decimal | None:
    """Nano-dollars as USD."""
    return None if nano is None else Decimal(nano) / NANO
