"""hf-router: chat through Hugging Face's router, which passes it on to the provider that the name ends with.

`org/model:provider` names one, `:fastest` and `:cheapest` and no suffix leave
the choice to the router. Who served stands in `x-inference-provider`.
Source: the documentation of Inference Providers, and errors quoted in
issues of its clients (`model_not_supported`).
"""

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.openai import STREAMED, complain, name_in, refused
from resilient_infer.testing.sandbox.openai_answers import answer
from resilient_infer.testing.sandbox.openai_chunks import chunked
from resilient_infer.testing.sandbox.openai_questions import Wrong, content_of
from resilient_infer.testing.sandbox.wire import Reply, answered

PROVIDERS = ("together", "novita", "groq")
"""Who serves each model here; the first is the fastest, the last the cheapest."""

_CHOSEN = {"": PROVIDERS[0], "preferred": PROVIDERS[0], "fastest": PROVIDERS[0], "cheapest": PROVIDERS[-1]}
_CREDITS = "You have exceeded your monthly included credits for Inference Providers."
_NO_KEY = "Invalid username or password."


def _named(question: Question) -> str | None:
    name = name_in(question)
    return None if name is None else name.partition(":")[0]


def _answer(question: Question) -> Reply:
    match question.request.method, question.path:
        case "GET", "/models":
            return answered({"object": "list", "data": [_card(model) for model in question.models.values()]})
        case "POST", "/chat/completions":
            try:
                return _passed_on(question)
            except Wrong as wrong:
                return refused(wrong)
    return complain(404, "Not Found")


def _passed_on(question: Question) -> Reply:
    content = content_of(question.request.content)
    name = content.get("model")
    if not isinstance(name, str):
        raise Wrong(400, "you must provide a model parameter", "model")
    repo, _, suffix = name.partition(":")
    model = question.models.get(repo)
    if model is None:
        message = f"The requested model '{repo}' is not supported by any provider you have enabled."
        raise Wrong(400, message, "model", "model_not_supported")
    provider = _CHOSEN.get(suffix, suffix)
    if provider not in PROVIDERS:
        message = f"The requested model '{repo}' is not supported by provider '{provider}'."
        raise Wrong(400, message, "model", "model_not_supported")
    # Which provider serves is told by the header alone: the body has the provider's own name of the model.
    body = answer("/chat/completions", model, content, question.draw, model.name)
    served_by = (("x-inference-provider", provider),)
    if content.get("stream") is True:
        return chunked(body, content, STREAMED, served_by)
    return answered(body, headers=served_by)


def _card(model: Model) -> Json:
    offers: list[Json] = [
        {"provider": provider, "status": "live", "context_length": model.context} for provider in PROVIDERS
    ]
    owner = model.name.partition("/")[0]
    return {"id": model.name, "object": "model", "created": 0, "owned_by": owner, "providers": offers}


def _complain(status: int, message: str) -> Reply:
    # What the router itself says, and not a provider, is one sentence.
    words = {401: _NO_KEY, 402: _CREDITS}.get(status)
    if words is None:
        return complain(status, message)
    return answered({"error": message or words}, status)


HF_ROUTER = Dialect(
    kind="hf-router",
    base="/v1",
    tasks=frozenset({"chat"}),
    serves=lambda model: model.hub and model.task == "chat",
    single=False,
    named=_named,
    answer=_answer,
    complain=_complain,
)
