"""OpenAI itself: chat completions, completions, embeddings and the list of models.

Source: OpenAI's public API reference and the error bodies its clients parse.
"""

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.openai_answers import SPOKEN, TASKS, answer
from resilient_infer.testing.sandbox.openai_chunks import UTF8, Manner, chunked
from resilient_infer.testing.sandbox.openai_questions import Wrong, content_of
from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_INVALID = "invalid_request_error"
_USUAL = {
    401: (_INVALID, "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "You have run out of credits."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
_MISPLACED = {
    "/chat/completions": (404, "This is not a chat model and not supported in v1/chat/completions."),
    "/completions": (404, "This is a chat model and not supported in v1/completions."),
    "/embeddings": (403, "You are not allowed to generate embeddings from this model"),
}


def failed(status: int, message: str) -> Json:
    """What `complain` says, as a stream says it."""
    type_, code, words = _USUAL.get(status, ("server_error" if status >= 500 else _INVALID, None, ""))
    said = message or words or phrase(status)
    return {"error": {"message": said, "type": type_, "param": None, "code": code}}


STREAMED = Manner(
    failed=failed,
    role={"role": "assistant", "content": "", "refusal": None},
    null="asked",
    media_type=UTF8,
)


def name_in(question: Question) -> str | None:
    """The model that a body names, or None."""
    content = question.request.content
    name = content.get("model") if isinstance(content, dict) else None
    return name if isinstance(name, str) else None


def refused(wrong: Wrong) -> Reply:
    """{"error": {message, type, param, code}}."""
    error: Json = {"message": wrong.message, "type": _INVALID, "param": wrong.param, "code": wrong.code}
    return answered({"error": error}, wrong.status)


def complain(status: int, message: str) -> Reply:
    """The same for what is no question's fault."""
    return answered(failed(status, message), status)


def _answer(question: Question) -> Reply:
    method, path = question.request.method, question.path
    if (method, path) == ("GET", "/models"):
        return answered({"object": "list", "data": [_card(model) for model in question.models.values()]})
    try:
        if method != "POST" or path not in TASKS:
            raise Wrong(404, f"Invalid URL ({method} {path})")
        content = content_of(question.request.content)
        model = _model(question, content.get("model"))
        if model.task not in TASKS[path] or (path == "/completions" and model.task == "chat"):
            status, message = _MISPLACED[path]
            raise Wrong(status, message, "model")
        body = answer(path, model, content, question.draw, model.name)
    except Wrong as wrong:
        return refused(wrong)
    if path != "/embeddings":
        body["system_fingerprint"] = f"fp_{model.commit[:10]}"
    return chunked(body, content, STREAMED) if content.get("stream") is True else answered(body)


def _model(question: Question, name: Json) -> Model:
    if not isinstance(name, str):
        raise Wrong(400, "you must provide a model parameter", "model")
    model = question.models.get(name)
    if model is None:
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise Wrong(404, message, "model", "model_not_found")
    return model


def _card(model: Model) -> Json:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.name.partition("/")[0]}


OPENAI = Dialect(
    kind="openai",
    base="/v1",
    tasks=SPOKEN,
    serves=lambda model: model.task in SPOKEN,
    single=False,
    named=name_in,
    answer=_answer,
    complain=complain,
)
