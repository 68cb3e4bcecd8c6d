"""`resilient-infer update`: move pins to where their branches and tags are now; all of them or none."""

import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import click

from resilient_infer.cli.age import Age, read_age
from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
from resilient_infer.cli.changes import change_record, file_record, made_lines
from resilient_infer.cli.chosen import chosen
from resilient_infer.cli.differences import difference_record, story
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import find_files, lock_path, manifests_of
from resilient_infer.cli.found import by_level, cost, finding_record
from resilient_infer.cli.hub import CommandHub, Patience
from resilient_infer.cli.locking import Made, make_by, refuse_flawed, write_all
from resilient_infer.cli.options import (
    BOTH_ENVS,
    alias_arguments,
    all_envs_option,
    environment_option,
    format_option,
    hub_options,
    lockfiles_option,
)
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.pull_request import pull_request_body
from resilient_infer.cli.render import Ink, complain, ink_of, one_block, to_json
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.lock.destination import MinAge
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import Finding, exit_code
from resilient_infer.lock.lockfile import Lock
from resilient_infer.lock.offline import own_aliases
from resilient_infer.lock.relock import Change, Relocked
from resilient_infer.lock.store import writing
from resilient_infer.lock.update import Updated, update_to
from resilient_infer.lock.update import update as update_all

_SHA: Final = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    aliases: tuple[str, ...]
    to: str | None
    min_age: Age | None
    dry_run: bool
    pr_body: Path | None
    environment: str | None
    all_envs: bool
    lockfiles: str | None
    timeout: float
    max_wait: float
    jobs: int
    format: Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What the command came to."""

    made: tuple[Made, ...] = ()
    updated: tuple[Updated, ...] = ()
    written: bool = False
    elapsed: float = 0.0
    requests: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Why nothing was written."""
        return tuple(fault for made in self.made for fault in made.faults)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else people should know."""
        return tuple(note for made in self.made for note in made.notes)


def _commit(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _SHA.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no commit; write 7 to 40 lower-case hex digits")
    return value


@click.command(short_help="Move pins to where their branches are.")
@alias_arguments
@click.option(
    "--to",
    callback=_commit,
    metavar="SHA",
    help="To this commit, of one ALIAS: all of it, or 7 digits and more.",
)
@click.option(
    "--min-age",
    callback=read_age,
    metavar="AGE",
    help="Take no commit that is younger, as its author dates it: 36h, 7d, 2w.",
)
@click.option("--dry-run", is_flag=True, help="Ask the Hub and tell what would change; write no lock.")
@click.option(
    "--pr-body",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what changed as Markdown, for a pull request.",
)
@environment_option
@all_envs_option
@lockfiles_option
@hub_options
@format_option
@click.pass_context
def update(context: click.Context, /, **options: Any) -> None:
    """Move the pins of ALIAS... to where their branches and tags are now; default: all.

    What was asked for by a commit stays. What is missing is locked and what the
    manifest no longer names is dropped, as by lock. A repo that is not the one
    that was locked is refused. If one pin cannot be moved, nothing is written.

    \b
    resilient-infer update
    resilient-infer update sentiment --to 714eb0fa89d2
    resilient-infer update --min-age 7d --pr-body body.md
    """
    asked = _Asked(**options)
    refusal = _refusal(asked)
    if refusal:
        raise click.UsageError(refusal, context)
    try:
        done = _update(asked)
    except ResilientInferError as error:
        if asked.format == "json":
            _print(_record(asked, _Done(), error))
        raise
    if asked.format == "json":
        _print(_record(asked, done, None))
    else:
        _tell(done, ink_of(sys.stdout))
    if done.findings:
        complain(f"nothing was written: {by_level(done.findings)}")
    context.exit(exit_code(done.findings))


def _refusal(asked: _Asked) -> str:
    """Why these options cannot stand together, or nothing."""
    if asked.all_envs and asked.environment is not None:
        return BOTH_ENVS
    if asked.to is not None and (len(asked.aliases) != 1 or asked.all_envs):
        return "--to moves one alias of one environment: name it"
    if asked.to is not None and asked.min_age is not None:
        return "--to and --min-age exclude each other"
    return ""


def _update(asked: _Asked) -> _Done:
    started = time.monotonic()
    found = find_files(asked.lockfiles, asked.environment)
    _spare(found.folder, asked.pr_body)
    hub = CommandHub(Patience(timeout=asked.timeout, max_wait=asked.max_wait, jobs=asked.jobs))
    with nullcontext() if asked.dry_run else writing(found.folder):
        manifests = manifests_of(found, all_envs=asked.all_envs)
        only = chosen(asked.aliases, manifests)
        with Progress("asking the Hub") as progress:
            move = _mover(asked, hub, time.time(), progress.tell)
            pairs = [_made(manifest, found.folder, only, move) for manifest in manifests]
        made, updated = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
        faults = any(each.faults for each in made)
        if not faults:
            write_all(() if asked.dry_run else made, also=_body(asked, made, updated))
    return _Done(
        made=made,
        updated=updated,
        written=not asked.dry_run and not faults,
        elapsed=time.monotonic() - started,
        requests=hub.requests,
    )


def _spare(folder: Path, body: Path | None) -> None:
    """Refuse to write the body over what it tells of.

    Raises:
        ConfigError: It would take the place of a manifest or a lock.
    """
    if body is not None and body.suffix == ".yaml" and body.resolve().parent == folder.resolve():
        raise ConfigError(f"{body} would be overwritten", hint="name another file for --pr-body: body.md")


_Mover = Callable[[Manifest, Lock | None, str, frozenset[str] | None], Updated]
"""Moves pins: of a manifest, its old lock, the lock's file, and these aliases."""


