"""Decode: the JSON of an answer, as leniently as Python's servers write it.

orjson is used where it is installed (the extra `fast`). It refuses what
Python servers send all the same (NaN, Infinity, a lone surrogate), so
whatever it refuses is read again by the standard library.
"""

import json
from collections.abc import Callable
from functools import cache

from resilient_infer.core.task import Json


def decode(body: bytes) -> Json:
    """The JSON value in `body`; NaN and Infinity are read as floats.

    With orjson, integers beyond 64 bits come as floats too.

    Raises:
        ValueError: It is no JSON, no UTF-8, or nested too deeply to read.
    """
    decode_fast = fast()
    if decode_fast is not None:
        try:
            return decode_fast(body)
        except ValueError:
            pass
    try:
        value: Json = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


@cache
def fast() -> Callable[[bytes], Json] | None:
    """orjson's decoder where it is installed, which raises ValueError for what it refuses."""
    try:
        from orjson import loads
    except ImportError:
        return None
    return loads
