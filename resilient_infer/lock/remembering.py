"""Remembering: a Hub that is not asked twice for what never changes, within one run.

What a commit holds and which commits lead to it is the same for ever; where a
branch is, is asked for each time.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from threading import Lock
from typing import TypeVar

from resilient_infer.lock.answers import (
    MOST_COMMITS,
    Hub,
    HubFault,
    HubHead,
    HubHistory,
    HubModel,
    HubRefs,
    HubScan,
)
from resilient_infer.lock.reference import is_commit

T = TypeVar("T")


class RememberingHub:
    """Implements `answers.Hub`. What was no answer is asked for again."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = Lock()
        self._told: dict[Hashable, object] = {}

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        """The repo at a branch, tag or commit; None: its default branch."""
        return self._once(revision, ("model", repo, revision), lambda: self._hub.model(repo, revision))

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        """One file at a branch, tag or commit, without its content."""
        return self._hub.head(repo, revision, path)

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        """The content of a small file at a commit."""
        return self._once(
            revision, ("read", repo, revision, path), lambda: self._hub.read(repo, revision, path)
        )

    def refs(self, repo: str) -> HubRefs | HubFault:
        """Every branch, tag and pull request."""
        return self._hub.refs(repo)

    def history(
        self, repo: str, revision: str, *, until: str | None = None, most: int = MOST_COMMITS
    ) -> HubHistory | HubFault:
        """The commits up to a branch, tag or commit, newest first."""
        key = ("history", repo, revision, until, most)
        return self._once(revision, key, lambda: self._hub.history(repo, revision, until=until, most=most))

    def scanned(self, repo: str, revision: str, paths: Iterable[str]) -> Mapping[str, HubScan] | HubFault:
        """What the security scans say of these files."""
        return self._hub.scanned(repo, revision, paths)

    def _once(self, revision: str | None, key: Hashable, ask: Callable[[], T | HubFault]) -> T | HubFault:
        if revision is None or not is_commit(revision):
            return ask()
        with self._lock:
            if key in self._told:
                return self._told[key]  # type: ignore[return-value]  # only what `ask` of this key said
        answer = ask()
        if not isinstance(answer, HubFault):
            with self._lock:
                self._told[key] = answer
        return answer
