"""hf-endpoint: the default container of Inference Endpoints, one model on a server of its own.

Source: huggingface-inference-toolkit. It answers 400 to any fault, be it the
request's or the machine's, and its proxy answers 503 while the endpoint
scales up from zero.
"""

from dataclasses import replace

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.providers.failure import received
from resilient_infer.providers.hf_body import TASKS, hf_body, hf_parameters, read_hf
from resilient_infer.providers.request import json_request


class HfEndpoint:
    """The codec of kind "hf-endpoint"."""

    kind = "hf-endpoint"
    tasks = TASKS

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; while the endpoint scales up the proxy is to hold it as long as we would wait."""
        held = str(max(1, int(attempt.timeout)))
        return json_request(
            attempt,
            f"{attempt.route.endpoint.url}/",
            hf_body(attempt, hf_parameters(attempt)),
            call_headers=(("X-Scale-Up-Timeout", held),),
        )

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means; 400 and 503 are read in the container's own way."""
        body = received(response, attempt.secret)
        if not isinstance(body, Failure):
            return read_hf(attempt, response, body)
        if response.status == 400:
            return replace(body, kind=FailureKind.CONTAINER_FAULT)
        if response.status == 503:
            return replace(body, kind=FailureKind.LOADING)
        return body
