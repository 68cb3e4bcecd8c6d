"""History: the commits of one repo and the names that reach them.

A commit lives as long as a branch, a tag or a pull request reaches it. The
real Hub takes its time to forget the others; a test wants to know.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from resilient_infer.testing.sandbox.hub.objects import Commit, Files, committed

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When the first commit of a repo is made, unless a test says otherwise; the next ones an hour apart."""

_SHORT = re.compile(r"[0-9a-f]{7,39}")
_PULL = "refs/pr/"


class History:
    """Not thread-safe: whoever owns it holds a lock.

    Attributes:
        branches, tags, pulls: The commit of each ref; of pull requests by name, as "refs/pr/1".
    """

    def __init__(self, repo: str, author: str) -> None:
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.pulls: dict[str, str] = {}
        self._repo = repo
        self._author = author
        self._commits: dict[str, Commit] = {}
        self._made = 0
        self._opened = 0

    def commit(
        self,
        files: Files,
        *,
        parent: str | None,
        title: str,
        date: datetime | None = None,
        author: str | None = None,
    ) -> Commit:
        """Make a commit that no ref reaches yet."""
        made = committed(
            files,
            parent=parent,
            date=date or EPOCH + timedelta(hours=self._made),
            author=author or self._author,
            title=title,
            repo=self._repo,
        )
        self._made += 1
        self._commits[made.id] = made
        return made

    def open_pull(self, commit: str) -> str:
        """Let a new pull request reach a commit; its ref."""
        self._opened += 1
        ref = f"{_PULL}{self._opened}"
        self.pulls[ref] = commit
        return ref

    def replace(self, commit: Commit) -> None:
        """Let a commit's name stand for another commit."""
        self._commits[commit.id] = commit

    def find(self, revision: str, *, short: bool = False) -> Commit | None:
        """The commit that a branch, a tag, a pull request or a commit's id names.

        Args:
            short: The first seven or more digits of an id will do, if only one commit has them.
        """
        named = self._refs.get(revision, revision)
        found = self._commits.get(named)
        if found is None and short and _SHORT.fullmatch(revision):
            matching = [commit for id_, commit in self._commits.items() if id_.startswith(revision)]
            return matching[0] if len(matching) == 1 else None
        return found

    def log(self, start: Commit) -> Iterator[Commit]:
        """A commit and those before it, newest first."""
        current: Commit | None = start
        while current is not None:
            yield current
            current = None if current.parent is None else self._commits.get(current.parent)

    def forget(self) -> None:
        """Drop the commits that no ref reaches."""
        kept: dict[str, Commit] = {}
        for head in self._refs.values():
            for commit in self.log(self._commits[head]):
                if commit.id in kept:
                    break
                kept[commit.id] = commit
        self._commits = kept

    @property
    def _refs(self) -> Mapping[str, str]:
        return {**self.pulls, **self.tags, **self.branches}
