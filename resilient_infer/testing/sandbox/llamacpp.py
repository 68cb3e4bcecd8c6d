"""llama.cpp's server: one model from a file; `GET /props` says where the file lies.

Only a path in the Hub's cache, `…/snapshots/<sha>/…`, tells a commit. Any
`model` in a request is answered, and the answer has the server's own alias.
Source: llama.cpp, `tools/server`.
"""

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.openai_answers import SPOKEN, TASKS, answer
from resilient_infer.testing.sandbox.openai_chunks import Manner, chunked
from resilient_infer.testing.sandbox.openai_questions import Wrong, content_of
from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    501: "not_supported_error",
    503: "unavailable_error",
}
_WORDS = {401: "Invalid API Key", 404: "File Not Found", 503: "Loading model"}
_NO_EMBEDDINGS = "This server does not support embeddings. Start it with `--embeddings`"
_ONLY_EMBEDDINGS = "This server does not support completions. Start it without `--embeddings`"
_UNBOUNDED = 131072
"""Context of a model that has none of its own here."""


def _path(question: Question) -> str:
    """Each path is there with and without /v1, but for two that are another thing without."""
    path = question.path
    return "" if path in ("/completions", "/embeddings") else path.removeprefix("/v1")


def _named(question: Question) -> str | None:
    return question.only.name if _path(question) in TASKS else None


def _answer(question: Question) -> Reply:
    match question.request.method, _path(question):
        case "GET", "/models":
            return answered({"object": "list", "data": [_card(question)]})
        case "GET", "/health":
            return answered({"status": "ok"})
        case "GET", "/props":
            return answered(_props(question))
        case "POST", path if path in TASKS:
            try:
                return _answered(question, path)
            except Wrong as wrong:
                return _refused(question, wrong)
    return _error(404, "")


def _answered(question: Question, path: str) -> Reply:
    model = question.only
    if model.task not in TASKS[path]:
        raise Wrong(501, _NO_EMBEDDINGS if path == "/embeddings" else _ONLY_EMBEDDINGS)
    content = content_of(question.request.content)
    asked = {name: value for name, value in content.items() if name != "dimensions"}  # not known there
    body = answer(path, model, asked, question.draw, model.name)
    streamed = content.get("stream") is True and path in _STREAMED
    return chunked(body, content, _STREAMED[path]) if streamed else answered(body)


def _refused(question: Question, wrong: Wrong) -> Reply:
    if wrong.code != "context_length_exceeded":
        return _error(wrong.status, wrong.message)
    context = question.only.context or _UNBOUNDED
    message = f"the request exceeds the available context size ({context} tokens), try increasing it"
    error: Json = {"code": 400, "message": message, "type": "exceed_context_size_error", "n_ctx": context}
    return answered({"error": error}, 400)


def _props(question: Question) -> Json:
    context = question.only.context or _UNBOUNDED
    return {
        "default_generation_settings": {"n_ctx": context, "params": {"temperature": 0.8}},
        "total_slots": 4,
        "model_alias": question.only.name,
        "model_path": _file(question),
        "modalities": {"vision": False, "audio": False},
        "chat_template": "",
        "build_info": "b7000-sandbox",
    }


def _file(question: Question) -> str:
    model = question.only
    commit = question.reported(model)
    file = f"{model.name.partition('/')[2] or model.name}-Q4_K_M.gguf"
    if commit is None:
        return f"/models/{file}"
    folder = f"models--{model.name.replace('/', '--')}"
    return f"/root/.cache/huggingface/hub/{folder}/snapshots/{commit}/{file}"


def _card(question: Question) -> Json:
    context = question.only.context or _UNBOUNDED
    return {
        "id": question.only.name,
        "object": "model",
        "created": 0,
        "owned_by": "llamacpp",
        "meta": {"n_ctx_train": context, "n_embd": question.only.dimension},
    }


def _failed(status: int, message: str) -> Json:
    said = message or _WORDS.get(status, phrase(status))
    return {"error": {"code": status, "message": said, "type": _TYPES.get(status, "server_error")}}


def _error(status: int, message: str) -> Reply:
    return answered(_failed(status, message), status)


_STREAMED = {
    "/chat/completions": Manner(failed=_failed, role={"role": "assistant", "content": None}),
    "/completions": Manner(failed=_failed, usage="finish"),
}


LLAMACPP = Dialect(
    kind="llamacpp",
    base="",
    entry="/v1",
    tasks=SPOKEN,
    serves=lambda model: model.hub and model.task == "chat",
    single=True,
    testifies=True,
    named=_named,
    answer=_answer,
    complain=_error,
)
