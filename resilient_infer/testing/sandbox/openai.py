"""OpenAI-compatible: chat completions and the list of models, without streaming.

Source: OpenAI's public API reference and the error bodies its clients parse.
"""

import time
from collections.abc import Mapping

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import Text, cut_at, text_from, tokens_of
from resilient_infer.testing.sandbox.dialect import Dialect, Question, Refusal, number, whole_number
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))
_DEFAULT_TOKENS = 64
_INVALID = "invalid_request_error"
_USUAL = {
    401: (_INVALID, "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "You have run out of credits."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}


def _named(question: Question) -> str | None:
    content = question.request.content
    name = content.get("model") if isinstance(content, dict) else None
    return name if isinstance(name, str) else None


def _answer(question: Question) -> Reply:
    match question.request.method, question.path:
        case "GET", "/models":
            return answered({"object": "list", "data": [_card(model) for model in question.models.values()]})
        case "POST", "/chat/completions":
            try:
                return _completed(question)
            except Refusal as refusal:
                return refusal.reply
        case method, path:
            return _error(404, f"Invalid URL ({method} {path})")


def _completed(question: Question) -> Reply:
    content = question.request.content
    if not isinstance(content, dict):
        raise Refusal(_error(400, "We could not parse the JSON body of your request."))
    model = _model(question, content.get("model"))
    texts = _texts(content.get("messages"))
    limit = _limit(content)
    temperature = _temperature(content)
    if content.get("stream"):
        raise Refusal(_error(400, "This server does not stream.", "stream", "unsupported_value"))
    if content.get("n", 1) not in (1, None):
        raise Refusal(_error(400, "This server gives one choice.", "n", "unsupported_value"))
    asked = sum(len(tokens_of(text)) for text in texts)
    if model.context is not None and asked + limit > model.context:
        message = f"This model's maximum context length is {model.context} tokens. However, you requested "
        message += f"{asked + limit} tokens ({asked} in the messages, {limit} in the completion)."
        raise Refusal(_error(400, message, "messages", "context_length_exceeded"))
    made = text_from(model, texts[-1], limit=limit, temperature=temperature, draw=question.draw)
    return answered(_completion(question, model, made, asked))


def _completion(question: Question, model: Model, made: Text, asked: int) -> Json:
    content = question.request.content
    stops = content.get("stop") if isinstance(content, dict) else None
    text = cut_at(made.text, stops if isinstance(stops, list) else [stops]).strip()
    stopped = made.finished or text != made.text.strip()
    tokens = len(tokens_of(text))
    return {
        "id": f"chatcmpl-{model.commit[:8]}{question.draw:08x}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.name,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop" if stopped else "length",
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": tokens, "total_tokens": asked + tokens},
        "system_fingerprint": f"fp_{model.commit[:10]}",
    }


def _model(question: Question, name: Json) -> Model:
    if not isinstance(name, str):
        raise Refusal(_error(400, "you must provide a model parameter", "model"))
    model = question.models.get(name)
    if model is None:
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise Refusal(_error(404, message, "model", "model_not_found"))
    return model


def _texts(messages: Json) -> list[str]:
    if not isinstance(messages, list) or not messages:
        raise Refusal(_error(400, "[] is too short - 'messages'", "messages"))
    texts = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise Refusal(_error(400, f"no such role - 'messages.{index}.role'", f"messages.{index}.role"))
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
    raise Refusal(_error(400, f"a string or a list of parts is expected - '{place}'", place))


def _limit(content: Mapping[str, Json]) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        value = content.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or not whole_number(value) or value < 1:
            raise Refusal(_error(400, f"{name} is a whole number of at least 1", name, "invalid_value"))
        return value
    return _DEFAULT_TOKENS


def _temperature(content: Mapping[str, Json]) -> float:
    value = content.get("temperature")
    if value is None:
        return 0.0  # a test wants the same answer again unless it asks for another
    if not isinstance(value, (int, float)) or not number(value) or not 0 <= value <= 2:
        raise Refusal(_error(400, "temperature is a number from 0 to 2", "temperature", "invalid_value"))
    return value


def _card(model: Model) -> Json:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.name.partition("/")[0]}


def _error(status: int, message: str, param: str | None = None, code: str | None = None) -> Reply:
    error: Json = {"message": message, "type": _INVALID, "param": param, "code": code}
    return answered({"error": error}, status)


def _complain(status: int, message: str) -> Reply:
    type_, code, words = _USUAL.get(status, ("server_error" if status >= 500 else _INVALID, None, ""))
    error: Json = {"message": message or words or phrase(status), "type": type_, "param": None, "code": code}
    return answered({"error": error}, status)


OPENAI = Dialect(
    kind="openai",
    base="/v1",
    serves=lambda model: model.task == "chat",
    single=False,
    named=_named,
    answer=_answer,
    complain=_complain,
)
