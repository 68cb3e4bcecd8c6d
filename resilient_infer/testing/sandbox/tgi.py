"""TGI: text-generation-inference, with its own /generate and OpenAI's chat, whole and as streams.

`GET /info` tells `model_sha`: the commit that the Hub gave at the start, null
for a local folder. Whatever `model` a chat names is answered. Source:
text-generation-inference, `router/src` (`server.rs`, `validation.rs`, `lib.rs`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import cut_at, text_from, tokens_of
from resilient_infer.testing.sandbox.dialect import Dialect, Question, Refusal, number, whole_number
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.openai_answers import answer
from resilient_infer.testing.sandbox.openai_chunks import Manner, chunked
from resilient_infer.testing.sandbox.openai_questions import Wrong
from resilient_infer.testing.sandbox.token_events import refused, token_stream
from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_CHAT = "/v1/chat/completions"
_PATHS = ("/", "/generate", "/generate_stream", _CHAT)
_VERSION = "3.3.6"
_DEFAULT_TOKENS = 100
_UNBOUNDED = 131072
"""`max_total_tokens` of a model that has no context of its own here."""

_MAX_STOPS = 4
_STREAM_HEADERS = (("x-accel-buffering", "no"),)
_TYPES = {
    422: "validation",
    424: "generation",
    429: "overloaded",
    500: "incomplete_generation",
    503: "healthcheck",
}
_WORDS = {
    424: "Request failed during generation: CUDA error",
    429: "Model is overloaded",
    500: "Incomplete generation",
    503: "unhealthy",
}


def _named(question: Question) -> str | None:
    posted = question.request.method == "POST" and question.path in _PATHS
    return question.only.name if posted else None


def _answer(question: Question) -> Reply:
    try:
        match question.request.method, question.path:
            case "GET", "/info":
                return answered(_facts(question))
            case "GET", "/health":
                return Reply()
            case "GET", "/v1/models":
                return answered({"object": "list", "data": [_card(question.only)]})
            case "POST", "/generate":
                return answered(_generated(question).whole)
            case "POST", "/generate_stream":
                return _told(question)
            case "POST", "/":
                return _told(question) if _streams(question) else answered([_generated(question).whole])
            case "POST", path if path == _CHAT:
                return _chatted(question)
            case _, path if path in (*_PATHS, "/info", "/health", "/v1/models"):
                return Reply(status=405)
    except Refusal as refusal:
        return refusal.reply
    except Invalid as invalid:
        return _error(422, str(invalid))
    return Reply(status=404)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Generated:
    """A text, as it stands in an answer, and that answer."""

    text: str
    shown: str
    finish: str
    asked: int
    detailed: bool
    whole: Json


def _streams(question: Question) -> bool:
    content = question.request.content
    return isinstance(content, dict) and content.get("stream") is True


def _told(question: Question) -> Reply:
    """The same as a stream; what is wrong with its parameters is said within it, with status 200."""
    try:
        made = _generated(question)
    except Invalid as invalid:
        return refused(_failed(422, str(invalid)), _STREAM_HEADERS)
    details: Json = {
        "finish_reason": made.finish,
        "generated_tokens": len(tokens_of(made.text)),
        "seed": None,
        "input_length": made.asked,
    }
    return token_stream(
        made.text,
        [made.whole] if question.path == "/" else made.whole,
        shown=made.shown,
        finish=made.finish,
        details=details if made.detailed else None,
        failed=_failed,
        headers=_STREAM_HEADERS,
    )


def _generated(question: Question) -> _Generated:
    content, model = question.request.content, question.only
    if not isinstance(content, dict) or not isinstance(content.get("inputs"), str):
        raise Refusal(unread("missing field `inputs`, or it is no string"))
    given = content.get("parameters")
    if not isinstance(given, (dict, type(None))):
        raise Refusal(unread("parameters: expected struct GenerateParameters"))
    parameters = {name: value for name, value in (given or {}).items() if value is not None}
    prompt = str(content["inputs"])
    limit = _checked(model, prompt, parameters)
    temperature = _positive(parameters, "temperature", 0.0)
    made = text_from(model, prompt, limit=limit, temperature=temperature, draw=question.draw)
    text = cut_at(made.text, _stops(parameters))
    finish = "stop_sequence" if text != made.text else ("eos_token" if made.finished else "length")
    shown = prompt + text if parameters.get("return_full_text") is True else text
    whole: dict[str, Json] = {"generated_text": shown}
    detailed = parameters.get("details") is True
    if detailed:
        whole["details"] = _details(text, finish)
    return _Generated(
        text=text,
        shown=shown,
        finish=finish,
        asked=len(tokens_of(prompt)),
        detailed=detailed,
        whole=whole,
    )


def _checked(model: Model, prompt: str, parameters: Mapping[str, Json]) -> int:
    """The tokens to make."""
    if not prompt:
        raise Invalid("`inputs` cannot be empty")
    limit = _whole(parameters, "max_new_tokens", _DEFAULT_TOKENS)
    for name in ("top_k", "truncate"):
        _whole(parameters, name, 1)
    _positive(parameters, "repetition_penalty", 1.0)
    if not 0 < _positive(parameters, "top_p", 0.5) < 1:
        raise Invalid("`top_p` must be > 0.0 and < 1.0")
    stops = _stops(parameters)
    if len(stops) > _MAX_STOPS:
        raise Invalid(f"`stop` supports up to {_MAX_STOPS} stop sequences. Given: {len(stops)}")
    asked, most = len(tokens_of(prompt)), model.context or _UNBOUNDED
    asked = min(asked, _whole(parameters, "truncate", asked or 1))
    if asked + limit > most:
        said = f"`inputs` tokens + `max_new_tokens` must be <= {most}. "
        raise Invalid(f"{said}Given: {asked} `inputs` tokens and {limit} `max_new_tokens`")
    return limit


def _whole(parameters: Mapping[str, Json], name: str, usual: int) -> int:
    value = parameters.get(name, usual)
    if not isinstance(value, int) or not whole_number(value) or value < 0:
        raise Refusal(unread(f"parameters.{name}: invalid type, expected u32"))
    if value < 1:
        raise Invalid(f"`{name}` must be strictly positive")
    return value


def _positive(parameters: Mapping[str, Json], name: str, usual: float) -> float:
    value = parameters.get(name)
    if value is None:
        return usual
    if not isinstance(value, (int, float)) or not number(value):
        raise Refusal(unread(f"parameters.{name}: invalid type, expected f32"))
    if not value > 0:
        raise Invalid(f"`{name}` must be strictly positive")
    return float(value)


def _stops(parameters: Mapping[str, Json]) -> list[str]:
    stops = parameters.get("stop", [])
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise Refusal(unread("parameters.stop: invalid type, expected a sequence"))
    return [str(stop) for stop in stops]


def _details(text: str, finish: str) -> Json:
    pieces = tokens_of(text)
    tokens: list[Json] = [
        {"id": 1000 + index, "text": piece, "logprob": -1.0, "special": False}
        for index, piece in enumerate(pieces)
    ]
    return {
        "finish_reason": finish,
        "generated_tokens": len(pieces),
        "seed": None,
        "prefill": [],
        "tokens": tokens,
    }


def _chatted(question: Question) -> Reply:
    content, model = question.request.content, question.only
    if not isinstance(content, dict):
        raise Refusal(unread("expected struct ChatRequest"))
    if model.task != "chat":
        said: Json = {"error": "Template error: template not found", "error_type": "template_error"}
        raise Refusal(answered(said, 422))
    asked = {"max_tokens": _DEFAULT_TOKENS, **content}
    try:
        body = answer("/chat/completions", model, asked, question.draw, model.name)
    except Wrong as wrong:
        if wrong.code not in ("context_length_exceeded", "unsupported_value"):
            raise Refusal(unread(wrong.message)) from wrong
        invalid = Invalid(wrong.message)
        if _streams(question):
            return refused(_chat_failed(422, str(invalid)), _STREAM_HEADERS, done=True)
        raise invalid from wrong
    body["system_fingerprint"] = f"{_VERSION}-sha-sandbox"
    return chunked(body, content, _STREAMED, _STREAM_HEADERS) if _streams(question) else answered(body)


def _facts(question: Question) -> Json:
    model = question.only
    most = model.context or _UNBOUNDED
    return {
        "model_id": model.name,
        "model_sha": question.reported(model),
        "model_pipeline_tag": "text-generation",
        "max_concurrent_requests": 128,
        "max_best_of": 2,
        "max_stop_sequences": _MAX_STOPS,
        "max_input_tokens": most - 1,
        "max_total_tokens": most,
        "validation_workers": 2,
        "max_client_batch_size": 4,
        "router": "text-generation-router",
        "version": _VERSION,
        "sha": None,
        "docker_label": None,
    }


def _card(model: Model) -> Json:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.name}


def unread(why: str) -> Reply:
    """JSON that has not the form of the question: axum says so in plain text, also in TEI."""
    said = f"Failed to deserialize the JSON body into the target type: {why}"
    body = said.encode("utf-8", "replace")
    return Reply(status=422, body=body, media_type="text/plain; charset=utf-8")


class Invalid(Exception):
    """A question that is well-formed and asks for what cannot be."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Input validation error: {message}")


def _error(status: int, message: str) -> Reply:
    return answered(_failed(status, message), status)


def _failed(status: int, message: str) -> Json:
    words = message or _WORDS.get(status, phrase(status))
    return {"error": words, "error_type": _TYPES.get(status, "generation")}


def _chat_failed(status: int, message: str) -> Json:
    return {"error": {"message": message or _WORDS.get(status, phrase(status)), "http_status_code": status}}


_STREAMED = Manner(
    failed=_chat_failed,
    delta={"role": "assistant"},
    last={"role": "assistant", "content": ""},
    joined=True,
    null="always",
    bows=True,
)


def _complain(status: int, message: str) -> Reply:
    if status in (401, 404):
        return Reply(status=status)  # the key and the path are checked where nobody writes a body
    return _error(status, message)


TGI = Dialect(
    kind="tgi",
    base="",
    tasks=frozenset({"chat", "text-generation"}),
    serves=lambda model: model.hub and model.task == "chat",
    single=True,
    testifies=True,
    named=_named,
    answer=_answer,
    complain=_complain,
)
