"""transformers serve: chat and completions; the request may name a revision, and the answer repeats it.

`org/m` means `org/m@main`, and the answer says so. A revision that does not
exist is an exception that nobody catches: 500 and no JSON. A server that was
started with a model answers every request with that one (here: `reports` is
neither "right" nor None). Source: transformers, `cli/serving`.
"""

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import RIGHT, Dialect, Question
from resilient_infer.testing.sandbox.fast_api import crashed, detail
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.openai import name_in
from resilient_infer.testing.sandbox.openai_answers import TASKS, answer
from resilient_infer.testing.sandbox.openai_chunks import UTF8, Manner, chunked
from resilient_infer.testing.sandbox.openai_questions import Content, Wrong
from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_PATHS = ("/v1/chat/completions", "/v1/completions")
_SPOKEN = frozenset(
    (
        "messages", "prompt", "model", "stream", "temperature", "top_p", "max_tokens", "stop", "seed",
        "suffix", "frequency_penalty", "logit_bias", "tools", "generation_config", "processor",
    )
)  # fmt: skip
_UNUSED = {
    "/v1/chat/completions": frozenset(
        (
            "audio", "function_call", "functions", "logprobs", "max_completion_tokens", "metadata",
            "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty", "reasoning_effort",
            "response_format", "service_tier", "store", "stream_options", "tool_choice", "top_logprobs",
            "user", "web_search_options",
        )
    ),
    "/v1/completions": frozenset(
        ("best_of", "echo", "logprobs", "n", "presence_penalty", "stream_options", "user")
    ),
}  # fmt: skip
"""Fields of OpenAI's that it knows and refuses."""


def _named(question: Question) -> str | None:
    name = name_in(question)
    return None if name is None else name.partition("@")[0]


def _answer(question: Question) -> Reply:
    match question.request.method, question.path:
        case "GET", "/v1/models":
            return answered({"object": "list", "data": [_card(model) for model in question.models.values()]})
        case "GET", "/health":
            return answered({"status": "ok"})
        case "POST", path if path in _PATHS:
            try:
                return _answered(question, path)
            except Wrong as wrong:
                return detail(wrong.status, wrong.message)
    return detail(404)


def _answered(question: Question, path: str) -> Reply:
    content = question.request.content
    if not isinstance(content, dict):
        raise Wrong(422, "Input should be a valid dictionary")
    _check_fields(path, content)
    messages = content.get("messages")
    if isinstance(messages, list) and messages and _is_assistants(messages[-1]):
        return answered({})  # the real one skips such a request with an empty answer
    name = content.get("model")
    if not isinstance(name, str):
        return crashed()
    model, said = _loaded(question, name)
    if model is None or model.task not in TASKS[path.removeprefix("/v1")]:
        return crashed()
    body = answer(path.removeprefix("/v1"), model, content, question.draw, said)
    return chunked(body, content, _STREAMED) if content.get("stream") is True else answered(body)


def _check_fields(path: str, content: Content) -> None:
    unexpected = content.keys() - _SPOKEN - _UNUSED[path]
    if unexpected:
        raise Wrong(422, f"Unexpected keys in the request: {unexpected}")
    unused = content.keys() & _UNUSED[path]
    if unused:
        raise Wrong(422, f"Unsupported fields in the request: {unused}")


def _is_assistants(message: Json) -> bool:
    return isinstance(message, dict) and message.get("role") == "assistant"


def _loaded(question: Question, name: str) -> tuple[Model | None, str]:
    """The model for a name with or without a revision, and what the answer calls it."""
    repo, _, revision = name.partition("@")
    model = question.models.get(repo)
    if question.reports not in (RIGHT, None):
        return model, f"{repo}@{question.reports}"
    if model is None or revision not in ("", "main", model.commit):
        return None, name
    # Releases that say nothing repeat the bare name.
    return model, repo if question.reports is None else f"{repo}@{revision or 'main'}"


def _card(model: Model) -> Json:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.name.partition("/")[0]}


_STREAMED = Manner(
    failed=lambda status, message: {"error": message or phrase(status)},
    role={"role": "assistant"},
    usage="finish",
    sparse=True,
    done=False,
    media_type=UTF8,
)


def _complain(status: int, message: str) -> Reply:
    return detail(status, message)


TRANSFORMERS = Dialect(
    kind="transformers",
    base="",
    entry="/v1",
    tasks=frozenset({"chat", "text-generation"}),
    serves=lambda model: model.hub and model.task in ("chat", "text-generation"),
    single=False,
    testifies=True,
    named=_named,
    answer=_answer,
    complain=_complain,
)
