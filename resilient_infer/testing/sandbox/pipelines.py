"""Pipelines: the `inputs` and `parameters` of Hugging Face's tasks, checked and answered.

Results come one per input; how they are nested is the server's affair.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.checked import Invalid, Parameters
from resilient_infer.testing.sandbox.file_tasks import FILES
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.text_tasks import GROUPS, TEXTS
from resilient_infer.testing.sandbox.wire import Request

Item = str | bytes | Mapping[str, Json]
"""One input: a text, a file, or a few texts that belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is asked. `many`: the inputs were a list, so the results are one, too."""

    items: tuple[Item, ...] = field(repr=False)
    many: bool
    parameters: Parameters


def asked(model: Model, request: Request, *, streams: bool = False) -> Batch:
    """Read a request: a file as it is, or JSON. `streams`: one that asks for a stream gets it.

    Raises:
        Invalid: It has no inputs, or inputs or parameters of the wrong type.
    """
    if model.task in FILES and request.body and not said_to_be_json(request):
        return Batch(items=(request.body,), many=False, parameters={})
    content = request.content
    if not isinstance(content, dict) or "inputs" not in content:
        raise Invalid("Body needs to provide a inputs key")
    if content.get("stream") and not streams:
        raise Invalid(f"{model.name} does not stream here", parameter=True)
    parameters = _parameters(content)
    inputs = content["inputs"]
    if model.task in FILES:
        return Batch(items=(_file(inputs),), many=False, parameters=parameters)
    if model.task in GROUPS:
        return Batch(items=(_group(model, inputs),), many=False, parameters=parameters)
    return Batch(items=_texts(model, inputs), many=isinstance(inputs, list), parameters=parameters)


def run(model: Model, batch: Batch, draw: int) -> list[Json]:
    """One result per input.

    Raises:
        Invalid: A parameter is missing, has the wrong type or is out of range; or a file cannot be read.
    """
    return [_result(model, item, batch.parameters, draw) for item in batch.items]


def said_to_be_json(request: Request) -> bool:
    """Does the request call its body JSON?"""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _result(model: Model, item: Item, parameters: Parameters, draw: int) -> Json:
    if isinstance(item, bytes) and model.task in FILES:
        return FILES[model.task](model, item, parameters)
    if isinstance(item, str) and model.task in TEXTS:
        return TEXTS[model.task](model, item, parameters, draw)
    if isinstance(item, Mapping) and model.task in GROUPS:
        return GROUPS[model.task](model, item, parameters, draw)
    raise Invalid(f"{model.name} cannot be asked this way, its task is {model.task}")


def _parameters(content: Mapping[str, Json]) -> Parameters:
    parameters = content.get("parameters")
    if parameters is None:
        # Embeddings take their parameters beside the inputs; a list of nothing else is harmless.
        parameters = {key: value for key, value in content.items() if key != "inputs"}
    if not isinstance(parameters, dict):
        raise Invalid("value is not a valid dict: `parameters`", parameter=True)
    # A null stands for the default, except in top_k, where it means all labels.
    return {key: value for key, value in parameters.items() if value is not None or key == "top_k"}


def _texts(model: Model, inputs: Json) -> tuple[str, ...]:
    texts = inputs if isinstance(inputs, list) else [inputs]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Invalid(f"{model.task} takes a text or a list of texts as `inputs`")
    return tuple(str(text) for text in texts)


def _group(model: Model, inputs: Json) -> Mapping[str, Json]:
    if not isinstance(inputs, dict):
        raise Invalid(f"{model.task} takes a mapping as `inputs`")
    return inputs


def _file(inputs: Json) -> bytes:
    """A file in base64, also as a data URL."""
    if not isinstance(inputs, str):
        raise Invalid("a file belongs into `inputs` as base64")
    try:
        return base64.b64decode(inputs.partition(";base64,")[2] or inputs, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"Incorrect padding or no base64: {error}") from error
