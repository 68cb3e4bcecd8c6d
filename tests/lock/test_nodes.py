"""Which plain scalars are safe to leave unquoted."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.nodes import needs_quotes


@given(text=st.text("0123456789abefnosxyNOTF.+-_:~=<e", min_size=1, max_size=10))
def test_what_pyyaml_takes_for_something_else_needs_quotes(text: str) -> None:
    """A plain scalar that PyYAML resolves to a number, date, boolean or null needs quotes."""
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))

    assert needs_quotes(text) or tag == "tag:yaml.org,2002:str"


@pytest.mark.parametrize(
    "text", ["", "~", "NO", "y", "0x1f", "0o17", "1_000", "1:30", "1e5", ".inf", "2024-05-13"]
)
def test_words_of_any_dialect_need_quotes(text: str) -> None:
    """YAML 1.1, YAML 1.2 and JSON readers disagree about these."""
    assert needs_quotes(text)


@pytest.mark.parametrize("text", ["gpt2", "org/model", "norway", "1st", "v1.0", "2024-05-13-preview", "a:b"])
def test_ordinary_words_do_not(text: str) -> None:
    """Every reader takes these for text."""
    assert not needs_quotes(text)
