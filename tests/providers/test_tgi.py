"""tgi: Text Generation Inference."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import FailureKind, Usage
from resilient_infer.core.secret import Secret
from resilient_infer.core.testimony import Limits
from resilient_infer.providers.base import Attesting, Codec, Unfit
from resilient_infer.providers.tgi import Tgi
from tests.providers.codecs import ANSWERS, check_any_answer, check_no_secret
from tests.providers.family import LOCKED, NO_COMMIT, OTHER
from tests.providers.samples import JSON, LATIN, TOKEN, answer, order
from tests.providers.testimonies import FACTS, check_any_facts

CODEC = Tgi()
TASKS = st.sampled_from(sorted(CODEC.tasks))
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "max_new_tokens": st.integers(1, 4096),
        "temperature": st.floats(0.01, 2),
        "top_k": st.integers(1, 100),
        "top_p": st.floats(0.01, 0.99),
        "repetition_penalty": st.floats(0.5, 0.9),
        "seed": st.integers(0, 2**63),
        "stop": st.lists(TEXTS, max_size=4),
        "truncate": st.integers(1, 100),
        "watermark": st.booleans(),
    },
)


def body_of(
    payload: object, task: str = "text-generation", revision: str | None = LOCKED
) -> dict[str, object]:
    """What is sent for `payload`."""
    attempt = replace(order("tgi", task, payload), revision=revision)
    body = json.loads(CODEC.build(attempt).body)
    assert isinstance(body, dict)
    return body


def generation(parameters: dict[str, object]) -> object:
    """The parameters that are sent for those of the caller."""
    return body_of({"inputs": "x", "parameters": parameters})["parameters"]


@given(task=TASKS, response=ANSWERS)
def test_any_answer_is_an_outcome(task, response):
    """`parse` never raises."""
    check_any_answer(CODEC, task, response)


@given(text=JSON | LATIN, finish=JSON | LATIN, count=JSON, header=LATIN)
def test_any_generation_is_an_outcome(text, finish, count, header):
    """Also where only its parts are odd."""
    details = {"finish_reason": finish, "generated_tokens": count}
    response = answer({"generated_text": text, "details": details}, headers={"x-prompt-tokens": header})
    outcome = CODEC.parse(order("tgi", "text-generation"), response)

    assert outcome.status == 200
    if isinstance(text, str):
        assert outcome.output == text
        assert outcome.usage is None or min(outcome.usage.input, outcome.usage.output) >= 0
    else:
        assert outcome.kind is FailureKind.WRONG_SHAPE


@pytest.mark.parametrize("task", sorted(CODEC.tasks))
def test_no_secret_is_repeated(task):
    """Whatever the server echoes."""
    check_no_secret(CODEC, task)
    outcome = CODEC.parse(
        order("tgi", "text-generation"),
        answer({"generated_text": "x", "details": {"finish_reason": f"stopped by {TOKEN}"}}),
    )
    assert TOKEN not in repr(outcome)
    assert TOKEN not in repr(CODEC.identity(order("tgi", task).route.endpoint, Secret(TOKEN)))


def test_it_is_a_codec_that_attests():
    """By the protocols."""
    assert isinstance(CODEC, Codec)
    assert isinstance(CODEC, Attesting)


@given(text=TEXTS, parameters=PARAMETERS)
def test_a_generation_is_sent_whole_and_read_back(text, parameters):
    """Every parameter by TGI's name, and the same text for an answer that is it."""
    body = body_of({"inputs": text, "parameters": parameters})
    attempt = order("tgi", "text-generation", text)
    outcome = CODEC.parse(attempt, answer({"generated_text": text + text}))

    assert body["inputs"] == text
    assert body["parameters"] == {**parameters, "details": True}
    assert outcome.output == text + text  # never an echo, however much it looks like one


@pytest.mark.parametrize("base", ["https://tgi.test", "https://tgi.test/v1"])
def test_the_server_may_be_named_with_its_v1_or_without(base):
    """Only the chat lies below it."""
    generate = CODEC.build(order("tgi", "text-generation", url=base))
    chat = CODEC.build(order("tgi", "chat", url=base))
    asked = CODEC.identity(order("tgi", "chat", url=base).route.endpoint, None)

    assert generate.url == "https://tgi.test/generate"
    assert chat.url == "https://tgi.test/v1/chat/completions"
    assert (asked.method, asked.url, asked.body) == ("GET", "https://tgi.test/info", b"")


