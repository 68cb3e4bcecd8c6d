"""Error words: what a server's codes and sentences add to its status.

A status says whose turn it is; only the words tell a prompt that is too long
from one that is wrong. Codes are trusted first. Sentences are matched only
where a server is known to give no code, by phrases narrow enough that an
ordinary message does not contain them.
"""

import re
from collections.abc import Mapping
from typing import Final

from resilient_infer.core.outcome import FailureKind
from resilient_infer.providers.error_body import ServerError

# In order: the first kind that matches is the answer.
_CODES: Final[Mapping[FailureKind, frozenset[str]]] = {
    FailureKind.CONTENT_FILTER: frozenset(
        {
            "content_filter",  # Azure OpenAI, code
            "content_policy_violation",  # OpenAI images; Azure
            "responsibleaipolicyviolation",  # Azure, innererror.code
            "content_moderation",
            "moderation_blocked",  # OpenAI images
            "data_inspection_failed",  # Alibaba Model Studio
        }
    ),
    FailureKind.TOO_LONG: frozenset(
        {
            "context_length_exceeded",  # OpenAI, Groq
            "context_window_exceeded",
            "string_above_max_length",  # OpenAI
            "exceed_context_size_error",  # llama.cpp, type
        }
    ),
    FailureKind.GONE: frozenset(
        {
            "model_not_found",  # OpenAI
            "model_not_supported",  # Hugging Face router
            "model_not_available",
            "model_decommissioned",  # Groq
            "deploymentnotfound",  # Azure
        }
    ),
    FailureKind.QUOTA: frozenset(
        {
            "insufficient_quota",  # OpenAI, EvoLink
            "billing_hard_limit_reached",  # OpenAI
            "billing_not_active",  # OpenAI
            "insufficient_balance",
            "insufficient_credits",
        }
    ),
    FailureKind.THROTTLED: frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests"}),
    FailureKind.UNSUPPORTED: frozenset({"unsupported_parameter", "unsupported_value"}),  # OpenAI
}
_PHRASES: Final[Mapping[FailureKind, re.Pattern[str]]] = {
    FailureKind.CONTENT_FILTER: re.compile(
        r"content management policy"  # Azure
        r"|rejected (?:by|as a result of) (?:our|the) safety system",  # OpenAI images
        re.IGNORECASE,
    ),
    FailureKind.TOO_LONG: re.compile(
        r"maximum context length"  # OpenAI, vLLM
        r"|longer than the maximum model length"  # vLLM
        r"|too long to fit into the model"  # vLLM
        r"|exceeds? the (?:available|model'?s) (?:maximum )?context"  # llama.cpp, SGLang
        r"|longer than the model'?s context length"  # SGLang
        r"|`inputs` tokens \+ `max_new_tokens` must be"  # TGI
        r"|`inputs` must have less than \d+ (?:tokens|characters)"  # TGI, TEI
        r"|size of tensor a \(\d+\) must match the size of tensor b \(\d+\)"  # transformers pipelines
        r"|prompt is too long"  # Anthropic
        r"|request too large for model"  # Groq, with status 413
        r"|token indices sequence length is longer than",  # transformers tokenizers
        re.IGNORECASE,
    ),
    FailureKind.GONE: re.compile(
        r"\bmodel\b.{0,200}\b(?:is not supported by|does not exist|not found)"
        r"|\bmodel not (?:supported|found)",
        re.IGNORECASE | re.DOTALL,
    ),
    FailureKind.QUOTA: re.compile(
        r"insufficient (?:quota|balance|credits?|funds)"
        r"|exceeded your monthly included credits"  # Hugging Face
        r"|credit balance is too low",  # Anthropic
        re.IGNORECASE,
    ),
    FailureKind.LOADING: re.compile(r"\bloading\b", re.IGNORECASE),  # Hugging Face; llama.cpp "Loading model"
}

_REQUEST: Final = frozenset(
    {FailureKind.CONTENT_FILTER, FailureKind.TOO_LONG, FailureKind.GONE, FailureKind.UNSUPPORTED}
)
_HEARD: Final[Mapping[int, frozenset[FailureKind]]] = {
    400: _REQUEST,
    403: frozenset({FailureKind.CONTENT_FILTER, FailureKind.QUOTA}),
    413: frozenset({FailureKind.TOO_LONG}),
    422: _REQUEST,
    429: frozenset({FailureKind.QUOTA}),
    503: frozenset({FailureKind.LOADING}),
}
"""Which words count at which status. Elsewhere the status says enough, or the words are noise."""

_HIDDEN: Final[Mapping[FailureKind, int]] = {
    FailureKind.CONTENT_FILTER: 400,
    FailureKind.TOO_LONG: 400,
    FailureKind.GONE: 400,
    FailureKind.UNSUPPORTED: 400,
    FailureKind.QUOTA: 429,
    FailureKind.THROTTLED: 429,
    FailureKind.LOADING: 503,
}
"""The status under which a server that is not mute would have sent such words."""

_MODEL: Final = re.compile(r"\b(?:gated|models?|repo|repositor(?:y|ies)|repos)\b", re.IGNORECASE)
_REPO_CODES: Final = frozenset({"gatedrepo", "repoandrevisionnotfound", "reponotfound", "disabledrepo"})


def heard_at(status: int, error: ServerError) -> FailureKind | None:
    """The kind that the server's words tell at this status, or None where its status says it all."""
    heard = _HEARD.get(status)
    return None if heard is None else _told(error, heard)


def hidden_status(error: ServerError) -> int:
    """The status that an error inside a 200 would have had: its numeric code, or by its words, else 500."""
    for code in sorted(error.codes):
        if code.isdecimal() and 400 <= int(code) <= 599:
            return int(code)
    told = _told(error, frozenset(_HIDDEN))
    return 500 if told is None else _HIDDEN[told]


def speaks_of_model(error: ServerError, hub_code: str) -> bool:
    """Whether a refusal concerns this model or repo only, and not everything behind the credential."""
    if hub_code.lower() in _REPO_CODES or any("model" in code for code in error.codes):
        return True
    return _MODEL.search(error.message) is not None


def _told(error: ServerError, heard: frozenset[FailureKind]) -> FailureKind | None:
    for kind, codes in _CODES.items():
        if kind in heard and not codes.isdisjoint(error.codes):
            return kind
    for kind, phrase in _PHRASES.items():
        if kind in heard and phrase.search(error.message):
            return kind
    return None
