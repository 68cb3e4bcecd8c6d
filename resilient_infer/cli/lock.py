"""`resilient-infer lock`: pin what the manifest asks for, or tell whether it is pinned.

What only locking needs is imported there: `--check` runs before every commit.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from resilient_infer.cli.chosen import chosen
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import (
    find_files,
    lock_path,
    manifests_of,
    orphan_locks,
    shown,
    survey_at,
)
from resilient_infer.cli.found import by_level, cost, finding_lines, finding_record, many
from resilient_infer.cli.options import (
    BOTH_ENVS,
    alias_arguments,
    all_envs_option,
    environment_option,
    format_option,
    hub_options,
    lockfiles_option,
)
from resilient_infer.cli.render import Ink, complain, ink_of, one_block, to_json
from resilient_infer.core.task import Json
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.discovery import Found
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import Finding, Level, exit_code
from resilient_infer.lock.offline import check_offline, orphan_file, own_aliases

if TYPE_CHECKING:
    from resilient_infer.cli.hub import CommandHub
    from resilient_infer.cli.locking import Made
    from resilient_infer.cli.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    aliases: tuple[str, ...]
    check: bool
    dry_run: bool
    relocate: bool
    environment: str | None
    all_envs: bool
    lockfiles: str | None
    timeout: float
    max_wait: float
    jobs: int
    format: Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """A lock file that was compared with the manifest, and how many aliases it should hold."""

    environment: str | None
    file: str
    manifest: str
    aliases: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What the command came to: files that were made, or, with --check, looked at.

    Attributes:
        orphans: Locks of environments that the manifest does not have: told, and left to people to delete.
    """

    made: tuple["Made", ...] = ()
    checked: tuple[_Checked, ...] = ()
    orphans: tuple[_Checked, ...] = ()
    written: bool = False
    elapsed: float = 0.0
    requests: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Why nothing was written, or what --check found."""
        faults = [fault for made in self.made for fault in made.faults]
        return (*faults, *(finding for checked in self.checked for finding in checked.findings))

    @property
    def notes(self) -> tuple[str, ...]:
        """What else people should know."""
        notes = [note for made in self.made for note in made.notes]
        left = [finding for orphan in self.orphans for finding in orphan.findings]
        return (*notes, *(f"{finding.file}: {finding.message}; {finding.hint}" for finding in left))

    @property
    def code(self) -> int:
        """The exit code."""
        return exit_code(self.findings)


@click.command(short_help="Pin each model to a commit.")
@alias_arguments
@click.option("--check", is_flag=True, help="Tell offline whether the lock fits the manifest; write nothing.")
@click.option("--dry-run", is_flag=True, help="Ask the Hub and tell what would change; write nothing.")
@click.option(
    "--relocate",
    is_flag=True,
    help="Where a locked commit is gone and the branch has the same files, pin its commit. "
    "Of these aliases; default: all.",
)
@environment_option
@all_envs_option
@lockfiles_option
@hub_options
@format_option
@click.pass_context
def lock(context: click.Context, /, **options: Any) -> None:
    """Pin each model of the manifest to the commit that its branch or tag is at.

    A pin that fits is kept, and nothing is asked about it; what is missing is
    resolved, what the manifest no longer names is dropped, and the conflict of
    a merge is settled. If one model cannot be locked, nothing is written.

    \b
    resilient-infer lock
    resilient-infer lock --check
    resilient-infer lock --all-envs --dry-run
    resilient-infer lock --relocate sentiment
    """
    asked = _Asked(**options)
    refusal = _refusal(asked)
    if refusal:
        raise click.UsageError(refusal, context)
    try:
        done = _check(asked) if asked.check else _lock(asked)
    except ResilientInferError as error:
        if asked.format == "json":
            _print(_record(asked, _Done(), error))
        else:
            _annotate(asked, (), error)
        raise
    if asked.format == "json":
        _print(_record(asked, done, None))
    else:
        _tell(asked, done, ink_of(sys.stdout))
        _annotate(asked, done.findings, None)
    if done.made and done.findings:
        complain(f"nothing was written: {by_level(done.findings)}")
    context.exit(done.code)


def _refusal(asked: _Asked) -> str:
    """Why these options cannot stand together, or nothing."""
    if asked.all_envs and asked.environment is not None:
        return BOTH_ENVS
    if asked.check and asked.relocate:
        return "--check and --relocate exclude each other"
    if asked.aliases and not asked.relocate:
        return "aliases are named with --relocate only: lock pins what is missing of all, and moves none"
    return ""


def _annotate(asked: _Asked, findings: Sequence[Finding], error: ResilientInferError | None) -> None:
    """What --check says, beside the lines it speaks of, where GitHub Actions runs it."""
    if asked.check and os.environ.get("GITHUB_ACTIONS") == "true":
        from resilient_infer.cli.annotations import annotate

        annotate(findings, error)


def _check(asked: _Asked) -> _Done:
    found = find_files(asked.lockfiles, asked.environment)
    checked = []
    for manifest in manifests_of(found, all_envs=asked.all_envs):
        path = lock_path(found.folder, manifest.environment)
        findings = check_offline(manifest, survey_at(path), file=shown(path))
        one = _Checked(
            environment=manifest.environment,
            file=shown(path),
            manifest=manifest.file,
            aliases=len(own_aliases(manifest)),
            findings=findings,
        )
        checked.append(one)
        checked += _orphans(manifest, found)
    return _Done(checked=tuple(checked))


def _orphans(manifest: Manifest, found: Found) -> list[_Checked]:
    """The locks of environments that the manifest does not have; told where the default one is looked at."""
    if manifest.environment is not None:
        return []
    return [
        _Checked(
            environment=name,
            file=shown(path),
            manifest=manifest.file,
            aliases=0,
            findings=(orphan_file(name, manifest, file=shown(path), level=Level.ERROR),),
        )
        for name, path in orphan_locks(found.folder, manifest)
    ]


def _lock(asked: _Asked) -> _Done:
    from resilient_infer.cli.hub import CommandHub, Patience
    from resilient_infer.cli.locking import write_all
    from resilient_infer.cli.progress import Progress
    from resilient_infer.lock.store import writing

    started = time.monotonic()
    found = find_files(asked.lockfiles, asked.environment)
    hub = CommandHub(Patience(timeout=asked.timeout, max_wait=asked.max_wait, jobs=asked.jobs))
    with nullcontext() if asked.dry_run else writing(found.folder):
        with Progress("asking the Hub") as progress:
            manifests = manifests_of(found, all_envs=asked.all_envs)
            made = _made(asked, manifests, found, hub, progress)
        if not asked.dry_run:
            write_all(made)
    written = not asked.dry_run and not any(each.faults for each in made)
    return _Done(
        made=made,
        orphans=tuple(_orphans(manifests[0], found)),
        written=written,
        elapsed=time.monotonic() - started,
        requests=hub.requests,
    )


def _made(
    asked: _Asked, manifests: Sequence[Manifest], found: Found, hub: "CommandHub", progress: "Progress"
) -> tuple["Made", ...]:
    """The locks as `lock` makes them, or with --relocate."""
    from resilient_infer.cli.locking import make, relocated

    if not asked.relocate:
        return tuple(make(manifest, found.folder, hub, progress=progress.tell) for manifest in manifests)
    only = chosen(asked.aliases, manifests)
    return tuple(
        relocated(manifest, found.folder, hub, only=only, progress=progress.tell) for manifest in manifests
    )


def _tell(asked: _Asked, done: _Done, ink: Ink) -> None:
    lines: list[str] = []
    for checked in done.checked:
        lines += _checked_lines(checked, ink)
    for made in done.made:
        lines += _made_lines(made, done, ink)
    lines += [f"  {one_block(note)}" for note in done.notes]
    for line in lines:
        click.echo(ink.text(line), color=ink.colour)


def _checked_lines(checked: _Checked, ink: Ink) -> list[str]:
    lines = [line for finding in checked.findings for line in finding_lines(finding, ink)]
    if any(finding.level is Level.ERROR for finding in checked.findings):
        return [*lines, f"{checked.file} does not fit {checked.manifest}: {by_level(checked.findings)}"]
    besides = f"; {by_level(checked.findings)}" if checked.findings else ""
    return [*lines, f"{checked.file} fits {checked.manifest}: {many(checked.aliases, 'alias')}{besides}"]


def _made_lines(made: "Made", done: _Done, ink: Ink) -> Iterator[str]:
    from resilient_infer.cli.changes import made_lines

    return made_lines(made, ink, written=done.written, took=cost(done.elapsed, done.requests))


def _record(asked: _Asked, done: _Done, error: ResilientInferError | None) -> dict[str, Json]:
    from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
    from resilient_infer.cli.changes import change_record, file_record

    files: list[Json] = [
        file_record(each.environment, each.file, each.aliases, None, False) for each in done.checked
    ]
    files += [
        file_record(each.environment, each.file, each.aliases, each.differs, each.differs and done.written)
        for each in done.made
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "lock",
        "exit_code": done.code if error is None else code_of(error),
        "check": asked.check,
        "dry_run": asked.dry_run,
        "relocate": asked.relocate,
        "files": files,
        "changes": [change_record(change, made.environment) for made in done.made for change in made.changes],
        "notes": [one_block(note) for note in done.notes],
        "findings": [finding_record(finding) for finding in done.findings],
        "elapsed": done.elapsed,
        "requests": done.requests,
        "error": None if error is None else error_record(error),
    }


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
