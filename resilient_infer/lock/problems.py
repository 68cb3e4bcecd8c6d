"""Problems: everything wrong with one file, told at once and without its secrets."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

from resilient_infer.core.secret import redact
from resilient_infer.errors import ConfigError, Problem
from resilient_infer.lock.nodes import Node

_SHOWN: Final = 60
"""Characters of a value that a message quotes."""

_SUGGESTIONS: Final = 100
"""Problems after which no spelling is suggested: comparing is slow, and so many are no typo."""

_FEW: Final = 8
"""Known words that are listed where none is close."""

_LISTED: Final = 50
"""Problems that the message lists; `ConfigError.problems` has them all."""

_MOST: Final = 5_000
"""Problems after which a file is looked at no further: nobody mends so many by hand."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_./@-]{1,96}")


def quote(text: str) -> str:
    """`text` for a message: no secret, no control character, not endless."""
    shown = redact(text)
    if len(shown) > _SHOWN:
        shown = shown[: _SHOWN - 1] + "…"
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in shown) + '"'


Path = tuple[str | int, ...]
"""The keys and list positions that lead to a value; put into words only when something is wrong there."""


def in_words(path: Path) -> str:
    """The path as people write it, for example `models.chat.targets[0].name`."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
            continue
        shown = redact(part)
        parts.append(("." if parts else "") + (shown if _PLAIN_KEY.fullmatch(shown) else quote(part)))
    return "".join(parts)


class Problems:
    """Collects problems of one file.

    Attributes:
        file: Path as the user gave it.
        tolerant: Unknown keys are warnings: the file was written by a newer minor version.
        found: Problems so far.
        warnings: What is worth saying and stops nothing.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.tolerant = False
        self.found: list[Problem] = []
        self.warnings: list[Problem] = []

    def add(self, where: Node | tuple[int, int], path: Path, what: str) -> None:
        """Note a problem at a node, or at (line, column) from 1; (0, 0) is the whole file.

        Raises:
            ConfigError: There are too many by now.
        """
        self.found.append(self._problem(where, path, what))
        if len(self.found) == _MOST:
            raise self.error()

    def warn(self, where: Node, path: Path, what: str) -> None:
        """Note a warning at a node."""
        self.warnings.append(self._problem(where, path, what))

    def _problem(self, where: Node | tuple[int, int], path: Path, what: str) -> Problem:
        line, column = (where.line, where.column) if isinstance(where, Node) else where
        return Problem(file=self.file, line=line, column=column, path=in_words(path), what=redact(what))

    def meant(self, word: str, known: Iterable[str]) -> str:
        """`; did you mean "x"?`, or the known words if they are few, or nothing."""
        return meant(word, known) if len(self.found) < _SUGGESTIONS else ""

    def near(self, word: str, known: Iterable[str]) -> str:
        """`; did you mean "x"?`, or nothing."""
        return near(word, known) if len(self.found) < _SUGGESTIONS else ""

    def error(self) -> ConfigError:
        """All of it as one error, in the order of the file."""
        problems = tuple(sorted(self.found, key=lambda problem: (problem.line, problem.column)))
        lines = [str(problem) for problem in problems[:_LISTED]]
        if len(problems) > _LISTED:
            lines.append(f"and {len(problems) - _LISTED} more")
        return ConfigError("\n".join(lines), problems=problems)

    def raise_if_any(self) -> None:
        """Raises: ConfigError: Something was found."""
        if self.found:
            raise self.error()


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` if a known word is close, else the known words if they are few, else nothing."""
    choices = sorted(known)
    suggestion = near(word, choices)
    if suggestion or not 0 < len(choices) <= _FEW:
        return suggestion
    return "; known: " + ", ".join(quote(choice) for choice in choices)


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` if a known word is close, else nothing."""
    # Compared without case: "GPT2" shares no letter with "gpt2".
    folded = {choice.casefold(): choice for choice in sorted(known)}
    close = difflib.get_close_matches(word[:_SHOWN].casefold(), folded, n=1)
    return f"; did you mean {quote(folded[close[0]])}?" if close else ""
