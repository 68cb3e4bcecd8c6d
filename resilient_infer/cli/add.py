"""`resilient-infer add`: one more alias in the manifest, and its pin in the lock; both or neither."""

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
from resilient_infer.cli.changes import change_lines, change_record
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import folder_to_add_to, lock_path, make_folder, read_manifest, shown
from resilient_infer.cli.found import by_level, cost, finding_lines, finding_record
from resilient_infer.cli.hub import CommandHub, Patience
from resilient_infer.cli.locking import Made, make, put_all, refuse_flawed
from resilient_infer.cli.options import format_option, hub_options, lockfiles_option
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.render import Ink, complain, ink_of, to_json
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.lock.discovery import MANIFEST, read_file
from resilient_infer.lock.findings import Finding, exit_code
from resilient_infer.lock.insert import first_manifest, with_alias
from resilient_infer.lock.store import writing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    alias: str
    model: str
    lockfiles: str | None
    timeout: float
    max_wait: float
    jobs: int
    format: Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What the command came to; nothing was made where an error came first."""

    manifest: str | None = None
    made: Made | None = None
    elapsed: float = 0.0
    requests: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Why nothing was written."""
        return () if self.made is None else self.made.faults

    @property
    def code(self) -> int:
        """The exit code."""
        return exit_code(self.findings)


@click.command(short_help="Add an alias and pin it.")
@click.argument("alias")
@click.argument("model", metavar="MODEL[@REF]")
@lockfiles_option
@hub_options
@format_option
@click.pass_context
def add(context: click.Context, /, **options: Any) -> None:
    """Add ALIAS to the manifest and pin it in the lock.

    MODEL is a repo of the Hub, or its address in a browser; REF a branch, a tag
    or a commit. One line is added to models.yaml, and not a byte of the others
    changed; where there is no manifest, lockfiles/models.yaml is made. If the
    model cannot be pinned, nothing is written.

    \b
    resilient-infer add gpt2 openai-community/gpt2
    resilient-infer add vit google/vit-base-patch16-224@main
    """
    asked = _Asked(**options)
    try:
        done = _add(asked)
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
    context.exit(done.code)


def _add(asked: _Asked) -> _Done:
    started = time.monotonic()
    folder = folder_to_add_to(asked.lockfiles)
    hub = CommandHub(Patience(timeout=asked.timeout, max_wait=asked.max_wait, jobs=asked.jobs))
    with ExitStack() as turn:
        if folder.is_dir():
            turn.enter_context(writing(folder))
        path = folder / MANIFEST
        text = _with_alias(path, asked)
        manifest = read_manifest(text, path, None)
        refuse_flawed(lock_path(folder, None))
        with Progress("asking the Hub") as progress:
            made = make(manifest, folder, hub, only=frozenset({asked.alias}), progress=progress.tell)
        if made.text is not None:
            if not folder.is_dir():
                make_folder(folder)
                turn.enter_context(writing(folder))
            put_all([(made.path, made.text), (path, text)])
    line = manifest.aliases[asked.alias].line
    elapsed = time.monotonic() - started
    return _Done(manifest=f"{shown(path)}:{line}", made=made, elapsed=elapsed, requests=hub.requests)


def _with_alias(path: Path, asked: _Asked) -> bytes:
    """What the manifest will hold."""
    if os.path.lexists(path):
        return with_alias(read_file(path), asked.alias, asked.model, file=shown(path))
    lock = lock_path(path.parent, None)
    if os.path.lexists(lock):
        raise ConfigError(
            f"{shown(lock)} is there, and {shown(path)} is not; a new one would name none of its aliases",
            hint="run this where the manifest is",
        )
    return first_manifest(asked.alias, asked.model)


def _tell(done: _Done, ink: Ink) -> None:
    made = done.made
    assert made is not None  # without an error there is one
    lines = [line for fault in made.faults for line in finding_lines(fault, ink)]
    if not made.faults:
        lines += change_lines(made.changes, ink)
        lines.append(f"{done.manifest} and {made.file}   {cost(done.elapsed, done.requests)}")
    for line in lines:
        click.echo(ink.text(line), color=ink.colour)


def _record(asked: _Asked, done: _Done, error: ResilientInferError | None) -> dict[str, Json]:
    made = done.made
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "add",
        "exit_code": done.code if error is None else code_of(error),
        "alias": asked.alias,
        "written": made is not None and not made.faults,
        "changes": [] if made is None else [change_record(change, None) for change in made.changes],
        "findings": [finding_record(finding) for finding in done.findings],
        "elapsed": done.elapsed,
        "requests": done.requests,
        "error": None if error is None else error_record(error),
    }


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
