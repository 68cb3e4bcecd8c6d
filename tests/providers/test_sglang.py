"""sglang: the version of the weights, in an answer of its own and in generated ones."""

import json

import pytest
from hypothesis import given

from resilient_infer.core.secret import Secret
from resilient_infer.providers.sglang import SGLang
from tests.providers.family import (
    BODIES,
    LOCKED,
    NO_COMMIT,
    OTHER,
    check_any_identity,
    completion,
    ordered,
    success,
)
from tests.providers.samples import TOKEN

CODEC = SGLang()


@given(BODIES)
def test_any_identity_is_read(body):
    """A full commit or none, and nothing is raised."""
    check_any_identity(CODEC, ordered("sglang", "chat"), body)


@pytest.mark.parametrize("base", ["http://sglang.test:30000/v1", "http://sglang.test:30000"])
def test_the_question_stands_beside_the_protocol(base):
    """One question, to today's path."""
    request = CODEC.identity(ordered("sglang", "chat", url=base).route.endpoint, Secret(TOKEN))

    assert (request.method, request.url) == ("GET", "http://sglang.test:30000/server_info")
    assert request.body == b""


@pytest.mark.parametrize(
    ("body", "commit"),
    [
        ({"weight_version": LOCKED}, LOCKED),
        ({"weight_version": "A" * 40}, "a" * 40),
        ({"weight_version": OTHER, "revision": LOCKED}, OTHER),
        ({"weight_version": "v2", "revision": LOCKED}, None),
        ({"weight_version": "", "revision": LOCKED}, None),
        ({"weight_version": False, "revision": LOCKED}, None),
        ({"weight_version": "default", "revision": LOCKED}, LOCKED),
        ({"weight_version": None, "revision": LOCKED}, LOCKED),
        ({"revision": LOCKED}, LOCKED),
        ({"revision": LOCKED, "model_path": "org/model"}, LOCKED),
        ({"revision": LOCKED, "model_path": "org/other"}, None),
        ({"revision": LOCKED, "model_path": "/models/model"}, None),
        ({"revision": LOCKED, "model_path": None}, None),
        ({"revision": "main"}, None),
        ({"weight_version": "default", "revision": None}, None),
        ({"server_info": {"weight_version": LOCKED}}, None),
        ([{"weight_version": LOCKED}], None),
        (LOCKED, None),
        (None, None),
        *(({"weight_version": said}, None) for said in NO_COMMIT),
        *(({"revision": said}, None) for said in NO_COMMIT),
    ],
)
def test_what_the_server_says_of_the_commit(body, commit):
    """A version that is no commit is another version; a revision counts for the model's own repo only."""
    assert CODEC.reported_commit(ordered("sglang", "chat"), body) == commit


@pytest.mark.parametrize(
    ("body", "context"),
    [
        ({"context_length": 4096, "max_total_num_tokens": 100_000}, 4096),
        ({"context_length": None, "max_total_num_tokens": 100_000}, None),
        ({"context_length": 0}, None),
        ({"context_length": -1}, None),
        ({"context_length": "4096"}, None),
        ({"context_length": True}, None),
        ({}, None),
        (None, None),
    ],
)
def test_what_the_server_says_of_the_context(body, context):
    """Room for all requests together is no limit of one."""
    assert CODEC.limits(body).context == context


@pytest.mark.parametrize(
    ("metadata", "commit"),
    [
        ({"weight_version": LOCKED}, LOCKED),
        ({"weight_version": "A" * 40}, "a" * 40),
        ({"weight_version": "default"}, None),
        ({}, None),
        (None, None),
        ([], None),
        (LOCKED, None),
        *(({"weight_version": said}, None) for said in NO_COMMIT),
    ],
)
def test_what_an_answer_says_of_the_commit(metadata, commit):
    """Attested at the most: the request names none."""
    for task in ("chat", "text-generation"):
        outcome = success(CODEC, ordered("sglang", task), completion("x", metadata=metadata))
        assert (outcome.commit, outcome.enforced) == (commit, False)


def test_no_encoding_is_asked_for():
    """It is not read there; lists come in any case."""
    body = json.loads(CODEC.build(ordered("sglang", "feature-extraction")).body)

    assert body == {"model": "org/model", "input": "hello"}
