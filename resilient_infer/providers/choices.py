"""Choices: what every answer of the OpenAI protocol has in common, whatever was asked.

Read here are how a choice ended, the tokens that were counted, and the names
that the server gives.
"""

from collections.abc import Mapping

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import FailureKind, Success, Usage
from resilient_infer.core.task import Json
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.failure import request_id


def fields_of(body: Json) -> Mapping[str, Json]:
    """The body's fields; none, if it is no mapping."""
    return body if isinstance(body, dict) else {}


def choices_in(body: Json) -> list[Mapping[str, Json]]:
    """The choices, in the server's order; one that is no mapping counts as empty."""
    choices = fields_of(body).get("choices")
    return [fields_of(choice) for choice in choices] if isinstance(choices, list) else []


def ending(finish: Json, *, empty: bool) -> tuple[FailureKind, str] | None:
    """Why a choice is no answer, by its finish_reason, or None if it is one.

    Args:
        empty: Nothing was said before the end.
    """
    if not isinstance(finish, str) or not finish:
        return FailureKind.TRUNCATED, "the answer has no finish_reason: the server broke off"
    if finish == "abort":  # vLLM and SGLang, when the request is cancelled inside the server
        return FailureKind.TRUNCATED, "the server broke off (finish_reason: abort)"
    if finish == "error":  # OpenRouter, when the provider behind it fails
        return FailureKind.SERVER_ERROR, "the server says that the generation failed (finish_reason: error)"
    if finish == "content_filter" and empty:
        return FailureKind.CONTENT_FILTER, "the server's content filter held the answer back"
    return None


def answered(
    attempt: Attempt, response: HttpResponse, body: Json, output: Json, finish: str | None = None
) -> Success:
    """The success that an answer is, with what its body says beside the output."""
    fields = fields_of(body)
    served = fields.get("model")
    return Success(
        output=output,
        raw=body,
        request_id=request_id(response.headers, attempt.secret),
        usage=_usage(fields.get("usage"), generates=finish is not None),
        served_model=one_line(served, attempt.secret) or None if isinstance(served, str) else None,
        finish_reason=None if finish is None else one_line(finish, attempt.secret),
    )


def _usage(usage: Json, *, generates: bool) -> Usage | None:
    """The tokens that the server counted, or None if it counted none: 0 would be a free answer."""
    if not isinstance(usage, dict):
        return None
    # Embeddings are no tokens, and most servers do not mention them.
    due = usage.get("completion_tokens") if generates else 0
    taken, given = _count(usage.get("prompt_tokens")), _count(due)
    if taken is None or given is None:
        return None
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(input=taken, output=given, cached=min(cached or 0, taken))


def _count(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