def _mover(asked: _Asked, hub: CommandHub, now: float, progress: Callable[[int, int], None]) -> _Mover:
    """What the command line asks for. `now` is the wall clock, seconds since the epoch."""
    age, to = asked.min_age, asked.to
    min_age = None if age is None else MinAge(made_by=now - age.seconds, words=age.words)

    def move(manifest: Manifest, old: Lock | None, file: str, only: frozenset[str] | None) -> Updated:
        if to is not None:
            (alias,) = asked.aliases
            return update_to(manifest, old, hub, file=file, alias=alias, commit=to, progress=progress)
        return update_all(manifest, old, hub, file=file, only=only, min_age=min_age, progress=progress)

    return move


def _made(
    manifest: Manifest, folder: Path, only: frozenset[str] | None, move: _Mover
) -> tuple[Made, Updated]:
    """The lock of one environment as it is to be, and how that came about."""
    if only is not None:
        refuse_flawed(lock_path(folder, manifest.environment))
    own = None if only is None else only & own_aliases(manifest).keys()
    came: list[Updated] = []

    def anew(old: Lock | None, file: str) -> Relocked:
        done = move(manifest, old, file, own)
        came.append(done)
        told = tuple(_with_story(change, done) for change in done.relocked.changes)
        return replace(done.relocked, changes=told)

    made = make_by(anew, manifest, folder)
    (updated,) = came
    return replace(made, notes=(*made.notes, *updated.notes)), updated


def _body(asked: _Asked, made: Sequence[Made], updated: Sequence[Updated]) -> tuple[tuple[Path, bytes], ...]:
    """What --pr-body asks for: a file and its content."""
    if asked.pr_body is None:
        return ()
    files = (each.file for each in made)
    return ((asked.pr_body, pull_request_body(list(zip(files, updated, strict=True))).encode()),)


def _with_story(change: Change, updated: Updated) -> Change:
    """The change, with what lies between in words."""
    for diff in updated.diffs:
        for pin in diff.pins if diff.alias == change.alias else ():
            if pin.after is change.pin and pin.before is not None:
                way = updated.ways.get(pin.stretch) if pin.stretch is not None else None
                return replace(change, notes=(*story(pin, way), *change.notes))
    return change


def _tell(done: _Done, ink: Ink) -> None:
    lines = [
        line
        for made in done.made
        for line in made_lines(made, ink, written=done.written, took=cost(done.elapsed, done.requests))
    ]
    lines += [line for note in done.notes for line in ink.wrap(one_block(note), first="  ", indent=6)]
    for line in lines:
        click.echo(ink.text(line), color=ink.colour)


def _record(asked: _Asked, done: _Done, error: ResilientInferError | None) -> dict[str, Json]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "update",
        "exit_code": exit_code(done.findings) if error is None else code_of(error),
        "dry_run": asked.dry_run,
        "files": [
            file_record(
                each.environment, each.file, each.aliases, each.differs, each.differs and done.written
            )
            for each in done.made
        ],
        "changes": [change_record(change, made.environment) for made in done.made for change in made.changes],
        "differences": [
            difference_record(diff, updated.ways, made.environment)
            for made, updated in zip(done.made, done.updated, strict=True)
            for diff in updated.diffs
        ],
        "notes": [one_block(note) for note in done.notes],
        "findings": [finding_record(finding) for finding in done.findings],
        "elapsed": done.elapsed,
        "requests": done.requests,
        "error": None if error is None else error_record(error),
    }


def _file(made: Made, *, written: bool) -> dict[str, Json]:
    return file_record(made.environment, made.file, made.aliases, made.differs, made.differs and written)


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
