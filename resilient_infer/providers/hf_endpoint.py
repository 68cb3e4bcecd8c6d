"""hf-endpoint: the default container of Inference Endpoints, one model on a server of its own.

It answers 400 to any fault, be it the request's or the machine's, and its
proxy answers 503 while the endpoint scales up from zero. The container does
not know its commit; the API through which endpoints are managed does.
Sources: huggingface-inference-toolkit (handler.py, webservice_starlette.py,
serialization/base.py); huggingface_hub, `InferenceEndpointStatus`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import UNSAID, Limits
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.failure import failed, received
from resilient_infer.providers.hf_body import TASKS, hf_parameters, hf_request, read_hf
from resilient_infer.providers.request import get_request

_ENTITIES: Final = "token-classification"

_UNHEARD: Final[Mapping[str, frozenset[str]]] = {
    _ENTITIES: frozenset({"stride"}),
    "translation": frozenset({"truncation", "generate_parameters"}),
}
"""Parameters that the container takes out, with a line in its own log and none in the answer."""

_UNREAD: Final = frozenset({"application/octet-stream", "image/avif", "image/heic", "image/heif"})
"""Content types that we send and the container does not know."""


class HfEndpoint:
    """The codec of kind "hf-endpoint"."""

    kind = "hf-endpoint"
    tasks = TASKS

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; while the endpoint scales up the proxy is to hold it as long as we would wait."""
        parameters = hf_parameters(attempt)
        _check_heard(attempt, parameters)
        if attempt.task.name == "text-classification":
            # Without it the pipeline gives the best label only, and every other server gives all.
            parameters.setdefault("top_k", None)
        held = str(max(1, int(attempt.timeout)))
        return hf_request(
            attempt,
            f"{attempt.route.endpoint.url}/",
            parameters,
            call_headers=(("X-Scale-Up-Timeout", held),),
        )

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means; 400 and 503 are read in the container's own way."""
        body = received(response, attempt.secret)
        if not isinstance(body, Failure):
            return _read(attempt, response, body)
        if response.status == 400:
            return replace(body, kind=FailureKind.CONTAINER_FAULT)
        if response.status == 503:
            return replace(body, kind=FailureKind.LOADING)
        return body

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest | None:
        """The question to the API that manages endpoints, if the manifest says which endpoint it is."""
        if not endpoint.identity_url:
            return None
        return get_request(endpoint, secret, endpoint.identity_url)

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """`model.revision`, while every replica runs it and the container is none of somebody's own.

        The API tells what is wanted: while an update is under way the old replicas may still answer,
        so only "running" counts, with as many replicas ready as are wanted. An image of one's own
        ("custom") may serve anything. The repository is not compared: a commit's name belongs to
        one history of files, so that of another repository differs by itself, and that of a copy or
        of a renamed one is the same files.
        """
        told = fields_of(body)
        model, status = fields_of(told.get("model")), fields_of(told.get("status"))
        if status.get("state") != "running" or "custom" in fields_of(model.get("image")):
            return None
        ready, wanted = status.get("readyReplica"), status.get("targetReplica")
        if type(ready) is not int or type(wanted) is not int or ready != wanted or wanted < 1:
            return None
        return commit_in(model.get("revision"))

    def limits(self, body: Json) -> Limits:
        """None: the API knows machines, and no inputs."""
        return UNSAID


def _check_heard(attempt: Attempt, parameters: Mapping[str, Json]) -> None:
    task, payload = attempt.task.name, attempt.payload
    unheard = sorted(_UNHEARD.get(task, frozenset()) & parameters.keys())
    if unheard:
        raise Unfit(f"the container of Inference Endpoints leaves out {', '.join(unheard)} of {task}")
    if payload.file is not None and not parameters and payload.content_type in _UNREAD:
        raise Unfit(f"the container of Inference Endpoints reads no {payload.content_type}")


def _read(attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
    outcome = read_hf(attempt, response, body)
    if isinstance(outcome, Failure) or not _is_split(attempt, outcome.output):
        return outcome
    reason = "the container left out aggregation_strategy: the entities are single tokens"
    return failed(FailureKind.UNSUPPORTED, reason, response, attempt.secret)


def _is_split(attempt: Attempt, output: Json) -> bool:
    """Whether groups of tokens were asked for, and single ones came: some versions leave it out."""
    if attempt.task.name != _ENTITIES or not isinstance(output, list):
        return False
    if attempt.payload.parameters.get("aggregation_strategy") in (None, "none"):
        return False
    results = output if isinstance(attempt.payload.inputs, list) else [output]
    return any(
        "entity" in fields_of(entity) for result in results if isinstance(result, list) for entity in result
    )
