"""Checked: what a task takes from the `parameters` of a request, or says is wrong with them."""

from collections.abc import Mapping

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import number, whole_number

Parameters = Mapping[str, Json]


class Invalid(Exception):
    """The request is no question to this model; `parameter`: because of one of its parameters."""

    def __init__(self, message: str, *, parameter: bool = False) -> None:
        super().__init__(message)
        self.parameter = parameter


def at_least(least: int, name: str, value: Json) -> int:
    """A whole number.

    Raises:
        Invalid: It is none, or smaller.
    """
    if not isinstance(value, int) or not whole_number(value) or value < least:
        raise Invalid(f"ensure this value is greater than or equal to {least}: `{name}`", parameter=True)
    return value


def share(name: str, value: Json) -> float:
    """A number from 0 to 1.

    Raises:
        Invalid: It is none.
    """
    if not isinstance(value, (int, float)) or not number(value) or not 0 <= value <= 1:
        raise Invalid(f"`{name}` must be a number from 0 to 1", parameter=True)
    return value


def one_of(words: tuple[str, ...], name: str, value: Json) -> str:
    """One of a few words.

    Raises:
        Invalid: Another one, or no word.
    """
    if not isinstance(value, str) or value not in words:
        said = f"unexpected value: `{name}` in `parameters`; permitted: {', '.join(words)}"
        raise Invalid(said, parameter=True)
    return value


def texts(name: str, value: Json) -> list[str]:
    """A list of texts, none empty, or one text.

    Raises:
        Invalid: Anything else.
    """
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(text, str) and text for text in found):
        raise Invalid(f"`{name}` must be a text or a list of texts", parameter=True)
    return [str(text) for text in found]


def best_first(labels: tuple[str, ...], scores: list[float]) -> list[Json]:
    """[{label, score}]."""
    pairs = sorted(zip(labels, scores, strict=True), key=lambda pair: -pair[1])
    return [{"label": label, "score": score} for label, score in pairs]
