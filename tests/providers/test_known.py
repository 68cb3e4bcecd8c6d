"""Known: the parameters that each task has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.task import TASKS
from resilient_infer.providers.known import KNOWN, OPENAI, meant, near


def test_every_task_has_its_parameters():
    """A new task brings its own."""
    assert set(KNOWN) == set(TASKS)
    assert KNOWN["chat"] >= OPENAI


@pytest.mark.parametrize("task", sorted(TASKS))
def test_no_known_parameter_is_taken_for_another(task):
    """However alike two of them are."""
    assert {near(task, name) for name in KNOWN[task]} <= {""}


@given(task=st.sampled_from(sorted(TASKS)) | st.text(max_size=5), name=st.text(max_size=20))
def test_what_is_near_is_known(task, name):
    """Or there is nothing near."""
    close = near(task, name)

    assert close == "" or close in KNOWN[task]


@given(task=st.sampled_from(sorted(TASKS)), choice=st.randoms(use_true_random=False))
def test_a_letter_too_few_in_a_long_name_is_a_slip(task, choice):
    """What fingers do."""
    long = sorted(name for name in KNOWN[task] if len(name) > 7)
    if not long:
        return
    name = choice.choice(long)
    place = choice.randrange(len(name))
    slip = name[:place] + name[place + 1 :]

    if slip not in KNOWN[task]:
        assert near(task, slip) in KNOWN[task]


def test_a_name_is_told_with_what_is_likely_meant():
    """Nothing is added where nothing is close."""
    assert meant("topk", {"top_k", "other"}) == 'topk (did you mean "top_k"?)'
    assert meant("x", {"top_k"}) == "x"
    assert meant("x", set()) == "x"
