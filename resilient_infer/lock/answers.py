"""Answers: what the Hub says of a repo, or why it could not be told.

`hub.py` asks, `resolve.py` and `verify.py` read. A Hub that is down must never
read as "gone": whatever is no clear statement of the Hub is `UNTOLD`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from resilient_infer.core.outcome import Failure

MOST_COMMITS: Final = 1_000
"""Commits of a history that are read unless somebody asks for more: 20 pages of the Hub's."""


class HubFaultKind(Enum):
    """What a question to the Hub came to instead of an answer."""

    REPO_GONE = "no such repo, or private and not for us"
    REVISION_GONE = "no such branch, tag or commit"
    FILE_GONE = "no such file at that commit"
    GATED = "gated, and not granted to us"
    DISABLED = "disabled by the Hub"
    DENIED = "the token is not accepted"
    UNTOLD = "could not be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFault:
    """A question without an answer.

    Attributes:
        failure: What was seen, in the words of every other call: reason, status, advice to wait.
    """

    kind: HubFaultKind
    failure: Failure

    @property
    def reason(self) -> str:
        """One line for people, without secrets."""
        return self.failure.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a repo at a commit.

    Attributes:
        size: Bytes; None if the Hub does not say.
        digest: "sha256:<64 hex>" for large files, "git:<40 hex>" (the blob's oid) for the others.
    """

    path: str
    size: int | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """A model repo at a commit, as the Hub's API tells it.

    Attributes:
        id: Its canonical name; another one than was asked for after a rename.
        hub_id: The Hub's own identity of the repo, which survives a rename and not a re-creation.
        commit: 40 lower-case hex digits.
        access: "public", "gated" or "private".
        task: The repo's `pipeline_tag`, or None.
        license: As its card says, or None.
        files: Every file at the commit.
        chat_template: The tokenizer has one.
    """

    id: str
    hub_id: str | None
    commit: str
    access: str
    disabled: bool
    task: str | None
    license: str | None
    files: tuple[HubFile, ...]
    chat_template: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HubHead:
    """What a HEAD for one file says: the commit is there, and we may download from it.

    Attributes:
        commit: The commit that the revision stands for now.
        renamed: The repo's new name, if the Hub redirected to one.
    """

    commit: str
    file: HubFile
    renamed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRefs:
    """The names that reach the commits of a repo, each with the commit it stands for.

    Attributes:
        requests: Hub pull requests, as "refs/pr/1". Anybody can open one, and its commits can be asked
            for under the repo's name though nobody has merged them.
    """

    branches: Mapping[str, str]
    tags: Mapping[str, str]
    requests: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCommit:
    """A commit, as a history lists it.

    Attributes:
        at: When it was made, seconds since the epoch, says who made it; None: not told.
        title: As its author wrote it.
    """

    commit: str
    at: float | None
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubHistory:
    """A commit and those before it, newest first.

    Attributes:
        whole: It goes back to the first commit of all. If not, it ends where it was asked to end.
    """

    commits: tuple[HubCommit, ...]
    whole: bool

    def ahead_of(self, commit: str) -> int | None:
        """How many commits are newer than `commit`; None: it is not among them."""
        return next((count for count, each in enumerate(self.commits) if each.commit == commit), None)


class HubScan(Enum):
    """What the Hub's security scans say of a file; the worst of several scanners."""

    SAFE = "safe"
    UNSCANNED = "not scanned"
    SUSPICIOUS = "suspicious"
    UNSAFE = "unsafe"


class Hub(Protocol):
    """Questions to the Hub, each answered within a bounded time. Safe from any number of threads."""

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        """The repo at a branch, tag or commit; None: its default branch."""
        ...

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        """One file at a branch, tag or commit, without its content."""
        ...

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        """The content of a small file (at most `MOST_READ` bytes) at a commit."""
        ...

    def refs(self, repo: str) -> HubRefs | HubFault:
        """Every branch, tag and pull request. One request."""
        ...

    def history(
        self, repo: str, revision: str, *, until: str | None = None, most: int = MOST_COMMITS
    ) -> HubHistory | HubFault:
        """The commits up to a branch, tag or commit, newest first. A request for each 50.

        Args:
            until: The last one to tell, if it is among them.
            most: So many at the most.
        """
        ...

    def scanned(self, repo: str, revision: str, paths: Iterable[str]) -> Mapping[str, HubScan] | HubFault:
        """What the security scans say of these files. A request for each 50.

        A path that is not there is left out.
        """
        ...
