"""Repo: one model repo of the sandbox Hub, and all that can happen to it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.hub.card import README, amended
from resilient_infer.testing.sandbox.hub.history import EPOCH, History
from resilient_infer.testing.sandbox.hub.objects import Blob, Commit, Files, blob

Contents = Mapping[str, bytes | str | None]
"""What a push changes: the new content of each path, None to remove it."""

Gate = Literal["auto", "manual"]
Scan = Literal["safe", "unsafe", "suspicious", "caution", "queued", "unscanned", "error"]


@dataclass(slots=True, kw_only=True)
class Standing:
    """What is true of a repo beside its commits.

    Attributes:
        gated: Downloads need access that was granted; by whom it would be, or False.
        listed: The API tells about a gated repo without access, as the Hub does since October 2024.
        readers: Ids of the tokens that have access to what is private or gated.
        lost: LFS objects that were deleted, by sha256.
        scans: What the security scan says of a file, by its name in git.
        stale: What the API still takes a branch for after a force-push, by branch.
        offers: Inference providers and what they call the model, as the Hub's mapping says it.
    """

    private: bool = False
    gated: Gate | Literal[False] = False
    listed: bool = True
    disabled: bool = False
    readers: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    scans: dict[str, Scan] = field(default_factory=dict)
    stale: dict[str, Commit] = field(default_factory=dict)
    offers: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A Hub pull request.

    Attributes:
        ref: "refs/pr/1" and so on.
        commit: Its head. It can be asked for under the repo, though nobody has merged it.
    """

    ref: str
    commit: str


