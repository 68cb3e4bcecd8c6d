"""hf-router: the provider is named, or the route is unfit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.hf_router import AUTOMATIC, HfRouter
from tests.providers.family import completion, failure, ordered, success
from tests.providers.samples import TOKEN, answer

CODEC = HfRouter()
ANSWER = completion("Hello!")


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1).filter(lambda name: name not in AUTOMATIC)
)
def test_a_named_provider_is_asked(provider):
    """By the name that ends with it."""
    request = CODEC.build(ordered("hf-router", "chat", name=f"org/model:{provider}"))

    assert json.loads(request.body)["model"] == f"org/model:{provider}"


@pytest.mark.parametrize(
    "name", ["org/model", "org/model:", *(f"org/model:{way}" for way in sorted(AUTOMATIC))]
)
def test_a_locked_model_is_not_left_to_the_routers_choice(name):
    """Whoever is fastest today would answer; what is not locked may be left to it."""
    with pytest.raises(Unfit, match="lets the router choose who answers, and the model is locked"):
        CODEC.build(ordered("hf-router", "chat", name=name))
    free = CODEC.build(ordered("hf-router", "chat", name=name, revision=None))

    assert json.loads(free.body)["model"] == name


@pytest.mark.parametrize(
    ("headers", "served_by"),
    [
        ({"x-inference-provider": "together"}, "together"),
        ({"x-inference-provider": f"x {TOKEN}"}, "x [secret]"),
        ({"x-inference-provider": ""}, None),
        ({}, None),
    ],
)
def test_who_answered_is_told(headers, served_by):
    """By the router's header; never as a claim about the commit."""
    outcome = success(CODEC, ordered("hf-router", "chat", name="org/model:together"), ANSWER, headers)

    assert outcome.served_by == served_by
    assert outcome.commit is None


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (402, "You have exceeded your monthly included credits for Inference Providers.", FailureKind.QUOTA),
        (
            400,
            {
                "message": "The requested model 'x' is not supported by any provider",
                "code": "model_not_supported",
            },
            FailureKind.GONE,
        ),
        (401, "Invalid username or password.", FailureKind.UNAUTHORIZED),
        (429, "Too many requests", FailureKind.THROTTLED),
        (503, {"message": "upstream unavailable"}, FailureKind.SERVER_ERROR),
    ],
)
def test_the_routers_errors_have_their_meaning(status, error, kind):
    """By the general table, in both shapes that it sends."""
    assert (
        failure(CODEC, ordered("hf-router", "chat", name="org/model:together"), {"error": error}, status)
        is kind
    )


def test_a_throttling_without_advice_has_none():
    """The plan's own patience decides."""
    outcome = CODEC.parse(
        ordered("hf-router", "chat", name="org/model:together"), answer({"error": "x"}, 429)
    )

    assert isinstance(outcome, Failure)
    assert outcome.advice is None
