"""`resilient-infer init`: a manifest to begin with, or the draft of one from the code that uses models."""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import click

from resilient_infer.cli.answer import SCHEMA_VERSION, error_record
from resilient_infer.cli.exit_codes import ExitCode
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import folder_to_add_to, lock_path, make_folder, shown
from resilient_infer.cli.found import many
from resilient_infer.cli.options import format_option, lockfiles_option
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.render import complain, one_block, remark, to_json, warn
from resilient_infer.cli.timeline import duration
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.lock.code.draft import Draft, draft
from resilient_infer.lock.code.scan import scan
from resilient_infer.lock.code.sighting import Reading, Spot
from resilient_infer.lock.discovery import FOLDER_VARIABLE, MANIFEST
from resilient_infer.lock.start import START
from resilient_infer.lock.store import LOCK_FILE, write_new, writing

_LISTED: Final = 40
"""Lines of one kind that people are shown; JSON has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    from_code: str | None
    write: bool
    lockfiles: str | None
    format: Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What the command came to.

    Attributes:
        text: The manifest; "": nothing was found to put into one.
        path: Where it was written; None: it was not.
        reading: What the code says; None: none was read.
        files: How many files were looked at.
    """

    text: str = ""
    path: Path | None = None
    reading: Reading | None = None
    draft: Draft | None = None
    files: int = 0
    elapsed: float = 0.0

    @property
    def code(self) -> ExitCode:
        """The exit code. Where something could not be read, it may have been there."""
        if self.text:
            return ExitCode.OK
        return ExitCode.UNKNOWN if self.reading is not None and self.reading.unread else ExitCode.NO


@click.command(short_help="Make a manifest.")
@click.option(
    "--from-code",
    metavar="DIR",
    help="Draft the manifest from the programs in this folder: calls that load or ask a model, and the "
    "addresses of inference services. Nothing is run. The draft goes to stdout.",
)
@click.option("--write", is_flag=True, help="Write the draft where the manifest belongs.")
@lockfiles_option
@format_option
@click.pass_context
def init(context: click.Context, /, **options: Any) -> None:
    """Make lockfiles/models.yaml, to begin with. No network, and never over a file.

    With --from-code the manifest names what the code in a folder uses. Python and
    notebooks are read through their syntax tree; in other texts the addresses of
    inference services are found. What the code does not say is listed, and so is
    each line with an access token in it; the token is not shown.

    \b
    resilient-infer init
    resilient-infer init --from-code src
    resilient-infer init --from-code . --write
    """
    asked = _Asked(**options)
    try:
        done = _made(asked) if asked.from_code is None else _drafted(asked, Path(asked.from_code))
    except ResilientInferError as error:
        if asked.format == "json":
            _print(_record(_Done(), error))
        raise
    if asked.format == "json":
        _print(_record(done, None))
    else:
        _tell(asked, done)
    context.exit(done.code)


def _made(asked: _Asked) -> _Done:
    """The manifest to begin with, written."""
    if asked.write:
        raise click.UsageError(
            "--write is for a draft: give --from-code DIR as well", click.get_current_context()
        )
    return _Done(text=START.decode(), path=_written(asked, START))


def _drafted(asked: _Asked, root: Path) -> _Done:
    """The draft from code, written if that is wanted."""
    started = time.monotonic()
    if not os.path.lexists(root):
        raise ConfigError(f"{root} does not exist", hint="name the folder that holds the code")
    if asked.write:
        _refuse_existing(_folder(asked))  # before the work, not after it
    here = Path.cwd()
    base = here if root.resolve().is_relative_to(here) else root if root.is_dir() else root.parent
    with Progress("reading files") as progress:
        reading, files = scan(root, base=base, progress=progress.tell)
        drafted = draft(reading)
    text = drafted.text if drafted.aliases else ""
    path = _written(asked, text.encode()) if text and asked.write else None
    elapsed = time.monotonic() - started
    return _Done(text=text, path=path, reading=reading, draft=drafted, files=files, elapsed=elapsed)


def _written(asked: _Asked, text: bytes) -> Path:
    """Put the manifest where it belongs, if nothing is there."""
    folder = _folder(asked)
    _refuse_existing(folder)
    make_folder(folder)
    with writing(folder):
        write_new(folder / MANIFEST, text)
    return folder / MANIFEST


def _folder(asked: _Asked) -> Path:
    """The folder that is named, there or not; else the nearest one, or `lockfiles/` right here."""
    named = asked.lockfiles or os.environ.get(FOLDER_VARIABLE)
    return Path.cwd() / named if named else folder_to_add_to(None)


