"""Markdown: text of strangers inside a page that a code host renders.

Commit titles, labels and paths are written by whoever pushed to a repo. In
Markdown they could mention people, close issues, load pictures or put a link
under a harmless word. Inside a code span nothing is markup, and code hosts
look for no mentions or references there; so what is strange stands in one.
Source: GitHub Flavored Markdown, section 6.3 (code spans).
"""

from typing import Final

from resilient_infer.cli.render import one_block

_LOOKS_ALIKE: Final = "ˋ"
"""Stands for a backtick, which would end the span: MODIFIER LETTER GRAVE ACCENT."""


def code(text: str, *, most: int = 100) -> str:
    """`text` as a code span on one line, cut to so many characters; no secrets."""
    line = " ".join(one_block(text).split()).replace("`", _LOOKS_ALIKE)
    if len(line) > most:
        line = f"{line[: most - 1]}…"
    return f"`{line or ' '}`"
