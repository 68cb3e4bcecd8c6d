"""chat: conversations in the OpenAI protocol."""

import json

import pytest
from hypothesis import given

from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.chat import read_chat, write_chat
from tests.providers.family import BODIES
from tests.providers.samples import JSON, answer, order

HI = [{"role": "user", "content": "x"}]


def completion(message: object, finish_reason: object = "stop", **more: object) -> dict[str, object]:
    """An answer with one choice."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], **more}


def read(body: object) -> Success | Failure:
    """What `body` means for an ordinary question."""
    return read_chat(order("openai", "chat"), answer(body), body)  # type: ignore[arg-type]  # any JSON


@given(BODIES)
def test_any_body_is_an_outcome(body):
    """`read_chat` never raises."""
    assert isinstance(read_chat(order("openai", "chat"), answer({}), body), Success | Failure)


@given(message=JSON, finish=JSON, usage=JSON, model=JSON)
def test_any_completion_is_an_outcome(message, finish, usage, model):
    """Also where only its parts are odd; a success has a role, and counts no tokens below 0."""
    body = completion(message, finish, usage=usage, model=model)
    outcome = read_chat(order("openai", "chat"), answer({}), body)

    if isinstance(outcome, Success):
        assert isinstance(outcome.output, dict)
        assert isinstance(outcome.output["role"], str)
        assert outcome.finish_reason is not None
        assert outcome.usage is None or min(outcome.usage.input, outcome.usage.output) >= 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (completion({"role": "assistant", "content": "Hel"}, None), FailureKind.TRUNCATED),
        (completion({"role": "assistant", "content": "Hel"}, "abort"), FailureKind.TRUNCATED),
        ({"choices": [{"message": {"content": "Hel"}}]}, FailureKind.TRUNCATED),
        (completion({"role": "assistant", "content": None}, "content_filter"), FailureKind.CONTENT_FILTER),
        (completion({"role": "assistant", "content": ""}, "content_filter"), FailureKind.CONTENT_FILTER),
        (completion({"role": "assistant", "content": "x"}, "error"), FailureKind.SERVER_ERROR),
        (completion({"role": "assistant"}), FailureKind.WRONG_SHAPE),
        (completion(None), FailureKind.WRONG_SHAPE),
        ({"choices": []}, FailureKind.WRONG_SHAPE),
        ([], FailureKind.WRONG_SHAPE),
    ],
)
def test_what_is_no_whole_answer_is_a_failure(body, kind):
    """finish_reason is the truth, and its absence a truncation."""
    outcome = read(body)

    assert isinstance(outcome, Failure)
    assert outcome.kind is kind
    assert outcome.status == 200


def test_a_partly_filtered_answer_is_an_answer():
    """What came before the filter is there to read, and finish_reason says the rest."""
    outcome = read(completion({"role": "assistant", "content": "Well, "}, "content_filter"))

    assert isinstance(outcome, Success)
    assert outcome.finish_reason == "content_filter"


@pytest.mark.parametrize("role", [{}, {"role": None}, {"role": 7}])
def test_a_message_without_a_role_is_the_assistants(role):
    """Some servers leave it out, and some send null."""
    outcome = read(completion({"content": "x", **role}))

    assert isinstance(outcome, Success)
    assert outcome.output == {"role": "assistant", "content": "x"}


def test_openai_itself_gets_todays_name_of_the_limit():
    """Its reasoning models refuse `max_tokens`; other servers do not know the new name."""
    payload = {"messages": HI, "max_tokens": 5}
    itself = write_chat(order("openai", "chat", payload, url="https://api.openai.com/v1"))
    other = write_chat(order("openai", "chat", payload, url="https://api.openai.com.test/v1"))

    assert itself == {"messages": HI, "max_completion_tokens": 5}
    assert other == {"messages": HI, "max_tokens": 5}


def test_a_parameter_of_tgi_makes_the_route_unfit():
    """Skipped and said; what vLLM adds to the protocol may pass."""
    with pytest.raises(Unfit, match="do_sample, watermark"):
        write_chat(
            order("openai", "chat", {"messages": HI, "parameters": {"watermark": True, "do_sample": True}})
        )
    body = write_chat(order("openai", "chat", {"messages": HI, "parameters": {"guided_json": {}}}))
    assert body["guided_json"] == {}


def test_the_payload_is_not_changed_by_writing():
    """It may be sent again, to others."""
    attempt = order("openai", "chat", {"messages": HI, "max_tokens": 5}, url="https://api.openai.com/v1")
    before = json.dumps([*attempt.payload.messages, attempt.payload.parameters])
    write_chat(attempt)

    assert json.dumps([*attempt.payload.messages, attempt.payload.parameters]) == before
