"""tei: Hugging Face's Text Embeddings Inference, one embedder, classifier or re-ranker a server.

`/info` repeats the text of `--revision`, so only a full commit says anything
there. Scores come best first, embeddings of unit length unless told otherwise.
Sources: huggingface/text-embeddings-inference, router/src/http/{types,server}.rs,
router/src/lib.rs and core/src/{tokenization,infer}.rs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success, Usage
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.failure import failed, received
from resilient_infer.providers.hf_body import read_hf
from resilient_infer.providers.named_commit import maximum, root_of
from resilient_infer.providers.parameters import FEATURES
from resilient_infer.providers.request import get_request, json_request
from resilient_infer.providers.text_servers import counted, only_here, spoken

_CLASSIFICATION: Final = "text-classification"
_SIMILARITY: Final = "sentence-similarity"
_RANKING: Final = "text-ranking"
_CUT: Final = frozenset({"truncate", "truncation_direction"})

_LIMITS: Final = re.compile(
    r"model is not an? (?:embedding|classifier|re-ranker|sequence classification) model"
    r"|is not available for \w+ models",
    re.IGNORECASE,
)
"""Of inference errors (424): what the model of this server is not made for."""

Parameters = dict[str, Json]


class _Speech(NamedTuple):
    """How one task is put: the path, the parameters it has, and the body."""

    path: str
    known: frozenset[str]
    write: Callable[[Json, Parameters], Mapping[str, Json]]


class Tei:
    """The codec of kind "tei"."""

    kind = "tei"
    tasks = frozenset({FEATURES, _CLASSIFICATION, _SIMILARITY, _RANKING})

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; the manifest may name the server with its /v1 or without."""
        task = attempt.task.name
        speech = _SPEECHES[task]
        _check_size(attempt)
        parameters = spoken("TEI", task, attempt.payload.parameters, speech.known)
        direction = parameters.get("truncation_direction")
        if isinstance(direction, str):  # older versions know it with its capital only
            parameters["truncation_direction"] = direction.capitalize()
        body = speech.write(attempt.payload.inputs, parameters)
        return json_request(attempt, root_of(attempt.route.endpoint) + speech.path, body)

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means, by the general status table but for this server's own limits."""
        body = received(response, attempt.secret)
        if isinstance(body, Failure):
            return only_here(body, _LIMITS)
        outcome = read_hf(attempt, response, body)
        if isinstance(outcome, Failure):
            return outcome
        if attempt.task.name == FEATURES and not _has_dimensions(attempt, outcome.output):
            reason = "the embeddings have not the dimensions asked for: this version knows of none"
            return failed(FailureKind.UNSUPPORTED, reason, response, attempt.secret)
        taken = counted(response.headers, "x-compute-tokens")
        return replace(
            outcome,
            output=_best(attempt, outcome),
            usage=None if taken is None else Usage(input=taken, output=0),
        )

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest:
        """What the server tells of itself and its model."""
        return get_request(endpoint, secret, f"{root_of(endpoint)}/info")

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """`model_sha`, unless the model is a local folder: `--revision` says nothing of that one."""
        told = fields_of(body)
        if str(told.get("model_id")).startswith(("/", ".")):
            return None
        return commit_in(told.get("model_sha"))

    def limits(self, body: Json) -> Limits:
        """`max_client_batch_size` and `max_input_length`: nothing is generated, so the question is all."""
        told = fields_of(body)
        return Limits(
            inputs=maximum(told.get("max_client_batch_size")), context=maximum(told.get("max_input_length"))
        )


def _embed(inputs: Json, parameters: Parameters) -> Mapping[str, Json]:
    return {"inputs": inputs, **parameters}


def _predict(inputs: Json, parameters: Parameters) -> Mapping[str, Json]:
    """A list of two texts would be one pair of sentences: each text of a list stands in one of its own."""
    function = parameters.pop("function_to_apply", None)
    if function == "none":
        parameters["raw_scores"] = True
    elif function is not None:
        raise Unfit("TEI chooses between softmax and sigmoid by itself; function_to_apply can only be none")
    top_k = parameters.pop("top_k", 1)
    if type(top_k) is not int or top_k < 1:
        raise Unfit("top_k is no whole number above 0")
    if isinstance(inputs, list):
        inputs = [[text] for text in inputs]
    return {"inputs": inputs, **parameters}


def _similarity(inputs: Json, parameters: Parameters) -> Mapping[str, Json]:
    return {"inputs": inputs, "parameters": parameters} if parameters else {"inputs": inputs}


def _rerank(inputs: Json, parameters: Parameters) -> Mapping[str, Json]:
    return {**fields_of(inputs), **parameters}


_SPEECHES: Final[Mapping[str, _Speech]] = {
    FEATURES: _Speech("/embed", _CUT | {"normalize", "prompt_name", "dimensions"}, _embed),
    _CLASSIFICATION: _Speech("/predict", _CUT | {"raw_scores", "top_k", "function_to_apply"}, _predict),
    _SIMILARITY: _Speech("/similarity", _CUT | {"prompt_name"}, _similarity),
    _RANKING: _Speech("/rerank", _CUT | {"raw_scores", "return_text"}, _rerank),
}


def _check_size(attempt: Attempt) -> None:
    """Refuse what the server said is too much for one request, where the texts are not a list of inputs."""
    most = None if attempt.testimony is None else attempt.testimony.limits.inputs
    given = fields_of(attempt.payload.inputs)
    texts, sentences = given.get("texts"), given.get("sentences")
    due = len(texts) if isinstance(texts, list) else 0
    if isinstance(sentences, list):
        due = len(sentences) + 1  # it counts the sentence that they are compared with
    if most is not None and due > most:
        raise Unfit(f"{due} texts, where the server takes {most} in one request")


def _has_dimensions(attempt: Attempt, output: Json) -> bool:
    """Whether the vectors are as long as was asked for: older versions ignore it."""
    due = attempt.payload.parameters.get("dimensions")
    if due is None or not isinstance(output, list):
        return True
    first = output[0] if isinstance(attempt.payload.inputs, list) else output
    return isinstance(first, list) and len(first) == due


def _best(attempt: Attempt, success: Success) -> Json:
    """The output, cut to the `top_k` labels: TEI sends them all, best first."""
    most = attempt.payload.parameters.get("top_k")
    if type(most) is not int or not isinstance(success.output, list):
        return success.output
    if isinstance(attempt.payload.inputs, list):
        return [labels[:most] if isinstance(labels, list) else labels for labels in success.output]
    return success.output[:most]
