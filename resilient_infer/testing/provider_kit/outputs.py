"""Outputs: whether a value has the one shape that a task's output has, whichever server answered."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Final

_Test = Callable[[object], bool]


def is_output(task: str, output: object, *, inputs: int | None = None) -> bool:
    """Whether `output` is of the task's shape (the table in the README).

    Args:
        inputs: How many the list held that was asked; None: it was one input, and no list.
    """
    one = _ONE[task]
    if inputs is None:
        return one(output)
    if not isinstance(output, list) or len(output) != inputs or not all(map(one, output)):
        return False
    return one is not _is_vector or len(set(map(len, output))) <= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_place(value: object) -> bool:
    return value is None or _is_whole(value)


def _is_moment(value: object) -> bool:
    return value is None or _is_number(value)


def _mapping(needed: Mapping[str, _Test], optional: Collection[str] = ()) -> _Test:
    """A mapping with these keys and no other."""

    def test(value: object) -> bool:
        if not isinstance(value, dict) or not needed.keys() - set(optional) <= value.keys() <= needed.keys():
            return False
        return all(needed[key](each) for key, each in value.items())

    return test


def _list_of(item: _Test, *, least: int = 0, most: float = math.inf) -> _Test:
    def test(value: object) -> bool:
        return isinstance(value, list) and least <= len(value) <= most and all(map(item, value))

    return test


def _ranked(item: _Test, *, least: int = 1) -> _Test:
    """A list of what has a score, best first; what is not a number goes last."""
    items = _list_of(item, least=least)

    def test(value: object) -> bool:
        if not items(value) or not isinstance(value, list):
            return False
        given = [each["score"] for each in value]
        scores = [-math.inf if score != score else score for score in given]  # only NaN is not itself
        return scores == sorted(scores, reverse=True)

    return test


def _is_vector(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_finite, value))


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf


def _is_message(value: object) -> bool:
    """With a role and something said."""
    said = {"content", "tool_calls", "function_call", "refusal"}
    return isinstance(value, dict) and isinstance(value.get("role"), str) and not said.isdisjoint(value)


def _is_entity(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    kind = "entity_group" if "entity_group" in value else "entity"
    places = {"start": _is_place, "end": _is_place}
    return _mapping({kind: _is_text, "score": _is_number, "word": _is_text, **places}, places)(value)


def _is_ranking(value: object) -> bool:
    if not _ranked(_mapping({"index": _is_whole, "score": _is_number}))(value):
        return False
    assert isinstance(value, list)
    return sorted(each["index"] for each in value) == list(range(len(value)))


_SPAN: Final[Mapping[str, _Test]] = {"start": _is_place, "end": _is_place}
_LABELS: Final = _ranked(_mapping({"label": _is_text, "score": _is_number}))
_BOX: Final = _mapping(dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), _is_number))
_FILLINGS: Final = _ranked(
    _mapping(
        {"sequence": _is_text, "score": _is_number, "token": _is_place, "token_str": _is_text}, ("token",)
    )
)
_CHUNK: Final = _mapping({"text": _is_text, "timestamp": _list_of(_is_moment, least=2, most=2)})


def _is_filled(value: object) -> bool:
    """One mask, or a list for each of several."""
    return _FILLINGS(value) or _list_of(_FILLINGS, least=2)(value)


_ONE: Final[Mapping[str, _Test]] = {
    "text-classification": _LABELS,
    "zero-shot-classification": _LABELS,
    "image-classification": _LABELS,
    "audio-classification": _LABELS,
    "token-classification": _list_of(_is_entity),
    "object-detection": _ranked(_mapping({"label": _is_text, "score": _is_number, "box": _BOX}), least=0),
    "question-answering": _ranked(_mapping({"answer": _is_text, "score": _is_number, **_SPAN}, _SPAN)),
    "fill-mask": _is_filled,
    "summarization": _is_text,
    "translation": _is_text,
    "image-to-text": _is_text,
    "text-generation": _is_text,
    "chat": _is_message,
    "feature-extraction": _is_vector,
    "sentence-similarity": _list_of(_is_number, least=1),
    "text-ranking": _is_ranking,
    "automatic-speech-recognition": _mapping({"text": _is_text, "chunks": _list_of(_CHUNK)}, ("chunks",)),
}
