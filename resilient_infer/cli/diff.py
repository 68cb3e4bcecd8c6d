"""`resilient-infer diff`: what differs between two locked states, file by file."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import click

from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
from resilient_infer.cli.base import survey_at_base
from resilient_infer.cli.chosen import chosen
from resilient_infer.cli.completion import environments
from resilient_infer.cli.detail import detail_lines
from resilient_infer.cli.differences import difference_record
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import (
    find_files,
    lock_path,
    manifest_bytes,
    manifests_of,
    read_manifest,
    shown,
    survey_as_seen,
    survey_at,
)
from resilient_infer.cli.found import by_level, cost, finding_lines, finding_record, many
from resilient_infer.cli.hub import CommandHub, Patience
from resilient_infer.cli.options import alias_arguments, format_option, hub_options, lockfiles_option
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.render import Ink, ink_of, to_json, warn
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.lock.binding import relock_command
from resilient_infer.lock.diff import EntryDiff, Stretch, diff_locks
from resilient_infer.lock.discovery import Found
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import Finding, Level, exit_code, worst
from resilient_infer.lock.locked import LockEntry, Survey
from resilient_infer.lock.missing import unchecked
from resilient_infer.lock.offline import compare, own_aliases
from resilient_infer.lock.preview import preview
from resilient_infer.lock.way import Way, ways_of

DEFAULT: Final = "default"
"""What `--env` calls the default environment, unless the manifest has one of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    aliases: tuple[str, ...]
    base: str | None
    environments: tuple[str, ...]
    exit_code: bool
    lockfiles: str | None
    timeout: float
    max_wait: float
    jobs: int
    format: Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What was found, and what it took.

    Attributes:
        before, after: What is compared, in words.
    """

    before: str = ""
    after: str = ""
    diffs: tuple[EntryDiff, ...] = ()
    ways: Mapping[Stretch, Way] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    elapsed: float = 0.0
    requests: int = 0


@click.command(short_help="Tell what differs, file by file.")
@alias_arguments
@click.option(
    "--base", metavar="REF", help="Compare the lock with what it was at this branch or commit of git."
)
@click.option(
    "--env",
    "--environment",
    "environments",
    metavar="E",
    multiple=True,
    shell_complete=environments,
    help="Environment of the manifest; default: RESILIENT_INFER_ENV, else none. Given twice: compare their "
    f"locks, offline; the default one is called {DEFAULT}.",
)
@click.option("--exit-code", is_flag=True, help="End with 1 if anything differs.")
@lockfiles_option
@hub_options
@format_option
@click.pass_context
def diff(context: click.Context, /, **options: Any) -> None:
    """Tell what differs between the lock and what update would make of it.

    For each alias: commits, what is recorded (license, labels, dimension, access)
    and each file, with its kind, its size and its digest before and after. With
    --base the lock is compared with an older one, and with --env twice those of
    two environments, without asking the Hub.

    \b
    resilient-infer diff sentiment
    resilient-infer diff --base main
    resilient-infer diff --env default --env prod
    """
    asked = _Asked(**options)
    refusal = _refusal(asked)
    if refusal:
        raise click.UsageError(refusal, context)
    try:
        done = _diff(asked)
    except ResilientInferError as error:
        if asked.format == "json":
            _print(_record(_Done(), code_of(error), error))
        raise
    code = worst((exit_code(done.findings), 1 if asked.exit_code and done.diffs else 0))
    if asked.format == "json":
        _print(_record(done, code, None))
    else:
        _tell(done, ink_of(sys.stdout))
    context.exit(code)


def _refusal(asked: _Asked) -> str:
    """Why these options cannot stand together, or nothing."""
    if len(asked.environments) > 2:
        return "--env is given once, or twice to compare two environments"
    if len(asked.environments) == 2 and asked.base is not None:
        return "--base compares one environment with itself; give --env once"
    return ""


def _diff(asked: _Asked) -> _Done:
    if len(asked.environments) == 2:
        return _between(asked)
    environment = asked.environments[0] if asked.environments else None
    files = find_files(asked.lockfiles, environment)
    (manifest,) = manifests_of(files, all_envs=False)
    return (
        _to_head(asked, files, manifest) if asked.base is None else _since(asked, files, manifest, asked.base)
    )


def _between(asked: _Asked) -> _Done:
    """Two environments' locks, each as a call there sees it. Nobody is asked."""
    started = time.monotonic()
    files = find_files(asked.lockfiles, None)
    text, path = manifest_bytes(files)
    known = read_manifest(text, path, None).environments
    names = [None if name == DEFAULT and name not in known else name for name in asked.environments]
    manifests = [read_manifest(text, path, name) for name in names]
    aliases = {alias for manifest in manifests for alias in manifest.aliases}
    seen = [survey_as_seen(files.folder, name) for name in names]
    entries = [{} if survey is None else survey.lock.entries for survey, _ in seen]
    for manifest, (survey, file) in zip(manifests, seen, strict=True):
        _warn_of_stale(manifest, survey, file)
    unknown = sorted(set(asked.aliases) - aliases)
    if unknown:
        raise ConfigError(f"{unknown[0]} is no alias of these environments", hint="mend the name")
    return _Done(
        before=asked.environments[0],
        after=asked.environments[1],
        diffs=diff_locks(entries[0], entries[1], asked.aliases or None),
        elapsed=time.monotonic() - started,
    )