class Repo:
    """A repo. `Hub.create` makes it; every method may be called while clients ask.

    A revision is a branch, a tag, "refs/pr/1" or a commit; methods that take one raise ValueError if it
    is none. Nothing is hashed before somebody looks, so thousands of repos are quickly made.
    """

    def __init__(self, name: str, hub_id: str, contents: Contents, lock: threading.RLock) -> None:
        self.name = name
        self.hub_id = hub_id
        self.created = EPOCH
        self.standing = Standing()
        self._owner = name.partition("/")[0]
        self._first = _changed({}, contents)
        self._history: History | None = None
        self._lock = lock

    def __repr__(self) -> str:
        return f"Repo({self.name!r}, {self.hub_id!r})"

    @property
    def history(self) -> History:
        """The commits and refs. Look at them only while nobody changes them."""
        with self._lock:
            if self._history is None:
                history = History(self.hub_id, self._owner)
                first = history.commit(self._first, parent=None, title="initial commit")
                history.branches["main"] = first.id
                self._history = history
            return self._history

    @property
    def head(self) -> str:
        """The commit of main."""
        return self.at("main").id

    def at(self, revision: str) -> Commit:
        """The commit of a revision."""
        with self._lock:
            found = self.history.find(revision)
        if found is None:
            raise ValueError(f"{self.name} has no revision {revision!r}")
        return found

    def log(self, revision: str = "main") -> tuple[str, ...]:
        """The commits up to a revision, newest first."""
        with self._lock:
            return tuple(commit.id for commit in self.history.log(self.at(revision)))

    def push(
        self, contents: Contents, *, branch: str = "main", title: str = "Update", date: datetime | None = None
    ) -> str:
        """Commit to a branch; the new commit.

        Args:
            date: When it was made, with its zone; None: an hour after the last commit.
        """
        with self._lock:
            head = self._branch(branch)
            files = _changed(head.files, contents)
            made = self.history.commit(files, parent=head.id, title=title, date=date)
            self._move(branch, made)
        return made.id

    def relicense(self, license_id: str | None) -> str:
        """Name another license in the card of main, or none; the new commit."""
        with self._lock:
            old = self.at("main").files.get(README)
            text = amended(b"" if old is None else old.content, {"license": license_id})
            return self.push({README: text}, title="Update license")

    def branch(self, name: str, at: str = "main") -> None:
        """Make a branch, or move it."""
        with self._lock:
            self._move(name, self.at(at))
            self.history.forget()

    def tag(self, name: str, at: str = "main") -> None:
        """Make a tag, or move it."""
        with self._lock:
            self.history.tags[name] = self.at(at).id
            self.history.forget()

    def delete_ref(self, name: str) -> None:
        """Delete a branch, a tag or a pull request, and the commits that only it reached."""
        with self._lock:
            for refs in (self.history.branches, self.history.tags, self.history.pulls):
                if refs.pop(name, None) is not None:
                    self.standing.stale.pop(name, None)
                    self.history.forget()
                    return
        raise ValueError(f"{self.name} has no ref {name!r}")

    def squash(self, branch: str = "main") -> str:
        """Melt a branch into one commit without parents: the old ones are gone; the new commit."""
        with self._lock:
            head = self._branch(branch)
            title = f"Super-squash branch '{branch}' using huggingface_hub"
            made = self.history.commit(head.files, parent=None, title=title)
            self._move(branch, made)
            self.history.forget()
        return made.id

    def force_push(
        self, to: str, contents: Contents | None = None, *, branch: str = "main", stale: bool = False
    ) -> str:
        """Rewind a branch, and with contents go on from there; the head now. What it left behind is gone.

        Args:
            stale: The API goes on taking the branch for its old head, whose files are gone, until the
                next push. Seen in huggingface_hub#3406.
        """
        with self._lock:
            old, target = self._branch(branch), self.at(to)
            if contents is not None:
                files = _changed(target.files, contents)
                target = self.history.commit(files, parent=target.id, title="Update")
            self._move(branch, target)
            self.history.forget()
            if stale:
                self.standing.stale[branch] = old
        return target.id

    def open_pull_request(self, contents: Contents, *, author: str = "a-stranger") -> PullRequest:
        """Commit on top of main as anybody may: into a pull request."""
        with self._lock:
            head = self.at("main")
            files = _changed(head.files, contents)
            made = self.history.commit(files, parent=head.id, title="Suggestion", author=author)
            return PullRequest(ref=self.history.open_pull(made.id), commit=made.id)

    def tamper(self, path: str, content: bytes | str, *, revision: str = "main") -> None:
        """Serve other bytes under the same commit, as only a broken or hostile mirror does."""
        with self._lock:
            commit = self._holder(path, revision)
            self.history.replace(commit.holding({**commit.files, path: blob(path, content)}))

    def lose(self, path: str, *, revision: str = "main") -> None:
        """Delete the LFS object of a file: commits that list it stay, its download is gone."""
        with self._lock:
            lost = self._holder(path, revision).files[path]
            if not lost.lfs:
                raise ValueError(f"{path} is in git itself, not in LFS")
            self.standing.lost.add(lost.sha256)

    def flag(self, path: str, verdict: Scan, *, revision: str = "main") -> None:
        """Let the security scan say this of a file, wherever the same content is."""
        with self._lock:
            self.standing.scans[self._holder(path, revision).files[path].oid] = verdict

    def make_private(self) -> None:
        """Hide it from everybody without access."""
        with self._lock:
            self.standing.private = True

    def make_public(self) -> None:
        """Show it to everybody."""
        with self._lock:
            self.standing.private = False

    def gate(self, by: Gate = "manual", *, listed: bool = True) -> None:
        """Let only those download who were granted access.

        Args:
            listed: The API goes on telling everybody about it; False: it refuses, too, as in older times.
        """
        with self._lock:
            self.standing.gated, self.standing.listed = by, listed

    def ungate(self) -> None:
        """Let everybody download again."""
        with self._lock:
            self.standing.gated = False

    def grant(self, token: str) -> None:
        """Give a token access to what is private or gated here."""
        with self._lock:
            self.standing.readers.add(token)

    def revoke(self, token: str) -> None:
        """Take the access back."""
        with self._lock:
            self.standing.readers.discard(token)

    def disable(self) -> None:
        """Block it for everybody, as the Hub's moderators do."""
        with self._lock:
            self.standing.disabled = True

    def enable(self) -> None:
        """Unblock it."""
        with self._lock:
            self.standing.disabled = False

    def offer(self, provider: str, *, task: str, name: str, status: str = "live") -> None:
        """Let an inference provider offer this model under a name of its own."""
        with self._lock:
            self.standing.offers[provider] = {"status": status, "providerId": name, "task": task}

    def _branch(self, name: str) -> Commit:
        if name not in self.history.branches:
            raise ValueError(f"{self.name} has no branch {name!r}")
        return self.at(name)

    def _move(self, branch: str, to: Commit) -> None:
        self.history.branches[branch] = to.id
        self.standing.stale.pop(branch, None)

    def _holder(self, path: str, revision: str) -> Commit:
        commit = self.at(revision)
        if path not in commit.files:
            raise ValueError(f"{self.name} has no file {path!r} at {revision}")
        return commit


def _changed(files: Files, contents: Contents) -> dict[str, Blob]:
    changed = dict(files)
    for path, content in contents.items():
        if content is None:
            changed.pop(path, None)
        elif not all(part.strip(".") for part in path.split("/")):
            raise ValueError(f"{path!r} is no path in a repo")
        else:
            changed[path] = blob(path, content)
    return changed
