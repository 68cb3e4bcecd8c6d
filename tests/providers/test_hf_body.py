"""HF body: the payload in the spelling of Hugging Face's servers."""

import pytest

from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.hf_body import hf_body, hf_parameters, read_hf
from tests.providers.samples import answer, order


def test_names_are_hugging_faces():
    """`max_new_tokens` again, and the continuation only."""
    payload = {"inputs": "x", "parameters": {"max_tokens": 5, "stop_sequences": ["."]}}
    attempt = order("hf-endpoint", "text-generation", payload)

    parameters = hf_parameters(attempt)

    assert parameters == {"max_new_tokens": 5, "stop": ["."], "return_full_text": False}
    assert attempt.payload.parameters == {"max_tokens": 5, "stop": ["."]}


def test_a_body_without_parameters_has_inputs_only():
    """Some servers refuse an empty mapping."""
    attempt = order("hf-endpoint", "text-classification")

    assert hf_body(attempt, {}) == {"inputs": "I love it"}
    assert hf_body(attempt, {"top_k": 1}) == {"inputs": "I love it", "parameters": {"top_k": 1}}


@pytest.mark.parametrize("name", ["tools", "response_format", "logit_bias", "presence_penalty"])
def test_what_only_openai_has_is_unfit(name):
    """Named in the reason."""
    attempt = order("hf-endpoint", "text-generation", {"inputs": "x", "parameters": {name: 1}})

    with pytest.raises(Unfit, match=name):
        hf_parameters(attempt)


def test_an_answer_is_an_output_or_a_wrong_shape():
    """With the server's id in either case."""
    attempt = order("hf-endpoint", "feature-extraction")
    response = answer(b"", headers={"x-request-id": "r"})

    good, bad = read_hf(attempt, response, [0.5]), read_hf(attempt, response, "no")

    assert isinstance(good, Success)
    assert isinstance(bad, Failure)
    assert bad.kind is FailureKind.WRONG_SHAPE
    assert good.request_id == bad.request_id == "r"
