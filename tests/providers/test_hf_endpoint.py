"""hf-endpoint: the default container of Inference Endpoints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.providers.base import Codec, Unfit
from resilient_infer.providers.hf_body import TASKS
from resilient_infer.providers.hf_endpoint import HfEndpoint
from tests.providers.codecs import ANSWERS, check_any_answer, check_no_secret
from tests.providers.samples import answer, order

CODEC = HfEndpoint()


@given(task=st.sampled_from(sorted(TASKS)), response=ANSWERS)
def test_any_answer_is_an_outcome(task, response):
    """`parse` never raises."""
    check_any_answer(CODEC, task, response)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_no_secret_is_repeated(task):
    """Whatever the server echoes."""
    check_no_secret(CODEC, task)


def test_it_is_a_codec():
    """By the protocol."""
    assert isinstance(CODEC, Codec)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "CUDA out of memory"}, FailureKind.CONTAINER_FAULT),
        (400, {"error": "Body needs to provide a inputs key"}, FailureKind.CONTAINER_FAULT),
        (400, {"error": {"code": "context_length_exceeded"}}, FailureKind.CONTAINER_FAULT),
        (503, b"", FailureKind.LOADING),
        (503, {"error": "503 Service Unavailable"}, FailureKind.LOADING),
        (401, b"", FailureKind.UNAUTHORIZED),
        (404, b"", FailureKind.GONE),
        (502, b"", FailureKind.SERVER_ERROR),
    ],
)
def test_400_and_503_are_read_in_the_containers_own_way(status, body, kind):
    """400 is any fault at all, and 503 is an endpoint that scales up; the rest is as everywhere."""
    outcome = CODEC.parse(order("hf-endpoint", "text-classification"), answer(body, status))

    assert isinstance(outcome, Failure)
    assert outcome.kind is kind


@pytest.mark.parametrize(("timeout", "seconds"), [(0.2, "1"), (1.0, "1"), (9.99, "9"), (60.0, "60")])
def test_the_proxy_holds_the_request_as_long_as_we_wait(timeout, seconds):
    """Whole seconds, at least one; the fixed headers stay one object."""
    request = CODEC.build(order("hf-endpoint", "text-classification", timeout=timeout))

    assert request.call_headers == (("X-Scale-Up-Timeout", seconds),)
    assert request.headers is CODEC.build(order("hf-endpoint", "text-classification")).headers


def test_a_container_may_know_parameters_that_nobody_documents():
    """A handler of one's own takes what it likes; OpenAI's parameters it cannot mean."""
    payload = {"inputs": "x", "parameters": {"my_own": 1}}
    assert b'"my_own":1' in CODEC.build(order("hf-endpoint", "text-classification", payload)).body

    with pytest.raises(Unfit, match="tools"):
        CODEC.build(order("hf-endpoint", "text-generation", {"inputs": "x", "parameters": {"tools": []}}))
