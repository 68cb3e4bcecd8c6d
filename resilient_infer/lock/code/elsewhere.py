"""Elsewhere: constants that a program imports from another file of the same folder."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from resilient_infer.lock.code.apart import take_apart
from resilient_infer.lock.code.module import Binding, Module, Scope
from resilient_infer.lock.code.parse import UnreadableCode, parse

Imported = Callable[[str], Sequence[tuple[Binding, Scope]]]
"""The values of a name by its full name: "config.MODEL", "..config.Settings.model"."""

_LARGEST: Final = 2**18
"""Bytes of a file that is looked into for a constant."""

_KEPT: Final = 128
"""Files that are remembered; those that hold settings are few, and asked often."""


def nowhere(name: str) -> Sequence[tuple[Binding, Scope]]:
    """Nothing is looked up."""
    return ()


class Elsewhere:
    """Looks names up in the files below one folder, and in no others.

    Imports of those files are not followed any further.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._module = lru_cache(maxsize=_KEPT)(_module_at)
        self._path = lru_cache(maxsize=None)(self._found)

    def of(self, file: Path) -> Imported:
        """What the imports of one file stand for."""
        return lambda name: self._values(name, file.parent)

    def _values(self, name: str, folder: Path) -> Sequence[tuple[Binding, Scope]]:
        parts = name.lstrip(".").split(".")
        dots = len(name) - len(name.lstrip("."))
        for size in range(len(parts) - 1, max(0, len(parts) - 3), -1):
            path = self._path(".".join(parts[:size]), dots, folder)
            module = None if path is None else self._module(path)
            if module is not None:
                return _bound(module, parts[size:])
        return ()

    def _found(self, name: str, dots: int, folder: Path) -> Path | None:
        """The file of a module: beside the one that imports it, or below a folder above it."""
        inner = Path(*name.split("."))
        for place in self._places(dots, folder):
            for path in (place / inner.with_suffix(".py"), place / inner / "__init__.py"):
                if path.is_file() and not path.is_symlink():
                    return path
        return None

    def _places(self, dots: int, folder: Path) -> Iterator[Path]:
        above = [place for place in (folder, *folder.parents) if place.is_relative_to(self._root)]
        if dots:
            yield from above[dots - 1 : dots]
        else:
            yield from (*above, self._root / "src")


def _module_at(path: Path) -> Module | None:
    """A file taken apart; None: it cannot be."""
    try:
        if os.path.getsize(path) > _LARGEST:
            return None
        return take_apart(parse(path.read_bytes()))
    except (OSError, UnreadableCode):
        return None


def _bound(module: Module, rest: list[str]) -> Sequence[tuple[Binding, Scope]]:
    """The values of a name, or of a class's attribute."""
    scope: Scope | None = module.scope
    if len(rest) == 2:
        scope = module.classes.get(rest[0])
    return [] if scope is None else [(binding, scope) for binding in scope.names.get(rest[-1], ())]
