"""Decode: the JSON of an answer, as leniently as Python's servers write it.

orjson is used where it is installed (the extra `fast`). It refuses what
Python servers send all the same (NaN, Infinity, a lone surrogate), so
whatever it refuses is read again by the standard library.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from resilient_infer.core.task import Json


def decode(body: bytes) -> Json:
    """The JSON value in `body`; NaN and Infinity are read as floats.

    With orjson, integers beyond 64 bits come as floats too.

    Raises:
        ValueError: It is no JSON, no UTF-8, or nested too deeply to read.
    """
    fast = _fast()
    if fast is not None:
        try:
            value: Json = fast(body)
            return value
        except ValueError:
            pass
    try:
        value = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


@cache
def _fast() -> Callable[[bytes], Any] | None:
    try:
        from orjson import loads
    except ImportError:
        return None
    return loads