def test_several_texts_are_several_calls():
    """`/generate` takes one; a list of one is answered by a list of one."""
    with pytest.raises(Unfit, match="one text in a request, not 2"):
        CODEC.build(order("tgi", "text-generation", ["a", "b"]))
    assert body_of(["a"])["inputs"] == "a"
    outcome = CODEC.parse(order("tgi", "text-generation", ["a"]), answer({"generated_text": "b"}))
    assert outcome.output == ["b"]


@pytest.mark.parametrize(
    ("task", "name", "value"),
    [
        ("text-generation", "min_p", 0.5),
        ("text-generation", "num_beams", 4),
        ("text-generation", "presence_penalty", 0.5),
        ("text-generation", "logit_bias", {"1": 2}),
        ("chat", "presence_penalty", 0.5),
        ("chat", "logit_bias", {"1": 2}),
        ("chat", "top_k", 5),
        ("chat", "repetition_penalty", 1.5),
        ("chat", "reasoning_effort", "low"),
        ("chat", "watermark", True),
    ],
)
def test_what_tgi_would_ignore_or_take_for_something_else_makes_the_route_unfit(task, name, value):
    """It says nothing of fields that it does not know, and makes a repetition penalty of presence_penalty."""
    payload = {"messages": [{"role": "user", "content": "x"}]} if task == "chat" else {"inputs": "x"}
    with pytest.raises(Unfit, match=name):
        CODEC.build(order("tgi", task, {**payload, "parameters": {name: value}}))


@pytest.mark.parametrize(
    ("given_parameters", "sent"),
    [
        ({"temperature": 0}, {"do_sample": False}),
        ({"temperature": 0.0, "top_p": 0.5, "top_k": 3, "typical_p": 0.5}, {"do_sample": False}),
        ({"temperature": 0, "do_sample": True}, {"do_sample": False}),
        ({"temperature": 1, "top_p": 1}, {"temperature": 1}),
        ({"top_p": 0.5, "top_k": -1, "min_p": 0.0}, {"top_p": 0.5}),
        ({"repetition_penalty": 1.0, "frequency_penalty": 0, "presence_penalty": 0.0}, {}),
        ({"details": False, "seed": None}, {}),
        ({"temperature": False, "top_p": True}, {"temperature": False, "top_p": True}),
        ({"top_k": 1, "repetition_penalty": 0}, {"top_k": 1, "repetition_penalty": 0}),
    ],
)
def test_values_that_tgi_refuses_are_said_in_its_way(given_parameters, sent):
    """Temperature 0 is no sampling, and what is off is left out; anything else is the server's to refuse."""
    assert generation(given_parameters) == {**sent, "details": True}


def test_no_adapter_stands_in_for_the_locked_weights():
    """A chat's model chooses a LoRA adapter unless it is called tgi; so does adapter_id."""
    chat = {"messages": [{"role": "user", "content": "x"}]}
    adapted = {"inputs": "x", "parameters": {"adapter_id": "org/lora"}}

    assert body_of(chat, "chat")["model"] == "tgi"
    assert body_of(chat, "chat", revision=None)["model"] == "org/model"
    assert body_of(adapted, revision=None)["parameters"] == {"adapter_id": "org/lora", "details": True}
    with pytest.raises(Unfit, match="adapter_id"):
        body_of(adapted)


def said(message: str, kind: str = "validation") -> dict[str, object]:
    """An error as TGI writes it."""
    return {"error": message, "error_type": kind}


