"""Tokens: what is worth revoking, and what is only called like one."""

import pytest

from resilient_infer.lock.code.tokens import holds_token, may_hold_token
from tests.core.test_secret import TOKENS


@pytest.mark.parametrize(
    "text",
    [
        "hf_abcdEFGHijklMNOPqrstUVWXyzABCDefgh",
        "hf_abcdefghijklmnopqrstuvwxyzabcdefgh",
        "hf_abcdefgh1",
        "sk-abcdefgh12345678",
        "sk-proj-abcdefgh12345678",
        'api_key="gsk_abcdEFGH1234"',
        "token=hf_abcdEFGH1234",
    ],
)
def test_a_token_is_one(text: str) -> None:
    """Random letters, or very many."""
    assert holds_token(text)


@pytest.mark.parametrize(
    "text",
    [
        "hf_tokenizer",
        "hf_inference_client",
        "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "hf_XXXXXXXXXXXX",
        "sk-learn-wine",
        "sk-ssh-ed25519@openssh.com",
        "sha256=abc-sk-abcdefgh12345678",
        "path/hf_abcdefgh1",
        "",
    ],
)
def test_a_name_or_a_placeholder_is_none(text: str) -> None:
    """Nobody is told to revoke a variable's name."""
    assert not holds_token(text)


@pytest.mark.parametrize("token", TOKENS, ids=[token[:8] for token in TOKENS])
def test_every_kind_of_token_is_looked_for(token: str) -> None:
    """By its beginning first."""
    assert may_hold_token(f"x = '{token}'")
    assert holds_token(f"x = '{token}'")
    assert not may_hold_token("x = 'nothing of the kind'")
