"""Shapes: from what servers answer to the one output of each task."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.payload import Payload
from resilient_infer.providers.shapes import WrongShape, read_output
from tests.providers.samples import JSON, PAYLOADS

TASKS = [task for task in PAYLOADS if task != "chat"]
A, B = {"label": "A", "score": 0.2}, {"label": "B", "score": 0.8}
OLD = {"sequence": "x", "labels": ["A", "B"], "scores": [0.2, 0.8]}
ONE, TWO = "one", ["one", "two"]
CLASSIFY, ZERO, GENERATE, EMBED = TASKS[:4]


def read(task: str, body: object, inputs: object) -> object:
    """The output for `inputs`."""
    return read_output(task, body, Payload(inputs=inputs))  # type: ignore[arg-type]  # any JSON


@pytest.mark.parametrize(
    ("task", "body", "inputs", "output"),
    [
        (CLASSIFY, [[A, B]], ONE, [B, A]),
        (CLASSIFY, [A, B], ONE, [B, A]),
        (CLASSIFY, A, ONE, [A]),
        (CLASSIFY, [[A, B], [B, A]], TWO, [[B, A], [B, A]]),
        (CLASSIFY, [A, B], TWO, [[A], [B]]),
        (CLASSIFY, [A, B], [ONE], [[B, A]]),
        (CLASSIFY, [[A, B]], [ONE], [[B, A]]),
        (CLASSIFY, [{**A, "extra": 1}], ONE, [A]),
        (CLASSIFY, [{"label": "A", "score": 1}], ONE, [{"label": "A", "score": 1.0}]),
        (ZERO, [A, B], ONE, [B, A]),
        (ZERO, OLD, ONE, [B, A]),
        (ZERO, [OLD], ONE, [B, A]),
        (ZERO, [[A, B]], ONE, [B, A]),
        (ZERO, [OLD, OLD], TWO, [[B, A], [B, A]]),
        (ZERO, [[A, B], [A]], TWO, [[B, A], [A]]),
        (ZERO, OLD, [ONE], [[B, A]]),
        (ZERO, [OLD], [ONE], [[B, A]]),
        (ZERO, [A, B], [ONE], [[B, A]]),
        (GENERATE, [{"generated_text": " more"}], ONE, " more"),
        (GENERATE, {"generated_text": " more"}, ONE, " more"),
        (GENERATE, [[{"generated_text": " more"}]], ONE, " more"),
        (GENERATE, [{"generated_text": "one more"}], ONE, " more"),
        (GENERATE, [{"generated_text": "one a"}, {"generated_text": "two b"}], TWO, [" a", " b"]),
        (GENERATE, [[{"generated_text": "a"}], [{"generated_text": "b"}]], TWO, ["a", "b"]),
        (GENERATE, [{"generated_text": "a"}], [ONE], ["a"]),
        (EMBED, [0.5, 1], ONE, [0.5, 1.0]),
        (EMBED, [[0.5, 1.0]], ONE, [0.5, 1.0]),
        (EMBED, [[0.5], [1.0]], TWO, [[0.5], [1.0]]),
        (EMBED, [[0.5]], [ONE], [[0.5]]),
        (EMBED, [0.5], [ONE], [[0.5]]),
        (EMBED, {"embeddings": [0.5]}, ONE, [0.5]),
        (EMBED, {"embeddings": [[0.5], [1.0]]}, TWO, [[0.5], [1.0]]),
    ],
)
def test_one_output_however_the_server_nests_it(task, body, inputs, output):
    """A single input gives one result and a list of n a list of n."""
    assert read(task, body, inputs) == output


@pytest.mark.parametrize(
    ("task", "body", "inputs", "word"),
    [
        (CLASSIFY, [], ONE, "label"),
        (CLASSIFY, [[]], ONE, "label"),
        (CLASSIFY, [[A], [B]], ONE, "2 results for 1 input"),
        (CLASSIFY, [[A]], TWO, "1 results for 2 inputs"),
        (CLASSIFY, [{"label": 1, "score": 0.5}], ONE, "string"),
        (CLASSIFY, [{"label": "A", "score": "0.5"}], ONE, "number"),
        (CLASSIFY, [{"label": "A", "score": True}], ONE, "boolean"),
        (CLASSIFY, [{"label": "A", "score": 10**400}], ONE, "bounds"),
        (CLASSIFY, {"generated_text": "x"}, ONE, "label"),
        (CLASSIFY, None, ONE, "null"),
        (ZERO, {"labels": ["A"], "scores": []}, ONE, "one length"),
        (ZERO, [A, B], TWO, "list of 2 results"),
        (GENERATE, [], ONE, "generated_text"),
        (GENERATE, [{"generated_text": None}], ONE, "generated_text"),
        (GENERATE, "text", ONE, "generated_text"),
        (GENERATE, [{"generated_text": "a"}], TWO, "1 results for 2 inputs"),
        (EMBED, [], ONE, "vector"),
        (EMBED, [[[0.5], [1.0]]], ONE, "tokens"),
        (EMBED, [[[0.5]], [[1.0]]], TWO, "tokens"),
        (EMBED, [[0.5], [1.0, 2.0]], TWO, "lengths"),
        (EMBED, [math.nan], ONE, "NaN"),
        (EMBED, [math.inf, 1], ONE, "NaN"),
        (EMBED, ["0.5"], ONE, "numbers"),
        (EMBED, [True], ONE, "numbers"),
        (EMBED, [10**400], ONE, "bounds"),
    ],
)
def test_anything_else_is_a_wrong_shape_that_says_why(task, body, inputs, word):
    """Too few or too many results, token vectors, other tasks' answers."""
    with pytest.raises(WrongShape, match=word):
        read(task, body, inputs)


@given(st.lists(st.tuples(st.text(max_size=3), st.floats()), min_size=1, max_size=20))
def test_labels_come_best_first_and_equals_as_they_came(pairs):
    """Sorted by score, stable; a NaN is read and goes last."""
    body = [{"label": label, "score": score} for label, score in pairs]
    output = read(CLASSIFY, body, ONE)

    assert isinstance(output, list)
    scores = [item["score"] for item in output if not math.isnan(item["score"])]
    assert scores == sorted(scores, reverse=True)
    assert all(math.isnan(item["score"]) for item in output[len(scores) :])
    for score in set(scores):
        ours = [item["label"] for item in output if item["score"] == score]
        assert ours == [label for label, given_score in pairs if given_score == score]


@given(
    task=st.sampled_from(TASKS),
    body=JSON,
    inputs=st.just(ONE) | st.lists(st.just(ONE), min_size=1, max_size=3),
)
def test_any_json_is_an_output_or_a_wrong_shape(task, body, inputs):
    """Nothing else is raised, and a list of n inputs never gives another number of results."""
    try:
        output = read(task, body, inputs)
    except WrongShape:
        return
    assert isinstance(inputs, str) or (isinstance(output, list) and len(output) == len(inputs))
