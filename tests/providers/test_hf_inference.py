"""hf-inference: Hugging Face's own hosted models."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.providers.base import Codec, Unfit
from resilient_infer.providers.hf_body import TASKS
from resilient_infer.providers.hf_endpoint import HfEndpoint
from resilient_infer.providers.hf_inference import HfInference
from resilient_infer.providers.known import KNOWN
from tests.providers.codecs import ANSWERS, check_any_answer, check_no_secret
from tests.providers.samples import JSON, PAYLOADS, answer, order

CODEC = HfInference()


def payload_of(task: str) -> dict[str, Any]:
    """The task's sample, to be changed freely."""
    sample = PAYLOADS[task]
    assert isinstance(sample, dict)
    return dict(sample)


@given(task=st.sampled_from(sorted(TASKS)), response=ANSWERS)
def test_any_answer_is_an_outcome(task, response):
    """`parse` never raises."""
    check_any_answer(CODEC, task, response)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_no_secret_is_repeated(task):
    """Whatever the server echoes."""
    check_no_secret(CODEC, task)


def test_it_is_a_codec():
    """By the protocol."""
    assert isinstance(CODEC, Codec)


@given(task=st.sampled_from(sorted(TASKS)), body=JSON)
def test_both_kinds_of_hugging_face_give_one_output(task, body):
    """The same payload and the same answer give the same on hf-inference and on hf-endpoint."""
    here = CODEC.parse(order("hf-inference", task), answer(body))
    there = HfEndpoint().parse(order("hf-endpoint", task), answer(body))

    assert repr(here) == repr(there)
    if isinstance(here, Success):
        assert isinstance(there, Success)
        assert repr(here.output) == repr(there.output)


@pytest.mark.parametrize(
    ("task", "parameters", "names"),
    [
        ("text-classification", {"temperature": 1}, "temperature"),
        ("translation", {"tools": []}, "tools"),
        ("text-classification", {"topk": 1}, r'topk \(did you mean "top_k"\?\) for'),
        (
            "feature-extraction",
            {"normalise": True, "x": 1},
            r'normalise \(did you mean "normalize"\?\), x for',
        ),
        ("feature-extraction", {"dimensions": 5}, "dimensions"),
        ("zero-shot-classification", {"candidate_labels": ["a"], "tools": []}, "tools"),
        ("text-generation", {"response_format": {}, "tools": []}, "response_format, tools"),
        ("token-classification", {"aggregation": "simple"}, "aggregation"),
        (
            "token-classification",
            {"ignore_label": []},
            r'ignore_label \(did you mean "ignore_labels"\?\) for',
        ),
        ("question-answering", {"max_answer_length": 5}, r'did you mean "max_answer_len"'),
        ("fill-mask", {"top_p": 0.5}, "top_p"),
        ("sentence-similarity", {"prompt_name": "query"}, "prompt_name for"),
        ("image-classification", {"candidate_labels": ["a"]}, "candidate_labels"),
        ("object-detection", {"treshold": 0.5}, r'did you mean "threshold"'),
        ("image-to-text", {"temperature": 1}, "temperature"),
        ("audio-classification", {"sampling_rate": 16000}, "sampling_rate"),
        ("automatic-speech-recognition", {"language": "de"}, "language"),
        ("automatic-speech-recognition", {"max_tokens": 5}, "max_tokens"),
    ],
)
def test_a_parameter_that_the_service_does_not_know_makes_the_route_unfit(task, parameters, names):
    """Skipped and said, never silently dropped."""
    with pytest.raises(Unfit, match=names):
        CODEC.build(order("hf-inference", task, {**payload_of(task), "parameters": parameters}))


