"""SGLang: one model; any name is answered, and the commit is what `--weight-version` and `--revision` say.

`metadata.weight_version` stands in the whole answers of chat and completions, not
in streams, nor in embeddings; `GET /server_info` has both. Embeddings are always floats, whatever
`encoding_format` asks for. Source: sglang, `srt/entrypoints`.
"""

from dataclasses import replace

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.fast_api import HEALTHY, detail, unauthorized
from resilient_infer.testing.sandbox.openai_answers import SPOKEN, TASKS, answer
from resilient_infer.testing.sandbox.openai_chunks import UTF8, Fields, Manner, chunked
from resilient_infer.testing.sandbox.openai_questions import Content, Wrong, content_of
from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_TYPES = {400: "BadRequestError", 404: "NotFoundError", 500: "InternalServerError"}
_UNVERSIONED = "default"
"""`weight_version` of a server that was not told any."""


def _named(question: Question) -> str | None:
    return question.only.name if question.path.removeprefix("/v1") in TASKS else None


def _answer(question: Question) -> Reply:
    match question.request.method, question.path:
        case "GET", "/v1/models":
            return answered({"object": "list", "data": [_card(question)]})
        case "GET", "/health":
            return HEALTHY
        case "GET", "/server_info" | "/get_server_info":
            return answered(_server(question))
        case "GET", "/model_info" | "/get_model_info":
            return answered(_model(question))
        case "POST", path if path.removeprefix("/v1") in TASKS:
            try:
                return _answered(question, path.removeprefix("/v1"))
            except Wrong as wrong:
                return _error(wrong.status, wrong.message, wrong.param)
    return detail(404)


def _answered(question: Question, path: str) -> Reply:
    content = content_of(question.request.content)
    model = question.only
    if model.task not in TASKS[path]:
        raise Wrong(400, f"This model does not appear to serve {path}.")
    if path == "/embeddings":
        heeded = {name: content[name] for name in content.keys() - {"encoding_format", "dimensions"}}
        return answered(answer(path, model, heeded, question.draw, model.name))
    body = answer(path, model, content, question.draw, _asked(question, content))
    body["metadata"] = {"weight_version": _version(question)}
    return chunked(body, content, _STREAMED[path]) if content.get("stream") is True else answered(body)


def _asked(question: Question, content: Content) -> str:
    name = content.get("model")
    return name if isinstance(name, str) and name else _UNVERSIONED


def _version(question: Question) -> str:
    return question.reported(question.only) or _UNVERSIONED


def _server(question: Question) -> Json:
    model = question.only
    return {
        "model_path": model.name,
        "tokenizer_path": model.name,
        "served_model_name": model.name,
        "revision": question.reported(model),
        "weight_version": _version(question),
        "context_length": model.context,
        "is_embedding": model.task not in ("chat", "text-generation"),
        "max_total_num_tokens": model.context,
        "version": "0.5.3",
    }


def _model(question: Question) -> Json:
    model = question.only
    return {
        "model_path": model.name,
        "tokenizer_path": model.name,
        "is_generation": model.task in ("chat", "text-generation"),
        "weight_version": _version(question),
    }


def _card(question: Question) -> Json:
    model = question.only
    return {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": "sglang",
        "root": model.name,
        "max_model_len": model.context,
    }


def _error(status: int, message: str, param: str | None = None) -> Reply:
    """Flat, unlike OpenAI's."""
    return answered(_said(status, message, param), status)


def _said(status: int, message: str, param: str | None = None) -> Json:
    type_ = _TYPES.get(status, phrase(status))
    words = message or phrase(status)
    return {"object": "error", "message": words, "type": type_, "param": param, "code": status}


_BLANK: Fields = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None}
_CHAT = Manner(
    failed=lambda status, message: {"error": _said(status, message)},
    role={**_BLANK, "role": "assistant", "content": ""},
    delta=_BLANK,
    last=_BLANK,
    choice={"matched_stop": None},
    null="always",
    bows=True,
    media_type=UTF8,
)
_STREAMED = {"/chat/completions": _CHAT, "/completions": replace(_CHAT, joined=True)}


def _complain(status: int, message: str) -> Reply:
    return unauthorized() if status == 401 else _error(status, message)


SGLANG = Dialect(
    kind="sglang",
    base="",
    entry="/v1",
    tasks=SPOKEN,
    serves=lambda model: model.hub and model.task == "chat",
    single=True,
    testifies=True,
    named=_named,
    answer=_answer,
    complain=_complain,
)
