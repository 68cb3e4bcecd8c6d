"""Hugging Face's two kinds: the serverless service, and the container of a dedicated endpoint.

The serverless one answers a classifier nested and zero-shot as a list; the
container answers as a transformers pipeline does. Sources: `client` and
`tasks` of huggingface_hub, the webservice of huggingface-inference-toolkit
and the error bodies of api-inference-community, all public.
"""

from dataclasses import replace

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.checked import Invalid
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.file_tasks import FILES
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.pipelines import Batch, asked, run, said_to_be_json
from resilient_infer.testing.sandbox.text_tasks import GROUPS, TEXTS, continuation
from resilient_infer.testing.sandbox.token_events import token_stream
from resilient_infer.testing.sandbox.wire import Reply, Request, answered, phrase

_SERVED_BY = (("x-inference-provider", "hf-inference"),)
_USUAL_WORDS = {
    401: "Invalid credentials in Authorization header",
    402: "You have exceeded your monthly included credits for Inference Providers.",
    429: "Too many requests, please slow down.",
    503: "Service Unavailable",
}

_EMBEDDING = ("feature-extraction", "sentence-similarity")
"""A model of sentences does both, as the path asks."""

_PIPELINES = frozenset((*TEXTS, *GROUPS, *FILES))

_LISTED = ("summarization", "translation")
"""A pipeline answers these in a list, one input or several."""

_FILE_TYPES = (
    "image/png", "image/jpeg", "image/jpg", "image/tiff", "image/bmp", "image/gif", "image/webp",
    "image/x-image", "audio/x-flac", "audio/flac", "audio/mpeg", "audio/x-mpeg-3", "audio/wave", "audio/wav",
    "audio/x-wav", "audio/ogg", "audio/x-audio", "audio/webm", "audio/AMR", "audio/amr", "audio/AMR-WB",
    "audio/AMR-WB+", "audio/m4a", "audio/x-m4a",
)  # fmt: skip
"""What the container takes besides JSON; source: huggingface-inference-toolkit, `serialization`."""


def _serverless_name(question: Question) -> str | None:
    return _model_and_task(question.path)[0]


def _serverless_answer(question: Question) -> Reply:
    name, task = _model_and_task(question.path)
    if name is None:
        return _serverless_complaint(404, "Not Found")
    if question.request.method != "POST":
        return _serverless_complaint(405, "Method Not Allowed")
    model = question.models.get(name)
    if model is None:
        return _serverless_complaint(404, f"Model {name} does not exist")
    if task in _EMBEDDING and model.task in _EMBEDDING:
        model = replace(model, task=task)  # the path decides which of its two uses is meant
    if task is not None and task != model.task:
        return _serverless_complaint(400, f"Model {name} does not support the task {task}")
    try:
        if _streams(model, question.request):
            return _streamed(model, question)
        batch = _grouped(model, asked(model, question.request))
        results = run(model, batch, question.draw)
    except Invalid as error:
        # A missing or wrong parameter is reported as a list, anything else as one sentence.
        said: Json = [str(error)] if error.parameter else str(error)
        return answered({"error": said}, 400, _SERVED_BY)
    return answered(_serverless_shape(model, batch, results), headers=_SERVED_BY)


def _streams(model: Model, request: Request) -> bool:
    content = request.content
    return model.task == "text-generation" and isinstance(content, dict) and content.get("stream") is True


def _streamed(model: Model, question: Question) -> Reply:
    batch = asked(model, question.request, streams=True)
    prompt = batch.items[0]
    if batch.many or not isinstance(prompt, str):
        raise Invalid("a stream answers one input", parameter=True)
    made = continuation(model, prompt, batch.parameters, question.draw)
    full = batch.parameters.get("return_full_text") is not False
    (whole,) = run(model, batch, question.draw)
    return token_stream(
        made.text,
        whole,
        shown=prompt + made.text if full else made.text,
        finish="eos_token" if made.finished else "length",
        details=None,
        failed=_failed,
        headers=_SERVED_BY,
    )


