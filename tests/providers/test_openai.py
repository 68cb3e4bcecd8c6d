"""openai: one codec for three tasks, and what the kinds over it have in common."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind, Onward, Success, Verdict
from resilient_infer.providers.base import Attesting, Codec
from resilient_infer.providers.hf_router import HfRouter
from resilient_infer.providers.llamacpp import LlamaCpp
from resilient_infer.providers.openai import OpenAI
from resilient_infer.providers.sglang import SGLang
from resilient_infer.providers.transformers import Transformers
from resilient_infer.providers.vllm import Vllm
from tests.providers.codecs import ANSWERS
from tests.providers.family import BODIES, completion, failure, ordered, success
from tests.providers.samples import TOKEN, answer

CODECS = (OpenAI(), HfRouter(), Vllm(), SGLang(), Transformers(), LlamaCpp())
CODEC = CODECS[0]
NAME = "org/model:together"
"""A name that every kind takes for a locked model."""

SPOKEN = [
    pytest.param(codec, task, id=f"{codec.kind} {task}") for codec in CODECS for task in sorted(codec.tasks)
]
VECTORS = Path(__file__).parent / "vectors" / "classification.json"
SIGNALS = json.loads(VECTORS.read_text("utf-8"))["cases"]


@pytest.mark.parametrize(("codec", "task"), SPOKEN)
@given(response=ANSWERS, body=BODIES, said=st.sampled_from([None, "0" * 40]))
def test_any_answer_is_an_outcome(codec, task, response, body, said):
    """`parse` never raises, a success is a 200, and a commit is a full one."""
    attempt = ordered(codec.kind, task, name=NAME, said=said)
    for outcome in (codec.parse(attempt, response), codec.parse(attempt, answer(body))):
        assert isinstance(outcome, Success | Failure)
        if isinstance(outcome, Failure):
            assert outcome.reason.isprintable()
            continue
        assert outcome.status == 200
        assert outcome.commit is None or len(outcome.commit) == 40
        assert outcome.commit is not None or not outcome.enforced


@pytest.mark.parametrize(("codec", "task"), SPOKEN)
def test_it_is_a_codec(codec, task):
    """By the protocol; and those whose servers can be asked for their commit are known by it."""
    assert isinstance(codec, Codec)
    assert isinstance(codec, Attesting) is (codec.kind in ("vllm", "sglang", "llamacpp"))
    assert codec.build(ordered(codec.kind, task, name=NAME)).method == "POST"


@pytest.mark.parametrize(("codec", "task"), SPOKEN)
@pytest.mark.parametrize("secret", [TOKEN, "correct horse battery"])
def test_no_secret_is_repeated(codec, task, secret):
    """Whatever the server echoes, wherever: errors, headers, names, endings."""
    attempt = ordered(codec.kind, task, name=NAME, secret=secret)
    echo = {"error": {"message": f"bad token {secret}", "code": secret}}
    headers = {
        "x-request-id": secret,
        "location": f"https://x.test/?t={secret}",
        "x-inference-provider": secret,
    }
    for status in (200, 302, 400, 401, 403, 429, 500, 503):
        outcome = codec.parse(attempt, answer(echo, status, headers))
        assert isinstance(outcome, Failure)
        assert secret not in repr(outcome)
    body = completion("x", finish=secret, model=secret, data=[{"index": 0, "embedding": [1.0]}])
    assert secret not in repr(codec.parse(attempt, answer(body, headers=headers)))
    assert secret not in repr(codec.build(attempt))
    if isinstance(codec, Attesting):
        assert secret not in repr(codec.identity(attempt.route.endpoint, attempt.secret))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.kind)
@pytest.mark.parametrize("case", SIGNALS, ids=lambda case: case["signal"])
def test_classification_vectors(codec, case):
    """Every kind of the family reads the general signals as the shared table says."""
    kind = failure(codec, ordered(codec.kind, "chat", name=NAME), case.get("body", {}), case["status"])

    assert (kind.repeats > 0) is case["retry_same"]
    assert kind.onward is Onward(case["onward"])
    assert kind.verdict is Verdict(case["breaker"])


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "The model does not support Chat Completions API", FailureKind.UNSUPPORTED),
        (400, "The model does not support Embeddings API", FailureKind.UNSUPPORTED),
        (400, "This model does not appear to be an embedding model by default.", FailureKind.UNSUPPORTED),
        (400, 'Model "m" does not support matryoshka representation', FailureKind.UNSUPPORTED),
        (400, "dimensions is currently not supported", FailureKind.UNSUPPORTED),
        (400, "This model does not support specifying dimensions.", FailureKind.UNSUPPORTED),
        (400, "base64 encoding is not currently supported", FailureKind.UNSUPPORTED),
        (422, "body.encoding_format: extra inputs are not permitted", FailureKind.UNSUPPORTED),
        (400, "temperature must be non-negative", FailureKind.BAD_REQUEST),
        (500, "The model does not support Chat Completions API", FailureKind.SERVER_ERROR),
        (404, "The model `org/model` does not exist.", FailureKind.GONE),
    ],
)
def test_a_good_request_that_this_server_cannot_serve_goes_on_to_the_next(status, message, kind):
    """A bad one does not: every server would say the same."""
    body = {"error": {"message": message, "type": "BadRequestError", "code": status}}

    assert failure(CODEC, ordered("openai", "feature-extraction"), body, status) is kind


def test_base64_is_asked_for_unless_the_payload_says_otherwise():
    """As OpenAI's own client libraries do."""
    asked = json.loads(CODEC.build(ordered("openai", "feature-extraction")).body)
    payload = {"inputs": "x", "parameters": {"encoding_format": "float"}}
    other = json.loads(CODEC.build(ordered("openai", "feature-extraction", payload)).body)

    assert asked["encoding_format"] == "base64"
    assert other["encoding_format"] == "float"


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ("chat", "/chat/completions"),
        ("text-generation", "/completions"),
        ("feature-extraction", "/embeddings"),
    ],
)
def test_each_task_has_its_path_and_the_calls_key(task, path):
    """The name of the model is the route's own."""
    request = CODEC.build(ordered("openai", task, name="gpt-x"))

    assert request.url == f"https://example.test/v1{path}"
    assert request.call_headers == (("Idempotency-Key", "call-0001"),)
    assert json.loads(request.body)["model"] == "gpt-x"


def test_nothing_is_claimed_of_the_commit():
    """Whatever the name of the model looks like: the protocol promises nothing with it."""
    outcome = success(CODEC, ordered("openai", "chat"), completion("x", model=f"org/model@{'0' * 40}"))

    assert (outcome.commit, outcome.enforced, outcome.served_by) == (None, False, None)
