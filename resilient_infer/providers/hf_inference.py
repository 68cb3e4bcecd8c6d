"""hf-inference: Hugging Face's own hosted models, `https://router.huggingface.co/hf-inference`.

The pin is declared at the most: no part of the service accepts a commit.
"""

from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, Outcome
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.failure import received
from resilient_infer.providers.hf_body import TASKS, hf_body, hf_parameters, read_hf
from resilient_infer.providers.parameters import FEATURES, GENERATION, meant
from resilient_infer.providers.request import in_path, json_request

_KNOWN: Final = {
    "text-classification": frozenset({"top_k", "function_to_apply"}),
    "zero-shot-classification": frozenset({"candidate_labels", "multi_label", "hypothesis_template"}),
    FEATURES: frozenset({"normalize", "truncate", "truncation_direction", "prompt_name"}),
}
"""All that the service documents; it says nothing of a parameter that it does not know, so we do.
Source: the task specifications in huggingface.js, packages/tasks/src/tasks."""


class HfInference:
    """The codec of kind "hf-inference"."""

    kind = "hf-inference"
    tasks = TASKS

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; feature extraction has a path of its own and its parameters at the root."""
        task = attempt.task.name
        parameters = hf_parameters(attempt)
        unknown = parameters.keys() - _KNOWN[task] if task != GENERATION else ()
        if unknown:
            told = ", ".join(meant(name, _KNOWN[task]) for name in sorted(unknown))
            raise Unfit(f"hf-inference documents no {told} for {task}")
        url = f"{attempt.route.endpoint.url}/models/{in_path(attempt.route.name)}"
        if task != FEATURES:
            return json_request(attempt, url, hf_body(attempt, parameters))
        body = {"inputs": attempt.payload.inputs, **parameters}
        return json_request(attempt, f"{url}/pipeline/{FEATURES}", body)

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means, by the general status table."""
        body = received(response, attempt.secret)
        return body if isinstance(body, Failure) else read_hf(attempt, response, body)
