"""`resilient-infer outdated`: how far branches and tags are ahead of the pins, and whether that matters."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import click

from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
from resilient_infer.cli.differences import SHORT, of_way
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import find_files, manifests_of, survey_as_seen
from resilient_infer.cli.found import by_level, columns, cost, finding_lines, finding_record, many
from resilient_infer.cli.hub import CommandHub, Patience
from resilient_infer.cli.options import environment_option, format_option, hub_options, lockfiles_option
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.render import Colour, Ink, ink_of, one_block, to_json
from resilient_infer.core.task import Json
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.findings import Finding, exit_code, worst
from resilient_infer.lock.locked import Lock, Survey
from resilient_infer.lock.lockfile import MAJOR, MINOR
from resilient_infer.lock.outdated import Age, Overview, Standing
from resilient_infer.lock.outdated import outdated as overview
from resilient_infer.lock.way import Course

_COLOURS: Final[dict[Age, Colour]] = {
    Age.UNKNOWN: "yellow",
    Age.BEHIND: "cyan",
    Age.FIXED: "green",
    Age.CURRENT: "green",
}

_NOTHING: Final = Overview(standings=(), findings=())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    exit_code: bool
    environment: str | None
    lockfiles: str | None
    timeout: float
    max_wait: float
    jobs: int
    format: Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What was found, and what it took."""

    found: Overview = _NOTHING
    code: int = 0
    elapsed: float = 0.0
    requests: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was wrong."""
        return self.found.findings


@click.command(short_help="Tell how far branches are ahead of the pins.")
@click.option("--exit-code", is_flag=True, help="End with 1 if a branch or tag is elsewhere than its pin.")
@environment_option
@lockfiles_option
@hub_options
@format_option
@click.pass_context
def outdated(context: click.Context, /, **options: Any) -> None:
    """Tell how far branches and tags are ahead of what is locked.

    For each pin: how many commits, since when, which kinds of files they change
    (weights, tokenizer, chat template, config, code, documents) and how much
    there would be to fetch. Nothing is written; update moves pins, and diff
    shows file by file what that would change.

    \b
    resilient-infer outdated
    resilient-infer outdated --exit-code --format json
    """
    asked = _Asked(**options)
    try:
        done = _outdated(asked)
    except ResilientInferError as error:
        if asked.format == "json":
            _print(_record(_Done(), error))
        raise
    if asked.format == "json":
        _print(_record(done, None))
    else:
        _tell(done, ink_of(sys.stdout))
    context.exit(done.code)


def _outdated(asked: _Asked) -> _Done:
    started = time.monotonic()
    files = find_files(asked.lockfiles, asked.environment)
    (manifest,) = manifests_of(files, all_envs=False)
    survey, file = survey_as_seen(files.folder, files.environment)
    survey = survey or Survey(lock=Lock(version=(MAJOR, MINOR), entries={}, file=file))
    hub = CommandHub(Patience(timeout=asked.timeout, max_wait=asked.max_wait, jobs=asked.jobs))
    with Progress("asking the Hub") as progress:
        found = overview(manifest, survey, hub, has_token=hub.has_token, progress=progress.tell)
    behind = any(each.age is Age.BEHIND for each in found.standings)
    codes = (exit_code(found.findings), 1 if asked.exit_code and behind else 0)
    elapsed = time.monotonic() - started
    return _Done(found=found, code=worst(codes), elapsed=elapsed, requests=hub.requests)


def _tell(done: _Done, ink: Ink) -> None:
    lines = [*_rows(done.found.standings, ink)]
    for finding in done.findings:
        lines += finding_lines(finding, ink)
    lines.append(f"{_summary(done)}   {cost(done.elapsed, done.requests)}")
    for line in lines:
        click.echo(ink.text(line), color=ink.colour)


def _rows(standings: Sequence[Standing], ink: Ink) -> Iterator[str]:
    table = columns(
        (each.age.value, each.alias, each.pin.model, each.pin.revision[:SHORT], _where(each))
        for each in standings
    )
    for each, line in zip(standings, table, strict=True):
        state = ink.paint(each.age.value, _COLOURS[each.age])
        yield f"  {state}{one_block(line[len(each.age.value) :])}"
        for words in () if each.way is None else of_way(each.way):
            yield from ink.wrap(words, first=" " * 6, indent=6)


def _where(standing: Standing) -> str:
    """What was asked for, and where that is now."""
    ref, needed = standing.pin.requested, ", loaded by another model" if standing.needed else ""
    if standing.age is Age.BEHIND and standing.head is not None:
        return f"{ref} is at {standing.head[:SHORT]}{needed}"
    return f"{ref[:SHORT] if standing.age is Age.FIXED else ref}{needed}"


def _summary(done: _Done) -> str:
    ages = Counter(each.age for each in done.found.standings)
    told = ", ".join(f"{ages[age]:,} {age.value}" for age in reversed(_COLOURS) if ages[age])
    pins = f"{many(len(done.found.standings), 'pin')}{': ' if told else ''}{told}"
    return f"{pins}; {by_level(done.findings)}" if done.findings else pins


def _record(done: _Done, error: ResilientInferError | None) -> dict[str, Json]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "outdated",
        "exit_code": done.code if error is None else code_of(error),
        "pins": [_pin_record(each) for each in done.found.standings],
        "findings": [finding_record(finding) for finding in done.findings],
        "elapsed": done.elapsed,
        "requests": done.requests,
        "error": None if error is None else error_record(error),
    }


def _pin_record(standing: Standing) -> dict[str, Json]:
    steps = None if standing.way is None else standing.way.steps
    content = None if standing.way is None else standing.way.content
    known = steps is not None and steps.course in (Course.AHEAD, Course.BACK)
    return {
        "alias": standing.alias,
        "state": standing.age.value,
        "model": standing.pin.model,
        "requested": standing.pin.requested,
        "revision": standing.pin.revision,
        "head": standing.head,
        "needed": standing.needed,
        "course": None if steps is None else steps.course.value,
        "commits": len(steps.commits) if known and steps is not None else None,
        "since": None if steps is None else steps.since,
        "classes": None if content is None else [kind.value for kind in content.classes],
        "size_before": None if content is None else content.before,
        "size_after": None if content is None else content.after,
        "size_fetched": None if content is None else content.fetched,
    }


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
