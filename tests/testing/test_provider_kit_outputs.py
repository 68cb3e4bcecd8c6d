"""Outputs: whether a value has the one shape of a task's output."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.payload import Payload
from resilient_infer.core.task import TASKS
from resilient_infer.providers.shapes import WrongShape, read_output
from resilient_infer.testing.provider_kit import is_output
from resilient_infer.testing.provider_kit.garbage import LENIENT, bent

LABELS = [{"label": "A", "score": 0.9}, {"label": "B", "score": 0.1}]
ENTITY = {"entity_group": "PER", "score": 0.9, "word": "Ada", "start": 0, "end": 3}
BOX = {"xmin": 0, "ymin": 0, "xmax": 3, "ymax": 4}
WORD = {"sequence": "a cat", "score": 0.9, "token": 7, "token_str": "cat"}

GOOD = {
    "text-classification": [LABELS, LABELS[:1], [{"label": "A", "score": math.nan}]],
    "zero-shot-classification": [LABELS],
    "image-classification": [LABELS],
    "audio-classification": [LABELS],
    "token-classification": [
        [],
        [ENTITY],
        [{"entity": "B-PER", "score": 0.1, "word": "Ada", "start": None, "end": None}, ENTITY],
    ],
    "object-detection": [[], [{"label": "cat", "score": 0.9, "box": BOX}]],
    "question-answering": [[{"answer": "Ada", "score": 0.9, "start": 0, "end": 3}]],
    "fill-mask": [[WORD], [{**WORD, "token": None}], [[WORD], [WORD]]],
    "summarization": ["short"],
    "translation": ["court", ""],
    "image-to-text": ["a cat"],
    "text-generation": [" upon a time"],
    "chat": [
        {"role": "assistant", "content": "hello"},
        {"role": "assistant", "content": None, "tool_calls": [{}]},
    ],
    "feature-extraction": [[0.1, -2, 3e300]],
    "sentence-similarity": [[0.1, math.nan], [1]],
    "text-ranking": [[{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]],
    "automatic-speech-recognition": [
        {"text": "hello"},
        {"text": "hello", "chunks": [{"text": "hello", "timestamp": [0.0, None]}]},
    ],
}
BAD = {
    "text-classification": [
        [],
        {},
        None,
        LABELS[0],
        [LABELS],
        LABELS[::-1],
        [{"label": "A"}],
        [{"label": "A", "score": True}],
        [{"label": 1, "score": 0.9}],
        [{"label": "A", "score": 0.9, "token": 1}],
        [{"label": "A", "score": math.nan}, {"label": "B", "score": 0.9}],
    ],
    "token-classification": [
        [{**ENTITY, "index": 1}],
        [{"word": "Ada", "score": 0.9}],
        ["Ada"],
        [{**ENTITY, "start": 0.5}],
    ],
    "object-detection": [[{"label": "cat", "score": 0.9}], [{"label": "cat", "score": 0.9, "box": {}}]],
    "question-answering": [{"answer": "Ada", "score": 0.9}, [], [{"score": 0.9, "start": 0, "end": 3}]],
    "fill-mask": [[], [[]], [{**WORD, "score": "0.9"}]],
    "summarization": [[{"summary_text": "short"}], ["short"], None],
    "text-generation": [{"generated_text": "x"}],
    "chat": ["hello", {"content": "hello"}, {"role": "assistant"}],
    "feature-extraction": [[], [[0.1]], [math.nan], [math.inf], [True], ["0.1"]],
    "sentence-similarity": [[], 0.5, [[0.5]], [None]],
    "text-ranking": [
        [],
        [{"index": 1, "score": 0.9}],
        [{"index": 0, "score": 0.1}, {"index": 1, "score": 0.9}],
        [{"index": 0, "score": 0.9, "text": "a"}],
    ],
    "automatic-speech-recognition": [
        "hello",
        {},
        {"text": "hello", "chunks": [{"text": "hello"}]},
        {"text": "hello", "chunks": [{"text": "hello", "timestamp": [0.0]}]},
        {"text": "hello", "chunks": [{"text": "hello", "timestamp": [0.0, 1.0, 2.0]}]},
    ],
}


@pytest.mark.parametrize(("task", "output"), [(task, each) for task in GOOD for each in GOOD[task]])
def test_the_shape_of_the_task_is_an_output(task, output):
    assert is_output(task, output)


@pytest.mark.parametrize(("task", "output"), [(task, each) for task in BAD for each in BAD[task]])
def test_any_other_shape_is_none(task, output):
    assert not is_output(task, output)


def test_every_task_has_a_shape():
    assert GOOD.keys() == TASKS.keys()


@given(task=st.sampled_from(sorted(TASKS)), output=LENIENT, inputs=st.none() | st.integers(0, 3))
def test_any_value_can_be_asked_about(task, output, inputs):
    """It never raises, also where a number is beyond all bounds."""
    assert is_output(task, output, inputs=inputs) in (True, False)


def test_a_list_of_inputs_has_a_list_of_outputs():
    assert is_output("text-classification", [LABELS, LABELS], inputs=2)
    assert not is_output("text-classification", [LABELS], inputs=2)
    assert not is_output("text-classification", LABELS, inputs=2)
    assert is_output("feature-extraction", [[0.1, 0.2], [0.3, 0.4]], inputs=2)
    assert not is_output("feature-extraction", [[0.1, 0.2], [0.3]], inputs=2)
    assert is_output("text-generation", ["a", "b"], inputs=2)


SERVED = {
    "summarization": [{"summary_text": "short"}],
    "translation": [{"translation_text": "court"}],
    "image-to-text": [{"generated_text": "a cat"}],
    "text-generation": [{"generated_text": "once upon"}],
}
"""What servers answer, where it is not the output itself."""

INPUTS = {"text-ranking": {"query": "q", "texts": ["a", "b"]}, "sentence-similarity": {"sentences": ["a"]}}


@pytest.mark.parametrize("task", sorted(TASKS.keys() - {"chat"}))
@given(chosen=st.data())
def test_what_the_shapes_read_is_an_output(task, chosen):
    """Two readings of the same table, written apart, agree on whatever a server answers."""
    body = chosen.draw(bent(SERVED.get(task, GOOD[task][-1])))
    payload = Payload(inputs=INPUTS.get(task, "once"))
    try:
        output = read_output(task, body, payload)
    except WrongShape:
        return

    assert is_output(task, output), output
