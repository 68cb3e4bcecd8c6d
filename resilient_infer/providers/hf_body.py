"""HF body: the payload in the spelling of Hugging Face's servers, and the reading of their answers.

Shared by the hosted service (`hf-inference`) and the container of Inference
Endpoints (`hf-endpoint`): they differ in path and statuses, not in bodies.
"""

from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import FailureKind, Outcome, Success
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.failure import failed, request_id
from resilient_infer.providers.known import OPENAI
from resilient_infer.providers.parameters import GENERATION
from resilient_infer.providers.request import Headers, json_bytes, json_request, raw_request
from resilient_infer.providers.shapes import WrongShape, read_output

TASKS: Final = frozenset(
    {
        "text-classification",
        "zero-shot-classification",
        "token-classification",
        "question-answering",
        "fill-mask",
        "feature-extraction",
        "sentence-similarity",
        "summarization",
        "translation",
        "text-generation",
        "image-classification",
        "object-detection",
        "image-to-text",
        "audio-classification",
        "automatic-speech-recognition",
    }
)

_COMMON: Final[Mapping[str, frozenset[str]]] = {
    GENERATION: frozenset({"max_tokens", "temperature", "top_p", "stop", "seed", "frequency_penalty"}),
    "summarization": frozenset({"max_tokens", "temperature", "top_p"}),
    "translation": frozenset({"max_tokens", "temperature", "top_p"}),
    "image-to-text": frozenset({"max_tokens"}),
}
_FOREIGN: Final = {task: OPENAI - _COMMON.get(task, frozenset()) for task in TASKS}
"""OpenAI's parameters that no HF server has for the task. Others may pass: pipelines take any keyword."""

_RENAMED: Final[Mapping[str, str]] = {"max_tokens": "max_new_tokens"}

_CHUNK: Final = 3 * 256 * 1024
"""Bytes of a file that become base64 at a time; a multiple of three, or padding would stand in between."""


def hf_parameters(attempt: Attempt) -> dict[str, Json]:
    """The payload's parameters by HF's names.

    Raises:
        Unfit: Some exist in OpenAI's protocol only.
    """
    given = attempt.payload.parameters
    task = attempt.task.name
    foreign = _FOREIGN[task] & given.keys()
    if foreign:
        raise Unfit(f"Hugging Face's {task} has no {', '.join(sorted(foreign))}")
    parameters = {_RENAMED.get(name, name): value for name, value in given.items()}
    if task == GENERATION:
        parameters["return_full_text"] = False
    return parameters


def hf_request(
    attempt: Attempt, url: str, parameters: dict[str, Json], *, call_headers: Headers = ()
) -> HttpRequest:
    """The request for a text or a file.

    A file is sent as it is, the same bytes under its own content type; only where there are
    parameters, which have no other place, it becomes base64 in JSON and a third larger.
    """
    payload = attempt.payload
    if payload.file is None:
        return json_request(attempt, url, hf_body(attempt, parameters), call_headers=call_headers)
    if not parameters:
        return raw_request(attempt, url, payload.file, payload.content_type, call_headers=call_headers)
    return raw_request(attempt, url, _file_in_json(payload.file, parameters), call_headers=call_headers)


def hf_body(attempt: Attempt, parameters: dict[str, Json]) -> dict[str, Json]:
    """`{"inputs", "parameters"}`, the second only where there are any."""
    body = {"inputs": attempt.payload.inputs}
    if parameters:
        body["parameters"] = parameters
    return body


def read_hf(attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
    """What the decoded body of a 200 means."""
    try:
        output = read_output(attempt.task.name, body, attempt.payload)
    except WrongShape as error:
        reason = f"the answer is no {attempt.task.name}: {error}"
        return failed(FailureKind.WRONG_SHAPE, reason, response, attempt.secret)
    return Success(output=output, raw=body, request_id=request_id(response.headers, attempt.secret))


def _file_in_json(file: bytes, parameters: Mapping[str, Json]) -> bytes:
    """`{"inputs": base64, "parameters"}`, written in parts: the large text exists once, not three times."""
    body, view = BytesIO(), memoryview(file)
    body.write(b'{"inputs":"')
    for start in range(0, len(view), _CHUNK):
        body.write(b64encode(view[start : start + _CHUNK]))
    body.write(b'","parameters":')
    body.write(json_bytes(parameters))
    body.write(b"}")
    return body.getvalue()
