"""A Hub in a dict: repos with commits, and everything that can happen to them. Counts what it is asked."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.lock.answers import (
    MOST_COMMITS,
    HubCommit,
    HubFault,
    HubFaultKind,
    HubFile,
    HubHead,
    HubHistory,
    HubModel,
    HubRefs,
    HubScan,
)

Files = Mapping[str, bytes]

CONFIG = {"id2label": {"0": "NEGATIVE", "1": "POSITIVE"}, "max_position_embeddings": 512}
CLASSIFIER: Files = {
    "README.md": b"# A classifier\n",
    "config.json": json.dumps(CONFIG).encode(),
    "tokenizer_config.json": b'{"model_max_length": 512}',
    "model.safetensors": b"weights",
}


def fault(kind: HubFaultKind, failure: FailureKind = FailureKind.GONE) -> HubFault:
    return HubFault(kind=kind, failure=Failure(kind=failure, reason=f"the Hub said {kind.name}"))


UNTOLD = fault(HubFaultKind.UNTOLD, FailureKind.SERVER_ERROR)


def file_of(path: str, content: bytes) -> HubFile:
    """Large by its name: what the Hub keeps in LFS has a sha256, the rest its blob's oid in git."""
    if path.endswith((".safetensors", ".bin", ".gguf", ".onnx")):
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    else:
        blob = b"blob %d\0%b" % (len(content), content)
        digest = f"git:{hashlib.sha1(blob, usedforsecurity=False).hexdigest()}"
    return HubFile(path=path, size=len(content), digest=digest)


@dataclass
class FakeRepo:
    """A repo.

    Attributes:
        readable: We may download.
        lost: Paths that are listed and cannot be downloaded.
        stale: What the API takes a ref for, should that not be where it is.
        listings: What the API lists at a commit, should that not be what is there.
        pushes: So many were there; it makes each commit another one.
        tags: Those of the refs that are tags; what begins with "refs/pr/" is a pull request.
        parents: The commit before each, if there is one.
        scans: What the scans say of a path, if they do not take it for safe.
        dates: When a commit was made, says who made it, in seconds since the epoch.
    """

    name: str
    hub_id: str
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    task: str | None = "text-classification"
    license: str | None = "apache-2.0"
    access: str = "public"
    readable: bool = True
    disabled: bool = False
    lost: set[str] = field(default_factory=set)
    stale: dict[str, str] = field(default_factory=dict)
    listings: dict[str, dict[str, bytes]] = field(default_factory=dict)
    pushes: int = 0
    tags: set[str] = field(default_factory=set)
    parents: dict[str, str] = field(default_factory=dict)
    scans: dict[str, HubScan] = field(default_factory=dict)
    dates: dict[str, float] = field(default_factory=dict)

    def push(self, changes: Mapping[str, bytes | None], branch: str = "main") -> str:
        files = dict(self.commits.get(self.refs.get(branch, ""), {}))
        for path, content in changes.items():
            if content is None:
                del files[path]
            else:
                files[path] = content
        self.pushes += 1
        seed = f"{self.hub_id}{branch}{self.pushes}{sorted(files.items())}"
        commit = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = files
        if branch in self.refs:
            self.parents[commit] = self.refs[branch]
        self.refs[branch] = commit
        return commit

    def tag(self, name: str, commit: str) -> None:
        """Make a tag, or move it."""
        self.tags.add(name)
        self.refs[name] = commit

    def request(self, changes: Mapping[str, bytes | None], number: int = 1) -> str:
        """A stranger opens a pull request with a commit on top of main; the commit."""
        ref = f"refs/pr/{number}"
        self.refs[ref] = self.head
        return self.push(changes, branch=ref)

    def squash(self, *, forget: bool = True) -> str:
        """The history is melted into one new commit with the same files.

        Args:
            forget: The old commits cannot be asked for any more.
        """
        files = self.commits[self.refs.pop("main")]
        if forget:
            self.commits.clear()
        return self.push(files)

    def log(self, commit: str) -> Iterable[str]:
        """A commit and those before it."""
        at: str | None = commit
        while at is not None:
            yield at
            at = self.parents.get(at)

    def gate(self) -> None:
        """Nobody may download any more."""
        self.access, self.readable = "gated", False

    @property
    def head(self) -> str:
        return self.refs["main"]

    def find(self, revision: str | None) -> str | None:
        commit = self.refs.get(revision or "main", revision or "")
        return commit if commit in self.commits else None


