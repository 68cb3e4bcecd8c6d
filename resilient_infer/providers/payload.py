"""Payload: what a caller may hand to `call`, read into the one spelling that codecs write from.

Accepted are the HF shape (`inputs`, `parameters`), the OpenAI shape
(`messages`, parameters beside it), a bare string, and a list of strings for
`inputs`. The result shares nothing mutable with the caller's object.
"""

from collections.abc import Mapping
from typing import Final, NoReturn

from resilient_infer.core.payload import Payload
from resilient_infer.core.task import Json, Task
from resilient_infer.errors import PayloadRefused
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.parameters import CHAT, FLAT, Parameters, Refused, read_parameters, unknown_key
from resilient_infer.providers.private_copy import NotJson, private_copy

_TEXT_TASKS: Final = frozenset(
    {"text-classification", "zero-shot-classification", "feature-extraction", "text-generation"}
)
_NAMES: Final[Mapping[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a mapping",
}


def normalise(task: Task, payload: object) -> Payload:
    """The canonical, private form of a caller's payload.

    A payload that is canonical already, in the HF shape, comes out the same.

    Args:
        task: What the alias is locked for; says what is required.
        payload: Never changed, and not kept.

    Raises:
        PayloadRefused: It is no JSON, misses or misplaces something, or holds
            a key that nobody reads. Says where, and what to do.
    """
    try:
        return _read(task, payload)
    except NotJson as error:
        place = one_line(error.place(), limit=100) or "the payload"
        raise PayloadRefused(f"{task.name}: {place} {error.what}") from None
    except Refused as error:
        raise PayloadRefused(f"{task.name}: {error.what}", hint=error.hint) from None


def _read(task: Task, payload: object) -> Payload:
    chat = task.name == CHAT
    if isinstance(payload, str):
        text = private_copy(payload)
        return Payload(messages=_said(text)) if chat else _checked(task, text, Parameters())
    if isinstance(payload, list | tuple):
        if chat:
            _refuse("a list is no chat payload", 'pass {"messages": [{"role": "user", "content": …}]}')
        return _checked(task, private_copy(payload), Parameters())
    if not isinstance(payload, Mapping):
        _refuse(
            f"the payload is of type {type(payload).__name__}",
            'pass {"messages": […]} or a string' if chat else 'pass {"inputs": …} or a string',
        )
    shape = private_copy(payload)
    if not isinstance(shape, dict):
        _refuse("the payload is no mapping", "pass a dict")
    return _chat(task, shape) if chat else _hf(task, shape)


def _hf(task: Task, shape: dict[str, Json]) -> Payload:
    if "messages" in shape:
        _refuse('"messages" is for chat', 'give the text as "inputs", or call an alias whose task is chat')
    if "inputs" not in shape:
        _missing("inputs", shape, task)
    inputs = shape.pop("inputs")
    if not shape and task.name != "zero-shot-classification":
        return _checked(task, inputs, Parameters())
    return _checked(task, inputs, read_parameters(task.name, shape))


def _checked(task: Task, inputs: Json, parameters: Parameters) -> Payload:
    if task.name in _TEXT_TASKS:
        _check_texts(inputs)
    elif inputs is None or inputs in ("", [], {}):
        _refuse('"inputs" is empty', "give the model something to read")
    if task.name == "zero-shot-classification":
        _check_labels(parameters.values.get("candidate_labels"))
    return Payload(inputs=inputs, parameters=parameters.values, warnings=parameters.warnings)


def _check_texts(inputs: Json) -> None:
    if isinstance(inputs, str):
        if not inputs:
            _refuse('"inputs" is empty', "give the model something to read")
        return
    if not isinstance(inputs, list):
        _refuse(f'"inputs" is {_kind(inputs)}', "give a string or a list of strings")
    if not inputs:
        _refuse('"inputs" is an empty list', "give at least one string")
    for index, text in enumerate(inputs):
        if not isinstance(text, str):
            _refuse(f'"inputs[{index}]" is {_kind(text)}', "give strings only")
        if not text:
            _refuse(f'"inputs[{index}]" is empty', "leave it out, and give the others")


def _check_labels(labels: Json) -> None:
    good = isinstance(labels, list) and labels and all(isinstance(label, str) and label for label in labels)
    if not good:
        _refuse(
            '"candidate_labels" is missing' if labels is None else '"candidate_labels" is no list of labels',
            'give a list of strings: {"inputs": …, "parameters": {"candidate_labels": ["a", "b"]}}',
        )


def _chat(task: Task, shape: dict[str, Json]) -> Payload:
    if "messages" in shape and "inputs" in shape:
        _refuse('both "messages" and "inputs" are given', 'keep "messages"')
    if "inputs" in shape:
        messages = _said(shape.pop("inputs"))
    elif "messages" in shape:
        messages = _messages(shape.pop("messages"))
    else:
        _missing("messages", shape, task)
    parameters = read_parameters(task.name, shape) if shape else Parameters()
    return Payload(messages=messages, parameters=parameters.values, warnings=parameters.warnings)


def _said(text: Json) -> tuple[Mapping[str, Json], ...]:
    """A bare text is what the user says."""
    if not isinstance(text, str):
        _refuse(f'"inputs" is {_kind(text)}', 'give a string, or the conversation as "messages"')
    if not text:
        _refuse("the message is empty", "give the model something to read")
    return ({"role": "user", "content": text},)


def _messages(messages: Json) -> tuple[Mapping[str, Json], ...]:
    if not isinstance(messages, list) or not messages:
        what = "an empty list" if messages == [] else _kind(messages)
        _refuse(f'"messages" is {what}', 'give [{"role": "user", "content": …}]')
    checked: list[dict[str, Json]] = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            _refuse(f'"messages[{index}]" is {_kind(message)}', 'give {"role": …, "content": …}')
        if not isinstance(message.get("role"), str) or not message["role"]:
            _refuse(f'"messages[{index}]" has no role', 'say "system", "user", "assistant" or "tool"')
        if len(message) < 2:
            _refuse(f'"messages[{index}]" says nothing', 'give it a "content"')
        checked.append(message)
    return tuple(checked)


def _missing(key: str, shape: dict[str, Json], task: Task) -> NoReturn:
    """The required key is not there: perhaps it is, under another name."""
    for other in shape:
        if other != "parameters" and other not in FLAT.get(task.name, frozenset()):
            raise unknown_key(task.name, other, missing=key)
    _refuse(f'"{key}" is missing', f'pass {{"{key}": …}}')


def _refuse(what: str, hint: str) -> NoReturn:
    raise Refused(what, hint)


def _kind(value: Json) -> str:
    return _NAMES.get(type(value), "null")
