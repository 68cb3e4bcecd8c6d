"""Annotations: findings as the workflow commands that GitHub Actions turns into notes beside the code.

GitHub keeps ten of each kind from a step and drops the rest without a word
(https://github.com/actions/toolkit, docs/problem-matchers.md).
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import click

from resilient_infer.cli.files import in_repository
from resilient_infer.cli.found import many, worst_first
from resilient_infer.cli.render import ink_of, one_block, one_line
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.lock.findings import CODES, Finding, Level

MOST: Final = 10
"""Annotations of a kind; where there are more, the last one says how many."""

Kind = Literal["error", "warning", "notice"]

_KINDS: Final[Mapping[Level, Kind]] = {
    Level.ERROR: "error",
    Level.UNCHECKED: "warning",
    Level.WARNING: "warning",
    Level.INFO: "notice",
}
_ORDER: Final[tuple[Kind, ...]] = ("error", "warning", "notice")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """One annotation. `file` is empty where there is none, `line` and `column` are 0."""

    kind: Kind
    title: str
    text: str
    file: str = ""
    line: int = 0
    column: int = 0


def annotate(findings: Iterable[Finding], error: ResilientInferError | None = None) -> None:
    """Print the annotations, in letters that stdout can write."""
    ascii_only = not ink_of(sys.stdout).unicode
    for line in annotations(findings, error):
        # Not `Ink.text`, which makes commands inert; what `_escaped` leaves holds no second one.
        click.echo(line.encode("ascii", "replace").decode() if ascii_only else line)


def annotations(findings: Iterable[Finding], error: ResilientInferError | None = None) -> list[str]:
    """A line for each annotation, the worst first."""
    notes = [*_of_error(error), *map(_of_finding, worst_first(findings))]
    return [line for kind in _ORDER for line in _few([note for note in notes if note.kind == kind])]


def _of_finding(finding: Finding) -> _Note:
    security = "security: " if finding.security else ""
    concerned = f"{finding.alias}: " if finding.alias else ""
    hint = f"\n{finding.hint}" if finding.hint else ""
    return _Note(
        kind=_KINDS[finding.level],
        title=f"{finding.code} {security}{CODES[finding.code].state}",
        text=f"{concerned}{finding.message}{hint}",
        file=finding.file,
        line=finding.line,
    )


def _of_error(error: ResilientInferError | None) -> Iterator[_Note]:
    if error is None:
        return
    title, hint = "resilient-infer could not do its work", f"\n{error.hint}" if error.hint else ""
    problems = error.problems if isinstance(error, ConfigError) else ()
    if not problems:
        yield _Note(kind="error", title=title, text=f"{error.message}{hint}")
    for problem in problems:
        text = f"{problem.path}: {problem.what}" if problem.path else problem.what
        yield _Note(
            kind="error",
            title=title,
            text=f"{text}{hint}",
            file=problem.file,
            line=problem.line,
            column=problem.column,
        )


def _few(notes: list[_Note]) -> Iterator[str]:
    kept = notes if len(notes) <= MOST else notes[: MOST - 1]
    yield from map(_command, kept)
    more = len(notes) - len(kept)
    if more:
        kind = notes[0].kind
        text = f"and {many(more, kind)} more; the log of this step has all of them"
        yield _command(_Note(kind=kind, title="resilient-infer", text=text))


def _command(note: _Note) -> str:
    place = in_repository(note.file) if note.file else None
    properties = {
        "file": place,
        "line": note.line or None if place else None,
        "col": note.column or None if place else None,
        "title": note.title,
    }
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value is not None)
    where = f"{note.file}: " if note.file and place is None else ""
    return f"::{note.kind} {given}::{_escaped(one_block(where + note.text))}"


def _escaped(text: str) -> str:
    """Data of a command, as the runner reads it back. `##[` begins a command of the older form, anywhere."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace("##[", "# #[")


def _property(value: object) -> str:
    return _escaped(one_line(str(value))).replace(":", "%3A").replace(",", "%2C")
