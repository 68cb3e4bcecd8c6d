"""llamacpp: the path of the file that is loaded."""

import json

import pytest
from hypothesis import given

from resilient_infer.core.outcome import FailureKind
from resilient_infer.core.secret import Secret
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.llamacpp import LlamaCpp
from tests.providers.family import (
    BODIES,
    LOCKED,
    NO_COMMIT,
    check_any_identity,
    completion,
    failure,
    ordered,
    success,
)
from tests.providers.samples import TOKEN

CODEC = LlamaCpp()
SNAPSHOT = f"/root/.cache/huggingface/hub/models--org--model/snapshots/{LOCKED}"


@given(BODIES)
def test_any_identity_is_read(body):
    """A full commit or none, and nothing is raised."""
    check_any_identity(CODEC, ordered("llamacpp", "chat"), body)


@pytest.mark.parametrize("base", ["http://llamacpp.test:8080/v1", "http://llamacpp.test:8080"])
def test_the_question_stands_beside_the_protocol(base):
    """Its properties."""
    request = CODEC.identity(ordered("llamacpp", "chat", url=base).route.endpoint, Secret(TOKEN))

    assert (request.method, request.url) == ("GET", "http://llamacpp.test:8080/props")
    assert request.body == b""


@pytest.mark.parametrize(
    ("body", "commit"),
    [
        ({"model_path": f"{SNAPSHOT}/model-q4.gguf"}, LOCKED),
        ({"model_path": f"{SNAPSHOT}/Q4/model-00001-of-00002.gguf"}, LOCKED),
        ({"model_path": f"{SNAPSHOT}/model.bin"}, None),
        ({"model_path": SNAPSHOT}, None),
        ({"model_path": "/models/model.gguf"}, None),
        ({"model_path": f"/models/{LOCKED}.gguf"}, None),
        ({"model_path": f"/models/{LOCKED}/model.gguf"}, None),
        ({"model_path": f"org/model@{LOCKED}.gguf"}, None),
        ({"model_alias": f"{SNAPSHOT}/model.gguf"}, None),
        ({"path": f"{SNAPSHOT}/model.gguf"}, None),
        ([{"model_path": f"{SNAPSHOT}/model.gguf"}], None),
        ({"build_info": f"b1-{LOCKED}"}, None),
        (None, None),
        *(({"model_path": said}, None) for said in NO_COMMIT),
        *(
            ({"model_path": f"/hub/snapshots/{said}/model.gguf"}, None)
            for said in NO_COMMIT
            if isinstance(said, str)
        ),
    ],
)
def test_what_the_server_says_of_the_commit(body, commit):
    """Only a GGUF file in the Hub's cache."""
    assert CODEC.reported_commit(ordered("llamacpp", "chat"), body) == commit


@pytest.mark.parametrize(
    ("body", "context"),
    [
        ({"default_generation_settings": {"n_ctx": 1024}}, 1024),
        ({"default_generation_settings": {"n_ctx": 0}}, None),
        ({"default_generation_settings": {"n_ctx": 1024.0}}, None),
        ({"default_generation_settings": {"n_ctx": True}}, None),
        ({"default_generation_settings": [1024]}, None),
        ({"n_ctx": 1024}, None),
        (None, None),
    ],
)
def test_what_the_server_says_of_the_context(body, context):
    """The share of one request."""
    assert CODEC.limits(body).context == context


def test_an_answer_says_nothing_of_the_commit():
    """Its model is an alias or a file's name, whatever it looks like."""
    for said in ("m.gguf", f"org/model@{LOCKED}", f"{SNAPSHOT}/m.gguf"):
        outcome = success(CODEC, ordered("llamacpp", "chat"), completion("x", model=said))
        assert (outcome.commit, outcome.enforced) == (None, False)


def test_a_length_of_vectors_makes_the_route_unfit():
    """It would be dropped without a word."""
    with pytest.raises(Unfit, match="dimensions"):
        CODEC.build(ordered("llamacpp", "feature-extraction", {"inputs": "x", "dimensions": 2}))
    body = json.loads(CODEC.build(ordered("llamacpp", "feature-extraction")).body)
    assert body == {"model": "org/model", "encoding_format": "base64", "input": "hello"}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (503, {"code": 503, "message": "Loading model", "type": "unavailable_error"}, FailureKind.LOADING),
        (
            400,
            {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
            },
            FailureKind.TOO_LONG,
        ),
        (
            501,
            {
                "code": 501,
                "message": "This server does not support embeddings.",
                "type": "not_supported_error",
            },
            FailureKind.UNSUPPORTED,
        ),
    ],
)
def test_its_errors_have_their_meaning(status, error, kind):
    """By the general table."""
    assert failure(CODEC, ordered("llamacpp", "feature-extraction"), {"error": error}, status) is kind
