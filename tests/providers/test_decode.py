"""Decode: the JSON of an answer."""

import json
import math
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.providers.decode import decode
from tests.providers.samples import JSON


def _same(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _bounded(value: object) -> object:
    """Integers beyond 64 bits are floats to some parsers, so they are no part of the comparison."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return 0
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in value.items()}
    return value


@given(JSON.map(_bounded))
def test_what_python_servers_write_is_read(value):
    """NaN, Infinity and plain JSON come back as they were sent, whichever parser is installed."""
    assert _same(decode(json.dumps(value).encode()), value)


@given(st.binary())
def test_bytes_are_json_or_a_value_error(body):
    """Nothing but ValueError comes out."""
    with suppress(ValueError):
        decode(body)


def test_nan_and_infinity_are_floats():
    """Servers written in Python send them without quotes."""
    got = decode(b'[NaN, Infinity, -Infinity, {"score": NaN}]')

    assert isinstance(got, list)
    assert math.isnan(got[0])
    assert got[1:3] == [math.inf, -math.inf]


@pytest.mark.parametrize("depth", [900, 5000, 200_000])
def test_a_bomb_of_brackets_is_no_crash(depth):
    """However deep: a value or a ValueError, and Python's own limit stays where it was."""
    limit = sys.getrecursionlimit()
    with suppress(ValueError):
        decode(b"[" * depth + b"]" * depth)

    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize(
    "body", [b"", b" ", b"nul", b"{", b'{"a": 1', b"\xff\xfe", b"<html>", b"'a'", b"{1: 2}"]
)
def test_what_is_no_json_is_refused(body):
    """Cut off, empty, of another kind."""
    with pytest.raises(ValueError, match=r"."):
        decode(body)
