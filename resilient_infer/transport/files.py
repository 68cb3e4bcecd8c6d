"""Files: a caller's path or open file, read whole before the call begins.

A retry sends the same bytes again, which an open file could not give a second
time, and a call that cannot be expressed is refused before any server is asked.
"""

import os
from collections.abc import Mapping
from io import UnsupportedOperation
from typing import BinaryIO, Final, NoReturn, cast

from resilient_infer.errors import PayloadRefused
from resilient_infer.providers.error_body import one_line

LARGEST: Final = 512 * 1024 * 1024
"""Bytes of a file; no inference server takes so much, so more is a slip, or /dev/zero."""

_CHUNK: Final = 1024 * 1024


def read_file(payload: object) -> object:
    """The payload with a file's bytes in the place of its path or of the open file, also under `inputs`.

    A relative path is meant from the current folder, an open file is read from where it stands. Anything
    else comes back as it is, the same object; a mapping that named a file comes back as a new one.

    Raises:
        PayloadRefused: The file cannot be read, is empty, or is larger than `LARGEST` bytes.
    """
    if isinstance(payload, Mapping):
        inputs = payload.get("inputs")
        read = _read(inputs)
        return payload if read is inputs else {**payload, "inputs": read}
    return _read(payload)


def _read(given: object) -> object:
    if type(given) is str:  # mostly it is
        return given
    if isinstance(given, os.PathLike):
        return _read_path(given)
    if callable(getattr(given, "read", None)):
        return _read_open(cast("BinaryIO", given))
    return given


def _read_path(path: "os.PathLike[str] | os.PathLike[bytes]") -> bytes:
    name = _shown(path)
    if os.path.isdir(path):
        _refuse(f"{name} is a folder", "pass the path of one file")
    try:
        with open(path, "rb") as file:
            body = _whole(file, name)
    except FileNotFoundError:
        _refuse(f"there is no file {name}", "a relative path is meant from the current folder")
    except PermissionError:
        _refuse(f"{name} may not be read", "ask for the permission to read it")
    except (OSError, ValueError) as error:
        _refuse(f"{name} cannot be read: {_why(error)}", "look at the path and the disk")
    return body or _refuse(f"{name} is empty", "look whether it was written to its end")


def _read_open(file: BinaryIO) -> bytes:
    name = _name_of(file)
    try:
        body = _whole(file, name)
    except UnsupportedOperation:
        _refuse(f"{name} is not open for reading", 'open it with "rb"')
    except PayloadRefused:
        raise
    except Exception as error:  # a ValueError if it is closed, anything at all from a class of somebody's own
        hint = "open it again, or pass its Path" if getattr(file, "closed", False) else "look at its source"
        _refuse(f"{name} cannot be read: {_why(error)}", hint)
    return body or _refuse(f"{name} is empty, or was read to its end before", "write it first, or .seek(0)")


def _whole(file: BinaryIO, name: str) -> bytes:
    """All that is left to read, in one part where its length is known: a second copy would be as large."""
    due = _left(file)
    parts: list[bytes] = []
    size = 0
    while True:
        if max(size, due) > LARGEST:
            _refuse(f"{name} is larger than {LARGEST >> 20} MiB", "send it in parts, or a smaller copy of it")
        part: object = file.read(max(due, _CHUNK))
        if part == b"":
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if not isinstance(part, bytes):
            kind = "as text" if isinstance(part, str) else f"so that it gives {type(part).__name__}"
            _refuse(f"{name} is open {kind}", 'open it with "rb"')
        parts.append(part)
        size, due = size + len(part), 0


def _left(file: BinaryIO) -> int:
    """Bytes from where the file stands to its end; 0 where that cannot be known, as of a pipe."""
    try:
        here = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(here)
    except (AttributeError, OSError, ValueError):
        return 0
    return end - here


def _name_of(file: BinaryIO) -> str:
    name: object = getattr(file, "name", None)
    return _shown(name) if isinstance(name, str | bytes) else "the open file"


def _shown(path: "str | bytes | os.PathLike[str] | os.PathLike[bytes]") -> str:
    return one_line(os.fsdecode(path))


def _why(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _refuse(what: str, hint: str) -> NoReturn:
    raise PayloadRefused(what, hint=hint) from None
