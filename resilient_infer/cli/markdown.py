"""Markdown: text of strangers inside a page that a code host renders.

Commit titles, labels and paths are written by whoever pushed to a repo. In
Markdown they could mention people, close issues, load pictures or put a link
under a harmless word. Inside a code span nothing is markup, and code hosts
look for no mentions or references there; so what is strange stands in one, or,
where it is a sentence, each sign of markup in it is escaped.
Source: GitHub Flavored Markdown, sections 2.4 (escapes), 6.2 (entities), 6.3 (code spans), 6.9 (autolinks).
"""

import re
from collections.abc import Mapping
from typing import Final

from resilient_infer.cli.render import one_block, one_line

_LOOKS_ALIKE: Final = "ˋ"
"""Stands for a backtick, which would end the span: MODIFIER LETTER GRAVE ACCENT."""

_MARKUP: Final = re.compile(r"([\\`*_\[\]|~#$]|^[-+=])")
_NUMBER: Final = re.compile(r"^([0-9]{1,9})([.)])")
_ENTITIES: Final[Mapping[str, str]] = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
_LINK: Final = re.compile(r":(?=//)|(?<=www)\.|(?<=mailto):|(?<=xmpp):", re.IGNORECASE)


def code(text: str, *, most: int = 100) -> str:
    """`text` as a code span on one line, cut to so many characters; no secrets."""
    line = " ".join(one_block(text).split()).replace("`", _LOOKS_ALIKE)
    if len(line) > most:
        line = f"{line[: most - 1]}…"
    return f"`{line or ' '}`"


def plain(text: str) -> str:
    """`text` in one line that means nothing but itself: no markup, no link, no mention, no formula."""
    shown = _MARKUP.sub(r"\\\1", one_line(text).strip())
    for sign, entity in _ENTITIES.items():
        shown = shown.replace(sign, entity)
    shown = _NUMBER.sub(r"\1\\\2", shown)
    return _LINK.sub(lambda found: f"&#{ord(found[0])};", shown)
