"""Error words: what codes and sentences add to a status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import FailureKind
from resilient_infer.providers.error_body import read_error
from resilient_infer.providers.error_words import heard_at, hidden_status, speaks_of_model
from tests.providers.samples import JSON

TOO_LONG = [
    {
        "error": {
            "message": "x",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    },
    {
        "object": "error",
        "message": "This model's maximum context length is 4096 tokens. You requested 5000",
    },
    {"error": {"message": "The prompt (total length 25938) is too long to fit into the model", "code": 400}},
    {
        "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 3000",
        "error_type": "validation",
    },
    {"error": "`inputs` must have less than 512 tokens. Given: 900", "error_type": "Validation"},
    {"error": "The size of tensor a (700) must match the size of tensor b (512)"},
    {
        "error": {
            "code": 400,
            "message": "the request exceeds the available context size",
            "type": "exceed_context_size_error",
        }
    },
    {"message": "The input (9000 tokens) is longer than the model's context length (8192 tokens)."},
]
ORDINARY = [
    {"error": {"message": "temperature must be at most 2", "type": "invalid_request_error"}},
    {"error": "Rate limit reached. Add a payment method at https://example.test/account/billing for more."},
    {"error": "`max_new_tokens` must be strictly positive"},
    {"detail": "Not Found"},
    "a filter was too strict",
]


@pytest.mark.parametrize("body", TOO_LONG, ids=range(len(TOO_LONG)))
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_prompt_that_is_too_long_is_told_from_a_wrong_one(body, status):
    """OpenAI, vLLM, TGI, TEI, transformers, llama.cpp and SGLang, by code or by sentence."""
    assert heard_at(status, read_error(body, b"")) is FailureKind.TOO_LONG


@pytest.mark.parametrize("body", ORDINARY, ids=range(len(ORDINARY)))
@pytest.mark.parametrize("status", [400, 403, 413, 422, 429, 503])
def test_ordinary_words_add_nothing(body, status):
    """A message that speaks of billing or of a filter in passing changes no meaning."""
    assert heard_at(status, read_error(body, b"")) is None


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("content_filter", 400, FailureKind.CONTENT_FILTER),
        ("content_policy_violation", 400, FailureKind.CONTENT_FILTER),
        ("content_filter", 403, FailureKind.CONTENT_FILTER),
        ("model_not_found", 400, FailureKind.GONE),
        ("model_not_supported", 400, FailureKind.GONE),
        ("insufficient_quota", 429, FailureKind.QUOTA),
        ("unsupported_parameter", 400, FailureKind.UNSUPPORTED),
        ("insufficient_quota", 500, None),
        ("context_length_exceeded", 429, None),
        ("rate_limit_exceeded", 429, None),
    ],
)
def test_a_code_counts_at_its_status_only(code, status, kind):
    """Codes are trusted where their server sends them, and nowhere else."""
    assert heard_at(status, read_error({"error": {"code": code}}, b"")) is kind


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "x", "code": 429}}, 429),
        ({"error": {"message": "x", "code": "502"}}, 502),
        ({"error": {"message": "x", "code": "rate_limit_exceeded"}}, 429),
        ({"error": "Model gpt2 is currently loading"}, 503),
        ({"error": {"code": "content_filter"}}, 400),
        ({"error": "CUDA out of memory"}, 500),
        ({"error": {"code": 200}}, 500),
        ({"error": {"code": 5}}, 500),
    ],
)
def test_an_error_inside_a_200_finds_its_status(body, status):
    """By its numeric code, or by its words; a mute one is the server's fault."""
    assert hidden_status(read_error(body, b"")) == status


def test_a_refusal_of_one_model_is_told_from_one_of_the_credential():
    """Gated repos and model access, by the Hub's code, the body's code or the sentence."""
    assert speaks_of_model(read_error("Access to model org/m is restricted", b""), "")
    assert speaks_of_model(read_error({}, b""), "GatedRepo")
    assert speaks_of_model(read_error({"error": {"code": "model_terms_required"}}, b""), "")
    assert not speaks_of_model(read_error("This token lacks the permission to call providers", b""), "")
    assert not speaks_of_model(read_error("remodelling in progress", b""), "")


@given(body=JSON, status=st.integers(-1, 1000))
def test_any_words_are_heard(body, status):
    """Total: a kind or None, and a status of an error."""
    error = read_error(body, b"")

    assert heard_at(status, error) is None or status in (400, 403, 413, 422, 429, 503)
    assert 400 <= hidden_status(error) <= 599
