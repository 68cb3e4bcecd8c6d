"""vllm: the commit in a served name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.secret import Secret
from resilient_infer.providers.vllm import Vllm
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

CODEC = Vllm()


def models(*names: object, **more: object) -> dict[str, object]:
    """The list of served names, as `GET /v1/models` gives it."""
    cards = [
        {"id": name, "object": "model", "root": "org/model", "parent": None, "max_model_len": 8192, **more}
        for name in names
    ]
    return {"object": "list", "data": cards}


@given(BODIES)
def test_any_identity_is_read(body):
    """A full commit or none, and nothing is raised."""
    check_any_identity(CODEC, ordered("vllm", "chat"), body)


def test_the_question_is_the_list_of_names_and_carries_no_payload():
    """With the credential, which some servers want for it."""
    attempt = ordered("vllm", "chat", url="http://vllm.test:8000/v1")
    request = CODEC.identity(attempt.route.endpoint, Secret(TOKEN))

    assert (request.method, request.url, request.body) == ("GET", "http://vllm.test:8000/v1/models", b"")
    assert dict(request.headers)["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("body", "name", "commit"),
    [
        (models(f"org/model@{LOCKED}"), "org/model", LOCKED),
        (models("org/model", f"org/model@{LOCKED}"), "org/model", LOCKED),
        (models(f"org/model@{LOCKED}"), f"org/model@{OTHER}", LOCKED),
        (models(f"org/model@{LOCKED}"), "org/model@main", LOCKED),
        (models(f"org/model@{LOCKED}", f"org/model@{LOCKED}"), "org/model", LOCKED),
        (models(f"org/model@{LOCKED}", f"org/model@{OTHER}"), "org/model", None),
        (models(f"org/other@{LOCKED}"), "org/model", None),
        (models(f"org/model@{LOCKED}", parent="org/base"), "org/model", None),
        (models(f"lora@{LOCKED}", parent="org/model"), "lora", None),
        (models(f"org/model@{'A' * 40}"), "org/model", None),
        (models("org/model"), "org/model", None),
        (models(LOCKED), "org/model", None),
        (models(), "org/model", None),
        (models(*NO_COMMIT), "org/model", None),
        (models(*(f"org/model@{said}" for said in NO_COMMIT if isinstance(said, str))), "org/model", None),
        ({"data": [f"org/model@{LOCKED}"]}, "org/model", None),
        ({"data": {"id": f"org/model@{LOCKED}"}}, "org/model", None),
        ({"id": f"org/model@{LOCKED}"}, "org/model", None),
        (None, "org/model", None),
    ],
)
def test_what_the_list_says_of_the_commit(body, name, commit):
    """Only a served name of this very model; two that disagree say nothing; an adapter is none."""
    assert CODEC.reported_commit(ordered("vllm", "chat", name=name), body) == commit


@pytest.mark.parametrize(
    ("body", "context"),
    [
        (models("org/model", "b"), 8192),
        (models("org/model", max_model_len=None), None),
        (models("org/model", max_model_len=0), None),
        (models("org/model", max_model_len="8192"), None),
        (models("org/model", max_model_len=True), None),
        (models("lora", parent="org/model"), None),
        ({"data": [*models("a")["data"], *models("b", max_model_len=5)["data"]]}, None),  # type: ignore[misc]  # a list
        ([], None),
    ],
)
def test_what_the_list_says_of_the_context(body, context):
    """The same for every name, or nothing."""
    assert CODEC.limits(body).context == context


@pytest.mark.parametrize(
    ("name", "said", "sent"),
    [
        ("org/model", LOCKED, f"org/model@{LOCKED}"),
        ("org/model", OTHER, f"org/model@{OTHER}"),
        (f"org/model@{OTHER}", LOCKED, f"org/model@{LOCKED}"),
        ("org/model", None, "org/model"),
        (f"org/model@{LOCKED}", None, f"org/model@{LOCKED}"),
    ],
)
def test_the_name_with_the_commit_is_asked_for_once_the_server_told_it(name, said, sent):
    """Another server would answer it with 404; before that the route's own name is sent."""
    for task in sorted(CODEC.tasks):
        request = CODEC.build(ordered("vllm", task, name=name, said=said))
        assert json.loads(request.body)["model"] == sent


def test_a_server_that_was_not_told_is_asked_by_the_routes_name():
    """An empty testimony is one of a server that says nothing."""
    request = CODEC.build(ordered("vllm", "chat"))

    assert json.loads(request.body)["model"] == "org/model"


@pytest.mark.parametrize(
    ("model", "commit"),
    [
        (f"org/model@{LOCKED}", LOCKED),
        (f"org/model@{OTHER}", OTHER),
        (f"org/model@{'A' * 40}", None),
        (f"org/other@{LOCKED}", None),
        ("org/model", None),
        ("org/model@main", None),
        *((said, None) for said in NO_COMMIT),
    ],
)
def test_what_an_answer_says_of_the_commit(model, commit):
    """It is attested at the most: the name is the operator's word."""
    outcome = success(CODEC, ordered("vllm", "chat"), completion("x", model=model))

    assert (outcome.commit, outcome.enforced) == (commit, False)


@given(
    route=st.sampled_from(["org/model", f"org/model@{LOCKED}", f"org/model@{OTHER}", "org/model@main"]),
    said=st.sampled_from([None, LOCKED, OTHER]),
    task=st.sampled_from(sorted(CODEC.tasks - {"feature-extraction"})),
)
def test_a_name_that_is_only_repeated_proves_no_more_than_the_list_said(route, said, task):
    """A server that answers under whatever name it is asked by is no witness of its own."""
    attempt = ordered("vllm", task, name=route, said=said)
    echo = json.loads(CODEC.build(attempt).body)["model"]
    outcome = success(CODEC, attempt, completion("x", model=echo))

    assert (outcome.commit, outcome.enforced) == (said, False)


@pytest.mark.parametrize(
    ("route", "said", "told"),
    [
        (f"org/model@{LOCKED}", None, OTHER),
        (f"org/model@{LOCKED}", LOCKED, OTHER),
        ("org/model", OTHER, LOCKED),
        ("org/model@main", None, LOCKED),
    ],
)
def test_a_commit_that_nobody_asked_for_is_the_servers_own_word(route, said, told):
    """It counts, and may be found to differ from the lock."""
    attempt = ordered("vllm", "chat", name=route, said=said)
    outcome = success(CODEC, attempt, completion("x", model=f"org/model@{told}"))

    assert (outcome.commit, outcome.enforced) == (told, False)
