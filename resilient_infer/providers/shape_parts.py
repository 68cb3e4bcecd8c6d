"""Shape parts: what the readings of all tasks are made of, and what they raise."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final

from resilient_infer.core.task import Json


class WrongShape(Exception):
    """The answer is JSON but not the task's; the message says in what way, without quoting it."""


def best_first(items: list[dict[str, Json]]) -> Json:
    """By `score`; equals stay in the server's order, and what is not a number goes last."""
    if len(items) > 1:
        items.sort(key=_worth, reverse=True)
    return list[Json](items)


def fields(item: Json, due: str) -> Mapping[str, Json]:
    """`item`, if it is a mapping; `due` says what belongs there."""
    if isinstance(item, dict):
        return item
    raise WrongShape(f"{named(item)} where {due} belong{'' if ' and ' in due else 's'}")


def listed(result: Json) -> Sequence[Json]:
    """One item alone is a list of one."""
    return result if isinstance(result, list) else [result]


def alone(result: Json) -> Json:
    """What a list of one holds; anything else as it is."""
    return result[0] if isinstance(result, list) and len(result) == 1 else result


def text(item: Mapping[str, Json], name: str) -> str:
    """The string under `name`."""
    value = item.get(name)
    if isinstance(value, str):
        return value
    raise WrongShape(f"{named(value)} as {name}, which is a string")


def number(value: Json) -> float:
    """A number as a float, NaN and Infinity too; a boolean is none."""
    if type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongShape(f"{named(value)} where a number belongs")
    try:
        return float(value)
    except OverflowError:
        raise WrongShape("a number beyond all bounds") from None


def whole(item: Mapping[str, Json], name: str) -> int | None:
    """The whole number under `name`; None if the server does not say, as slow tokenizers cannot."""
    value = item.get(name)
    if value is None or type(value) is int:
        return value
    raise WrongShape(f"{named(value)} as {name}, which is a whole number")


def named(value: Json) -> str:
    """What a value is, in words that quote nothing of it."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return _NAMES.get(type(value), "null")


_NAMES: Final[Mapping[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    dict: "a mapping",
}


def _worth(item: Mapping[str, Json]) -> tuple[bool, float]:
    """What is no number stands behind the worst that is one."""
    score = item["score"]
    return (True, score) if isinstance(score, float) and not isnan(score) else (False, 0.0)
