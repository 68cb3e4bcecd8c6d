"""completions: prompts and what goes on from them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.completions import read_completions, write_completions
from resilient_infer.providers.hf_inference import HfInference
from tests.providers.family import BODIES, completion
from tests.providers.samples import answer, order

TEXTS = st.text(min_size=1, max_size=8)


def read(payload: object, body: object) -> Success | Failure:
    """What `body` means as an answer to `payload`."""
    attempt = order("openai", "text-generation", payload)
    return read_completions(attempt, answer({}), body)  # type: ignore[arg-type]  # any JSON


@given(BODIES, st.just("a") | st.lists(TEXTS, min_size=1, max_size=3))
def test_any_body_is_an_outcome(body, payload):
    """One text for each prompt, and nothing is raised."""
    outcome = read(payload, body)

    if isinstance(outcome, Success):
        assert isinstance(outcome.output, str if payload == "a" else list)
        assert payload == "a" or len(outcome.output) == len(payload)


@given(st.lists(st.tuples(TEXTS, st.text(max_size=8)), min_size=1, max_size=4), st.randoms())
def test_each_prompt_gets_its_own_text_in_whatever_order_they_come(pairs, chance):
    """By index; and what Hugging Face's servers answer gives the same output."""
    prompts, texts = [prompt for prompt, _ in pairs], [text for _, text in pairs]
    body = completion(*texts)
    chance.shuffle(body["choices"])
    outcome = read(prompts, body)
    attempt = order("hf-inference", "text-generation", prompts)
    theirs = HfInference().parse(
        attempt, answer([{"generated_text": prompt + text} for prompt, text in pairs])
    )

    assert isinstance(outcome, Success)
    assert isinstance(theirs, Success)
    assert outcome.output == theirs.output == texts


@given(TEXTS, st.text(max_size=8))
def test_a_prompt_is_taken_off_only_if_it_was_to_be_repeated(prompt, text):
    """A text that begins like its prompt is a text all the same."""
    body = completion(prompt + text)
    echoed = read({"inputs": prompt, "parameters": {"echo": True}}, body)
    plain = read(prompt, body)

    assert isinstance(echoed, Success)
    assert isinstance(plain, Success)
    assert echoed.output == text
    assert plain.output == prompt + text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (completion("a", "b", finish=None), FailureKind.TRUNCATED),
        (completion("a", "b", finish="abort"), FailureKind.TRUNCATED),
        (completion("a", "b", finish="error"), FailureKind.SERVER_ERROR),
        (completion("", "b", finish="content_filter"), FailureKind.CONTENT_FILTER),
        (completion("a"), FailureKind.WRONG_SHAPE),
        (completion("a", "b", "c"), FailureKind.WRONG_SHAPE),
        (completion("a", None), FailureKind.WRONG_SHAPE),
        (completion(), FailureKind.WRONG_SHAPE),
        ({"choices": [{"text": "a", "index": 0, "finish_reason": "stop"}] * 2}, FailureKind.WRONG_SHAPE),
        ({"choices": {}}, FailureKind.WRONG_SHAPE),
        ("text", FailureKind.WRONG_SHAPE),
    ],
)
def test_what_is_no_whole_answer_is_a_failure(body, kind):
    """One text that is not whole spoils them all: half an output has no shape."""
    outcome = read(["x", "y"], body)

    assert isinstance(outcome, Failure)
    assert outcome.kind is kind


def test_one_text_that_is_not_whole_spoils_the_answer():
    """Also if the first is."""
    body = completion("a", "b")
    body["choices"][1]["finish_reason"] = None
    outcome = read(["x", "y"], body)

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TRUNCATED


@given(TEXTS | st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 100))
def test_the_prompts_are_sent_as_they_are(prompt, limit):
    """With the one name of the limit."""
    payload = {"inputs": prompt, "parameters": {"max_new_tokens": limit}}
    body = write_completions(order("openai", "text-generation", payload))

    assert json.loads(json.dumps(body)) == {"prompt": prompt, "max_tokens": limit}


def test_what_only_a_chat_has_makes_the_route_unfit():
    """Skipped and said."""
    with pytest.raises(Unfit, match="completions have no tools"):
        write_completions(order("openai", "text-generation", {"inputs": "x", "parameters": {"tools": []}}))
