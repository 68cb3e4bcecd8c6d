"""TEI: text-embeddings-inference, for vectors, classes, ranks and similarities.

`GET /info` tells `model_sha`: whatever text `--revision` was, null without it.
Source: text-embeddings-inference, `router/src` (`http/server.rs`, `http/types.rs`, `lib.rs`).
"""

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import Dialect, Question, Refusal
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.tei_tasks import (
    MAX_BATCH,
    UNBOUNDED,
    Complaint,
    compared,
    embedded,
    embedded_for_openai,
    predicted,
    ranked,
)
from resilient_infer.testing.sandbox.wire import Reply, answered

_PATHS = {
    "/embed": embedded,
    "/predict": predicted,
    "/rerank": ranked,
    "/similarity": compared,
    "/v1/embeddings": embedded_for_openai,
}
_OWN = {
    "feature-extraction": embedded,
    "sentence-similarity": embedded,
    "text-classification": predicted,
    "text-ranking": ranked,
}
"""What `POST /` stands for."""

_TYPES = {
    400: "Empty",
    413: "Validation",
    422: "Tokenizer",
    424: "Backend",
    429: "Overloaded",
    503: "Unhealthy",
}
_WORDS = {
    413: "Input validation error",
    422: "tokenizer error",
    424: "Backend error: Inference error",
    429: "Model is overloaded",
    503: "unhealthy",
}


def _named(question: Question) -> str | None:
    posted = question.request.method == "POST" and question.path in (*_PATHS, "/")
    return question.only.name if posted else None


def _answer(question: Question) -> Reply:
    model, content = question.only, question.request.content
    try:
        match question.request.method, question.path:
            case "GET", "/info":
                return answered(_facts(question))
            case "GET", "/health":
                return Reply()
            case "POST", "/":
                return answered(_OWN[model.task](model, content))
            case "POST", path if path in _PATHS:
                return answered(_PATHS[path](model, content))
            case _, path if path in (*_PATHS, "/", "/info", "/health"):
                return Reply(status=405)
    except Refusal as refusal:
        return refusal.reply
    except Complaint as complaint:
        return _said(question, complaint)
    return Reply(status=404)


def _said(question: Question, complaint: Complaint) -> Reply:
    """{"error", "error_type"}; flat, with other names, where OpenAI's form is spoken."""
    if question.path != "/v1/embeddings":
        return _error(complaint.status, complaint.message, complaint.kind)
    said: Json = {"message": complaint.message, "code": complaint.status, "type": complaint.kind}
    return answered(said, complaint.status)


def _error(status: int, message: str, kind: str) -> Reply:
    return answered({"error": message, "error_type": kind}, status)


def _facts(question: Question) -> Json:
    model = question.only
    return {
        "model_id": model.name,
        "model_sha": question.reported(model),
        "model_dtype": "float32",
        "model_type": _use(model),
        "max_concurrent_requests": 512,
        "max_input_length": model.context or UNBOUNDED,
        "max_batch_tokens": 16384,
        "max_batch_requests": None,
        "max_client_batch_size": MAX_BATCH,
        "auto_truncate": False,
        "tokenization_workers": 2,
        "version": "1.8.2",
        "sha": None,
        "docker_label": None,
    }


def _use(model: Model) -> Json:
    if model.task in ("feature-extraction", "sentence-similarity"):
        return {"embedding": {"pooling": "mean"}}
    labels: Json = {
        "id2label": {str(index): label for index, label in enumerate(model.labels)},
        "label2id": {label: index for index, label in enumerate(model.labels)},
    }
    return {"reranker" if model.task == "text-ranking" else "classifier": labels}


def _complain(status: int, message: str) -> Reply:
    if status in (401, 404):
        return Reply(status=status)  # the key and the path are checked where nobody writes a body
    return _error(status, message or _WORDS.get(status, "internal error"), _TYPES.get(status, "Backend"))


TEI = Dialect(
    kind="tei",
    base="",
    tasks=frozenset(_OWN),
    serves=lambda model: model.hub and model.task == "feature-extraction",
    single=True,
    testifies=True,
    named=_named,
    answer=_answer,
    complain=_complain,
)
