"""Which plain scalars are safe to leave unquoted."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from resilient_infer.lock.nodes import needs_quotes

SHORT = st.text("0123456789abefnosxyNOTF.+-_:~=<e", min_size=1, max_size=10)
TEXT = "tag:yaml.org,2002:str"


@given(text=SHORT)
def test_what_pyyaml_takes_for_something_else_needs_quotes(text: str) -> None:
    """A plain scalar that PyYAML resolves to a number, date, boolean or null needs quotes."""
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))

    assert needs_quotes(text) or tag == TEXT


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@given(text=SHORT)
def test_what_ruamel_takes_for_something_else_needs_quotes(text: str, version: str) -> None:
    """Also by the rules of YAML 1.2, where 0o17 and 1e5 are numbers."""
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    tag = reader.resolver.resolve(ScalarNode, text, (True, False))

    assert needs_quotes(text) or str(tag) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        *("", "~", "=", "<<", "null", "Null", "NO", "yes", "y", "On", "TRUE"),
        *(
            "0x1F",
            "0b1",
            "0o17",
            "017",
            "1_000",
            "1,000",
            "1e5",
            "+1E-5",
            "1.",
            ".5",
            "-_1",
            "1:30",
            "1:30.5",
        ),
        *(
            "1:30.5",
            ".inf",
            "-.INF",
            ".NaN",
            "2024-05-13",
            "2024-5-3",
            "2024-05-13T10:00:00Z",
            "2024-05-13 10:00:00",
        ),
    ],
)
def test_words_of_any_dialect_need_quotes(text: str) -> None:
    """YAML 1.1, YAML 1.2 and JSON readers disagree about these."""
    assert needs_quotes(text)


@pytest.mark.parametrize(
    "text",
    ["gpt2", "org/model", "norway", "1st", "v1.0", "2024-05-13-preview", "a:b", "e5", "inf", "0xyz", "1e5m"],
)
def test_ordinary_words_do_not(text: str) -> None:
    """Every reader takes these for text."""
    assert not needs_quotes(text)
