"""Base: the locks of the branch that a change is to go into, to tell which pins it changes.

They are read from git's objects: nothing is checked out, no shell, filter or
hook runs, and nothing is fetched.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from resilient_infer.cli.files import overlaid, shown
from resilient_infer.cli.render import one_block, warn
from resilient_infer.errors import ConfigError
from resilient_infer.lock.depth import Depth, everywhere, nowhere, where_changed
from resilient_infer.lock.lockfile import Survey, survey_lock

VARIABLE: Final = "GITHUB_BASE_REF"
"""Where GitHub's workflows for pull requests find the name of the branch that it is to go into."""

_REMOTE: Final = "origin"
_LONGEST: Final = 30.0
"""Seconds that git may take; a look into its objects takes some milliseconds."""

_SAFE: Final = ("--no-pager", "--no-replace-objects", "-c", "protocol.allow=never")
"""A partial clone would fetch what it lacks, from wherever its config says."""

base_option = click.option(
    "--base",
    metavar="REF",
    help="Ask the API about the pins that differ from those of this branch or commit, also where there are "
    f"many. Default: {VARIABLE}, if it is set.",
)


def changed_since_base(base: str | None, paths: Sequence[Path]) -> Depth:
    """Which pins the locks have that they had not at the base.

    Args:
        base: As the command line names it; None or empty: as the variable does.
        paths: Of the locks; of an environment's and the default one, in this order.

    Raises:
        ConfigError: What the command line names is not there. For the variable that is only said.
    """
    if base:
        return _changed(paths, (base, f"{_REMOTE}/{base}"))
    named = os.environ.get(VARIABLE, "")
    if not named:
        return nowhere
    try:
        return _changed(paths, (f"{_REMOTE}/{named}", named))
    except ConfigError as error:
        warn(f"{VARIABLE} is {one_block(named)}, and {error}; which pins are new is not known")
        return nowhere


def _changed(paths: Sequence[Path], refs: tuple[str, str]) -> Depth:
    commit = _commit(paths[0].parent, refs)
    try:
        surveys = [_survey(path, commit) for path in paths]
    except _Unreadable as error:
        warn(f"the lock of {refs[0]} cannot be read, so every pin counts as changed: {error}")
        return everywhere
    return where_changed(overlaid(surveys[-1], surveys[0]) if len(surveys) > 1 else surveys[0])


def survey_at_base(base: str, path: Path) -> Survey | None:
    """A lock as it is at a branch, tag or commit of git; None: it is not there.

    Raises:
        ConfigError: Git knows no such thing, or what is there is no lock.
    """
    commit = _commit(path.parent, (base, f"{_REMOTE}/{base}"))
    try:
        return _survey(path, commit)
    except _Unreadable as error:
        raise ConfigError(
            f"the lock of {base} cannot be read: {error}", hint="compare with another branch or commit"
        ) from error


class _Unreadable(Exception):
    """The lock is there and is none."""


def _commit(folder: Path, refs: tuple[str, str]) -> str:
    for ref in refs:
        # A ref of git has no such characters; with them it could be an option, or name a file.
        if ref.startswith("-") or ":" in ref or not ref.isascii() or not ref.isprintable() or " " in ref:
            raise ConfigError(
                f"{one_block(ref)!r} is no branch, tag or commit of git", hint="name one, as --base main"
            )
        found = _git(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if found is not None:
            return found.decode("ascii").strip()
    raise ConfigError(
        f"git knows neither {refs[0]} nor {refs[1]} in the repository of {shown(folder)}",
        hint=f"fetch it before (git fetch --depth=1 {_REMOTE} BRANCH:refs/remotes/{_REMOTE}/BRANCH; "
        "with actions/checkout: fetch-depth: 0)",
    )


def _survey(path: Path, commit: str) -> Survey | None:
    """A lock as it is at a commit; None: it is not there.

    Raises:
        _Unreadable: It is none, or of a later version.
    """
    blob = _git(path.parent, "rev-parse", "--verify", "--quiet", f"{commit}:./{path.name}")
    if blob is None:
        return None
    text = _git(path.parent, "cat-file", "blob", blob.decode("ascii").strip())
    if text is None:
        raise _Unreadable(f"{shown(path)} is no file at {commit[:12]}")
    try:
        return survey_lock(text, f"{commit[:12]}:{shown(path)}")
    except ConfigError as error:
        raise _Unreadable(str(error).partition("\n")[0]) from error


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git says; None: no such object.

    Raises:
        ConfigError: It cannot be asked.
    """
    program = shutil.which("git")
    if program is None:
        raise ConfigError("git is not installed", hint="install it, or leave --base out")
    environ = {**os.environ, "LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    command = [program, *_SAFE, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_LONGEST, env=environ, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(
            f"git could not be asked: {type(error).__name__}", hint="or leave --base out"
        ) from error
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", errors="replace").strip()
    if said and arguments[0] == "rev-parse":  # with --quiet it says nothing of what is merely not there
        raise ConfigError(
            f"git says: {one_block(said)}", hint="run this in a git repository that has the lock"
        )
    return None
