"""Tokens: access tokens written into code, told by their lines and never shown.

`SHAPES` is made to hide: it takes `hf_tokenizer` for a token, which costs a
message nothing. Here people are told to revoke one, so names and placeholders
are told apart.
"""

import re
from collections.abc import Iterator
from typing import Final

from resilient_infer.core.secret import SHAPES

_WITHIN: Final = ("-", "+", "/", ".", "$", "%")
"""What stands before a part of a longer word: a digest in base64, a path, a variable."""

_KEY_TYPES: Final = ("sk-ssh-", "sk-ecdsa-")
"""Names of OpenSSH's keys on security tokens."""

_BEGINNINGS: Final = (
    "hf_",
    "sk-",
    "gsk_",
    "api_org_",
    "r8_",
    "xai-",
    "nvapi-",
    *(f"gh{kind}_" for kind in "pousr"),
)
"""What a token of `SHAPES` begins with."""

_PREFIX: Final = re.compile(r"[A-Za-z]+[_-]")

_LONG: Final = 20
"""Letters of one case without a digit that are too many for a name."""

_PLAIN: Final = 2
"""Different letters of a placeholder such as hf_xxxxXXXX, at the most."""


def tokens_in(text: str) -> Iterator[int]:
    """Where an access token begins, one after another."""
    for found in SHAPES.finditer(text):
        before, behind = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
        if before not in _WITHIN and behind != "_" and _is_random(found[0]):
            yield found.start()


def may_hold_token(text: str) -> bool:
    """Whether anything in it begins like a token: to look for a word takes no time, for a pattern it does."""
    return any(beginning in text for beginning in _BEGINNINGS)


def holds_token(text: str) -> bool:
    """Whether an access token is written out in `text`."""
    return may_hold_token(text) and next(tokens_in(text), None) is not None


def _is_random(token: str) -> bool:
    if token.startswith(_KEY_TYPES):
        return False
    rest = _PREFIX.sub("", token, count=1)
    if len(set(rest)) <= _PLAIN:
        return False
    mixed = any(char.isdigit() for char in rest) or not (rest.islower() or rest.isupper() or rest.istitle())
    return mixed or len(rest) >= _LONG
