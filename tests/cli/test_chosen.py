"""Chosen: a name that is none is told with the one that was meant, and where its pin is."""

import pytest

from resilient_infer.cli.chosen import chosen
from resilient_infer.errors import ConfigError
from resilient_infer.lock.manifest import parse_manifest

TEXT = b"""\
version: 1
models: {sentiment: acme/one, gpt2: acme/two}
environments: {prod: {gpt2: acme/three}}
"""
DEFAULT, PROD = (parse_manifest(TEXT, "models.yaml", environment) for environment in (None, "prod"))


def test_no_name_means_all() -> None:
    """Not none."""
    assert chosen((), (DEFAULT,)) is None


def test_names_are_those_of_the_locks_in_question() -> None:
    """Of any of them, if there are several."""
    assert chosen(("sentiment", "gpt2", "gpt2"), (DEFAULT,)) == {"sentiment", "gpt2"}
    assert chosen(("gpt2",), (PROD,)) == {"gpt2"}
    assert chosen(("sentiment",), (DEFAULT, PROD)) == {"sentiment"}


def test_a_wrong_name_is_told_with_what_helps() -> None:
    """Mistyped, or of the default environment alone."""
    with pytest.raises(ConfigError, match='did you mean "sentiment"'):
        chosen(("sentimant",), (DEFAULT,))
    with pytest.raises(ConfigError, match='environment "prod" does not replace sentiment') as raised:
        chosen(("sentiment",), (PROD,))
    assert "leave out --env" in raised.value.hint
