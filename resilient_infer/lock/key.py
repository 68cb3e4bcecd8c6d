"""Key: one row of the table of keys, and where a key may stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from resilient_infer.lock.rules import Number, ValueType


class Level(Enum):
    """Where a key may stand. Of POLICY, ALIAS, ROUTE and PROVIDER the innermost (last) one given holds."""

    FILE = "the file"
    POLICY = "policy"
    ALIAS = "an alias"
    TARGET = "a target"
    ROUTE = "a route"
    PROVIDER = "a provider"
    PRICE = "price"
    BREAKER = "breaker"


P, A, T, R, V = Level.POLICY, Level.ALIAS, Level.TARGET, Level.ROUTE, Level.PROVIDER

WEEK: Final = 604_800.0
"""Longest time a key may ask for, seconds: below `threading.TIMEOUT_MAX`, past which a wait raises."""

LENGTH: Final = Number(unit="s", above=True, most=WEEK)
WAIT: Final = Number(unit="s", most=WEEK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One row of the table.

    Attributes:
        default: What holds without the key; None: `text` says what does.
        text: One line for people.
    """

    name: str
    levels: tuple[Level, ...]
    type: ValueType
    default: bool | float | str | None = None
    text: str


Rows = Mapping[str, Key]
"""Keys by name."""
