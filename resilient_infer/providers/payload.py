"""Payload: what a caller may hand to `call`, read into the one spelling that codecs write from.

Accepted are the HF shape (`inputs`, `parameters`), the OpenAI shape
(`messages`, parameters beside it), and what may stand under `inputs` by
itself: a string, a list of strings, the two parts of a question, a file's
bytes. The result shares nothing that can change with the caller's object.
"""

from collections.abc import Iterable, Mapping
from typing import NoReturn

from resilient_infer.core.payload import Payload
from resilient_infer.core.task import Json, Task
from resilient_infer.errors import PayloadRefused
from resilient_infer.providers.content_type import content_type
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.inputs import PAIRS, check_inputs, file_bytes, kind_of, refuse
from resilient_infer.providers.parameters import CHAT, FLAT, Parameters, Refused, read_parameters, unknown_key
from resilient_infer.providers.private_copy import NotJson, private_copy


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
    if task.file:
        return _file(task, payload)
    if not isinstance(payload, Mapping):
        return _bare(task, payload)
    shape = _private(payload)
    return _chat(task, shape) if task.name == CHAT else _hf(task, shape)


def _bare(task: Task, payload: object) -> Payload:
    """What may stand under `inputs`, by itself."""
    chat = task.name == CHAT
    if isinstance(payload, str):
        text = private_copy(payload)
        return Payload(messages=_said(text)) if chat else _checked(task, text, Parameters())
    if isinstance(payload, bytes | bytearray | memoryview):
        refuse(
            f"the payload is of type {type(payload).__name__}, and the model reads text",
            "pass a string: .decode() it, or Path(…).read_text()",
        )
    if not isinstance(payload, list | tuple):
        refuse(
            f"the payload is of type {type(payload).__name__}",
            'pass {"messages": […]} or a string' if chat else 'pass {"inputs": …} or a string',
        )
    if chat:
        refuse("a list is no chat payload", 'pass {"messages": [{"role": "user", "content": …}]}')
    return _checked(task, private_copy(payload), Parameters())


def _private(payload: Mapping[str, object]) -> dict[str, Json]:
    shape = private_copy(payload)
    if not isinstance(shape, dict):
        refuse("the payload is no mapping", "pass a dict")
    return shape


def _file(task: Task, payload: object) -> Payload:
    """A file's bytes never go through the copy that JSON needs: they may be large, and cannot change."""
    if not isinstance(payload, Mapping):
        file, parameters = file_bytes(payload), Parameters()
    else:
        if "inputs" not in payload:
            _missing("inputs", map(str, payload), task)
        file = file_bytes(payload["inputs"])
        shape = _private({key: value for key, value in payload.items() if key != "inputs"})
        parameters = read_parameters(task.name, shape) if shape else Parameters()
    return Payload(
        file=file,
        content_type=content_type(file),
        parameters=parameters.values,
        warnings=parameters.warnings,
    )


def _hf(task: Task, shape: dict[str, Json]) -> Payload:
    if "messages" in shape:
        refuse('"messages" is for chat', 'give the text as "inputs", or call an alias whose task is chat')
    parts = PAIRS.get(task.name, ())
    inputs: Json
    if "inputs" in shape:
        inputs = shape.pop("inputs")
    elif any(part in shape for part in parts):
        inputs = {part: shape.pop(part) for part in parts if part in shape}
    else:
        _missing("inputs", shape, task)
    if not shape and task.name != "zero-shot-classification":
        return _checked(task, inputs, Parameters())
    return _checked(task, inputs, read_parameters(task.name, shape))


def _checked(task: Task, inputs: Json, parameters: Parameters) -> Payload:
    check_inputs(task.name, inputs)
    if task.name == "zero-shot-classification":
        _check_labels(parameters.values.get("candidate_labels"))
    return Payload(inputs=inputs, parameters=parameters.values, warnings=parameters.warnings)


def _check_labels(labels: Json) -> None:
    good = isinstance(labels, list) and labels and all(isinstance(label, str) and label for label in labels)
    if not good:
        refuse(
            '"candidate_labels" is missing' if labels is None else '"candidate_labels" is no list of labels',
            'give a list of strings: {"inputs": …, "parameters": {"candidate_labels": ["a", "b"]}}',
        )


def _chat(task: Task, shape: dict[str, Json]) -> Payload:
    if "messages" in shape and "inputs" in shape:
        refuse('both "messages" and "inputs" are given', 'keep "messages"')
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
        refuse(f'"inputs" is {kind_of(text)}', 'give a string, or the conversation as "messages"')
    if not text:
        refuse("the message is empty", "give the model something to read")
    return ({"role": "user", "content": text},)


def _messages(messages: Json) -> tuple[Mapping[str, Json], ...]:
    if not isinstance(messages, list) or not messages:
        what = "an empty list" if messages == [] else kind_of(messages)
        refuse(f'"messages" is {what}', 'give [{"role": "user", "content": …}]')
    checked: list[dict[str, Json]] = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            refuse(f'"messages[{index}]" is {kind_of(message)}', 'give {"role": …, "content": …}')
        if not isinstance(message.get("role"), str) or not message["role"]:
            refuse(f'"messages[{index}]" has no role', 'say "system", "user", "assistant" or "tool"')
        if len(message) < 2:
            refuse(f'"messages[{index}]" says nothing', 'give it a "content"')
        checked.append(message)
    return tuple(checked)


def _missing(key: str, shape: Iterable[str], task: Task) -> NoReturn:
    """The required key is not there: perhaps it is, under another name."""
    for other in shape:
        if other != "parameters" and other not in FLAT.get(task.name, frozenset()):
            raise unknown_key(task.name, other, missing=key)
    refuse(f'"{key}" is missing', f'pass {{"{key}": …}}')
