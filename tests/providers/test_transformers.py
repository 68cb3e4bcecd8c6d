"""transformers: the commit is part of what is asked for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.transformers import Transformers
from tests.providers.family import LOCKED, NO_COMMIT, OTHER, completion, failure, ordered, success
from tests.providers.samples import PAYLOADS, answer

CODEC = Transformers()


@pytest.mark.parametrize(
    ("name", "revision", "sent"),
    [
        ("org/model", LOCKED, f"org/model@{LOCKED}"),
        ("org/model", None, "org/model"),
        ("org/model@main", LOCKED, "org/model@main"),
        (f"org/model@{OTHER}", LOCKED, f"org/model@{OTHER}"),
        ("org/model:q4.gguf", LOCKED, f"org/model@{LOCKED}:q4.gguf"),
        ("org/model:q4.gguf", None, "org/model:q4.gguf"),
    ],
)
def test_a_locked_model_is_asked_for_with_its_commit(name, revision, sent):
    """Unless the name says another one itself."""
    for task in sorted(CODEC.tasks):
        request = CODEC.build(ordered("transformers", task, name=name, revision=revision))
        assert json.loads(request.body)["model"] == sent


@pytest.mark.parametrize(
    ("name", "revision", "told", "commit", "enforced"),
    [
        ("org/model", LOCKED, f"org/model@{LOCKED}", LOCKED, True),
        ("org/model:q4.gguf", LOCKED, f"org/model@{LOCKED}", LOCKED, True),
        (f"org/model@{LOCKED}", LOCKED, f"org/model@{LOCKED}", LOCKED, True),
        ("org/model", LOCKED, f"org/model@{OTHER}", OTHER, False),
        ("org/model", LOCKED, f"org/other@{LOCKED}", LOCKED, False),
        ("org/model", LOCKED, f"org/model@{'A' * 40}", "a" * 40, False),
        ("org/model", LOCKED, "org/model@main", None, False),
        ("org/model", LOCKED, "org/model", None, False),
        ("org/model", None, "org/model@main", None, False),
        ("org/model", None, "org/model", None, False),
        ("org/model@main", LOCKED, "org/model@main", None, False),
        *(("org/model", LOCKED, said, None, False) for said in NO_COMMIT),
    ],
)
def test_what_an_answer_says_of_the_commit(name, revision, told, commit, enforced):
    """Enforced only by an echo of the very name that was asked for."""
    for task in sorted(CODEC.tasks):
        attempt = ordered("transformers", task, name=name, revision=revision)
        outcome = success(CODEC, attempt, completion("x", model=told))
        assert (outcome.commit, outcome.enforced) == (commit, enforced)


def test_an_answer_without_a_name_says_nothing():
    """No echo, no proof."""
    outcome = success(CODEC, ordered("transformers", "chat"), completion("x"))

    assert (outcome.commit, outcome.enforced) == (None, False)


@pytest.mark.parametrize(
    ("task", "parameters", "named"),
    [
        ("chat", {"presence_penalty": 1}, "presence_penalty"),
        ("chat", {"response_format": {}}, "response_format"),
        ("chat", {"top_k": 5}, "top_k"),
        ("text-generation", {"logit_bias": {}}, "logit_bias"),
        ("chat", {"frequency_penalty": 0.5}, "makes another penalty of frequency_penalty"),
        ("text-generation", {"frequency_penalty": -1}, "makes another penalty of frequency_penalty"),
        ("chat", {"frequency_penalty": True}, "makes another penalty of frequency_penalty"),
        ("text-generation", {"temprature": 1}, 'temprature .did you mean "temperature"'),
    ],
)
def test_what_it_takes_no_notice_of_makes_the_route_unfit(task, parameters, named):
    """It would be dropped without a word, or refused as unknown."""
    payload = {"messages" if task == "chat" else "inputs": "x", "parameters": parameters}
    if task == "chat":
        payload["messages"] = [{"role": "user", "content": "x"}]
    with pytest.raises(Unfit, match=named):
        CODEC.build(ordered("transformers", task, payload))


def test_several_prompts_make_the_route_unfit():
    """It takes a string only."""
    with pytest.raises(Unfit, match="one prompt at a time"):
        CODEC.build(ordered("transformers", "text-generation", ["a", "b"]))


def test_a_server_that_was_started_for_another_model_has_not_this_one():
    """Its 400 is no fault of the request."""
    body = {"detail": "Server is pinned to 'org/model@main'; requested 'org/model@0'."}

    assert failure(CODEC, ordered("transformers", "chat"), body, 400) is FailureKind.GONE
    assert failure(CODEC, ordered("transformers", "chat"), body, 500) is FailureKind.SERVER_ERROR
    assert failure(CODEC, ordered("transformers", "chat"), {"detail": "bad"}, 400) is FailureKind.BAD_REQUEST


@given(bias=st.dictionaries(st.integers(0, 10**5).map(str), st.integers(-100, 100) | st.floats(-100, 100)))
def test_a_bias_goes_out_in_floats_whatever_numbers_it_was_given_in(bias):
    """The server breaks over whole numbers, and over a bias of nothing; the numbers stay what they are."""
    payload = {"messages": [{"role": "user", "content": "x"}], "parameters": {"logit_bias": bias}}
    attempt = ordered("transformers", "chat", payload)
    sent = json.loads(CODEC.build(attempt).body).get("logit_bias", {})

    assert sent == bias
    assert all(type(number) is float for number in sent.values())
    assert attempt.payload.parameters["logit_bias"] == bias
    assert ("logit_bias" in json.loads(CODEC.build(attempt).body)) is bool(bias)


@pytest.mark.parametrize("bias", [{"5": True}, {"5": "1"}, {"5": None}, [1], None, "x"])
def test_what_is_no_bias_goes_out_as_it_is(bias):
    """The server says what is wrong with it."""
    payload = {"messages": [{"role": "user", "content": "x"}], "parameters": {"logit_bias": bias}}

    assert json.loads(CODEC.build(ordered("transformers", "chat", payload)).body)["logit_bias"] == bias


@pytest.mark.parametrize("task", sorted(CODEC.tasks))
@pytest.mark.parametrize("nothing", [0, 0.0, -0.0, None])
def test_a_frequency_penalty_of_nothing_is_left_out(task, nothing):
    """It asks for nothing that the server cannot do."""
    payload = {**PAYLOADS[task], "parameters": {"frequency_penalty": nothing, "max_tokens": 3}}
    body = json.loads(CODEC.build(ordered("transformers", task, payload)).body)

    assert body["max_tokens"] == 3
    assert "frequency_penalty" not in body


@pytest.mark.parametrize(
    ("name", "revision", "status", "said", "told"),
    [
        ("org/model", LOCKED, 500, b"Internal Server Error", True),
        (f"org/model@{OTHER}", None, 500, b"Internal Server Error", True),
        ("org/model:q4.gguf", LOCKED, 500, b"Internal Server Error", True),
        ("org/model", None, 500, b"Internal Server Error", False),
        ("org/model@main", LOCKED, 500, b"Internal Server Error", False),
        ("org/model", LOCKED, 500, b'{"detail": "out of memory"}', False),
        ("org/model", LOCKED, 502, b"Internal Server Error", False),
    ],
)
def test_a_bare_500_says_what_it_often_means(name, revision, status, said, told):
    """Only where a commit was asked for, and the server said nothing else; its kind stays what it is."""
    attempt = ordered("transformers", "chat", name=name, revision=revision)
    outcome = CODEC.parse(attempt, answer(said, status))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.SERVER_ERROR
    assert ("a commit that is not there" in outcome.reason) is told
    assert outcome.reason.startswith(f"HTTP {status}")