INVALID = "Input validation error: "


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (422, said(INVALID + "`temperature` must be strictly positive"), FailureKind.BAD_REQUEST),
        (422, said(INVALID + "`inputs` must have less than 1024 tokens. Given: 2000"), FailureKind.TOO_LONG),
        (
            422,
            said(
                INVALID + "`inputs` tokens + `max_new_tokens` must be <= 2048."
                " Given: 2000 `inputs` tokens and 100 `max_new_tokens`"
            ),
            FailureKind.TOO_LONG,
        ),
        (
            422,
            said(INVALID + "`stop` supports up to 4 stop sequences. Given: 5"),
            FailureKind.UNSUPPORTED,
        ),
        (422, said(INVALID + "`top_n_tokens` must be >= 0 and <= 5. Given: 9"), FailureKind.UNSUPPORTED),
        (422, said(INVALID + "grammar is not supported"), FailureKind.UNSUPPORTED),
        (422, said(INVALID + "image modality is not supported"), FailureKind.UNSUPPORTED),
        (
            422,
            said("Template error: template not found", "template_error"),
            FailureKind.UNSUPPORTED,
        ),
        (422, b"Failed to deserialize the JSON body: missing field `inputs`", FailureKind.BAD_REQUEST),
        (413, b"Failed to buffer the request body: length limit exceeded", FailureKind.UNSUPPORTED),
        (
            424,
            said("Request failed during generation: CUDA error", "generation"),
            FailureKind.SERVER_ERROR,
        ),
        (429, said("Model is overloaded", "overloaded"), FailureKind.THROTTLED),
        (500, said("Incomplete generation", "incomplete_generation"), FailureKind.SERVER_ERROR),
        (503, said("unhealthy", "healthcheck"), FailureKind.SERVER_ERROR),
        (200, said("Incomplete generation", "incomplete_generation"), FailureKind.SERVER_ERROR),
        (200, [], FailureKind.WRONG_SHAPE),
        (200, [{"generated_text": "a"}, {"generated_text": "b"}], FailureKind.WRONG_SHAPE),
    ],
)
@pytest.mark.parametrize("task", sorted(CODEC.tasks))
def test_a_refusal_is_the_requests_the_moments_or_this_servers_alone(task, status, body, kind):
    """By TGI's statuses and, where they say too little, by its words."""
    outcome = CODEC.parse(order("tgi", task), answer(body, status))

    assert outcome.kind is kind


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("stop", "stop"),
        (7, None),
        ("", None),
    ],
)
def test_how_a_text_ended_is_told_in_everybodys_words(finish, told):
    """Both of TGI's ends are a stop, in a generation and in a chat."""
    body = {"generated_text": "x", "details": {"finish_reason": finish, "generated_tokens": 1}}
    assert CODEC.parse(order("tgi", "text-generation"), answer(body)).finish_reason == told

    if told is not None:
        message = {"role": "assistant", "content": "x"}
        chat = {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}
        assert CODEC.parse(order("tgi", "chat"), answer(chat)).finish_reason == told


@pytest.mark.parametrize(
    ("header", "count", "usage"),
    [
        ("4", 5, Usage(input=4, output=5)),
        ("0", 0, Usage(input=0, output=0)),
        ("x", 5, None),
        ("4", -1, None),
        ("4", True, None),
        ("4", None, None),
    ],
)
def test_tokens_are_known_or_unknown_never_guessed(header, count, usage):
    """The prompt's stand in a header, the text's in the body."""
    body = {"generated_text": "x", "details": {"generated_tokens": count}}
    response = answer(body, headers={"x-prompt-tokens": header})

    assert CODEC.parse(order("tgi", "text-generation"), response).usage == usage


@pytest.mark.parametrize(
    ("reported", "commit"),
    [(LOCKED, LOCKED), (OTHER, OTHER), (OTHER.upper(), OTHER), *((nothing, None) for nothing in NO_COMMIT)],
)
def test_only_a_full_commit_is_attested(reported, commit):
    """A local folder's null, a branch and a short commit say nothing."""
    facts = {"model_id": "org/model", "model_sha": reported, "sha": OTHER, "revision": OTHER}

    assert CODEC.reported_commit(order("tgi", "chat"), facts) == commit
    assert CODEC.reported_commit(order("tgi", "chat"), [facts]) is None


def test_a_server_that_does_not_name_its_commit_is_not_attested():
    """`sha` is the commit of TGI itself."""
    assert CODEC.reported_commit(order("tgi", "chat"), {"sha": LOCKED}) is None


def test_limits_are_those_of_one_request():
    """The total counts question and answer."""
    facts = {"max_client_batch_size": 4, "max_input_tokens": 1023, "max_total_tokens": 2048}

    assert CODEC.limits(facts) == Limits(inputs=4, context=2048)
    assert CODEC.limits({"max_client_batch_size": 0, "max_total_tokens": "2048"}) == Limits()


@given(FACTS)
def test_any_facts_are_a_commit_or_nothing(facts):
    """Never raises."""
    check_any_facts(CODEC, "tgi", "chat", facts)


@given(FACTS)
def test_whatever_stands_in_info_only_its_model_sha_is_a_commit(sha):
    """The field decides alone."""
    told = CODEC.reported_commit(order("tgi", "chat"), {"model_sha": sha})

    assert told == (sha.lower() if sha in (LOCKED, LOCKED.upper()) else None)
