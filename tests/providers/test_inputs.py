"""Inputs: what each task's model is given to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.task import TASKS
from resilient_infer.providers.inputs import PAIRS, TEXTS, check_inputs, file_bytes
from resilient_infer.providers.parameters import CHAT, Refused
from tests.providers.samples import JSON

WORDS = st.text(min_size=1, max_size=5)


def test_every_task_reads_texts_a_pair_a_file_or_messages():
    """None is left over, and none is two of these."""
    files = {name for name, task in TASKS.items() if task.file}

    assert TEXTS | set(PAIRS) | files | {CHAT} == set(TASKS)
    assert len(TEXTS) + len(PAIRS) + len(files) + 1 == len(TASKS)


@given(task=st.sampled_from(sorted(TEXTS | set(PAIRS))), inputs=JSON)
def test_any_json_is_inputs_or_refused(task, inputs):
    """And what is taken is made of texts that hold something."""
    hint = ""
    try:
        check_inputs(task, inputs)
    except Refused as refused:
        hint = refused.hint
    if hint:
        return
    if task in PAIRS:
        assert isinstance(inputs, dict)
        assert set(inputs) == set(PAIRS[task])
    parts = list(inputs.values()) if isinstance(inputs, dict) else [inputs]
    texts = [text for part in parts for text in (part if isinstance(part, list) else [part])]
    assert texts
    assert all(isinstance(text, str) and text for text in texts)


@given(one=WORDS, many=st.lists(WORDS, min_size=1))
def test_good_inputs_are_taken(one, many):
    """In each of their shapes."""
    for task in TEXTS:
        check_inputs(task, one)
        check_inputs(task, list(many))
    check_inputs("question-answering", {"question": one, "context": one})
    check_inputs("sentence-similarity", {"source_sentence": one, "sentences": list(many)})
    check_inputs("text-ranking", {"query": one, "texts": list(many)})


@given(st.binary(min_size=1))
def test_bytes_are_the_file(content):
    """The same object, or an equal one where it could change; a view may have gaps."""
    assert file_bytes(content) is content
    assert file_bytes(bytearray(content)) == content
    assert file_bytes(memoryview(content)[::-1]) == content[::-1]


@pytest.mark.parametrize("given", ["", "a", [], (), {}, 1, None, b"", bytearray(), object(), [b"x"]])
def test_nothing_else_is_a_file(given):
    """Refused, with what to do."""
    with pytest.raises(Refused) as caught:
        file_bytes(given)
    assert caught.value.hint
