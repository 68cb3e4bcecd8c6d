"""hf-inference: Hugging Face's own hosted models, `https://router.huggingface.co/hf-inference`.

The pin is declared at the most: no part of the service accepts a commit.
"""

from collections.abc import Mapping
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, Outcome
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.failure import received
from resilient_infer.providers.hf_body import TASKS, hf_parameters, hf_request, read_hf
from resilient_infer.providers.known import KNOWN, meant
from resilient_infer.providers.parameters import FEATURES, GENERATION
from resilient_infer.providers.request import in_path, json_request

_SIMILARITY: Final = "sentence-similarity"

_OPEN: Final = frozenset({GENERATION, "summarization", "translation"})
"""Tasks whose pipelines take any keyword of a generation, so that their list has no end."""

_DOCUMENTED: Final[Mapping[str, frozenset[str]]] = {
    **{task: KNOWN[task] for task in TASKS - _OPEN},
    FEATURES: KNOWN[FEATURES] - {"dimensions"},
    _SIMILARITY: frozenset(),
}
"""All that the service documents; it says nothing of a parameter that it does not know, so we do.
Source: the task specifications in huggingface.js, packages/tasks/src/tasks."""

_WITH_PIPELINE: Final = frozenset({FEATURES, _SIMILARITY})
"""Tasks that are named in the path: a model of sentence-transformers serves both."""


class HfInference:
    """The codec of kind "hf-inference"."""

    kind = "hf-inference"
    tasks = TASKS

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; feature extraction has its parameters at the root."""
        task = attempt.task.name
        parameters = hf_parameters(attempt)
        _check_documented(attempt)
        url = f"{attempt.route.endpoint.url}/models/{in_path(attempt.route.name)}"
        if task in _WITH_PIPELINE:
            url = f"{url}/pipeline/{task}"
        if task == FEATURES:
            return json_request(attempt, url, {"inputs": attempt.payload.inputs, **parameters})
        return hf_request(attempt, url, parameters)

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means, by the general status table."""
        body = received(response, attempt.secret)
        return body if isinstance(body, Failure) else read_hf(attempt, response, body)


def _check_documented(attempt: Attempt) -> None:
    task = attempt.task.name
    if task in _OPEN:
        return
    documented = _DOCUMENTED[task]
    unknown = attempt.payload.parameters.keys() - documented
    if unknown:
        told = ", ".join(meant(name, documented) for name in sorted(unknown))
        raise Unfit(f"hf-inference documents no {told} for {task}")
