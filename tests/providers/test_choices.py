"""choices: endings, tokens and names in the answers of the OpenAI protocol."""

import pytest
from hypothesis import given

from resilient_infer.core.outcome import FailureKind, Usage
from resilient_infer.providers.choices import answered, choices_in, ending, fields_of
from tests.providers.family import BODIES
from tests.providers.samples import TOKEN, answer, order


@given(BODIES)
def test_any_body_has_fields_and_choices(body):
    """Perhaps none."""
    assert isinstance(fields_of(body), dict)
    assert all(isinstance(choice, dict) for choice in choices_in(body))


@given(BODIES)
def test_any_ending_is_read(finish):
    """Without a reason in words nothing is whole."""
    end = ending(finish, empty=False)

    if not isinstance(finish, str) or not finish:
        assert end is not None
        assert end[0] is FailureKind.TRUNCATED


@pytest.mark.parametrize(
    ("finish", "empty", "kind"),
    [
        ("stop", True, None),
        ("length", False, None),
        ("tool_calls", True, None),
        ("abort", False, FailureKind.TRUNCATED),
        ("", False, FailureKind.TRUNCATED),
        (None, False, FailureKind.TRUNCATED),
        ("error", False, FailureKind.SERVER_ERROR),
        ("content_filter", True, FailureKind.CONTENT_FILTER),
        ("content_filter", False, None),
    ],
)
def test_the_reason_tells_whether_it_is_an_answer(finish, empty, kind):
    """What came before a filter is there to read; what the server broke off is not whole."""
    end = ending(finish, empty=empty)

    assert (None if end is None else end[0]) is kind


def usage_of(usage: object, finish: str | None = "stop") -> Usage | None:
    """The tokens read from a body with `usage`."""
    body = {"usage": usage}
    return answered(order("openai", "chat"), answer(body), body, None, finish).usage  # type: ignore[arg-type]  # any JSON


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
    assert usage_of(usage) == expected


def test_what_generates_nothing_counts_its_question_only():
    """Embeddings have no completion_tokens, and it is no guess that there are none."""
    assert usage_of({"prompt_tokens": 5, "total_tokens": 5}, None) == Usage(input=5, output=0)
    assert usage_of({"total_tokens": 5}, None) is None


def test_names_that_echo_the_secret_are_redacted():
    """They go into results and logs."""
    body = {"model": f"m {TOKEN}"}
    success = answered(order("openai", "chat"), answer(body), body, None, f"stop {TOKEN}")  # type: ignore[arg-type]  # JSON

    assert success.served_model == "m [secret]"
    assert success.finish_reason == "stop [secret]"
    assert TOKEN not in repr(success)
