"""Rules: what a text may be, whoever reads the pattern."""

import re

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock import rules
from resilient_infer.lock.rules import DEPLOYMENT, LABEL, NAME, SERVED_NAME, VARIABLE, Text

EVERY = [rule for rule in vars(rules).values() if isinstance(rule, Text)]

shapes = st.text("aZ0._-/ :@\n\t\u00e9", max_size=8)


def keeps(rule: Text, text: str) -> bool:
    return re.fullmatch(rule.pattern, text) is not None


def test_every_pattern_says_where_it_begins_and_ends() -> None:
    """ECMAScript searches; a pattern without ends would take any text that has a good part."""
    assert EVERY
    assert all(rule.pattern.startswith("^") and rule.pattern.endswith("$") and rule.rule for rule in EVERY)


@given(text=shapes)
def test_no_rule_takes_nothing_or_a_line_end(text: str) -> None:
    """A value is one line, and there is one."""
    for rule in EVERY:
        assert not keeps(rule, "")
        assert not keeps(rule, f"{text}\n")


@given(text=shapes)
def test_a_deployment_is_two_steps_of_a_path_and_leads_nowhere_else(text: str) -> None:
    """It becomes part of an address: no third step, no way up, no query."""
    if keeps(DEPLOYMENT, text):
        namespace, name = text.split("/")
        assert all(part[0].isalnum() and set(part) <= set("aZ0._-") for part in (namespace, name))


@given(text=shapes)
def test_any_line_is_a_label(text: str) -> None:
    """Labels are written by strangers, in any script, with any mark."""
    assert keeps(LABEL, text) == (text != "" and "\n" not in text)


@given(text=shapes)
def test_names_hold_nothing_that_another_place_would_read_otherwise(text: str) -> None:
    """No blank in a name, no small letter in a variable's."""
    if any(char.isspace() for char in text):
        assert not any(keeps(rule, text) for rule in (NAME, VARIABLE, SERVED_NAME, DEPLOYMENT))
    assert not (keeps(VARIABLE, text) and text != text.upper())
