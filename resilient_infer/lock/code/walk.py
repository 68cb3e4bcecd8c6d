"""Walk: the files of a folder that people wrote; not what tools put there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from resilient_infer.lock.code.sighting import Unread

_TOOLS: Final = frozenset(
    {
        *(".git", ".hg", ".svn", ".bzr", ".jj", "CVS"),
        *(
            "node_modules",
            "bower_components",
            "site-packages",
            "dist-packages",
            "__pypackages__",
            "__pycache__",
        ),
        *(".venv", "venv", ".tox", ".nox", ".eggs", ".ipynb_checkpoints"),
        *(
            ".mypy_cache",
            ".pytest_cache",
            ".ruff_cache",
            ".hypothesis",
            ".cache",
            ".idea",
            ".vscode",
            ".terraform",
        ),
    }
)
"""Folders that are not looked into; nor are those with a `pyvenv.cfg`, whatever their name."""


def walk(root: Path) -> Iterator[Path | Unread]:
    """Every ordinary file below `root`, in the order of the names; or `root` itself, if it is one.

    Links are not followed, so there are no loops, and nothing outside is read.
    """
    if root.is_file():
        yield root
        return
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Unread(file=str(folder), why=error.strerror or "it cannot be looked into")
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        yield from (Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))
        folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        waiting += [
            Path(entry.path)
            for entry in reversed(folders)
            if entry.name not in _TOOLS and not entry.name.endswith((".egg-info", ".dist-info"))
        ]
