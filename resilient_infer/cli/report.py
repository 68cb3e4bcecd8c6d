"""Report: what `verify` found, in the format that was asked for: on stdout and in files."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

import click

from resilient_infer.cli.render import Ink, faults_of, ink_of, one_line, to_json, warn
from resilient_infer.cli.verified import Verified, verified_lines, verified_record
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError

Format = Literal["text", "json", "github", "sarif"]

_F = TypeVar("_F", bound=Callable[..., Any])

_SUFFIXES: Final = (".txt", ".md", ".json", ".sarif", ".sarif.json")

_PAGE: Final = Ink(colour=False, unicode=True, width=None)
"""A file in UTF-8."""


def output_options(command: _F) -> _F:
    """Where the result goes: --format, --report."""
    formats = click.option(
        "--format",
        type=click.Choice(get_args(Format)),
        help="Lines for people; one JSON object, also on failure; lines and annotations for GitHub Actions; "
        "SARIF 2.1.0. Default: github under GitHub Actions, else text.",
    )
    reports = click.option(
        "--report",
        "reports",
        multiple=True,
        metavar="FILE",
        callback=_known_suffixes,
        help="Write the result to a file, too, as its suffix says: .txt, .md, .json or .sarif. May be given "
        "several times.",
    )
    return formats(reports(command))


def _known_suffixes(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[Path, ...]:
    for name in value:
        if not _suffix(Path(name)):
            raise click.BadParameter(f'"{one_line(name)}" ends in none of {", ".join(_SUFFIXES[:-1])}')
    return tuple(map(Path, value))


def _suffix(path: Path) -> str:
    """The longest of the known suffixes that a file name ends in, or "" for none."""
    ends = [suffix for suffix in _SUFFIXES if path.name.lower().endswith(suffix)]
    return max(ends, key=len, default="")


def format_of(asked: Format | None, environ: Mapping[str, str] = os.environ) -> Format:
    """The format asked for; under GitHub Actions, where none is, that of its log."""
    return asked or ("github" if environ.get("GITHUB_ACTIONS") == "true" else "text")


def show(done: Verified, form: Format, environ: Mapping[str, str] = os.environ) -> None:
    """Print what was found. A failure's own words go to stderr, by whoever runs the command."""
    match form:
        case "json":
            click.echo(to_json(verified_record(done), compact=False, stream=sys.stdout))
        case "sarif":
            from resilient_infer.cli.sarif import sarif_log

            click.echo(to_json(sarif_log(done), compact=False, stream=sys.stdout))
        case "text":
            _show_text(done)
        case "github":
            _show_text(done)
            _show_on_github(done, environ)


def _show_text(done: Verified) -> None:
    if done.error is not None:
        return
    ink = ink_of(sys.stdout)
    for line in verified_lines(done, ink):
        click.echo(ink.text(line), color=ink.colour)


def _show_on_github(done: Verified, environ: Mapping[str, str]) -> None:
    from resilient_infer.cli.annotations import annotate

    annotate(done.findings, done.error)
    page = environ.get("GITHUB_STEP_SUMMARY")
    if page:
        _append_summary(Path(page), done)


def _append_summary(page: Path, done: Verified) -> None:
    """Add to the page of the run; that it cannot be had is no failure of what was asked."""
    from resilient_infer.cli.summary import LARGEST, cut, summary

    try:
        taken = page.stat().st_size if page.exists() else 0
        with open(page, "ab") as file:
            file.write(cut(summary(done), LARGEST - taken).encode())
    except (OSError, ValueError) as error:
        warn(f"the step's summary cannot be written: {getattr(error, 'strerror', None) or error}")


def write_reports(done: Verified, paths: Iterable[Path]) -> list[ConfigError]:
    """Write each report, whole or not at all; what went wrong. One that fails does not keep the others."""
    from resilient_infer.lock.store import write_whole

    faults: list[ConfigError] = []
    for path in paths:
        try:
            write_whole(path, _content(done, path).encode(errors="replace"))
        except ConfigError as error:
            faults.append(error)
    return faults


def _content(done: Verified, path: Path) -> str:
    match _suffix(path):
        case ".json":
            return _json(verified_record(done))
        case ".sarif" | ".sarif.json":
            from resilient_infer.cli.sarif import sarif_log

            return _json(sarif_log(done))
        case ".md":
            from resilient_infer.cli.summary import summary

            return summary(done)
        case _:
            return "".join(f"{line}\n" for line in _lines(done))


def _lines(done: Verified) -> list[str]:
    if done.error is None:
        return [_PAGE.text(line) for line in verified_lines(done, _PAGE)]
    hint = [f" hint: {done.error.hint}"] if done.error.hint else []
    return [one_line(line) for line in (*(f"error: {fault}" for fault in faults_of(done.error)), *hint)]


def _json(record: dict[str, Json]) -> str:
    return f"{to_json(record, compact=False, stream=None)}\n"
