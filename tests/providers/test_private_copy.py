"""Private copy: JSON values that nobody else holds."""

import json
import math
from collections import OrderedDict, UserDict
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.providers.private_copy import DEEPEST, NotJson, private_copy

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


class Colour(StrEnum):
    """A string of a subclass."""

    RED = "red"


class Tensor:
    """What numpy and torch have in common."""

    def tolist(self) -> list[float]:
        """Its numbers."""
        return [1.0]


def containers(value: object) -> set[int]:
    """The identities of everything mutable in `value`."""
    if isinstance(value, dict):
        return {id(value)}.union(*map(containers, value.values()))
    if isinstance(value, list):
        return {id(value)}.union(*map(containers, value))
    return set()


@given(VALUES)
def test_fb5_the_copy_is_equal_and_shares_nothing_mutable(value):
    """The payload sent is independently derived from the caller's, which is never changed."""
    before = json.dumps(value)
    copy = private_copy(value)

    assert copy == value
    assert json.dumps(value) == before
    assert json.dumps(copy) == before
    assert not containers(copy) & containers(value)


@pytest.mark.parametrize(
    ("value", "copy"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": MappingProxyType({"b": 1})}), {"a": {"b": 1}}),
        (UserDict(a=1), {"a": 1}),
        (Colour.RED, "red"),
        ({Colour.RED: Colour.RED}, {"red": "red"}),
    ],
)
def test_what_means_json_becomes_json(value, copy):
    """Tuples, other mappings, and subclasses of plain values."""
    got = private_copy(value)

    assert got == copy
    assert json.dumps(got) == json.dumps(copy)


@pytest.mark.parametrize(
    ("value", "place", "word"),
    [
        (math.nan, "", "NaN"),
        ({"a": [1, math.inf]}, "a[1]", "NaN or infinite"),
        ({"a": {"b": {1, 2}}}, "a.b", "type set"),
        ({"a": b"x"}, "a", "decode it"),
        ({"a": (1, Tensor())}, "a[1]", ".tolist()"),
        ({"a": {1: "x"}}, "a", "no string"),
        ({"a": {"ok": 1, None: "x"}}, "a", "no string"),
        ({"a": "\ud800"}, "a", "surrogate"),
        ({"\udfff": 1}, "", "surrogate"),
        ({"a": 2**64}, "a", "64 bits"),
        ({"a": object()}, "a", "type object"),
        ({"a": 1j}, "a", "type complex"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(value, place, word):
    """And with what to do."""
    with pytest.raises(NotJson) as caught:
        private_copy(value)

    assert caught.value.place() == place
    assert word in caught.value.what


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}, lambda inner: (inner,)])
def test_nesting_is_bounded(wrap):
    """As deep as the limit is read, deeper is refused."""
    value: object = 1
    for _ in range(DEEPEST):
        value = wrap(value)
    private_copy(value)

    with pytest.raises(NotJson, match="deeper"):
        private_copy(wrap(value))


def test_what_contains_itself_is_refused():
    """A cycle has no end."""
    cycle: list[object] = []
    cycle.append({"again": cycle})

    with pytest.raises(NotJson, match="contains itself"):
        private_copy(cycle)
