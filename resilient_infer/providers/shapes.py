"""Shapes: from what servers answer to the one output of each task.

A single input gives one result and a list of n inputs a list of n, however
the server nests them. Everything else is a `WrongShape`.
"""

from collections.abc import Callable, Mapping
from math import isfinite, isnan
from typing import Final, NamedTuple

from resilient_infer.core.payload import Payload
from resilient_infer.core.task import Json


class WrongShape(Exception):
    """The answer is JSON but not the task's; the message says in what way, without quoting it."""


class _Shape(NamedTuple):
    """How one task's answer is read.

    Attributes:
        is_result: Whether the first item of a list answers an input by itself, given how many inputs
            there were; if not, the list as a whole is one result.
        read: One input's result, from what the server sent for it and that input.
    """

    is_result: Callable[[Json, int], bool]
    read: Callable[[Json, Json], Json]


def read_output(task: str, body: Json, payload: Payload) -> Json:
    """The task's output: see the table in the README.

    Raises:
        WrongShape: The body is of another shape, or has another number of results than there were inputs.
    """
    shape = _SHAPES[task]
    inputs = payload.inputs
    if not isinstance(inputs, list):
        return shape.read(_split(body, 1, shape)[0], inputs)
    results = _split(body, len(inputs), shape)
    outputs = [shape.read(result, given) for result, given in zip(results, inputs, strict=True)]
    if shape.read is _vector and len({len(row) for row in outputs if isinstance(row, list)}) > 1:
        raise WrongShape("vectors of several lengths")
    return outputs


def _split(body: Json, due: int, shape: _Shape) -> list[Json]:
    """What the server sent for each of `due` inputs."""
    if isinstance(body, dict) and shape.read is _vector and "embeddings" in body:
        body = body["embeddings"]  # sentence-transformers in Hugging Face's inference toolkit
    if isinstance(body, list) and body and shape.is_result(body[0], due):
        if len(body) != due:
            raise WrongShape(f"{len(body)} results for {due} input{'s' if due > 1 else ''}")
        return body
    if due == 1:
        return [body]
    raise WrongShape(f"{_kind(body)} where a list of {due} results belongs")


def _ranked(result: Json, _given: Json) -> Json:
    """Best first; equals stay in the server's order, and what is not a number goes last."""
    items: list[Json] = result if isinstance(result, list) else [result]
    if not items:
        raise WrongShape("a result without a label")
    pairs = [_label(item) for item in items]
    if len(pairs) > 1:
        pairs.sort(key=_worth, reverse=True)
    return [{"label": label, "score": score} for label, score in pairs]


def _worth(pair: tuple[str, float]) -> float:
    return float("-inf") if isnan(pair[1]) else pair[1]


def _label(item: Json) -> tuple[str, float]:
    if not isinstance(item, dict):
        raise WrongShape(f"{_kind(item)} where label and score belong")
    label = item.get("label")
    if not isinstance(label, str):
        raise WrongShape("a result whose label is no string")
    return label, _number(item.get("score"))


def _judged(result: Json, given: Json) -> Json:
    """Zero-shot: today's `[{label, score}]`, or `{sequence, labels, scores}` as containers send it."""
    if not isinstance(result, dict) or not _is_parallel(result):
        return _ranked(result, given)
    labels, scores = result.get("labels"), result.get("scores")
    if not isinstance(labels, list) or not isinstance(scores, list) or len(labels) != len(scores):
        raise WrongShape("labels and scores that are no two lists of one length")
    return _ranked(
        [{"label": label, "score": score} for label, score in zip(labels, scores, strict=True)], given
    )


def _is_parallel(result: Json) -> bool:
    return isinstance(result, dict) and "labels" in result


def _continuation(result: Json, prompt: Json) -> Json:
    """Text generation: `{generated_text}`, perhaps in a list of its own; an echoed prompt is taken off."""
    if isinstance(result, list) and len(result) == 1:
        result = result[0]
    text = result.get("generated_text") if isinstance(result, dict) else None
    if not isinstance(text, str):
        raise WrongShape("no generated_text")
    return text.removeprefix(prompt) if isinstance(prompt, str) else text


def _vector(row: Json, _given: Json) -> Json:
    """Feature extraction: one pooled vector of finite numbers."""
    if not isinstance(row, list) or not row:
        raise WrongShape(f"{_kind(row)} where a vector belongs")
    kinds = set(map(type, row))
    if list in kinds:
        raise WrongShape("vectors of tokens, not one pooled vector for each input")
    if not kinds <= {float, int}:
        raise WrongShape("a vector that holds more than numbers")
    vector = [number for number in row if isinstance(number, float)]
    if len(vector) < len(row):
        vector = [_number(number) for number in row]
    if not all(map(isfinite, vector)):
        raise WrongShape("a vector that holds NaN or Infinity")
    return list[Json](vector)


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongShape(f"{_kind(value)} where a number belongs")
    try:
        return float(value)
    except OverflowError:
        raise WrongShape("a number beyond all bounds") from None


def _kind(value: Json) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return _KINDS.get(type(value), "null")


_KINDS: Final[Mapping[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    dict: "a mapping",
}
_SHAPES: Final[Mapping[str, _Shape]] = {
    # Without top_k a pipeline answers each of several inputs with one label, not nested.
    "text-classification": _Shape(lambda first, due: due > 1 or isinstance(first, list), _ranked),
    "zero-shot-classification": _Shape(
        lambda first, _due: isinstance(first, list) or _is_parallel(first), _judged
    ),
    "text-generation": _Shape(lambda _first, _due: True, _continuation),
    "feature-extraction": _Shape(lambda first, _due: isinstance(first, list), _vector),
}
