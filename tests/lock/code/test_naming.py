"""Naming: names of aliases and providers."""

import re

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.lock.code.naming import named_apart
from resilient_infer.lock.rules import NAME

NOTHING: frozenset[str] = frozenset()


def test_the_shortest_name_that_is_nobody_elses_is_taken() -> None:
    """And both of two that would have the same get a longer one, whoever came first."""
    wanted = {"a": ["bert", "org-bert"], "b": ["bert", "other-bert"], "c": ["gpt2", "org-gpt2"]}
    named = {"a": "org-bert", "b": "other-bert", "c": "gpt2"}

    assert named_apart(wanted, taken=NOTHING) == named
    assert named_apart(dict(reversed(wanted.items())), taken=NOTHING) == named
    assert named_apart({"c": ["gpt2", "org-gpt2"]}, taken=frozenset({"gpt2"})) == {"c": "org-gpt2"}


def test_what_has_no_name_of_its_own_is_numbered() -> None:
    """From 2, past the numbers that are taken."""
    assert named_apart({"a": ["x"], "b": ["x"], "c": ["x-2"]}, taken=NOTHING) == {
        "a": "x-3",
        "b": "x-4",
        "c": "x-2",
    }


@given(
    st.dictionaries(
        st.integers(), st.lists(st.text(max_size=8) | st.just("sk-abcdefgh12345678"), min_size=1), max_size=8
    ),
    st.frozensets(st.text(max_size=3)),
)
def test_names_are_names_and_nobody_elses(wanted: dict[int, list[str]], taken: frozenset[str]) -> None:
    """Whatever they are made of."""
    names = named_apart(wanted, taken=taken)

    assert set(names) == set(wanted)
    assert len({*names.values()} - taken) == len(wanted)
    assert all(re.fullmatch(NAME.pattern, name) and not looks_like_secret(name) for name in names.values())
