"""Parameters: one name for what servers call by several, and where it may stand.

Canonical is the OpenAI name where both worlds have one (`max_tokens`), because
it is the shorter. Codecs translate back for their servers.
Sources: the HF task specifications (huggingface.js, packages/tasks), OpenAI's
API reference for chat completions, vLLM's list of extra parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from resilient_infer.core.task import Json
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.known import KNOWN, OPENAI, meant, near

__all__ = [
    "CANONICAL",
    "CHAT",
    "FEATURES",
    "FLAT",
    "GENERATION",
    "OPENAI",
    "Parameters",
    "Refused",
    "meant",
    "read_parameters",
    "unknown_key",
]

CHAT: Final = "chat"
GENERATION: Final = "text-generation"
FEATURES: Final = "feature-extraction"

CANONICAL: Final[Mapping[str, str]] = {
    "max_new_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "stop_sequences": "stop",
    "stop_strings": "stop",
    "multi_class": "multi_label",  # transformers' name before 4.4
}
"""Other spellings of a parameter, for every task that has it."""

_EXTENSIONS: Final = frozenset(
    {"max_new_tokens", "stop_sequences", "top_k", "min_p", "repetition_penalty", "tool_prompt"}
)
FLAT: Final[Mapping[str, frozenset[str]]] = {
    CHAT: OPENAI | _EXTENSIONS,
    FEATURES: frozenset({"normalize", "truncate", "truncation_direction", "prompt_name", "dimensions"}),
}
"""Parameters that may stand beside `messages` or `inputs`, by task. Any name may stand in `parameters`."""

_ELSEWHERE: Final[Mapping[str, str]] = {
    "model": "the alias names the model; leave it out",
    "options": "servers no longer read it, and waiting for a model is done here; leave it out",
    "prompt": 'call it "inputs"',
    "input": 'call it "inputs"',
    "text": 'call it "inputs"',
    "image": 'call it "inputs"',
    "audio": 'call it "inputs"',
    "file": 'call it "inputs"',
    "data": 'call it "inputs"',
}
_ONE_ANSWER: Final = frozenset({"n", "best_of", "num_return_sequences"})
_STREAM: Final = frozenset({"stream", "stream_options"})


class Refused(Exception):
    """The payload is refused; `what` is wrong, `hint` says what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Parameters by canonical name, and what was changed on the way."""

    values: dict[str, Json] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_parameters(task: str, shape: dict[str, Json]) -> Parameters:
    """The parameters in what is left of a payload, once `inputs` or `messages` is taken out.

    Raises:
        Refused: A key is unknown, two spellings disagree, or a value cannot be meant.
    """
    inner = shape.pop("parameters", None)
    if inner is not None and not isinstance(inner, dict):
        raise Refused('"parameters" is no mapping', 'give {"parameters": {…}}')
    flat = FLAT.get(task, frozenset())
    for key in shape:
        if key not in flat:
            raise unknown_key(task, key)
    values: dict[str, Json] = {}
    for source in (inner or {}, shape):
        for key, value in source.items():
            _put(values, key, value)
    warnings = _translate(task, values)
    _check(values)
    return Parameters(values=values, warnings=(*warnings, *_slips(task, values)))


def unknown_key(task: str, key: str, *, missing: str | None = None) -> Refused:
    """The refusal of a top-level key, with the likeliest thing that was meant."""
    shown = one_line(key, limit=60)
    known = ["messages", "inputs"] if task == CHAT else ["inputs"]
    close = get_close_matches(key, [*known, "parameters", *FLAT.get(task, ())], 1)
    name = CANONICAL.get(key, key)
    nested = near(task, name)
    if key in _ELSEWHERE:
        hint = _ELSEWHERE[key]
    elif close:
        hint = f'did you mean "{close[0]}"?'
    elif nested:
        hint = f'did you mean "parameters": {{"{nested}": …}}?'
    elif name in KNOWN.get(task, ()):
        hint = f'put it in "parameters": {{"{key}": …}}'
    else:
        hint = f'if it is a parameter, put it in "parameters": {{"{shown}": …}}'
    lack = "" if missing is None else f', and "{missing}" is missing'
    return Refused(f'unknown key "{shown}"{lack}', hint)


def _put(values: dict[str, Json], key: str, value: Json) -> None:
    name = CANONICAL.get(key, key)
    if name == "stop" and isinstance(value, str):
        value = [value]
    if name in values and values[name] != value:
        raise Refused(
            f'"{one_line(key, limit=60)}" is given twice, with different values', "keep one of them"
        )
    values[name] = value


def _translate(task: str, values: dict[str, Json]) -> tuple[str, ...]:
    """Take out what the library itself decides, and put old names into today's words. In place."""
    warnings = []
    if task == GENERATION and "max_length" in values:
        length = values.pop("max_length")
        if "max_tokens" in values:
            warnings.append('"max_length" was left out, because "max_new_tokens" is given too')
        else:
            values["max_tokens"] = length
            warnings.append(
                '"max_length" was sent as "max_new_tokens", which does not count the prompt:'
                " the answer may be longer"
            )
    if values.pop("return_full_text", None):
        warnings.append('"return_full_text" was left out: the output is always the continuation only')
    return tuple(warnings)


def _slips(task: str, values: Mapping[str, Json]) -> tuple[str, ...]:
    """Names close to a known one: they are sent, for servers have extensions, but not without a word."""
    known = KNOWN.get(task)
    if known is None or values.keys() <= known:
        return ()
    pairs = ((name, near(task, name)) for name in values.keys() - known)
    return tuple(
        f"unknown parameter {one_line(name, limit=60)}: sent as it is (did you mean {close}?)"
        for name, close in sorted(pairs)
        if close
    )


def _check(values: dict[str, Json]) -> None:
    for name in _STREAM & values.keys():
        if values.pop(name):
            raise Refused(f'"{name}" asks for a stream', "leave it out: call gives the answer whole")
    for name in _ONE_ANSWER & values.keys():
        if values.pop(name) not in (None, 1):
            raise Refused(f'"{name}" asks for several answers', "leave it out, and call once for each answer")
    limit = values.get("max_tokens", 1)
    if limit is not None and (type(limit) is not int or limit < 1):
        hint = "give the number of new tokens, as max_tokens, max_new_tokens or max_completion_tokens"
        raise Refused('"max_tokens" is no whole number above 0', hint)
    stop = values.get("stop")
    if stop is not None and not (isinstance(stop, list) and all(isinstance(text, str) for text in stop)):
        raise Refused('"stop" is no list of strings', "give a string or a list of strings")
