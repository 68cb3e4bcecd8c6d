"""hf-inference: Hugging Face's own hosted models, `https://router.huggingface.co/hf-inference`.

The pin is declared at the most: no part of the service accepts a commit.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, Outcome, Success
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Reader, Unfit
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.failure import received, request_id
from resilient_infer.providers.hf_body import TASKS, hf_body, hf_parameters, hf_request, read_hf
from resilient_infer.providers.known import KNOWN, meant
from resilient_infer.providers.parameters import FEATURES, GENERATION
from resilient_infer.providers.request import in_path, json_request
from resilient_infer.providers.streamed import AnswerReader, one_text
from resilient_infer.providers.tokens import Tokens

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
    streams = frozenset({GENERATION})

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
        if attempt.stream:
            one_text(attempt)
            return json_request(attempt, url, {**hf_body(attempt, parameters), "stream": True})
        return hf_request(attempt, url, parameters)

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means, by the general status table."""
        body = received(response, attempt.secret)
        return body if isinstance(body, Failure) else read_hf(attempt, response, body)

    def reader(self, attempt: Attempt, head: HttpResponse) -> Reader:
        """A reader of tokens."""
        return AnswerReader(self, attempt, head, partial(Tokens, str(attempt.payload.inputs)))

    def read(self, attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
        """What a stream came to; a prompt that was repeated is taken off already."""
        text = fields_of(body).get("generated_text")
        return Success(output=text, raw=body, request_id=request_id(response.headers, attempt.secret))

    def commit_in_chunk(self, attempt: Attempt, head: HttpResponse, chunk: Json) -> str | None:
        """None: the service tells no commit."""
        return None


def _check_documented(attempt: Attempt) -> None:
    task = attempt.task.name
    if task in _OPEN:
        return
    documented = _DOCUMENTED[task]
    unknown = attempt.payload.parameters.keys() - documented
    if unknown:
        told = ", ".join(meant(name, documented) for name in sorted(unknown))
        raise Unfit(f"hf-inference documents no {told} for {task}")
