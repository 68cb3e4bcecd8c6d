"""Pipelines: the `inputs` and `parameters` of Hugging Face's tasks, checked and answered.

Results come one per input; how they are nested is the server's affair.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import (
    cut_at,
    likeness,
    mood_of,
    sigmoid,
    softmax,
    text_from,
    tokens_of,
    vector_of,
)
from resilient_infer.testing.sandbox.dialect import number, whole_number
from resilient_infer.testing.sandbox.models import Model

_DEFAULT_TOKENS = 20
"""`max_new_tokens` of a text-generation pipeline that is not told any (transformers, GenerationConfig)."""


class Invalid(Exception):
    """The request is no question to this model; `parameter`: because of one of its parameters."""

    def __init__(self, message: str, *, parameter: bool = False) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is asked. `many`: the inputs were a list, so the results are one, too."""

    texts: tuple[str, ...]
    many: bool
    parameters: Mapping[str, Json]


def asked(model: Model, content: Json) -> Batch:
    """Read the body of a request.

    Raises:
        Invalid: It has no inputs, or inputs or parameters of the wrong type.
    """
    if not isinstance(content, dict) or "inputs" not in content:
        raise Invalid("Body needs to provide a inputs key")
    inputs = content["inputs"]
    parameters = content.get("parameters")
    if parameters is None:
        # Embeddings take their parameters beside the inputs; a list of nothing else is harmless.
        parameters = {key: value for key, value in content.items() if key != "inputs"}
    if not isinstance(parameters, dict):
        raise Invalid("value is not a valid dict: `parameters`", parameter=True)
    if content.get("stream"):
        raise Invalid(f"{model.name} does not stream here", parameter=True)
    # A null stands for the default, except in top_k, where it means all labels.
    given = {key: value for key, value in parameters.items() if value is not None or key == "top_k"}
    many = isinstance(inputs, list)
    texts = inputs if isinstance(inputs, list) else [inputs]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Invalid(f"{model.task} takes a text or a list of texts as `inputs`")
    return Batch(texts=tuple(str(text) for text in texts), many=many, parameters=given)


def run(model: Model, batch: Batch, draw: int) -> list[Json]:
    """One result per input.

    Raises:
        Invalid: A parameter is missing, has the wrong type or is out of range.
    """
    match model.task:
        case "text-classification":
            return [_classified(model, text, batch.parameters) for text in batch.texts]
        case "zero-shot-classification":
            return [_zero_shot(model, text, batch.parameters) for text in batch.texts]
        case "feature-extraction":
            return [list(vector_of(model, text)) for text in batch.texts]
        case "text-generation":
            return [_generated(model, text, batch.parameters, draw) for text in batch.texts]
    raise Invalid(f"{model.name} cannot be asked this way, its task is {model.task}")


def _classified(model: Model, text: str, parameters: Mapping[str, Json]) -> Json:
    logits = mood_of(model, text)
    match parameters.get("function_to_apply", "softmax"):
        case "softmax":
            scores = softmax(logits)
        case "sigmoid":
            scores = sigmoid(logits)
        case "none":
            scores = logits
        case _:
            raise Invalid("unexpected value: `function_to_apply` in `parameters`", parameter=True)
    top_k = parameters.get("top_k")
    if top_k is None:
        return _best_first(model.labels, scores)
    return _best_first(model.labels, scores)[: _at_least(1, "top_k", top_k)]


def _zero_shot(model: Model, text: str, parameters: Mapping[str, Json]) -> Json:
    labels = parameters.get("candidate_labels")
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",")]
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise Invalid("field required: `candidate_labels` in `parameters`", parameter=True)
    template = parameters.get("hypothesis_template", "This example is {}.")
    if not isinstance(template, str) or "{}" not in template:
        raise Invalid("no place for a label: `hypothesis_template` in `parameters`", parameter=True)
    names = tuple(str(label) for label in labels)
    logits = likeness(model, text, names)
    scores = sigmoid(logits) if parameters.get("multi_label") is True else softmax(logits)
    return _best_first(names, scores)


def _generated(model: Model, text: str, parameters: Mapping[str, Json], draw: int) -> Json:
    limit = _at_least(1, "max_new_tokens", parameters.get("max_new_tokens", _DEFAULT_TOKENS))
    if model.context is not None and len(tokens_of(text)) + limit > model.context:
        raise Invalid(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= "
            f"{model.context}. Given: {len(tokens_of(text))} `inputs` tokens and {limit} `max_new_tokens`",
            parameter=True,
        )
    temperature = parameters.get("temperature", 0.0)
    if not isinstance(temperature, (int, float)) or not number(temperature) or temperature < 0:
        raise Invalid("`temperature` must be a number of at least 0", parameter=True)
    made = text_from(model, text, limit=limit, temperature=temperature, draw=draw).text
    stops = parameters.get("stop", parameters.get("stop_sequences", []))
    made = cut_at(made, stops if isinstance(stops, list) else [stops])
    return [{"generated_text": made if parameters.get("return_full_text") is False else text + made}]


def _best_first(labels: tuple[str, ...], scores: list[float]) -> list[Json]:
    pairs = sorted(zip(labels, scores, strict=True), key=lambda pair: -pair[1])
    return [{"label": label, "score": score} for label, score in pairs]


def _at_least(least: int, name: str, value: Json) -> int:
    if not isinstance(value, int) or not whole_number(value) or value < least:
        raise Invalid(f"ensure this value is greater than or equal to {least}: `{name}`", parameter=True)
    return value
