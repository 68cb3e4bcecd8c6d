"""The sandbox's models: deterministic, bounded, and different from commit to commit."""

import math
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import CATALOGUE, Model, commit_of
from resilient_infer.testing.sandbox.answers import (
    likeness,
    mood_of,
    sigmoid,
    softmax,
    text_from,
    tokens_of,
    vector_of,
)
from tests.testing.raw import GPT2, SENTIMENT

CLASSIFIER = CATALOGUE[SENTIMENT]
GENERATOR = CATALOGUE[GPT2]
EMBEDDER = CATALOGUE["sentence-transformers/all-MiniLM-L6-v2"]
RANKER = CATALOGUE["facebook/bart-large-mnli"]

texts = st.text(max_size=60)
commits = st.integers(0, 10**6).map(lambda generation: commit_of("any", generation))


def at(model: Model, commit: str) -> Model:
    return replace(model, commit=commit)


def test_commits_look_like_commits_and_differ() -> None:
    """40 lower-case hex, another for each name and generation."""
    made = {commit_of(name, generation) for name in CATALOGUE for generation in range(3)}

    assert len(made) == 3 * len(CATALOGUE)
    assert all(len(commit) == 40 and set(commit) <= set("0123456789abcdef") for commit in made)


@pytest.mark.parametrize("commit", ["abc", "A" * 40, "g" * 40, "a" * 41])
def test_a_model_with_another_commit_is_no_model(commit: str) -> None:
    """Short, upper-case and foreign letters are refused."""
    with pytest.raises(ValueError, match="40 lower-case hex"):
        Model(name="acme/mine", task="chat", commit=commit)


def test_a_model_without_a_known_task_is_no_model() -> None:
    """The tasks are those of the library."""
    with pytest.raises(ValueError, match="no task 'text-to-mush'"):
        Model(name="acme/mine", task="text-to-mush")


@given(text=texts, commit=commits, other=commits)
def test_every_answer_depends_on_text_model_and_commit_alone(text: str, commit: str, other: str) -> None:
    """The same commit says the same again; another one can be told apart."""
    classifier, moved = at(CLASSIFIER, commit), at(CLASSIFIER, other)
    embedder = at(EMBEDDER, commit)
    ranker = at(RANKER, commit)

    assert mood_of(classifier, text) == mood_of(at(CLASSIFIER, commit), text)
    assert vector_of(embedder, text) == vector_of(at(EMBEDDER, commit), text)
    assert (mood_of(classifier, text) == mood_of(moved, text)) is (commit == other)
    assert (vector_of(embedder, text) == vector_of(at(EMBEDDER, other), text)) is (commit == other)
    assert (likeness(ranker, text, ["a"]) == likeness(at(RANKER, other), text, ["a"])) is (commit == other)


@given(commit=commits, good=st.sampled_from(["I love it", "not bad at all", "a great film"]))
def test_no_commit_turns_a_clear_verdict(commit: str, good: str) -> None:
    """A commit moves the score, not the label."""
    negative, positive = softmax(mood_of(at(CLASSIFIER, commit), good))

    assert positive > 0.9 > 0.1 > negative


def test_what_lies_between_wins_where_nothing_pulls() -> None:
    """A model with three labels calls plain words neutral."""
    model = CATALOGUE["cardiffnlp/twitter-roberta-base-sentiment-latest"]
    for text, label in (("the tram", "neutral"), ("awful", "negative"), ("awesome", "positive")):
        logits = mood_of(model, text)
        assert model.labels[logits.index(max(logits))] == label


@given(commit=commits)
def test_the_label_that_the_text_speaks_of_wins(commit: str) -> None:
    """Zero-shot by shared letters: "billing" is near "bills"."""
    labels = ["billing", "sports", "travel"]
    logits = likeness(at(RANKER, commit), "two bills for one month, is billing broken?", labels)

    assert logits.index(max(logits)) == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_scores_are_shares(logits: list[float]) -> None:
    """softmax adds up to 1; sigmoid lies between 0 and 1; neither overflows."""
    assert math.isclose(sum(softmax(logits)), 1)
    assert all(0 <= share <= 1 for share in softmax(logits) + sigmoid(logits))


@given(text=texts, dimension=st.integers(1, 500))
def test_a_vector_has_length_one(text: str, dimension: int) -> None:
    """Whatever the text and the dimension, the empty text included."""
    vector = vector_of(replace(EMBEDDER, dimension=dimension), text)

    assert len(vector) == dimension
    assert math.isclose(math.hypot(*vector), 1)


def test_vectors_of_two_commits_are_near_and_of_two_models_are_not() -> None:
    """Falling over to another model's vectors would be noticed."""
    text = "the ferry left before dawn"
    here = vector_of(EMBEDDER, text)
    moved = vector_of(at(EMBEDDER, commit_of("x", 1)), text)
    foreign = vector_of(CATALOGUE["BAAI/bge-small-en-v1.5"], text)

    assert sum(a * b for a, b in zip(here, moved, strict=True)) > 0.99
    assert abs(sum(a * b for a, b in zip(here, foreign, strict=True))) < 0.6


@given(prompt=texts, limit=st.integers(1, 60), draw=st.integers(0, 99), hot=st.booleans())
def test_generation_keeps_to_its_limit(prompt: str, limit: int, draw: int, hot: bool) -> None:
    """At most `limit` tokens; it says truly whether it came to its own end."""
    made = text_from(GENERATOR, prompt, limit=limit, temperature=0.8 if hot else 0.0, draw=draw)

    assert 1 <= made.tokens <= limit
    assert made.tokens == len(tokens_of(made.text))
    assert made.finished or made.tokens == limit


@given(prompt=texts, draws=st.tuples(st.integers(0, 9), st.integers(10, 99)))
def test_only_a_temperature_makes_two_answers_differ(prompt: str, draws: tuple[int, int]) -> None:
    """At 0 the draw does not matter; above it the same draw is the same text."""
    cold = {text_from(GENERATOR, prompt, limit=30, temperature=0.0, draw=draw).text for draw in draws}
    hot = {text_from(GENERATOR, prompt, limit=30, temperature=1.0, draw=draws[0]).text for _ in range(2)}

    assert len(cold) == len(hot) == 1


def test_a_temperature_makes_answers_differ() -> None:
    """Twenty draws are not all the same text."""
    made = {text_from(GENERATOR, "the sea", limit=30, temperature=1.0, draw=draw).text for draw in range(20)}

    assert len(made) > 10


def test_another_run_gives_the_same_answers() -> None:
    """Nothing depends on the hash seed of the process."""
    program = (
        "from resilient_infer.testing.sandbox.answers import *\n"
        "from resilient_infer.testing.sandbox import CATALOGUE\n"
        "models = list(CATALOGUE.values())\n"
        "print(mood_of(models[0], 'fun'), vector_of(models[5], 'fun in the sun'),"
        " text_from(models[7], 'the sea', limit=30, temperature=0.5, draw=3).text)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1
