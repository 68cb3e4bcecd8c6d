"""Store: put a manifest or lock into its folder, whole or not at all.

A reader sees the old bytes or the new ones, whatever happens to the writer: a
kill, a full disk, a power cut. Writers take turns by `writing`.
"""

import os
import re
import secrets
import shlex
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.discovery import read_file

LOCK_FILE: Final = ".models.lock"
"""What writers hold. Empty, and left in place: deleted while others wait for it, it would lock nothing.

That it is there says nothing; it belongs in `.gitignore`.
"""

PATIENCE: Final = 30.0
"""Seconds to wait for another writer: a lock of many models takes about as long."""

_TEMPORARY: Final = re.compile(r"\.models[^/]*\.yaml\.[0-9a-f]{16}\.tmp")

_UNTOUCHED: Final = "nothing was changed"


@contextmanager
def writing(folder: Path, timeout: float = PATIENCE) -> Iterator[None]:
    """Be the only writer of a folder's manifest and locks, from before they are read until they are written.

    Holds between processes and between threads; a writer that dies lets go. What
    killed writers left behind is removed.

    Args:
        timeout: Seconds to wait for another writer; 0: not at all.

    Raises:
        ConfigError: Another writer did not end in time, or nobody can write there.
    """
    import filelock

    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is no folder", hint="make it, or name the folder that holds the manifest"
        )
    path = folder / LOCK_FILE
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=timeout)
    except filelock.Timeout:
        held = True
    except (OSError, NotImplementedError) as error:
        raise _refused(path, error) from error
    else:
        held = False
    if held:
        raise ConfigError(
            f"another resilient-infer holds {path} and did not end within {timeout:g} s; {_UNTOUCHED}",
            hint="run this again when it has ended; deleting that file would not stop it",
        )
    try:
        _sweep(folder)
        yield
    finally:
        lock.release()


def write_if_changed(path: Path, text: str | bytes) -> bool:
    """Make `text` the content of a file, in one step; whether that changed it.

    A file that has these bytes is not touched. Else they go to a new file beside
    it, are forced to the disk, and take its place and its mode. Call it inside
    `writing` for the folder.

    Raises:
        ConfigError: The path is a symlink or no ordinary file, or it cannot be
            written: read-only, full. The old bytes are still there.
    """
    content = text.encode() if isinstance(text, str) else text
    if _mode(path) is not None and read_file(path) == content:
        return False
    write_whole(path, content)
    return True


def write_whole(path: Path, content: bytes) -> None:
    """Make `content` that of a file, in one step, whatever stood there before.

    Raises:
        ConfigError: As `write_if_changed`.
    """
    _put(path, content, _mode(path), os.replace)


def write_new(path: Path, text: bytes) -> None:
    """Put a file where none is, in one step; a file that is there by then stays as it is.

    Call it inside `writing` for the folder.

    Raises:
        ConfigError: Something is there, or it cannot be written.
    """
    if os.path.lexists(path):
        _mode(path)
        raise _there_already(path)
    _put(path, text, None, _link)


def _put(path: Path, content: bytes, mode: int | None, name: Callable[[Path, Path], None]) -> None:
    """Write a file beside its place, whole and on the disk, and give it its name there."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        _write(temporary, content, mode)
        name(temporary, path)
    except FileExistsError as error:
        raise _there_already(path) from error
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)
    _sync_folder(path.parent)


def _link(temporary: Path, path: Path) -> None:
    """Give a file its name; unlike a rename, this replaces nothing."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        os.replace(temporary, path)  # a file system without hard links


def _there_already(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} is there already; {_UNTOUCHED}",
        hint='change it by hand, or add to it with "resilient-infer add ALIAS MODEL"',
    )


def _mode(path: Path) -> int | None:
    """The mode of the file there; None: there is none."""
    try:
        found = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, error) from error
    if stat.S_ISREG(found):
        return stat.S_IMODE(found)
    if stat.S_ISLNK(found):
        raise ConfigError(
            f"{path} is a symlink, and writing would cut it from its target; {_UNTOUCHED}",
            hint="put the file itself there, or name the folder that holds it",
        )
    raise ConfigError(f"{path} is no ordinary file; {_UNTOUCHED}", hint="move away what is there")


def _write(temporary: Path, content: bytes, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(temporary, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        os.chmod(temporary, mode)


def _sync_folder(folder: Path) -> None:
    """Make the new name outlive a power cut, where the system can; the file is whole either way."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove the unfinished files of writers that were killed; there is no other writer now."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if _TEMPORARY.fullmatch(name):
                os.unlink(folder / name)


def _refused(path: Path, error: OSError | NotImplementedError) -> ConfigError:
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ConfigError(
        f"{path} cannot be written: {why[:1].lower()}{why[1:]}; {_UNTOUCHED}",
        hint=f"make its folder first: mkdir -p {shlex.quote(str(path.parent))}"
        if isinstance(error, FileNotFoundError)
        else "check the folder's permissions and the space left on its disk",
    )
