"""Recordable: text of the Hub that a lock can hold.

Labels, paths and licenses are written by strangers. What the reader of locks
would refuse (control characters, half a character, something shaped like an
access token) is left out, so that one odd repo cannot keep a lock from being written.
"""

import re
from typing import Final

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.lock.tree import CONTROL

LONGEST: Final = 512
"""Characters; labels and paths of real repos have a few dozen."""

_WORD: Final = re.compile(r"[!-~]+")


def is_line(text: str) -> bool:
    """Whether a lock can hold `text`: one line of at most `LONGEST` characters, not empty."""
    if not 0 < len(text) <= LONGEST or "\n" in text or "\r" in text or CONTROL.search(text):
        return False
    return not any("\ud800" <= char <= "\udfff" for char in text) and not looks_like_secret(text)


def is_word(text: str) -> bool:
    """As `is_line`, for one word of ASCII without blanks."""
    return _WORD.fullmatch(text) is not None and is_line(text)
