"""openai: chat completions."""

import json

import pytest
from hypothesis import given

from resilient_infer.core.outcome import Failure, FailureKind, Success, Usage
from resilient_infer.providers.base import Codec, Unfit
from resilient_infer.providers.openai import OpenAI
from tests.providers.codecs import ANSWERS, check_any_answer, check_no_secret
from tests.providers.samples import JSON, TOKEN, answer, order

CODEC = OpenAI()


def completion(message: object, finish_reason: object = "stop", **more: object) -> dict[str, object]:
    """An answer with one choice."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], **more}


def parse(body: object, status: int = 200) -> Success | Failure:
    """What `body` means for an ordinary question."""
    return CODEC.parse(order("openai", "chat"), answer(body, status))


@given(ANSWERS)
def test_any_answer_is_an_outcome(response):
    """`parse` never raises."""
    check_any_answer(CODEC, "chat", response)


@given(message=JSON, finish=JSON, usage=JSON, model=JSON)
def test_any_completion_is_an_outcome(message, finish, usage, model):
    """Also where only its parts are odd; a success has a role, and counts no tokens below 0."""
    outcome = parse(completion(message, finish, usage=usage, model=model))

    if isinstance(outcome, Success):
        assert isinstance(outcome.output, dict)
        assert isinstance(outcome.output["role"], str)
        assert outcome.finish_reason is not None
        assert outcome.usage is None or min(outcome.usage.input, outcome.usage.output) >= 0


def test_no_secret_is_repeated():
    """Whatever the server echoes."""
    check_no_secret(CODEC, "chat")
    check_no_secret(CODEC, "chat", "sk-proj-AbCdEfGh1234")


def test_a_served_name_that_echoes_the_secret_is_redacted():
    """The name goes into results and logs."""
    outcome = parse(completion({"role": "assistant", "content": "x"}, model=f"m {TOKEN}"))

    assert isinstance(outcome, Success)
    assert outcome.served_model == "m [secret]"
    assert TOKEN not in repr(outcome)


def test_it_is_a_codec():
    """By the protocol."""
    assert isinstance(CODEC, Codec)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (completion({"role": "assistant", "content": "Hel"}, None), FailureKind.TRUNCATED),
        ({"choices": [{"message": {"content": "Hel"}}]}, FailureKind.TRUNCATED),
        (completion({"role": "assistant", "content": None}, "content_filter"), FailureKind.CONTENT_FILTER),
        (completion({"role": "assistant", "content": ""}, "content_filter"), FailureKind.CONTENT_FILTER),
        (completion({"role": "assistant", "content": "x"}, "error"), FailureKind.SERVER_ERROR),
        (completion({"role": "assistant"}), FailureKind.WRONG_SHAPE),
        (completion(None), FailureKind.WRONG_SHAPE),
        ({"choices": []}, FailureKind.WRONG_SHAPE),
        ([], FailureKind.WRONG_SHAPE),
        ({"error": {"message": "x", "code": 429}, "choices": []}, FailureKind.THROTTLED),
    ],
)
def test_what_is_no_whole_answer_is_a_failure(body, kind):
    """finish_reason is the truth, and its absence a truncation."""
    outcome = parse(body)

    assert isinstance(outcome, Failure)
    assert outcome.kind is kind
    assert outcome.status == 200


def test_a_partly_filtered_answer_is_an_answer():
    """What came before the filter is there to read, and finish_reason says the rest."""
    outcome = parse(completion({"role": "assistant", "content": "Well, "}, "content_filter"))

    assert isinstance(outcome, Success)
    assert outcome.finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 0}, Usage(input=9, output=0)),
        ({"prompt_tokens": 9}, None),
        ({"prompt_tokens": "9", "completion_tokens": 1}, None),
        ({"prompt_tokens": -1, "completion_tokens": 1}, None),
        ({"prompt_tokens": True, "completion_tokens": 1}, None),
        (
            {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": None},
            Usage(input=1, output=1),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 5}},
            Usage(input=1, output=1, cached=1),
        ),
        ([], None),
        (None, None),
    ],
)
def test_tokens_are_known_or_unknown_never_guessed(usage, expected):
    """0 would be a free answer; more from the cache than there was is cut."""
    outcome = parse(completion({"content": "x"}, usage=usage))

    assert isinstance(outcome, Success)
    assert outcome.usage == expected


def test_openai_itself_gets_todays_name_of_the_limit():
    """Its reasoning models refuse `max_tokens`; other servers do not know the new name."""
    payload = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
    itself = CODEC.build(order("openai", "chat", payload, url="https://api.openai.com/v1"))
    other = CODEC.build(order("openai", "chat", payload, url="https://api.openai.com.test/v1"))

    assert json.loads(itself.body)["max_completion_tokens"] == 5
    assert "max_tokens" not in json.loads(itself.body)
    assert json.loads(other.body)["max_tokens"] == 5


def test_a_parameter_of_tgi_makes_the_route_unfit():
    """Skipped and said; what vLLM adds to the protocol may pass."""
    messages = [{"role": "user", "content": "x"}]
    with pytest.raises(Unfit, match="do_sample, watermark"):
        CODEC.build(
            order(
                "openai", "chat", {"messages": messages, "parameters": {"watermark": True, "do_sample": True}}
            )
        )
    request = CODEC.build(order("openai", "chat", {"messages": messages, "parameters": {"guided_json": {}}}))
    assert b'"guided_json":{}' in request.body


def test_the_payload_is_not_changed_by_building():
    """It may be sent again, to others."""
    attempt = order("openai", "chat", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5})
    before = repr((attempt.payload.messages, attempt.payload.parameters))
    CODEC.build(attempt)

    assert repr((attempt.payload.messages, attempt.payload.parameters)) == before