def _refuse_existing(folder: Path) -> None:
    """Refuse before anything is made where a manifest would take the place of one, or orphan a lock.

    Raises:
        ConfigError: A manifest or a lock is there.
    """
    path, lock = folder / MANIFEST, lock_path(folder, None)
    if os.path.lexists(path):
        raise ConfigError(
            f"{shown(path)} is there already; nothing was changed",
            hint='change it by hand, or add to it with "resilient-infer add ALIAS MODEL"',
        )
    if os.path.lexists(lock):
        raise ConfigError(
            f"{shown(lock)} is there, and {shown(path)} is not; a new one would name none of its aliases",
            hint="run this where the manifest is, or take the lock away",
        )


def _tell(asked: _Asked, done: _Done) -> None:
    """The draft on stdout, for a file; all else on stderr. Without a draft, what was made."""
    if done.reading is not None and done.draft is not None:
        for line in _remarks(done.reading, done.draft):
            remark(one_block(line))
        for spot in done.reading.tokens[:_LISTED]:
            warn(f"{spot}: this looks like an access token; revoke it, and read its variable instead")
        _more(len(done.reading.tokens), "access token")
    if done.path is None and done.text:
        click.echo(done.text, nl=False)
    if done.reading is None:
        click.echo("\n".join(_next_steps(done)))
        return
    where = f"{many(done.files, 'file')}, {duration(done.elapsed)}"
    if not done.text:
        unread = many(len(done.reading.unread), "file or folder")
        but = f", and {unread} could not be read" if done.reading.unread else ""
        complain(f"no use of a model was found{but} ({where})")
        return
    assert done.draft is not None  # there is one of every reading
    left = many(len(done.draft.not_told), "place")
    remark(f"{many(len(done.draft.aliases), 'alias')} drafted; {left} not told; {where}")
    if done.path is not None:
        click.echo("\n".join(_next_steps(done)))
    else:
        remark(f"to keep it: resilient-infer init --from-code {one_block(str(asked.from_code))} --write")


def _remarks(reading: Reading, made: Draft) -> Iterator[str]:
    """What the code leaves open, and what could not be read."""
    for each in made.not_told[:_LISTED]:
        yield f"not told: {each.spot} {each.how}: {each.why}"
    if len(made.not_told) > _LISTED:
        yield f"not told: {len(made.not_told) - _LISTED} places more; --format json has them all"
    for unread in reading.unread[:_LISTED]:
        yield f"not read: {unread.file}: {unread.why}"
    if len(reading.unread) > _LISTED:
        yield f"not read: {len(reading.unread) - _LISTED} files more; --format json has them all"


def _more(count: int, noun: str) -> None:
    if count > _LISTED:
        warn(f"{many(count - _LISTED, noun)} more; --format json has them all")


def _next_steps(done: _Done) -> Iterator[str]:
    assert done.path is not None  # else there is nothing to go on with
    yield f"made {one_block(shown(done.path))}"
    yield "next: resilient-infer lock                       pins what it names"
    yield "      resilient-infer add ALIAS MODEL[@REF]      adds one more, pinned"
    if _should_be_ignored(done.path.parent):
        yield f"      echo {LOCK_FILE} >> .gitignore           a file that writers hold; not to be committed"


def _should_be_ignored(folder: Path) -> bool:
    """Whether this is a git work tree whose ignored files leave out the one that writers hold."""
    for parent in (folder, *folder.parents):
        try:
            if LOCK_FILE in (parent / ".gitignore").read_text(encoding="utf-8", errors="replace"):
                return False
        except OSError:
            pass
        if (parent / ".git").exists():
            return True
    return False


def _record(done: _Done, error: ResilientInferError | None) -> dict[str, Json]:
    reading, made = done.reading or Reading(), done.draft
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "init",
        "exit_code": int(done.code) if error is None else int(code_of(error)),
        "manifest": done.text if error is None else None,
        "written": None if done.path is None else one_block(shown(done.path)),
        "aliases": [] if made is None else [_alias_record(name, made) for name in made.aliases],
        "not_told": [
            {**_spot_record(each.spot), "how": one_block(each.how), "why": one_block(each.why)}
            for each in (() if made is None else made.not_told)
        ],
        "tokens": [_spot_record(spot) for spot in reading.tokens],
        "unread": [{"file": one_block(each.file), "why": one_block(each.why)} for each in reading.unread],
        "files": done.files,
        "elapsed": done.elapsed,
        "error": None if error is None else error_record(error),
    }


def _alias_record(name: str, made: Draft) -> Json:
    alias = made.aliases[name]
    return {
        "alias": name,
        "model": alias.model,
        "ref": alias.ref,
        "task": alias.task,
        "providers": list(made.providers[name]),
        "seen": [{**_spot_record(each.spot), "how": one_block(each.how)} for each in alias.seen],
    }


def _spot_record(spot: Spot) -> dict[str, Json]:
    return {"file": one_block(spot.file), "line": spot.line}


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
