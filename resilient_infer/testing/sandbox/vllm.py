"""vLLM: one model under one or more names, of which the first stands in every answer.

No route tells a commit. The operator's contract `--served-model-name
org/m@<sha> org/m` makes the first name tell it: in `GET /v1/models` and in the
`model` of every answer, whichever of the names was asked for; a name that is
not served is a 404. Source: vllm, `entrypoints/openai` (`OpenAIServingModels`).
"""

from dataclasses import replace

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.fast_api import HEALTHY, detail, unauthorized
from resilient_infer.testing.sandbox.openai import name_in
from resilient_infer.testing.sandbox.openai_answers import SPOKEN, TASKS, answer
from resilient_infer.testing.sandbox.openai_chunks import UTF8, Manner, chunked
from resilient_infer.testing.sandbox.openai_questions import Content, Wrong, content_of
from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_TYPES = {
    400: "BadRequestError",
    404: "NotFoundError",
    429: "TooManyRequestsError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}


def served_names(question: Question) -> tuple[str, ...]:
    """`--served-model-name`: with the commit it reports first, then without."""
    model = question.only
    commit = question.reported(model)
    return (model.name,) if commit is None else (f"{model.name}@{commit}", model.name)


def _named(question: Question) -> str | None:
    if question.path.removeprefix("/v1") not in TASKS:
        return None
    name = name_in(question)
    return question.only.name if name is None or name in served_names(question) else name


def _answer(question: Question) -> Reply:
    match question.request.method, question.path:
        case "GET", "/v1/models":
            return answered(
                {"object": "list", "data": [_card(question, name) for name in served_names(question)]}
            )
        case "GET", "/health":
            return HEALTHY
        case "GET", "/version":
            return answered({"version": "0.11.0"})
        case "POST", path if question.only.task in TASKS.get(path.removeprefix("/v1"), ()):
            try:
                return _answered(question, path.removeprefix("/v1"))
            except Wrong as wrong:
                return _error(wrong.status, wrong.message, wrong.param)
    return detail(404)


def _answered(question: Question, path: str) -> Reply:
    content = content_of(question.request.content)
    names = served_names(question)
    asked = content.get("model")
    if asked is not None and asked not in names:
        raise Wrong(404, f"The model `{asked}` does not exist.", "model")
    if path == "/embeddings":
        _check_dimensions(question, content)
    body = answer(path, question.only, content, question.draw, names[0])
    streamed = content.get("stream") is True and path in _STREAMED
    return chunked(body, content, _STREAMED[path]) if streamed else answered(body)


def _check_dimensions(question: Question, content: Content) -> None:
    if content.get("dimensions") is not None:
        message = f'Model "{question.only.name}" does not support matryoshka representation, '
        raise Wrong(400, message + "changing output dimensions will lead to poor results.", "dimensions")


def _card(question: Question, name: str) -> Json:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "vllm",
        "root": question.only.name,
        "parent": None,
        "max_model_len": question.only.context,
    }


def _failed(status: int, message: str, param: str | None = None) -> Json:
    type_ = _TYPES.get(status, phrase(status))
    return {"error": {"message": message or phrase(status), "type": type_, "param": param, "code": status}}


def _error(status: int, message: str, param: str | None = None) -> Reply:
    return answered(_failed(status, message, param), status)


_CHAT = Manner(
    failed=_failed,
    role={"role": "assistant", "content": ""},
    last={"content": ""},
    end={"stop_reason": None},
    joined=True,
    bows=True,
    media_type=UTF8,
)
_STREAMED = {
    "/chat/completions": _CHAT,
    "/completions": replace(_CHAT, choice={"stop_reason": None}, null="asked"),
}


def _complain(status: int, message: str) -> Reply:
    return unauthorized() if status == 401 else _error(status, message)


VLLM = Dialect(
    kind="vllm",
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
