"""openai: chat completions, as OpenAI, Groq, Together, vLLM, SGLang, Ollama and many others speak them.

The pin is what the served name proves: nothing in the protocol names a commit.
"""

from collections.abc import Mapping
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success, Usage
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.failure import failed, received, request_id
from resilient_infer.providers.parameters import CHAT
from resilient_infer.providers.request import json_request

_FOREIGN: Final = frozenset(
    {
        "adapter_id",
        "decoder_input_details",
        "details",
        "do_sample",
        "grammar",
        "max_length",
        "top_n_tokens",
        "truncate",
        "typical_p",
        "watermark",
    }
)
"""TGI's and transformers' parameters that no chat completion has. Extensions such as top_k may pass."""

_OPENAI_ITSELF: Final = "https://api.openai.com/"
_SPOKEN: Final = ("content", "tool_calls", "function_call", "refusal")


class OpenAI:
    """The codec of kind "openai"."""

    kind = "openai"
    tasks = frozenset({CHAT})

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request, with the call's id as its idempotency key (no provider promises to honour it)."""
        given = attempt.payload.parameters
        foreign = _FOREIGN & given.keys()
        if foreign:
            raise Unfit(f"chat completions have no {', '.join(sorted(foreign))}")
        url = attempt.route.endpoint.url
        body: dict[str, Json] = {
            "model": attempt.route.name,
            "messages": [dict(message) for message in attempt.payload.messages],
            **given,
        }
        # OpenAI's reasoning models refuse the old name, and most other servers do not know the new one.
        if "max_tokens" in body and url.startswith(_OPENAI_ITSELF):
            body["max_completion_tokens"] = body.pop("max_tokens")
        return json_request(
            attempt,
            f"{url}/chat/completions",
            body,
            call_headers=(("Idempotency-Key", attempt.call_id),),
        )

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means; without a finish_reason it is not whole, whatever it holds."""
        body = received(response, attempt.secret)
        if isinstance(body, Failure):
            return body
        choice = _first_choice(body)
        message = choice.get("message")
        if not isinstance(message, dict) or not any(key in message for key in _SPOKEN):
            reason = "the answer is no chat completion: it has no choice with a message"
            return failed(FailureKind.WRONG_SHAPE, reason, response, attempt.secret)
        finish = choice.get("finish_reason")
        ending = _ending(finish, message)
        if ending is not None:
            return failed(*ending, response, attempt.secret)
        return _success(attempt, response, body, message, str(finish))


def _first_choice(body: Json) -> dict[str, Json]:
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def _ending(finish: Json, message: Mapping[str, Json]) -> tuple[FailureKind, str] | None:
    """Why a choice is no answer, by its finish_reason, or None if it is one."""
    if not isinstance(finish, str) or not finish:
        return FailureKind.TRUNCATED, "the answer has no finish_reason: the server broke off"
    if finish == "error":  # OpenRouter, when the provider behind it fails
        return FailureKind.SERVER_ERROR, "the server says that the generation failed (finish_reason: error)"
    if finish == "content_filter" and not any(message.get(key) for key in _SPOKEN):
        return FailureKind.CONTENT_FILTER, "the server's content filter held the answer back"
    return None


def _success(
    attempt: Attempt, response: HttpResponse, body: Json, message: dict[str, Json], finish: str
) -> Success:
    fields: Mapping[str, Json] = body if isinstance(body, dict) else {}
    served = fields.get("model")
    return Success(
        output=message if isinstance(message.get("role"), str) else {"role": "assistant", **message},
        raw=body,
        request_id=request_id(response.headers, attempt.secret),
        usage=_usage(fields.get("usage")),
        served_model=one_line(served, attempt.secret) or None if isinstance(served, str) else None,
        finish_reason=one_line(finish, attempt.secret),
    )


def _usage(usage: Json) -> Usage | None:
    """The tokens that the server counted, or None if it counted none: 0 would be a free answer."""
    if not isinstance(usage, dict):
        return None
    taken, given = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if taken is None or given is None:
        return None
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(input=taken, output=given, cached=min(cached or 0, taken))


def _count(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
