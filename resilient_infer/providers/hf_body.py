"""HF body: the payload in the spelling of Hugging Face's servers, and the reading of their answers.

Shared by the hosted service (`hf-inference`) and the container of Inference
Endpoints (`hf-endpoint`): they differ in path and statuses, not in bodies.
"""

from collections.abc import Mapping
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import FailureKind, Outcome, Success
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.failure import failed, request_id
from resilient_infer.providers.parameters import GENERATION, OPENAI
from resilient_infer.providers.shapes import WrongShape, read_output

TASKS: Final = frozenset(
    {"text-classification", "zero-shot-classification", "text-generation", "feature-extraction"}
)

_SAMPLING: Final = frozenset({"max_tokens", "temperature", "top_p", "stop", "seed", "frequency_penalty"})
_FOREIGN: Final = {task: OPENAI - (_SAMPLING if task == GENERATION else frozenset()) for task in TASKS}
"""OpenAI's parameters that no HF server has for the task. Others may pass: pipelines take any keyword."""

_RENAMED: Final[Mapping[str, str]] = {"max_tokens": "max_new_tokens"}


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
