"""Parameters: one name for what servers call by several."""

import pytest

from resilient_infer.core.task import TASKS
from resilient_infer.providers.parameters import CANONICAL, CHAT, FLAT, Refused, read_parameters, unknown_key


@pytest.mark.parametrize("task", sorted(TASKS))
@pytest.mark.parametrize(("old", "new"), CANONICAL.items())
def test_every_spelling_has_one_canonical_name(task, old, new):
    """And that name has no other, so that reading twice changes nothing."""
    value = ["x"] if new == "stop" else 3

    assert read_parameters(task, {"parameters": {old: value}}).values == {new: value}
    assert new not in CANONICAL


def test_the_same_value_under_two_names_is_no_contradiction():
    """Only different values are."""
    both = {"max_tokens": 5, "parameters": {"max_new_tokens": 5}}
    assert read_parameters(CHAT, both).values == {"max_tokens": 5}

    with pytest.raises(Refused, match="given twice"):
        read_parameters(CHAT, {"max_tokens": 5, "parameters": {"max_new_tokens": 6}})


def test_null_is_a_value():
    """`top_k: null` asks for every label, and `parameters: null` for nothing."""
    assert read_parameters("text-classification", {"parameters": {"top_k": None}}).values == {"top_k": None}
    assert read_parameters("text-classification", {"parameters": None}).values == {}


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("max_token", 'did you mean "max_tokens"?'),
        ("parameter", 'did you mean "parameters"?'),
        ("model", "the alias names the model; leave it out"),
        ("qqqq", 'if it is a parameter, put it in "parameters": {"qqqq": …}'),
    ],
)
def test_an_unknown_key_is_refused_with_the_likeliest_meaning(key, hint):
    """Nothing is silently dropped."""
    assert key not in FLAT[CHAT]
    assert unknown_key(CHAT, key).hint == hint
