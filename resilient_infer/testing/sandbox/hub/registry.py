"""Registry: which repo a name stands for, and where those went that were renamed."""

import hashlib
import re
import threading
from collections import Counter

from resilient_infer.testing.sandbox.hub.repo import Contents, Repo

_NAME = re.compile(r"([A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)


class Registry:
    """The names of one Hub; whoever owns it holds the lock it is given."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._repos: dict[str, Repo] = {}
        self._moved: dict[str, Repo] = {}
        self._registered: Counter[str] = Counter()

    def add(self, name: str, contents: Contents) -> Repo:
        """Register a repo; a name that was given up becomes a repo with another stable id.

        Raises:
            ValueError: The name is taken, or is none.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a repo")
        if name in self._repos:
            raise ValueError(f"there is a repo {name} already")
        self._moved.pop(name, None)
        self._registered[name] += 1
        seed = f"{name}#{self._registered[name]}".encode()
        # 24 hex digits, like the ids of the database behind the real Hub.
        hub_id = hashlib.sha1(seed, usedforsecurity=False).hexdigest()[:24]
        repo = self._repos[name] = Repo(name, hub_id, contents, self._lock)
        return repo

    def find(self, name: str) -> Repo | None:
        """The repo of this name, or that once had it: look at `Repo.name`."""
        return self._repos.get(name) or self._moved.get(name)

    def owned(self, name: str) -> Repo:
        """The repo that has this name now.

        Raises:
            ValueError: There is none.
        """
        if name not in self._repos:
            raise ValueError(f"there is no repo {name}")
        return self._repos[name]

    def rename(self, old: str, new: str) -> None:
        """Give a repo another name; the old one leads there until somebody else registers it."""
        repo = self.owned(old)
        if new in self._repos or not _NAME.fullmatch(new):
            raise ValueError(f"{new!r} is taken, or no name of a repo")
        del self._repos[old]
        self._moved.pop(new, None)
        self._moved[old] = self._repos[new] = repo
        repo.name = new

    def remove(self, name: str) -> None:
        """Delete a repo, and free its name and those that led to it."""
        gone = self.owned(name)
        del self._repos[name]
        self._moved = {old: repo for old, repo in self._moved.items() if repo is not gone}
