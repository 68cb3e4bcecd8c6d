"""Watch: whether a codec reaches for the world while it works.

Python tells an audit hook of files, sockets, programs and sleep before they
happen. A hook cannot be taken off again, so there is one, and it is idle but
in a thread that is being watched.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import local
from typing import Final

_ACTS: Final = ("open", "socket.", "subprocess.", "os.", "time.sleep", "urllib.", "http.client.", "shutil.")

_watched = local()


class Reached(Exception):
    """What a codec wanted to do; it was not done."""


@contextmanager
def no_world() -> Iterator[list[str]]:
    """Forbid I/O in this thread; gives the list of what was tried."""
    _install()
    tried: list[str] = []
    _watched.tried = tried
    try:
        yield tried
    finally:
        _watched.tried = None


@cache
def _install() -> None:
    sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[object, ...]) -> None:
    tried: list[str] | None = getattr(_watched, "tried", None)
    if tried is not None and event.startswith(_ACTS) and not _imports():
        tried.append(f"{event}({', '.join(map(repr, arguments[:2]))})")
        raise Reached(tried[-1])


def _imports() -> bool:
    """Whether a module is being imported further up, which may well be where it is first needed."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
    return False
