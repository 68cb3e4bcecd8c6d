"""tgi: Hugging Face's Text Generation Inference, one model on a server of its own.

`/info` tells the commit that the Hub named when the server started; null for
a local folder. Generation is `/generate`, one text a request; chat is OpenAI's.
Sources: huggingface/text-generation-inference, router/src/{lib,server,validation}.rs
and router/src/infer/mod.rs.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success, Usage
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Reader, Unfit
from resilient_infer.providers.chat import PATH, read_chat
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.chunks import ChatChunks
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.failure import failed, received, request_id
from resilient_infer.providers.named_commit import maximum, root_of
from resilient_infer.providers.openai import STREAMED
from resilient_infer.providers.parameters import CHAT, GENERATION
from resilient_infer.providers.request import get_request, json_request
from resilient_infer.providers.shape_texts import text_under
from resilient_infer.providers.shapes import WrongShape
from resilient_infer.providers.streamed import AnswerReader, one_text
from resilient_infer.providers.text_servers import counted, only_here, spoken
from resilient_infer.providers.tokens import Tokens

_KNOWN: Final = {
    GENERATION: frozenset(
        {
            *("adapter_id", "decoder_input_details", "details", "do_sample", "frequency_penalty", "grammar"),
            *("max_tokens", "repetition_penalty", "seed", "stop", "temperature", "top_k", "top_n_tokens"),
            *("top_p", "truncate", "typical_p", "watermark"),
        }
    ),
    # It takes presence_penalty too, and makes a repetition penalty of 2 + x of it, which is another thing;
    # logit_bias is read and not used.
    CHAT: frozenset(
        {
            *("frequency_penalty", "guideline", "logprobs", "max_tokens", "response_format", "seed", "stop"),
            *("temperature", "tool_choice", "tool_prompt", "tools", "top_logprobs", "top_p"),
        }
    ),
}
"""Parameters by canonical name. Source: `GenerateParameters` and `ChatRequest` in router/src/lib.rs."""

_OFF: Final[Mapping[str, tuple[float, ...]]] = {
    "frequency_penalty": (0,),
    "min_p": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "top_k": (0, -1),
    "top_p": (1,),
    "typical_p": (1,),
}
"""Values that switch something off elsewhere. TGI refuses some of them: there one leaves it out."""

_FILTERS: Final = ("temperature", "top_k", "top_p", "typical_p")

_ENDINGS: Final[Mapping[str | None, str]] = {"eos_token": "stop", "stop_sequence": "stop"}
"""TGI's words for an end, in everybody's words; "length" is the same."""

_LIMITS: Final = re.compile(
    r"`stop` supports up to"
    r"|`top_n_tokens` must be"
    r"|`truncate` must be strictly positive and less than"
    r"|grammar is not supported"
    r"|modality is not supported"
    r"|template not found",
    re.IGNORECASE,
)
"""Of validation errors (422): what only this server, or its model, cannot do."""

_generated = text_under("generated_text")


class Tgi:
    """The codec of kind "tgi"."""

    kind = "tgi"
    tasks = frozenset({GENERATION, CHAT})
    streams = tasks

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; the manifest may name the server with its /v1 or without."""
        task = attempt.task.name
        root = root_of(attempt.route.endpoint)
        given = attempt.payload.parameters.items()
        on = {name: value for name, value in given if not _is_off(name, value)}
        parameters = spoken("TGI", task, on, _KNOWN[task])
        if task == CHAT:
            messages: list[Json] = [dict(message) for message in attempt.payload.messages]
            chat: dict[str, Json] = {"model": _model(attempt), "messages": messages, **parameters}
            if attempt.stream:
                chat.update(STREAMED)
            return json_request(attempt, f"{root}/v1{PATH}", chat)
        body: dict[str, Json] = {"inputs": _one_text(attempt), "parameters": _generation(attempt, parameters)}
        if attempt.stream:
            _check_streamable(attempt, parameters)
        return json_request(
            attempt, f"{root}/generate_stream" if attempt.stream else f"{root}/generate", body
        )

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means, by the general status table but for this server's own limits."""
        body = received(response, attempt.secret)
        if isinstance(body, Failure):
            return only_here(body, _LIMITS)
        return self.read(attempt, response, body)

    def read(self, attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
        """What the decoded body of a 200 means."""
        read = read_chat if attempt.task.name == CHAT else _read_generation
        outcome = read(attempt, response, body)
        if isinstance(outcome, Failure):
            return outcome
        return replace(outcome, finish_reason=_ENDINGS.get(outcome.finish_reason, outcome.finish_reason))

    def reader(self, attempt: Attempt, head: HttpResponse) -> Reader:
        """A reader of tokens, or of a chat's chunks."""
        return AnswerReader(self, attempt, head, ChatChunks if attempt.task.name == CHAT else Tokens)

    def commit_in_chunk(self, attempt: Attempt, head: HttpResponse, chunk: Json) -> str | None:
        """None: only `/info` tells it."""
        return None

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest:
        """What the server tells of itself and its model."""
        return get_request(endpoint, secret, f"{root_of(endpoint)}/info")

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """`model_sha`; `sha` beside it is the server's own."""
        return commit_in(fields_of(body).get("model_sha"))

    def limits(self, body: Json) -> Limits:
        """`max_client_batch_size` and `max_total_tokens`."""
        told = fields_of(body)
        return Limits(
            inputs=maximum(told.get("max_client_batch_size")), context=maximum(told.get("max_total_tokens"))
        )


def _is_off(name: str, value: Json) -> bool:
    return not isinstance(value, bool) and value in _OFF.get(name, ())


def _model(attempt: Attempt) -> str:
    """The model's name in a chat. Any name but TGI's own chooses a LoRA adapter, and no lock holds one."""
    return attempt.route.name if attempt.revision is None else "tgi"


def _one_text(attempt: Attempt) -> Json:
    inputs = attempt.payload.inputs
    if not isinstance(inputs, list):
        return inputs
    if len(inputs) > 1:
        raise Unfit(f"TGI takes one text in a request, not {len(inputs)}")
    return inputs[0]


def _check_streamable(attempt: Attempt, parameters: Mapping[str, Json]) -> None:
    one_text(attempt)
    if parameters.get("decoder_input_details"):
        raise Unfit("TGI tells no decoder_input_details in a stream")


def _generation(attempt: Attempt, parameters: dict[str, Json]) -> dict[str, Json]:
    if "adapter_id" in parameters and attempt.revision is not None:
        raise Unfit("adapter_id chooses weights beside the locked ones")
    temperature = parameters.get("temperature")
    if temperature == 0 and not isinstance(temperature, bool):
        # Refused; its chat reads it as "the likeliest word", to which no filter makes a difference.
        parameters = {name: value for name, value in parameters.items() if name not in _FILTERS}
        parameters["do_sample"] = False
    if "max_tokens" in parameters:
        parameters["max_new_tokens"] = parameters.pop("max_tokens")
    return {**parameters, "details": True}


def _read_generation(attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
    """The text; TGI never repeats a prompt, so that one which seems to be there was generated."""
    try:
        text = _generated(body, None)
    except WrongShape as error:
        reason = f"the answer is no {GENERATION}: {error}"
        return failed(FailureKind.WRONG_SHAPE, reason, response, attempt.secret)
    item = body[0] if isinstance(body, list) else body
    details = fields_of(fields_of(item).get("details"))
    finish = details.get("finish_reason")
    return Success(
        output=[text] if isinstance(attempt.payload.inputs, list) else text,
        raw=body,
        request_id=request_id(response.headers, attempt.secret),
        usage=_usage(response, details),
        finish_reason=one_line(finish, attempt.secret) or None if isinstance(finish, str) else None,
    )


def _usage(response: HttpResponse, details: Mapping[str, Json]) -> Usage | None:
    """The tokens of the prompt stand in a header, or at a stream's end; those of the text in the body."""
    taken: Json = counted(response.headers, "x-prompt-tokens")
    taken, given = details.get("input_length") if taken is None else taken, details.get("generated_tokens")
    if type(taken) is not int or taken < 0 or type(given) is not int or given < 0:
        return None
    return Usage(input=taken, output=given)
