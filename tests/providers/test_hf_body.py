"""HF body: the payload in the spelling of Hugging Face's servers."""

import json
import tracemalloc
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.http import HttpRequest
from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.core.task import TASKS as TABLE
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.hf_body import TASKS, hf_body, hf_parameters, hf_request, read_hf
from tests.providers.samples import PNG, answer, order

URL = "https://a.test/models/org/model"
LARGE = bytes(20_000_000)


def request_for(task: str, payload: object) -> HttpRequest:
    """What is sent for `payload`."""
    attempt = order("hf-inference", task, payload)
    return hf_request(attempt, URL, hf_parameters(attempt), call_headers=(("X-Own", "1"),))


def test_every_task_is_served_but_two():
    """Chat has the router, and ranking has TEI."""
    assert set(TABLE) - TASKS == {"chat", "text-ranking"}


@pytest.mark.parametrize("task", sorted(name for name, task in TABLE.items() if task.file))
def test_a_file_is_sent_as_it_is(task):
    """The same bytes object under its own content type."""
    request = request_for(task, PNG)

    assert request.body is PNG
    assert dict(request.headers)["Content-Type"] == "image/png"
    assert request.call_headers == (("X-Own", "1"),)
    assert request.url == URL


def test_a_file_with_parameters_is_base64_in_json():
    """They have no other place; the names are Hugging Face's."""
    payload = {"inputs": PNG, "parameters": {"max_tokens": 5}}
    request = request_for("image-to-text", payload)
    body = json.loads(request.body)

    assert body["parameters"] == {"max_new_tokens": 5}
    assert b64decode(body["inputs"], validate=True) == PNG
    assert list(body) == ["inputs", "parameters"]
    assert dict(request.headers)["Content-Type"] == "application/json"
    assert request.call_headers == (("X-Own", "1"),)


@given(st.binary(min_size=1, max_size=100))
def test_a_file_comes_out_of_base64_as_it_went_in(content):
    """With whatever is left over at its end."""
    request = request_for("image-to-text", {"inputs": content, "parameters": {"a": "é"}})

    assert b64decode(json.loads(request.body)["inputs"], validate=True) == content


@pytest.mark.parametrize("more", range(4))
def test_base64_in_parts_is_base64(more):
    """There is no padding between the parts."""
    content = bytes(2 * 3 * 256 * 1024) + b"x" * more
    request = request_for("image-to-text", {"inputs": content, "parameters": {"a": 1}})

    assert b64decode(json.loads(request.body)["inputs"], validate=True) == content


@pytest.mark.parametrize(
    ("payload", "copies"), [(LARGE, 0.01), ({"inputs": LARGE, "parameters": {"a": 1}}, 1.6)]
)
def test_a_large_file_is_not_held_many_times(payload, copies):
    """Not at all where it is sent as it is, and once, a third larger, where it has to be base64."""
    attempt = order("hf-inference", "image-classification", payload)
    tracemalloc.start()
    try:
        hf_request(attempt, URL, hf_parameters(attempt))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < copies * len(LARGE)


@pytest.mark.parametrize(
    ("task", "sent"),
    [
        (
            "text-generation",
            {"max_new_tokens": 5, "temperature": 0.5, "top_p": 0.9, "return_full_text": False},
        ),
        ("summarization", {"max_new_tokens": 5, "temperature": 0.5, "top_p": 0.9}),
        ("translation", {"max_new_tokens": 5, "temperature": 0.5, "top_p": 0.9}),
    ],
)
def test_what_both_worlds_have_is_sent_to_each_task_that_generates(task, sent):
    """And nothing else of OpenAI's."""
    given = {"max_tokens": 5, "temperature": 0.5, "top_p": 0.9}
    assert hf_parameters(order("hf-endpoint", task, {"inputs": "x", "parameters": given})) == sent

    with pytest.raises(Unfit, match="logprobs"):
        hf_parameters(order("hf-endpoint", task, {"inputs": "x", "parameters": {"logprobs": True}}))


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
