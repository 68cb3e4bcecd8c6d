"""Scan: a folder of programs, read file by file."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from resilient_infer.lock.code.elsewhere import Elsewhere, Imported, nowhere
from resilient_infer.lock.code.notebook import read_notebook
from resilient_infer.lock.code.parse import UnreadableCode, parse
from resilient_infer.lock.code.python import may_use, read_python
from resilient_infer.lock.code.sighting import Reading, Spot, Unread
from resilient_infer.lock.code.text import read_text
from resilient_infer.lock.code.walk import walk
from resilient_infer.lock.discovery import LOCK, MANIFEST

MAX_CODE: Final = 4 * 2**20
"""Bytes of a program at the most. The largest module of CPython has a third of that."""

MAX_TEXT: Final = 2**20
"""Bytes of any other text at the most: what is larger is data."""

_BEGINNING: Final = 8_192
"""Bytes that show whether a file is text; git looks at as many."""

_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_PYTHON: Final = (".py", ".pyw", ".pyi")


def scan(root: Path, *, base: Path, progress: Callable[[int, int], None]) -> tuple[Reading, int]:
    """What the programs below a folder use, and how many files were looked at.

    Args:
        root: A folder, or one file.
        base: The folder from which paths are told.
        progress: Told how many files of how many are done.
    """
    reading, files = Reading(), []
    for found in walk(root):
        if isinstance(found, Unread):
            reading.unread.append(Unread(file=_below(base, Path(found.file)), why=found.why))
        else:
            files.append(found)
    elsewhere = Elsewhere(root) if root.is_dir() else None
    for number, path in enumerate(files):
        progress(number, len(files))
        reading.add(_read(path, _below(base, path), elsewhere.of(path) if elsewhere else nowhere))
    return reading, len(files)


def _below(base: Path, path: Path) -> str:
    """A path as people would write it, with nothing in it that is no character."""
    shown = os.path.relpath(path, base)
    return "".join(char if char.isprintable() else "?" for char in shown)


def _read(path: Path, file: str, imported: Imported) -> Reading:
    if path.name == MANIFEST or (path.name.startswith("models.") and path.name.endswith(LOCK[6:])):
        return Reading()  # our own, which say it already
    try:
        source = _bytes_of(path)
    except OSError as error:
        return Reading(unread=[Unread(file=file, why=error.strerror or "it cannot be opened")])
    except UnreadableCode as error:
        return Reading(unread=[Unread(file=file, why=str(error))])
    if source is None:
        return Reading()
    try:
        if path.suffix == ".ipynb":
            return read_notebook(source, file, imported)
        if path.suffix in _PYTHON or _runs_python(source):
            return _program(source, file, imported)
    except UnreadableCode as error:
        found = read_text(_decoded(source), file)
        found.unread.append(Unread(file=file, why=str(error)))
        return found
    return read_text(_decoded(source), file)


def _bytes_of(path: Path) -> bytes | None:
    """What a file holds; None: no text, or nothing.

    Raises:
        UnreadableCode: It is too large.
    """
    is_code = path.suffix in (*_PYTHON, ".ipynb")
    most = MAX_CODE if is_code else MAX_TEXT
    with open(path, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        beginning = file.read(_BEGINNING)
        if b"\0" in beginning and not beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
            return None
        source = beginning + file.read(most + 1 - len(beginning))
    if len(source) > most:
        raise UnreadableCode(f"it is larger than {most // 2**20} MiB")
    return source


def _program(source: bytes, file: str, imported: Imported) -> Reading:
    text = _decoded(source)
    if not may_use(text):
        return Reading()
    return read_python(parse(source), text, lambda line: Spot(file=file, line=line), imported)


def _runs_python(source: bytes) -> bool:
    return source.startswith(b"#!") and b"python" in source.partition(b"\n")[0]


def _decoded(source: bytes) -> str:
    """The text; what is no UTF-8 is read letter by letter: addresses are ASCII in any encoding."""
    for mark, encoding in _MARKS:
        if source.startswith(mark):
            return source.decode(encoding, "replace")
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError:
        return source.decode("latin-1")
