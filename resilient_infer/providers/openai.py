"""openai: the protocol that OpenAI, Groq, Together, Ollama and many others speak.

The pin is what the served name proves: nothing in the protocol names a commit.
Servers that tell more are kinds of their own, each a dozen lines over this one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.task import Json
from resilient_infer.providers import chat, completions, embeddings
from resilient_infer.providers.base import Reader, Unfit
from resilient_infer.providers.chunks import ChatChunks, CompletionChunks
from resilient_infer.providers.failure import received
from resilient_infer.providers.parameters import CHAT, FEATURES, GENERATION
from resilient_infer.providers.request import json_request
from resilient_infer.providers.streamed import AnswerReader, one_text


class _Speech(NamedTuple):
    """How one task is put and answered: the path, the body but for the model's name, and its reading."""

    path: str
    write: Callable[[Attempt], dict[str, Json]]
    read: Callable[[Attempt, HttpResponse, Json], Outcome]


_SPEECHES: Final[Mapping[str, _Speech]] = {
    CHAT: _Speech(chat.PATH, chat.write_chat, chat.read_chat),
    GENERATION: _Speech(completions.PATH, completions.write_completions, completions.read_completions),
    FEATURES: _Speech(embeddings.PATH, embeddings.write_embeddings, embeddings.read_embeddings),
}

STREAMED: Final[Mapping[str, Json]] = {"stream": True, "stream_options": {"include_usage": True}}
"""What asks for a stream, and for the tokens it took in its last chunk."""

_CANNOT: Final = re.compile(
    r"model does not support (?:chat completions|completions|embeddings) api"  # vLLM
    r"|does not appear to be an embedding model"  # SGLang
    r"|does not support (?:matryoshka representation|specifying dimensions)"  # vLLM; OpenAI
    r"|dimensions is (?:currently )?not supported"  # vLLM before 0.8
    r"|base64 encoding is not (?:currently )?supported"  # vLLM of 2024
    r"|\bencoding_format\b",  # strict gateways; `encoding_format: float` as a parameter helps
    re.IGNORECASE,
)
"""What a server says with status 400 of a request that is good, only not for it."""


class OpenAI:
    """The codec of kind "openai", and what the kinds that speak its protocol start from.

    Attributes:
        defaults: What is sent for a task unless the payload says otherwise.
        streamed: What asks for a stream.
    """

    kind = "openai"
    tasks: frozenset[str] = frozenset(_SPEECHES)
    streams: frozenset[str] = frozenset({CHAT, GENERATION})
    defaults: ClassVar[Mapping[str, Mapping[str, Json]]] = {FEATURES: {"encoding_format": "base64"}}
    streamed: ClassVar[Mapping[str, Json]] = STREAMED

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request, with the call's id as its idempotency key (no provider promises to honour it)."""
        task = attempt.task.name
        speech = _SPEECHES[task]
        body = {"model": self.model(attempt), **self.defaults.get(task, {}), **speech.write(attempt)}
        if attempt.stream:
            _check_streamable(attempt)
            body.update(self.streamed)
        return json_request(
            attempt,
            attempt.route.endpoint.url + speech.path,
            body,
            call_headers=(("Idempotency-Key", attempt.call_id),),
        )

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means, and what it says of who gave it."""
        body = received(response, attempt.secret)
        if isinstance(body, Failure):
            return self.refused(body)
        return self.read(attempt, response, body)

    def read(self, attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
        """What the decoded body of a 200 means."""
        outcome = _SPEECHES[attempt.task.name].read(attempt, response, body)
        return outcome if isinstance(outcome, Failure) else self.attributed(attempt, response, outcome)

    def reader(self, attempt: Attempt, head: HttpResponse) -> Reader:
        """A reader of chunks."""
        whole = ChatChunks if attempt.task.name == CHAT else CompletionChunks
        return AnswerReader(self, attempt, head, whole)

    def commit_in_chunk(self, attempt: Attempt, head: HttpResponse, chunk: Json) -> str | None:
        """The commit that a chunk tells, by the rules of whole answers."""
        return self.attributed(attempt, head, Success(output=None, raw=chunk)).commit

    def model(self, attempt: Attempt) -> str:
        """The model's name on the wire."""
        return attempt.route.name

    def refused(self, failure: Failure) -> Failure:
        """A failure by the general table, read once more: good requests that this server cannot serve."""
        if failure.kind is FailureKind.BAD_REQUEST and _CANNOT.search(failure.reason):
            return replace(failure, kind=FailureKind.UNSUPPORTED)
        return failure

    def attributed(self, attempt: Attempt, response: HttpResponse, success: Success) -> Success:
        """The success with what the answer says of the commit or of who answered; here, nothing."""
        return success


def _check_streamable(attempt: Attempt) -> None:
    one_text(attempt)
    if attempt.payload.parameters.get("echo"):
        raise Unfit("echo repeats the prompt, which is no part of a streamed answer; leave it out")