def _failed(status: int, message: str) -> Json:
    return {"error": message or _USUAL_WORDS.get(status, phrase(status))}


def _grouped(model: Model, batch: Batch) -> Batch:
    """Names come in one piece each unless that is declined; a bare pipeline gives them word by word."""
    if model.task != "token-classification":
        return batch
    return replace(batch, parameters={"aggregation_strategy": "simple", **batch.parameters})


def _serverless_shape(model: Model, batch: Batch, results: list[Json]) -> Json:
    # A classifier's answer is nested even for a single input, and a text is always in a list.
    return results if batch.many or model.task in ("text-classification", *_LISTED) else results[0]


def _serverless_complaint(status: int, message: str) -> Reply:
    return answered(_failed(status, message), status, _SERVED_BY)


def _model_and_task(path: str) -> tuple[str | None, str | None]:
    """The two parts of /models/{id}[/pipeline/{task}]."""
    if not path.startswith("/models/"):
        return None, None
    name, pipeline, task = path.removeprefix("/models/").partition("/pipeline/")
    return name or None, task if pipeline else None


def _container_name(question: Question) -> str | None:
    return next(iter(question.models)) if question.path in ("", "/", "/predict") else None


def _container_answer(question: Question) -> Reply:
    if question.path not in ("", "/", "/predict", "/health"):
        return Reply(status=404, body=b"Not Found", media_type="text/plain; charset=utf-8")
    if question.request.method in ("GET", "HEAD") and question.path != "/predict":
        return Reply(body=b"Ok", media_type="text/plain; charset=utf-8")
    if question.request.method != "POST" or question.path == "/health":
        return Reply(status=405, body=b"Method Not Allowed", media_type="text/plain; charset=utf-8")
    (model,) = question.models.values()
    try:
        _check_content_type(model, question.request)
        batch = asked(model, question.request)
        results = run(model, batch, question.draw)
    except Invalid as error:  # whatever goes wrong in there is a 400
        return answered({"error": str(error)}, 400)
    return answered(_container_shape(model, batch, results))


def _check_content_type(model: Model, request: Request) -> None:
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if model.task in FILES and request.body and not said_to_be_json(request) and said not in _FILE_TYPES:
        raise Invalid(
            f'Content type "{said}" not supported. Supported content types are: {", ".join(_FILE_TYPES)}'
        )


def _container_shape(model: Model, batch: Batch, results: list[Json]) -> Json:
    match model.task:
        case "text-classification" if "top_k" not in batch.parameters:
            # Without `top_k` a transformers pipeline gives the best label only, and no inner list.
            return [_first(result) for result in results]
        case task if task in _LISTED:
            return results
        case "zero-shot-classification":
            old = [_ranked(str(text), result) for text, result in zip(batch.items, results, strict=True)]
            return list(old) if batch.many else old[0]
        case _:
            return results if batch.many else results[0]


def _first(result: Json) -> Json:
    return result[0] if isinstance(result, list) else result


def _ranked(text: str, result: Json) -> Json:
    """The older form of a zero-shot answer, which the container still gives."""
    pairs = [pair for pair in result if isinstance(pair, dict)] if isinstance(result, list) else []
    return {
        "sequence": text,
        "labels": [pair["label"] for pair in pairs],
        "scores": [pair["score"] for pair in pairs],
    }


def _container_complaint(status: int, message: str) -> Reply:
    return answered(_failed(status, message), status)


HF_INFERENCE = Dialect(
    kind="hf-inference",
    base="/hf-inference",
    tasks=_PIPELINES,
    serves=lambda model: model.hub and model.task in _PIPELINES,
    single=False,
    named=_serverless_name,
    answer=_serverless_answer,
    complain=_serverless_complaint,
)

HF_ENDPOINT = Dialect(
    kind="hf-endpoint",
    base="",
    tasks=_PIPELINES,
    serves=lambda model: model.hub and model.task == "text-classification",
    single=True,
    holds=True,
    named=_container_name,
    answer=_container_answer,
    complain=_container_complaint,
)
