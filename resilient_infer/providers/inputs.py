"""Inputs: what each task's model is given to read, and what is no such thing.

Texts alone or in a list, two parts under names of their own, or a file.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NoReturn

from resilient_infer.core.task import Json
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.parameters import Refused

TEXTS: Final = frozenset(
    {
        "text-classification",
        "zero-shot-classification",
        "token-classification",
        "fill-mask",
        "feature-extraction",
        "summarization",
        "translation",
        "text-generation",
    }
)
"""Tasks that read a text, or each text of a list."""

PAIRS: Final[Mapping[str, tuple[str, str]]] = {
    "question-answering": ("question", "context"),
    "sentence-similarity": ("source_sentence", "sentences"),
    "text-ranking": ("query", "texts"),
}
"""Tasks that read two parts, and the parts' names."""

_LISTS: Final = frozenset({"sentences", "texts"})
"""Parts that are lists of texts; the others are one text."""

_NAMES: Final[Mapping[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a mapping",
}
_READ_SOMETHING: Final = "give the model something to read"
_A_FILE: Final = "pass the file's bytes, Path(…) or the file opened for reading bytes"


def check_inputs(task: str, inputs: Json) -> None:
    """Refuse what the task's model cannot read. Of a task that is unknown here, only emptiness is refused.

    Raises:
        Refused: With what is wrong, and where.
    """
    if task in TEXTS:
        _check_texts(inputs)
    elif task in PAIRS:
        _check_pair(task, inputs)
    elif inputs is None or inputs in ("", [], {}):
        refuse('"inputs" is empty', _READ_SOMETHING)


def file_bytes(inputs: object) -> bytes:
    """The bytes of a file: the same object if they are bytes, a copy if they could change.

    Raises:
        Refused: It is no file, or an empty one.
    """
    if isinstance(inputs, bytearray | memoryview):
        inputs = bytes(inputs)
    if isinstance(inputs, str):
        refuse('"inputs" is a string where a file belongs', _file_hint(inputs))
    if isinstance(inputs, list | tuple):
        refuse('"inputs" is a list where one file belongs', "call once for each file")
    if not isinstance(inputs, bytes):
        refuse(f'"inputs" is of type {type(inputs).__name__} where a file belongs', _A_FILE)
    if not inputs:
        refuse("the file is empty", "look whether it was written, or read to its end before")
    return inputs


def refuse(what: str, hint: str) -> NoReturn:
    """Raise `Refused`."""
    raise Refused(what, hint)


def kind_of(value: Json) -> str:
    """What a value is, for people; never the value."""
    return _NAMES.get(type(value), "null")


def _check_texts(inputs: Json) -> None:
    if isinstance(inputs, str):
        if not inputs:
            refuse('"inputs" is empty', _READ_SOMETHING)
        return
    if not isinstance(inputs, list):
        refuse(f'"inputs" is {kind_of(inputs)}', "give a string or a list of strings")
    _check_list("inputs", inputs)


def _check_list(place: str, texts: Sequence[Json]) -> None:
    if not texts:
        refuse(f'"{place}" is an empty list', "give at least one string")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            refuse(f'"{place}[{index}]" is {kind_of(text)}', "give strings only")
        if not text:
            refuse(f'"{place}[{index}]" is empty', "leave it out, and give the others")


def _check_pair(task: str, inputs: Json) -> None:
    names = PAIRS[task]
    example = ", ".join(f'"{name}": {"[…]" if name in _LISTS else "…"}' for name in names)
    if not isinstance(inputs, dict):
        once = ", once for each call" if isinstance(inputs, list) else ""
        refuse(f'"inputs" is {kind_of(inputs)}', f'give {{"inputs": {{{example}}}}}{once}')
    for name in inputs:
        if name not in names:
            close = get_close_matches(name, names, 1)
            hint = f'did you mean "{close[0]}"?' if close else f"{task} reads {' and '.join(names)} only"
            refuse(f'"inputs" has an unknown key "{one_line(name, limit=60)}"', hint)
    for name in names:
        if name not in inputs:
            refuse(f'"inputs.{name}" is missing', f'give {{"inputs": {{{example}}}}}')
        _check_part(name, inputs[name])


def _check_part(name: str, part: Json) -> None:
    if name in _LISTS:
        if not isinstance(part, list):
            refuse(f'"inputs.{name}" is {kind_of(part)}', "give a list of strings")
        _check_list(f"inputs.{name}", part)
    elif not isinstance(part, str):
        refuse(f'"inputs.{name}" is {kind_of(part)}', "give a string")
    elif not part:
        refuse(f'"inputs.{name}" is empty', _READ_SOMETHING)


def _file_hint(text: str) -> str:
    start = text[:8].lower()
    if start.startswith(("http://", "https://")):
        return "if it is an address, fetch it first and pass the bytes"
    if start.startswith("data:"):
        return "pass the bytes that it holds: base64.b64decode(…)"
    return 'if it is a path, pass Path("…"); if it is base64, pass base64.b64decode(…)'