class FakeHub:
    """Implements `answers.Hub`.

    Attributes:
        asked: Every question: (method, repo, revision, path).
        trouble: Looked at before each question is answered; a fault stands for the answer.
    """

    def __init__(self) -> None:
        self.repos: dict[str, FakeRepo] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[tuple[str, str, str | None, str | None]] = []
        self.trouble: Callable[[str, str, str | None], HubFault | None] = lambda method, repo, revision: None
        self._lock = Lock()

    def create(self, name: str, files: Files = CLASSIFIER, *, hub_id: str = "") -> FakeRepo:
        repo = FakeRepo(name=name, hub_id=hub_id or f"id-of-{name}")
        repo.push(files)
        self.repos[name] = repo
        return repo

    def rename(self, old: str, new: str) -> None:
        self.repos[new] = self.repos.pop(old)
        self.repos[new].name = new
        self.moved[old] = new

    def down(self) -> None:
        self.trouble = lambda method, repo, revision: UNTOLD

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        found = self._told("model", repo, revision)
        if isinstance(found, HubFault):
            return found
        commit = found.stale.get(revision or "main") or found.find(revision)
        files = found.listings.get(commit or "") or found.commits.get(commit or "")
        if commit is None or files is None:
            return fault(HubFaultKind.REVISION_GONE)
        return HubModel(
            id=found.name,
            hub_id=found.hub_id,
            commit=commit,
            access=found.access,
            disabled=found.disabled,
            task=found.task,
            license=found.license,
            files=tuple(file_of(path, content) for path, content in sorted(files.items())),
            chat_template=b"chat_template" in files.get("tokenizer_config.json", b""),
        )

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        found = self._download("head", repo, revision, path)
        if isinstance(found, HubFault):
            return found
        commit, content = found
        return HubHead(commit=commit, file=file_of(path, content), renamed=self.moved.get(repo))

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        found = self._download("read", repo, revision, path)
        return found if isinstance(found, HubFault) else found[1]

    def refs(self, repo: str) -> HubRefs | HubFault:
        found = self._told("refs", repo, None)
        if isinstance(found, HubFault):
            return found
        requests = {name: commit for name, commit in found.refs.items() if name.startswith("refs/pr/")}
        tags = {name: commit for name, commit in found.refs.items() if name in found.tags}
        branches = {name: commit for name, commit in found.refs.items() if name not in {**requests, **tags}}
        return HubRefs(branches=branches, tags=tags, requests=requests)

    def history(
        self, repo: str, revision: str, *, until: str | None = None, most: int = MOST_COMMITS
    ) -> HubHistory | HubFault:
        found = self._told("history", repo, revision)
        if isinstance(found, HubFault):
            return found
        commit = found.find(revision)
        if commit is None:
            return fault(HubFaultKind.REVISION_GONE)
        log = list(found.log(commit))
        end = min(log.index(until) + 1 if until in log else len(log), most)
        commits = (
            HubCommit(commit=each, at=found.dates.get(each), title=f"Commit {each[:7]}") for each in log[:end]
        )
        return HubHistory(commits=tuple(commits), whole=end == len(log))

    def scanned(self, repo: str, revision: str, paths: Iterable[str]) -> Mapping[str, HubScan] | HubFault:
        found = self._told("scanned", repo, revision)
        if isinstance(found, HubFault):
            return found
        commit = found.find(revision)
        if commit is None:
            return fault(HubFaultKind.REVISION_GONE)
        return {path: found.scans.get(path, HubScan.SAFE) for path in paths if path in found.commits[commit]}

    def _told(self, method: str, repo: str, revision: str | None) -> FakeRepo | HubFault:
        """A repo that the API tells about."""
        found = self._ask(method, repo, revision, None)
        hidden = isinstance(found, FakeRepo) and found.access == "private" and not found.readable
        return fault(HubFaultKind.REPO_GONE) if hidden else found

    def _download(self, method: str, repo: str, revision: str, path: str) -> tuple[str, bytes] | HubFault:
        found = self._ask(method, repo, revision, path)
        if isinstance(found, HubFault):
            return found
        if found.disabled:
            return fault(HubFaultKind.DISABLED)
        if not found.readable:
            return fault(HubFaultKind.GATED if found.access == "gated" else HubFaultKind.REPO_GONE)
        commit = found.find(revision)
        if commit is None:
            return fault(HubFaultKind.REVISION_GONE)
        if path not in found.commits[commit] or path in found.lost:
            return fault(HubFaultKind.FILE_GONE)
        return commit, found.commits[commit][path]

    def _ask(self, method: str, repo: str, revision: str | None, path: str | None) -> FakeRepo | HubFault:
        with self._lock:
            self.asked.append((method, repo, revision, path))
        trouble = self.trouble(method, repo, revision)
        if trouble is not None:
            return trouble
        found = self.repos.get(self.moved.get(repo, repo)) if repo not in self.repos else self.repos[repo]
        return fault(HubFaultKind.REPO_GONE) if found is None else found

    def asked_for(self, method: str) -> int:
        """How many questions of a kind there were."""
        return sum(asked[0] == method for asked in self.asked)
