"""Shape vectors: tasks whose answer is a list of numbers.

The reading is to cost little beside the decoding: an answer of 1 MB holds
some fifty thousand numbers, and each look at all of them is a pass of its own.
"""

from math import isfinite
from operator import countOf
from typing import cast

from resilient_infer.core.task import Json
from resilient_infer.providers.shape_parts import WrongShape, named, number


def vector(row: Json, _given: Json = None) -> Json:
    """Feature extraction: one pooled vector of finite numbers, as a list that is nobody else's."""
    if not isinstance(row, list) or not row:
        raise WrongShape(f"{named(row)} where a vector belongs")
    plain = countOf(map(type, row), float) == len(row)  # the usual case, seen without a set or a copy
    numbers = cast("list[float]", row) if plain else _numbers(row)
    # One NaN or Infinity shows in the sum; a sum can overflow without one, hence the second look.
    if not isfinite(sum(numbers)) and not all(map(isfinite, numbers)):
        raise WrongShape("a vector that holds NaN or Infinity")
    return list[Json](numbers)


def similarities(result: Json, given: Json) -> Json:
    """Sentence similarity: a number for each sentence, under "similarities" in HF's container."""
    if isinstance(result, dict):
        result = result.get("similarities")
    sentences = given.get("sentences") if isinstance(given, dict) else None
    due = len(sentences) if isinstance(sentences, list) else 0
    if not isinstance(result, list) or len(result) != due:
        raise WrongShape(f"{named(result)} where a list of {due} numbers belongs")
    return [number(each) for each in result]


def of_one_length(rows: list[Json]) -> None:
    """Refuse vectors of which some are longer than others."""
    if len({len(row) for row in rows if isinstance(row, list)}) > 1:
        raise WrongShape("vectors of several lengths")


def _numbers(row: list[Json]) -> list[float]:
    """Numbers of which some are whole ones, as floats."""
    kinds = set(map(type, row))
    if list in kinds:
        raise WrongShape("vectors of tokens, not one pooled vector for each input")
    if not kinds <= {float, int}:
        raise WrongShape("a vector that holds more than numbers")
    return [number(each) for each in row]
