"""Private copy: the caller's payload as JSON values that nobody else holds.

Faster than a round trip through `json` for small payloads, and stricter: that
would turn the key 1 into "1" and True into "true" without a word.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from resilient_infer.core.task import Json

DEEPEST: Final = 100
"""Levels of nesting. Servers give up at 128 (serde_json); what contains itself has no end."""

_WIDEST: Final = 64
"""Bits of an integer. JSON knows larger ones, but no inference server reads them."""


class NotJson(Exception):
    """A part of the payload cannot be sent as JSON.

    Attributes:
        what: The rest of the sentence: what it is and what to do.
        path: Keys and indexes down to it, innermost first.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str | int] = []

    def place(self) -> str:
        """The path for people, for example `parameters.stop[1]`; "" for the payload itself."""
        text = ""
        for step in reversed(self.path):
            if isinstance(step, int):
                text += f"[{step}]"
            else:
                text += f".{step}" if text else step
        return text


def private_copy(value: object, depth: int = DEEPEST) -> Json:
    """A copy of `value` that shares nothing mutable with it.

    Tuples become lists, other mappings become dicts; strings, numbers and
    booleans of subclasses (enums, numpy.float64) become plain ones.

    Raises:
        NotJson: NaN or Infinity, a set, bytes or any other object, a key that
            is no string, a lone surrogate, an integer beyond 64 bits, a cycle.
    """
    if type(value) is str:
        return _text(value)
    if value is None or type(value) is bool:
        return value
    if type(value) is dict:
        return _mapping(value, depth)
    if type(value) is list:
        return _sequence(value, depth)
    return _other(value, depth)


def _text(value: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotJson(
            f"holds a lone surrogate at character {error.start}, which UTF-8 cannot carry;"
            " decode the text properly, or drop it with .encode(errors='ignore')"
        ) from None
    return value


def _mapping(value: Mapping[object, object], depth: int) -> dict[str, Json]:
    _descend(depth)
    copy: dict[str, Json] = {}
    step: str | None = None
    try:
        for key, item in value.items():
            step = None  # a key at fault is no step of the path
            step = _key(key)
            copy[step] = private_copy(item, depth - 1)
    except NotJson as error:
        if step is not None:
            error.path.append(step)
        raise
    return copy


def _sequence(value: Sequence[object], depth: int) -> list[Json]:
    _descend(depth)
    copy: list[Json] = []
    try:
        for item in value:
            copy.append(private_copy(item, depth - 1))  # noqa: PERF401  # the length tells the index at fault
    except NotJson as error:
        error.path.append(len(copy))
        raise
    return copy


def _descend(depth: int) -> None:
    if depth == 0:
        raise NotJson(f"is nested deeper than {DEEPEST} levels, or contains itself")


def _key(key: object) -> str:
    if isinstance(key, str):
        return _text(str.__str__(key))
    raise NotJson(f"has a key that is no string but {_named(key)}; use strings as keys")


def _other(value: object, depth: int) -> Json:
    if isinstance(value, float):
        if not isfinite(value):
            raise NotJson("is NaN or infinite, which is no JSON; replace it or leave it out")
        return float(value)
    if isinstance(value, int):
        if value.bit_length() > _WIDEST:
            raise NotJson(f"is an integer beyond {_WIDEST} bits; send it as a string")
        return int(value)
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if isinstance(value, list | tuple):
        return _sequence(value, depth)
    raise NotJson(f"is {_named(value)}, which is no JSON; {_remedy(value)}")


def _named(value: object) -> str:
    return f"of type {type(value).__name__}"


def _remedy(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return "decode it to a string first"
    if hasattr(value, "tolist"):  # numpy, torch, jax and pandas share this name
        return "call .tolist() on it first"
    return "use strings, numbers, booleans, None, lists and dicts"
