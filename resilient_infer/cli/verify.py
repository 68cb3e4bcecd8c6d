"""`resilient-infer verify`: whether every pin still exists, is reachable and is unchanged."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import click

from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import (
    find_files,
    lock_path,
    manifest_bytes,
    orphan_locks,
    overlaid,
    read_manifest,
    shown,
    survey_at,
)
from resilient_infer.cli.found import by_level, columns, cost, finding_lines, finding_record, many
from resilient_infer.cli.hub import CommandHub, Patience
from resilient_infer.cli.options import environment_option, format_option, hub_options, lockfiles_option
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.render import Colour, Ink, ink_of, one_block, to_json, warn
from resilient_infer.core.task import Json
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.findings import FailOn, Finding, Level, exit_code, raised
from resilient_infer.lock.lockfile import LockedModel, Survey
from resilient_infer.lock.offline import in_order, orphan_file
from resilient_infer.lock.verify import Report, Row
from resilient_infer.lock.verify import verify as compare_with_hub

FEW: Final = 50
"""Pins up to which the API is asked about each of them, if there is a token: it raises the API's quota."""

_SHORT: Final = 12
_WIDEST: Final = 60
"""Columns of a model's name where the terminal does not say how many there are."""

_COLOURS: Final[dict[str, Colour]] = {
    "error": "red",
    "unchecked": "yellow",
    "warning": "yellow",
    "drift": "cyan",
    "ok": "green",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    environment: str | None
    lockfiles: str | None
    fail_on: tuple[FailOn, ...]
    deep: bool
    allow_unchecked: bool
    exit_zero: bool
    timeout: float
    max_wait: float
    jobs: int
    format: Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What was found, as severe as --fail-on has it, and what it took."""

    rows: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    code: int = 0
    elapsed: float = 0.0
    requests: int = 0


@click.command(short_help="Tell whether every pin still holds.")
@environment_option
@lockfiles_option
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "drift"]),
    multiple=True,
    default=["error"],
    show_default="error",
    help="What ends with exit code 1: findings of that level and above; drift: a branch whose behaviour "
    "has changed. May be given twice.",
)
@click.option("--deep", is_flag=True, help="Ask the Hub's API about every pin: its repo, all its files.")
@click.option("--allow-unchecked", is_flag=True, help="What could not be checked is no failure.")
@click.option("--exit-zero", is_flag=True, help="Findings are no failure, except those of security.")
@hub_options
@format_option
@click.pass_context
def verify(context: click.Context, /, **options: Any) -> None:
    """Tell whether every pin still exists, can be downloaded and is unchanged.

    Compares the lock with the manifest, and each pin with the Hub. Nothing is
    written. A branch that has moved on is told and is no failure. Exit code 3
    says that something could not be checked and nothing worse was found.

    \b
    resilient-infer verify
    resilient-infer verify --fail-on drift --format json
    """
    asked = _Asked(**options)
    try:
        done = _verify(asked)
    except ResilientInferError as error:
        if asked.format == "json":
            _print(_record(_Done(), error))
        raise
    if asked.format == "json":
        _print(_record(done, None))
    else:
        _tell(done, ink_of(sys.stdout))
    unchecked = [finding for finding in done.findings if finding.level is Level.UNCHECKED]
    if asked.allow_unchecked and unchecked:
        warn(f"{by_level(unchecked)}, and --allow-unchecked says that this is no failure")
    context.exit(done.code)


def _verify(asked: _Asked) -> _Done:
    started = time.monotonic()
    found = find_files(asked.lockfiles, asked.environment)
    manifest = read_manifest(*manifest_bytes(found), found.environment)
    paths = [lock_path(found.folder, None)]
    if found.environment is not None:
        paths.insert(0, lock_path(found.folder, found.environment))
    surveys = [survey_at(path) for path in paths]
    survey = overlaid(surveys[-1], surveys[0]) if len(surveys) > 1 else surveys[0]
    hub = CommandHub(Patience(timeout=asked.timeout, max_wait=asked.max_wait, jobs=asked.jobs))
    with Progress("asking the Hub") as progress:
        report = compare_with_hub(
            manifest,
            survey,
            hub,
            file=" or ".join(shown(path) for path in paths),
            has_token=hub.has_token,
            deep=asked.deep or (hub.has_token and _pins(survey) <= FEW),
            progress=progress.tell,
        )
    orphans = () if found.environment is not None else orphan_locks(found.folder, manifest)
    told = [orphan_file(name, manifest, file=shown(path), level=Level.INFO) for name, path in orphans]
    report = replace(report, findings=in_order((*report.findings, *told)))
    return _judged(asked, report, time.monotonic() - started, hub.requests)


def _pins(survey: Survey | None) -> int:
    """How many different commits are locked."""
    entries = () if survey is None else survey.lock.entries.values()
    pins = [pin for entry in entries for pin in entry.pins if isinstance(pin, LockedModel)]
    return len({(pin.model, pin.requested, pin.revision) for pin in pins})


def _judged(asked: _Asked, report: Report, elapsed: float, requests: int) -> _Done:
    code = exit_code(
        report.findings,
        fail_on=asked.fail_on,
        allow_unchecked=asked.allow_unchecked,
        exit_zero=asked.exit_zero,
    )
    findings = raised(report.findings, asked.fail_on)
    return _Done(rows=report.rows, findings=findings, code=code, elapsed=elapsed, requests=requests)


def _tell(done: _Done, ink: Ink) -> None:
    lines = [*_row_lines(done.rows, ink)]
    in_rows = {finding for row in done.rows for finding in row.findings if finding.level is Level.INFO}
    for finding in done.findings:
        if finding not in in_rows:
            lines += finding_lines(finding, ink)
    lines.append(f"{_summary(done)}   {cost(done.elapsed, done.requests)}")
    for line in lines:
        click.echo(ink.text(line), color=ink.colour)


def _row_lines(rows: tuple[Row, ...], ink: Ink) -> Iterator[str]:
    widest = max((len(row.pin.model) for row in rows), default=0)
    longest = max((len(row.alias) for row in rows), default=0)
    others = len("  unchecked  ") + longest + 2 + 2 + _SHORT + 2 + len("main is at 0123456789ab now")
    room = min(widest, _WIDEST if ink.width is None else max(20, ink.width - others))
    table = columns(
        (row.state, row.alias, ink.fit(row.pin.model, room), row.pin.revision[:_SHORT], _branch(row))
        for row in rows
    )
    for row, line in zip(rows, table, strict=True):
        state = ink.paint(row.state, _COLOURS[row.state])
        yield f"  {state}{one_block(line[len(row.state) :])}"


def _branch(row: Row) -> str:
    """What was asked for and where that is now, with the codes of what is only told here."""
    told = [finding for finding in row.findings if finding.level is Level.INFO]
    if not told:
        return row.pin.requested
    return "; ".join(f"{finding.message}  {finding.code}" for finding in told)


def _summary(done: _Done) -> str:
    states = Counter(row.state for row in done.rows)
    told = ", ".join(f"{states[state]:,} {state}" for state in reversed(_COLOURS) if states[state])
    pins = f"{many(len(done.rows), 'pin')}{': ' if told else ''}{told}"
    in_rows = {_key(finding) for row in done.rows for finding in row.findings}
    files = [finding for finding in done.findings if _key(finding) not in in_rows]
    return f"{pins}; in the files: {by_level(files)}" if files else pins


def _key(finding: Finding) -> tuple[str, str | None, str]:
    """What a finding says, however severe it is taken to be."""
    return finding.code, finding.alias, finding.message


def _record(done: _Done, error: ResilientInferError | None) -> dict[str, Json]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "verify",
        "exit_code": done.code if error is None else code_of(error),
        "pins": [_pin_record(row) for row in done.rows],
        "findings": [finding_record(finding) for finding in done.findings],
        "elapsed": done.elapsed,
        "requests": done.requests,
        "error": None if error is None else error_record(error),
    }


def _pin_record(row: Row) -> dict[str, Json]:
    return {
        "alias": row.alias,
        "state": row.state,
        "model": row.pin.model,
        "requested": row.pin.requested,
        "revision": row.pin.revision,
        "branch": row.branch,
        "codes": [finding.code for finding in row.findings],
    }


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
