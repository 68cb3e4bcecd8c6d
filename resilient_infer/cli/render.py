"""Render: text and JSON for people, terminals and pipes.

Results go to stdout, everything else to stderr. Colour only on a terminal,
and not where NO_COLOR says no (https://no-color.org).
"""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TextIO

import click

from resilient_infer.core.secret import redact
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError, ResilientInferError

Colour = Literal["red", "green", "yellow", "cyan"]

PAGE: Final = 80
"""Columns of what is laid out for reading, where no terminal says otherwise."""

_NARROWEST: Final = 60
"""Columns below which tables are no longer squeezed, but wrap."""

_ASCII: Final = {ord("…"): "...", ord("·"): "-", ord("–"): "-", ord("’"): "'", ord("×"): "x", ord("→"): "->"}

_COMMAND: Final = re.compile(r"^([^\S\n]*)::", re.MULTILINE)

_CONTROLS: Final = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
"""DEL and the C1 controls, which `json` leaves as they are and a terminal may obey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """What one stream can show.

    Attributes:
        colour: Escape sequences are welcome.
        unicode: More than ASCII can be written.
        width: Columns to fit into; None: lines may be as long as they are.
    """

    colour: bool
    unicode: bool
    width: int | None

    def paint(self, text: str, colour: Colour | None = None, *, bold: bool = False, dim: bool = False) -> str:
        """`text` in a colour, where there are colours."""
        if not self.colour or not text:
            return text
        # Only what is asked for: `bold=False` would write a sequence of its own.
        return click.style(text, fg=colour, bold=bold or None, dim=dim or None)

    def sign(self, fancy: str, plain: str) -> str:
        """`fancy`, or `plain` where only ASCII can be written."""
        return fancy if self.unicode else plain

    def fit(self, text: str, room: int) -> str:
        """`text`, its middle left out if it is longer than `room` columns; after a slash, if one is near."""
        if len(text) <= room:
            return text
        gap = self.sign("…", "...")
        kept = max(2, room - len(gap))
        head = text.rfind("/", 0, kept * 2 // 3) + 1 or kept * 2 // 5
        return f"{text[:head]}{gap}{text[len(text) - (kept - head) :]}"

    def wrap(self, text: str, *, first: str, indent: int) -> list[str]:
        """`text` after `first`, in lines that fit; all but the first begin with `indent` spaces."""
        if self.width is None:
            return [first + text]
        lines = textwrap.wrap(text, self.width - indent, break_on_hyphens=False, break_long_words=False) or [
            ""
        ]
        return [first + lines[0], *(" " * indent + line for line in lines[1:])]

    def text(self, text: str) -> str:
        """`text` in letters this stream can write, and with no command to whoever reads the log."""
        text = inert(text)
        return text if self.unicode else text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def ink_of(
    stream: TextIO, *, plain: bool = False, width: int | None = None, environ: Mapping[str, str] = os.environ
) -> Ink:
    """What `stream` can show.

    Args:
        plain: ASCII without colour, whatever it could show.
        width: Columns where the stream is no terminal.
    """
    terminal = stream.isatty()
    colour = terminal and not plain and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    if terminal:
        width = max(_NARROWEST, shutil.get_terminal_size((PAGE, 24)).columns)
    return Ink(colour=colour, unicode=not plain and _writes(stream, "…✓●◆"), width=width)


def to_json(value: Json, *, compact: bool, stream: TextIO | None) -> str:
    """`value` as JSON that `stream` can write (None: UTF-8); letters it cannot are escaped.

    NaN and Infinity, which some servers send, are written as Python does.
    Nothing in it is a command, as `inert` has it.
    """
    indent, separators = (None, (",", ":")) if compact else (2, None)
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    if not _writes(stream, text):
        text = json.dumps(value, indent=indent, separators=separators)
    return text.translate(_CONTROLS).replace("##[", "##\\u005b")


def show_error(error: ResilientInferError) -> None:
    """What went wrong, on stderr: a line for each problem, and one for what to do."""
    for fault in faults_of(error):
        complain(fault)
    if error.hint:
        advise(error.hint)


def faults_of(error: ResilientInferError) -> list[str]:
    """What went wrong: each problem of a file, else the message."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    return [str(problem) for problem in problems] or [error.message]


def complain(message: str) -> None:
    """`error: message`, on stderr."""
    remark(f"{ink_of(sys.stderr).paint('error:', 'red', bold=True)} {one_block(message)}")


def advise(hint: str) -> None:
    """`hint: what to do`, on stderr."""
    remark(f"{ink_of(sys.stderr).paint(' hint:', 'cyan')} {one_block(hint)}")


def warn(message: str) -> None:
    """`warning: message`, on stderr."""
    remark(f"{ink_of(sys.stderr).paint('warning:', 'yellow', bold=True)} {one_block(message)}")


def remark(line: str) -> None:
    """A line on stderr."""
    ink = ink_of(sys.stderr)
    click.echo(ink.text(line), err=True, color=ink.colour)


def one_block(text: str) -> str:
    """`text` without secrets, and without anything a terminal would obey; lines stay lines."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in redact(text))


def one_line(text: str) -> str:
    """As `one_block`, on a single line."""
    return one_block(text).replace("\n", " ")


def inert(text: str) -> str:
    """`text` with nothing in it that GitHub's runner obeys: it reads all that a step prints.

    A command is a line that begins with "::" behind any space, or "##[" anywhere.
    Source: TryParseV2 and TryParse of https://github.com/actions/runner, ActionCommand.cs.
    """
    if "::" not in text and "##[" not in text:
        return text
    return _COMMAND.sub(r"\1: :", text).replace("##[", "# #[")


def _writes(stream: TextIO | None, text: str) -> bool:
    try:
        text.encode((stream and stream.encoding) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True
