"""Discovery: which files a process reads, and reading them.

The folder: argument, else `RESILIENT_INFER_LOCKFILES`, else the nearest parent
folder's `lockfiles/`, up to the root of the git work tree. The environment:
argument, else `RESILIENT_INFER_ENV`, else the default one.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.problems import meant, quote
from resilient_infer.lock.reader import MAX_BYTES
from resilient_infer.lock.rules import NAME

FOLDER: Final = "lockfiles"
MANIFEST: Final = "models.yaml"
LOCK: Final = "models.lock.yaml"
FOLDER_VARIABLE: Final = "RESILIENT_INFER_LOCKFILES"
ENVIRONMENT_VARIABLE: Final = "RESILIENT_INFER_ENV"

_ENVIRONMENT_LOCK: Final = re.compile(r"models\.(.+)\.lock\.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files that are there; None: that one is not.

    Attributes:
        folder: Where they are.
        environment_lock: The lock of `environment`; its entries come first.
        environment: None: the default one.
    """

    folder: Path
    manifest: Path | None
    lock: Path | None
    environment_lock: Path | None
    environment: str | None


def environment_lock_name(environment: str) -> str:
    """The file name of an environment's lock."""
    return f"models.{environment}.lock.yaml"


def find(
    lockfiles: str | Path | None, environment: str | None, environ: Mapping[str, str], cwd: Path
) -> Found:
    """Find manifest and lock files.

    Args:
        lockfiles: The folder that holds them, or None. Relative to `cwd`.
        environment: An environment's name, or None.
        environ: Where the two variables are looked up; an empty one counts as not set.
        cwd: Where the search begins; absolute.

    Raises:
        ConfigError: There is no such folder, it holds neither file, or the
            environment's name is not valid or known.
    """
    folder = _named_folder(lockfiles, environ, cwd) or _nearest_folder(cwd)
    name = environment or environ.get(ENVIRONMENT_VARIABLE) or None
    if name is not None and not re.fullmatch(NAME.pattern, name):
        raise ConfigError(f"{quote(name)} cannot be an environment: it is not {NAME.rule}")
    found = Found(
        folder=folder,
        manifest=_if_there(folder / MANIFEST),
        lock=_if_there(folder / LOCK),
        environment_lock=None if name is None else _if_there(folder / environment_lock_name(name)),
        environment=name,
    )
    if name is not None and found.manifest is None and found.environment_lock is None:
        known = sorted(locked_environments(folder))
        what = f"{folder} has no lock of an environment {quote(name)}{meant(name, known)}"
        raise ConfigError(what, hint=f"see {ENVIRONMENT_VARIABLE}; without a manifest, the locks name them")
    return found


def _named_folder(lockfiles: str | Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    named = lockfiles if lockfiles is not None else environ.get(FOLDER_VARIABLE) or None
    if named is None:
        return None
    if not isinstance(named, str | os.PathLike):
        raise ConfigError(f"lockfiles is the path of a folder, not a value of type {type(named).__name__}")
    source = "" if lockfiles is not None else f" (from {FOLDER_VARIABLE})"
    folder = cwd / named
    if os.path.isfile(folder):
        raise ConfigError(f"{folder}{source} is a file", hint=f"name the folder that holds {MANIFEST}")
    if not os.path.isdir(folder):
        raise ConfigError(f"{folder}{source} does not exist", hint=f"name the folder that holds {MANIFEST}")
    if not _holds_files(folder):
        what = f"{folder}{source} holds neither {MANIFEST} nor {LOCK}"
        raise ConfigError(what, hint="name the folder that holds them")
    return folder


def _nearest_folder(cwd: Path) -> Path:
    looked: list[Path] = []
    for parent in (cwd, *cwd.parents):
        looked.append(parent)
        if _holds_files(parent / FOLDER):
            return parent / FOLDER
        if os.path.exists(parent / ".git"):
            break
    places = f"in {looked[0]}" if len(looked) == 1 else f"from {looked[0]} up to {looked[-1]}"
    raise ConfigError(
        f"no folder {FOLDER}/ with a {MANIFEST} or {LOCK} {places}",
        hint='make one with "resilient-infer init", or say where it is: '
        f"lockfiles=…, --lockfiles or {FOLDER_VARIABLE}",
    )


def _holds_files(folder: Path) -> bool:
    if os.path.isfile(folder / MANIFEST) or os.path.isfile(folder / LOCK):
        return True
    return any(locked_environments(folder))


def locked_environments(folder: Path) -> Iterator[str]:
    """The environments that have a lock in a folder; none where it cannot be looked into."""
    try:
        names = os.listdir(folder)
    except (OSError, ValueError):
        return
    for name in names:
        match = _ENVIRONMENT_LOCK.fullmatch(name)
        if match:
            yield match[1]


def _if_there(path: Path) -> Path | None:
    return path if os.path.lexists(path) else None


def read_file(path: Path) -> bytes:
    """The bytes of a manifest or lock, one more than may be parsed at the most.

    Raises:
        ConfigError: It is missing, may not be read, or is no ordinary file.
    """
    fault = ""
    try:
        # Looked at before it is opened: opening a pipe waits for a writer.
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                return file.read(MAX_BYTES + 1)
        fault = "is no ordinary file"
    except FileNotFoundError:
        fault = "does not exist"
    except PermissionError:
        fault = "may not be read by this user"
    except (OSError, ValueError) as error:
        fault = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise ConfigError(f"{path} {fault}", hint="check the path and its permissions")


def shown(path: Path) -> str:
    """A path as people would write it: relative to where they are, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
