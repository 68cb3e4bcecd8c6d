"""Locking: lock files made anew and written, all or none of them."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resilient_infer.cli.files import lock_path, shown, survey_at, survey_of
from resilient_infer.cli.hub import CommandHub
from resilient_infer.errors import ConfigError
from resilient_infer.lock.answers import Hub
from resilient_infer.lock.discovery import read_file
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import Finding
from resilient_infer.lock.heal import heal
from resilient_infer.lock.lockfile import MAJOR, MINOR, Lock
from resilient_infer.lock.offline import own_aliases
from resilient_infer.lock.relocate import relocate
from resilient_infer.lock.relock import Change, Relocked, relock
from resilient_infer.lock.store import write_if_changed

# A conflict's first marker, as `git merge-file` writes it.
_CONFLICT: Final = re.compile(rb"^<{7}(?=[ \r\n]|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The lock file of one environment, made and not yet written.

    Attributes:
        path: Where it belongs.
        file: The same, as people would write it.
        text: What it is to hold; None: it stays as it is, for there are faults.
        before: What it holds; None: it is not there.
        changes: What is different for the aliases.
        notes: What was chosen where two sides of a merge met, and what else is to be known.
        faults: Why nothing may be written.
        aliases: How many it holds.
    """

    environment: str | None
    path: Path
    file: str
    text: bytes | None
    before: bytes | None
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    faults: tuple[Finding, ...]
    aliases: int

    @property
    def differs(self) -> bool:
        """Whether writing it would change the file."""
        return self.text is not None and self.text != self.before


Anew = Callable[[Lock | None, str], Relocked]
"""What makes a lock of the old one (None: there is none), told the file it is for."""


def make(
    manifest: Manifest,
    folder: Path,
    hub: Hub,
    *,
    only: frozenset[str] | None = None,
    progress: Callable[[int, int], None],
) -> Made:
    """The lock of the manifest's environment, as `make_by` does it with what `lock` does.

    Args:
        only: Aliases to lock; all others keep their entries. None: all.

    Raises:
        ConfigError: The old lock cannot be read, or the new one not written down.
    """
    return make_by(
        lambda old, file: relock(manifest, old, hub, file=file, only=only, progress=progress),
        manifest,
        folder,
    )


def relocated(
    manifest: Manifest,
    folder: Path,
    hub: CommandHub,
    *,
    only: frozenset[str] | None = None,
    progress: Callable[[int, int], None],
) -> Made:
    """The lock of the manifest's environment with pins whose commit is gone at the same content.

    Args:
        only: Aliases to look at, of this environment or of others. None: all.

    Raises:
        ConfigError: There is no old lock that can be trusted, or the new one cannot be written down.
    """
    refuse_flawed(lock_path(folder, manifest.environment))
    own = None if only is None else only & own_aliases(manifest).keys()

    def anew(old: Lock | None, file: str) -> Relocked:
        lock = old or Lock(version=(MAJOR, MINOR), entries={}, file=file)
        return relocate(manifest, lock, hub, has_token=hub.has_token, only=own, progress=progress)

    return make_by(anew, manifest, folder)


def make_by(anew: Anew, manifest: Manifest, folder: Path) -> Made:
    """The lock of the manifest's environment, healed if it is in mid-merge, then made anew.

    An environment that replaces no alias and has no file gets none.

    Raises:
        ConfigError: The old lock cannot be read, or the new one not written down.
    """
    path = lock_path(folder, manifest.environment)
    before = read_file(path) if os.path.lexists(path) else None
    old, notes = _old(before, path, manifest)
    done = anew(old, shown(path))
    text = None if done.faults else lock_text(done.lock).encode()
    if before is None and not own_aliases(manifest):
        text = None
    return Made(
        environment=manifest.environment,
        path=path,
        file=shown(path),
        text=text,
        before=before,
        changes=done.changes,
        notes=(*notes, *done.notes),
        faults=done.faults,
        aliases=len(done.lock.entries),
    )


def write_all(made: Iterable[Made], also: Iterable[tuple[Path, bytes]] = ()) -> None:
    """Write what differs, unless any of it has faults. If one cannot be written, none is.

    Args:
        also: Other files that belong to it, and what they are to hold.

    Raises:
        ConfigError: A file cannot be written.
    """
    every = tuple(made)
    if any(each.faults for each in every):
        return
    locks = [(each.path, each.text) for each in every if each.text is not None and each.differs]
    put_all([*locks, *also])


def put_all(contents: Iterable[tuple[Path, bytes]]) -> None:
    """Make each text the content of its file, one after another; whatever stops that, take back the others.

    Raises:
        ConfigError: A file cannot be written.
    """
    undo: list[tuple[Path, bytes | None]] = []
    try:
        for path, text in contents:
            undo.append((path, read_file(path) if os.path.lexists(path) else None))
            write_if_changed(path, text)
    except BaseException:
        for path, before in reversed(undo):
            _put_back(path, before)
        raise


def refuse_flawed(path: Path) -> None:
    """Refuse to write into a lock in which entries cannot be trusted: writing would seal them.

    Raises:
        ConfigError: With every flaw.
    """
    survey = survey_at(path)
    if survey is not None and survey.flaws:
        message = "\n".join(str(flaw) for flaw in survey.flaws)
        raise ConfigError(message, problems=survey.flaws, hint='first run "resilient-infer lock"')


def _put_back(path: Path, before: bytes | None) -> None:
    """As well as it can be done: what cannot be put back was not written either, most likely."""
    with suppress(ConfigError, OSError):
        if before is not None:
            write_if_changed(path, before)
        elif path.is_file() and not path.is_symlink():
            path.unlink()


def _old(before: bytes | None, path: Path, manifest: Manifest) -> tuple[Lock | None, tuple[str, ...]]:
    if before is None:
        return None, ()
    if _CONFLICT.search(before):
        healed = heal(before, shown(path), manifest)
        return healed.lock, healed.notes
    return survey_of(before, path).lock, ()
