"""OpenAI's questions: the bodies of chat, completions and embeddings, checked.

What is wrong is raised as `Wrong`; each server says it in words of its own.
Source: OpenAI's public API reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import tokens_of
from resilient_infer.testing.sandbox.dialect import number, whole_number
from resilient_infer.testing.sandbox.models import Model

_ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))
_CHAT_TOKENS = 64
_COMPLETION_TOKENS = 16
_MOST_INPUTS = 2048
"""Inputs of one embeddings request, as OpenAI bounds them."""

Content = Mapping[str, Json]


class Wrong(Exception):
    """A question that no server of this family answers.

    Attributes:
        param: The field at fault, or None.
        code: OpenAI's word for what is wrong, or None.
    """

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Text to go on from, and how far.

    Attributes:
        tokens: Of all that was said, not of `text` alone.
        echo: The text comes back before what is made.
    """

    text: str
    tokens: int
    limit: int
    temperature: float
    stops: tuple[str, ...]
    echo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Texts to embed; `packed`: as base64; `dimension`: of each vector."""

    texts: tuple[str, ...]
    packed: bool
    dimension: int


def content_of(body: Json) -> Content:
    """The body as the mapping it has to be."""
    if not isinstance(body, dict):
        raise Wrong(400, "We could not parse the JSON body of your request.")
    return body


def chat_prompt(model: Model, content: Content) -> Prompt:
    """What a chat goes on from: its last message."""
    texts = _messages(content.get("messages"))
    _check_manner(content)
    asked = sum(len(tokens_of(text)) for text in texts)
    limit = _limit(content, _CHAT_TOKENS)
    _check_context(model, asked, limit, "messages")
    return Prompt(
        text=texts[-1], tokens=asked, limit=limit, temperature=_temperature(content), stops=_stops(content)
    )


def completion_prompts(model: Model, content: Content) -> list[Prompt]:
    """One prompt, or those of a list."""
    given = content.get("prompt")
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Wrong(400, "prompt is a text or a list of texts here", "prompt", "invalid_type")
    _check_manner(content)
    limit, temperature = _limit(content, _COMPLETION_TOKENS), _temperature(content)
    prompts = []
    for text in texts:
        asked = len(tokens_of(str(text)))
        _check_context(model, asked, limit, "prompt")
        prompts.append(
            Prompt(
                text=str(text),
                tokens=asked,
                limit=limit,
                temperature=temperature,
                stops=_stops(content),
                echo=content.get("echo") is True,
            )
        )
    return prompts


def embedding_inputs(model: Model, content: Content) -> Inputs:
    """What to embed, and in which form."""
    given = content.get("input")
    texts = given if isinstance(given, list) else [given]
    if not texts or len(texts) > _MOST_INPUTS or not all(isinstance(text, str) and text for text in texts):
        raise Wrong(400, "'$.input' is invalid: a text, or 1 to 2048 texts, none empty", "input")
    form = content.get("encoding_format")
    if form not in (None, "float", "base64"):
        raise Wrong(400, "encoding_format is float or base64", "encoding_format", "invalid_value")
    longest = max(len(tokens_of(str(text))) for text in texts)
    if model.context is not None and longest > model.context:
        message = f"This model's maximum context length is {model.context} tokens, however you requested "
        message += f"{longest} tokens ({longest} in your prompt; 0 for the completion)."
        raise Wrong(400, message, "input", "context_length_exceeded")
    return Inputs(
        texts=tuple(str(text) for text in texts),
        packed=form == "base64",
        dimension=_dimension(model, content.get("dimensions")),
    )


def _dimension(model: Model, asked: Json) -> int:
    if asked is None:
        return model.dimension
    if not model.name.startswith("text-embedding-3"):  # the one that was made to be cut short
        raise Wrong(400, "This model does not support specifying dimensions.", "dimensions")
    if not isinstance(asked, int) or not whole_number(asked) or not 1 <= asked <= model.dimension:
        raise Wrong(400, f"dimensions is between 1 and {model.dimension}", "dimensions", "invalid_value")
    return asked


def _check_manner(content: Content) -> None:
    if content.get("stream") not in (None, True, False):
        raise Wrong(400, "stream is true or false", "stream", "invalid_type")
    if content.get("n", 1) not in (1, None):
        raise Wrong(400, "This server gives one choice.", "n", "unsupported_value")


def _check_context(model: Model, asked: int, limit: int, param: str) -> None:
    if model.context is not None and asked + limit > model.context:
        message = f"This model's maximum context length is {model.context} tokens. However, you requested "
        message += f"{asked + limit} tokens ({asked} in the {param}, {limit} in the completion)."
        raise Wrong(400, message, param, "context_length_exceeded")


def _messages(messages: Json) -> list[str]:
    if not isinstance(messages, list) or not messages:
        raise Wrong(400, "[] is too short - 'messages'", "messages")
    texts = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise Wrong(400, f"no such role - 'messages.{index}.role'", f"messages.{index}.role")
        texts.append(_text(message.get("content"), index))
    return texts


def _text(content: Json, index: int) -> str:
    """The text of a message, which may come in parts; a tool call has none."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(text for text in texts if isinstance(text, str))
    place = f"messages.{index}.content"
    raise Wrong(400, f"a string or a list of parts is expected - '{place}'", place)


def _limit(content: Content, usual: int) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        value = content.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or not whole_number(value) or value < 1:
            raise Wrong(400, f"{name} is a whole number of at least 1", name, "invalid_value")
        return value
    return usual


def _temperature(content: Content) -> float:
    value = content.get("temperature")
    if value is None:
        return 0.0  # a test wants the same answer again unless it asks for another
    if not isinstance(value, (int, float)) or not number(value) or not 0 <= value <= 2:
        raise Wrong(400, "temperature is a number from 0 to 2", "temperature", "invalid_value")
    return value


def _stops(content: Content) -> tuple[str, ...]:
    stop = content.get("stop")
    return tuple(text for text in (stop if isinstance(stop, list) else [stop]) if isinstance(text, str))