def _warn_of_stale(manifest: Manifest, survey: Survey | None, file: str) -> None:
    """Say which aliases an environment has not locked: what is compared there is not what it asks for."""
    found = compare(own_aliases(manifest), manifest, survey, file=file, orphans=Level.INFO)
    stale = [each.alias for each in found if each.code == "RI101" and each.alias is not None]
    if stale:
        where = manifest.environment or DEFAULT
        warn(f"not locked as {where} asks: {', '.join(stale)}; {relock_command(manifest.environment)}")


def _to_head(asked: _Asked, files: Found, manifest: Manifest) -> _Done:
    """The lock, and what `update` would make of it."""
    started = time.monotonic()
    path = lock_path(files.folder, files.environment)
    survey, hub = survey_at(path), _hub(asked)
    with Progress("asking the Hub") as progress:
        found = preview(
            manifest,
            None if survey is None else survey.lock,
            hub,
            file=shown(path),
            only=chosen(asked.aliases, (manifest,)),
            progress=progress.tell,
        )
    return _Done(
        before=shown(path),
        after="after an update",
        diffs=found.diffs,
        ways=found.ways,
        findings=found.findings,
        elapsed=time.monotonic() - started,
        requests=hub.requests,
    )


def _since(asked: _Asked, files: Found, manifest: Manifest, base: str) -> _Done:
    """The lock as it was at a commit of git, and as it is."""
    started = time.monotonic()
    path = lock_path(files.folder, files.environment)
    old, new, hub = survey_at_base(base, path), survey_at(path), _hub(asked)
    before, after = ({} if survey is None else survey.lock.entries for survey in (old, new))
    diffs = diff_locks(before, after, chosen(asked.aliases, (manifest,)))
    with Progress("asking the Hub") as progress:
        ways = ways_of(hub, diffs, progress=progress.tell)
    return _Done(
        before=f"{base}:{shown(path)}",
        after=shown(path),
        diffs=diffs,
        ways=ways,
        findings=tuple(_untold(diffs, ways, after, shown(path))),
        elapsed=time.monotonic() - started,
        requests=hub.requests,
    )


def _hub(asked: _Asked) -> CommandHub:
    return CommandHub(Patience(timeout=asked.timeout, max_wait=asked.max_wait, jobs=asked.jobs))


def _untold(
    diffs: Sequence[EntryDiff], ways: Mapping[Stretch, Way], entries: Mapping[str, LockEntry], file: str
) -> Iterator[Finding]:
    """What the Hub did not tell of the commits between."""
    for each in diffs:
        line = entries[each.alias].line if each.alias in entries else 0
        for pin in each.pins:
            way = ways.get(pin.stretch) if pin.stretch is not None else None
            for fault in () if way is None else way.faults:
                yield unchecked(f"what changed in {pin.stretch}: {fault.reason}").of(each.alias, file, line)


def _tell(done: _Done, ink: Ink) -> None:
    lines = [line for each in done.diffs for line in detail_lines(each, done.ways, ink)]
    for finding in done.findings:
        lines += finding_lines(finding, ink)
    what = f"{many(len(done.diffs), 'alias')} differ" if len(done.diffs) != 1 else "1 alias differs"
    told = f"; {by_level(done.findings)}" if done.findings else ""
    sides = f"{done.before} {ink.sign('→', '->')} {done.after}"
    none = "no difference is known" if done.findings else "no difference"
    lines.append(f"{sides}: {what if done.diffs else none}{told}   {cost(done.elapsed, done.requests)}")
    for line in lines:
        click.echo(ink.text(line), color=ink.colour)


def _record(done: _Done, code: int, error: ResilientInferError | None) -> dict[str, Json]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "diff",
        "exit_code": code,
        "before": done.before,
        "after": done.after,
        "differences": [difference_record(each, done.ways, None) for each in done.diffs],
        "findings": [finding_record(finding) for finding in done.findings],
        "elapsed": done.elapsed,
        "requests": done.requests,
        "error": None if error is None else error_record(error),
    }


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