@pytest.mark.parametrize("task", sorted(TASKS - {"text-generation", "summarization", "translation"}))
def test_every_parameter_that_is_documented_is_sent(task):
    """By its own name, beside the inputs or at the root."""
    names = (
        KNOWN[task] - {"dimensions", "candidate_labels", "max_tokens"}
        if task != "sentence-similarity"
        else ()
    )
    for name in names:
        given = {**payload_of(task).get("parameters", {}), name: 1}
        body = json.loads(
            CODEC.build(order("hf-inference", task, {**payload_of(task), "parameters": given})).body
        )
        assert (body if task == "feature-extraction" else body["parameters"])[name] == 1


def entity(text: str) -> dict[str, object]:
    """The whole text as one name."""
    return {"entity_group": "X", "score": 0.5, "word": text, "start": 0, "end": len(text)}


def word(text: str) -> dict[str, object]:
    """The whole text as what stands for a mask."""
    return {"sequence": text, "score": 0.5, "token": 1, "token_str": text}


ECHOES: dict[str, tuple[Callable[[str], object], Callable[[str], object]]] = {
    "text-classification": (
        lambda text: [{"label": text, "score": 0.5}],
        lambda text: [{"label": text, "score": 0.5}],
    ),
    "zero-shot-classification": (
        lambda text: {"sequence": text, "labels": [text], "scores": [0.5]},
        lambda text: [{"label": text, "score": 0.5}],
    ),
    "token-classification": (lambda text: [entity(text)], lambda text: [entity(text)]),
    "fill-mask": (lambda text: [word(text)], lambda text: [word(text)]),
    "feature-extraction": (lambda text: [float(len(text)), 1.0], lambda text: [float(len(text)), 1.0]),
    "summarization": (lambda text: {"summary_text": text}, lambda text: text),
    "translation": (lambda text: {"translation_text": text}, lambda text: text),
    "text-generation": (lambda text: [{"generated_text": f"{text}!"}], lambda _text: "!"),
}
"""By task: how a server answers that says the text back, and the output that this gives."""


@given(
    task=st.sampled_from(sorted(ECHOES)),
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=4),
    alone=st.booleans(),
)
def test_what_is_sent_and_said_back_comes_out_in_order(task, texts, alone):
    """Every character of every text, one result for each, whether they came alone or in a list."""
    inputs = texts[0] if alone else texts
    attempt = order("hf-inference", task, {**payload_of(task), "inputs": inputs})
    said, expected = ECHOES[task]

    sent = json.loads(CODEC.build(attempt).body)["inputs"]
    assert sent == inputs
    body = said(sent) if alone else [said(text) for text in sent]
    outcome = CODEC.parse(attempt, answer(body))

    assert isinstance(outcome, Success), outcome
    assert outcome.output == (expected(inputs) if alone else [expected(text) for text in texts])


@pytest.mark.parametrize("task", sorted(TASKS))
def test_the_path_names_the_model(task):
    """And the task, where a model of sentence-transformers has two."""
    url = CODEC.build(order("hf-inference", task, url="https://a.test")).url
    own = f"/pipeline/{task}" if task in {"feature-extraction", "sentence-similarity"} else ""

    assert url == f"https://a.test/models/org/model{own}"


@pytest.mark.parametrize("task", ["text-generation", "summarization", "translation"])
def test_a_generation_takes_any_keyword_of_a_pipeline(task):
    """Their list is open."""
    payload = {"inputs": "x", "parameters": {"renormalize_logits": 1}}

    assert b'"renormalize_logits":1' in CODEC.build(order("hf-inference", task, payload)).body


def test_a_wrong_shape_says_what_was_wrong():
    """And nothing of the answer itself."""
    outcome = CODEC.parse(order("hf-inference", "feature-extraction"), answer([[[0.5], [1.0]]]))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.WRONG_SHAPE
    assert "vectors of tokens" in outcome.reason


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_cold_model_is_loading(task):
    """503 with estimated_time."""
    body = {"error": "Model org/model is currently loading", "estimated_time": 20.0}
    outcome = CODEC.parse(order("hf-inference", task, PAYLOADS[task]), answer(body, 503))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.LOADING
    assert outcome.advice == 20.0
