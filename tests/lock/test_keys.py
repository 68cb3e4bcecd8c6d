"""The key table itself."""

from resilient_infer.core.target import Price
from resilient_infer.lock.key import Level
from resilient_infer.lock.keys import (
    AT,
    TABLE,
    TARGET_ROWS,
    default_flag,
    default_number,
    default_word,
)
from resilient_infer.lock.rules import Number


def test_every_key_has_one_row_and_one_line() -> None:
    """A key is described once, wherever it may stand."""
    names = [key.name for key in TABLE]

    assert len(names) == len(set(names))
    assert all(key.text.endswith(".") and "\n" not in key.text and key.levels for key in TABLE)


def test_defaults_are_within_their_own_bounds() -> None:
    """A default that the validator would refuse is a mistake of the table."""
    for key in TABLE:
        if isinstance(key.type, Number) and isinstance(key.default, int | float):
            assert key.type.least <= key.default <= key.type.most


def test_keys_of_later_issues_are_unknown() -> None:
    """An issue accepts only the keys it acts on."""
    later = {"weight", "tags"}

    assert not later & {key.name for key in TABLE}


def test_levels_have_the_keys_their_values_have() -> None:
    """Spot checks of what may stand where."""
    assert set(AT[Level.PRICE]) == set(Price.__dataclass_fields__)
    assert set(AT[Level.ROUTE]) == {
        "provider",
        "name",
        "price",
        "pin",
        "attempt_timeout",
        "first_token_timeout",
        "stall_timeout",
    }
    assert set(TARGET_ROWS) == set(AT[Level.ROUTE]) | {"model", "routes", "context", "labels"}
    assert "endpoint" in AT[Level.PROVIDER]
    assert "fallback" in AT[Level.ALIAS]
    assert "fallback" not in AT[Level.POLICY]
    assert (default_word("fallback"), default_word("on_pin_mismatch")) == ("contract", "refuse")
    assert (default_number("retries"), default_flag("insecure"), default_word("balance")) == (
        2,
        False,
        "ordered",
    )
