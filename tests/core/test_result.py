"""What a call returns, and how it shows itself."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.result import Result
from resilient_infer.core.target import Pin

SERVED = AttemptRecord(
    number=1,
    model="org/model",
    revision="3f9c2ab" + "0" * 33,
    route="hf:org/model",
    outcome="success",
    reason="",
    started=0.0,
    elapsed=0.31,
)
SKIPPED = replace(SERVED, number=0, outcome="skipped", reason="the circuit is open")
RESULT = Result(
    output=[{"label": "joy", "score": 0.9}],
    alias="mood",
    task="text-classification",
    model="org/model",
    revision="3f9c2ab" + "0" * 33,
    pin=Pin.ENFORCED,
    route="hf:org/model",
    attempts=(SKIPPED, SERVED),
    elapsed=0.314,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_fb5_a_result_says_in_one_line_what_served_it():
    """Route, model, commit, pin, seconds, and how many requests were really sent."""
    assert repr(RESULT) == (
        '<Result [{"label": "joy", "score": 0.9}] from hf:org/model (org/model@3f9c2ab00000, enforced) '
        "in 0.31 s, 1 attempt>"
    )


def test_fb5_a_fallback_is_said():
    """Why the first target did not answer is one look away."""
    assert repr(replace(RESULT, fallback="timeout")).endswith("1 attempt, fallback>")


@given(output=json_values)
def test_showing_a_result_is_total_and_short(output):
    """Whatever came back: one line of bounded length, nothing raised."""
    shown = repr(replace(RESULT, output=output))

    assert shown.startswith("<Result ")
    assert len(shown) < 250


def test_what_the_server_sent_is_kept_but_not_shown():
    """`raw` may be megabytes."""
    assert "everything" not in repr(replace(RESULT, raw={"body": "everything"}))


def test_a_result_can_be_sent_to_another_process():
    """With every attempt."""
    assert pickle.loads(pickle.dumps(RESULT)) == RESULT


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("Hello", "Hello"),
        ("", ""),
        ({"role": "assistant", "content": "Hello"}, "Hello"),
        ({"role": "assistant", "content": None}, ""),
        ({"role": "assistant", "content": None, "tool_calls": []}, ""),
        ({"role": "assistant"}, ""),
    ],
)
def test_the_text_of_a_generation_and_of_a_chat(output, text):
    """One property for both; a message that only calls tools has none."""
    assert replace(RESULT, output=output).text == text


@pytest.mark.parametrize("output", [[{"label": "joy"}], [[0.1, 0.2]], None, {"content": "no role"}])
def test_an_output_that_is_no_text_says_so(output):
    """The error names the alias and where to look instead."""
    with pytest.raises(
        TypeError, match=r"^mood: the output of text-classification is no text; read \.output$"
    ):
        _ = replace(RESULT, output=output).text


def test_a_model_that_echoes_a_token_does_not_put_it_into_logs() -> None:
    """The repr is what people log; the output itself is the caller's to keep."""
    echoed = replace(RESULT, output=[{"label": "hf_onlyInThisTest1", "score": 1.0}])

    assert "hf_onlyInThisTest1" not in repr(echoed)
