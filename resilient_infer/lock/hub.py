"""Hub: the one user of huggingface_hub. Questions in, clear answers or faults out.

`hub_session.py` makes a request, `patience.py` says when and how often, and
`hub_reading.py` reads the answer.
Source of paths: huggingface_hub 1.33 and 2.4.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.core.secret import redact
from resilient_infer.core.task import Json
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.answers import (
    MOST_COMMITS,
    HubCommit,
    HubFault,
    HubFile,
    HubHead,
    HubHistory,
    HubModel,
    HubRefs,
    HubScan,
)
from resilient_infer.lock.bounded import TookTooLong, within
from resilient_infer.lock.hub_reading import commits_of, digest_of, model_of, next_query, refs_of, scans_of
from resilient_infer.lock.hub_session import HubSession, Reply, Request, untold
from resilient_infer.lock.patience import PatientAsking
from resilient_infer.lock.quota import quota_of
from resilient_infer.lock.reference import is_commit

MOST_READ: Final = 8 * 1024 * 1024
"""Bytes of a config file that are read; tokenizer configs on the Hub have a few hundred KB at the most."""

MOST_LISTED: Final = 64 * 1024 * 1024
"""Bytes of one answer of the API: 200,000 files fit."""

SCANNED_AT_ONCE: Final = 50
"""Paths of one question for scans: as many as the Hub puts on a page where it tells as much of each file."""

T = TypeVar("T")


def hub_token(timeout: float) -> str | None:
    """The token that huggingface_hub finds: variables, login, OIDC; None: there is none.

    Args:
        timeout: Seconds; a login that is about to expire, and OIDC, are renewed over the network.

    Raises:
        ResilientInferError: It could not be told. Its message shows no token.
    """
    import huggingface_hub

    try:
        return within(timeout, huggingface_hub.get_token)
    except TookTooLong:
        said = f"no answer within {timeout:g} s"
    except Exception as error:  # OIDC, files and transports have no exception in common
        said = f"{type(error).__name__}: {redact(' '.join(str(error).split()))[:200]}"
    raise ResilientInferError(
        f"huggingface_hub could not get its token: {said}", hint="log in with: hf auth login; or set HF_TOKEN"
    )


class HuggingFaceHub:
    """Implements `answers.Hub` with the installed huggingface_hub, 1.x or 2.x.

    Args:
        timeout: Seconds for one request, redirects included.
        wall: The wall clock, seconds since the epoch; for dates in `Retry-After` only.
        now: The monotonic clock, seconds.
        asking: When and how often each request is made.
        token: None: what huggingface_hub finds (variables, login, OIDC); "" sends none.
    """

    def __init__(
        self,
        *,
        timeout: float,
        wall: Callable[[], float],
        now: Callable[[], float],
        asking: PatientAsking,
        token: str | None = None,
    ) -> None:
        found = hub_token(timeout) if token is None else token
        self._session = HubSession(timeout=timeout, wall=wall, now=now, quota=asking.quota, token=found)
        self._asking = asking

    @property
    def has_token(self) -> bool:
        """Whether questions are asked with a token: without one, gated and private repos are not told."""
        return self._session.secret is not None

    @property
    def requests(self) -> int:
        """Requests made so far, repeats included."""
        return self._asking.requests

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        """The repo at a branch, tag or commit; None: its default branch."""
        path = _api(repo) if revision is None else _api(repo, "revision", revision)
        return self._listed(f"{path}?blobs=true", f"for {repo} names no id and commit", model_of)

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        """One file at a branch, tag or commit, without its content."""
        return self._ask(
            Request(method="HEAD", path=_resolve_path(repo, revision, path), most=0),
            lambda reply: _head_of(reply, repo, path),
        )

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        """The content of a small file (at most `MOST_READ` bytes) at a commit."""
        request = Request(method="GET", path=_resolve_path(repo, revision, path), most=MOST_READ)
        return self._ask(request, lambda reply: reply.body)

    def refs(self, repo: str) -> HubRefs | HubFault:
        """Every branch, tag and pull request. One request."""
        return self._listed(
            f"{_api(repo, 'refs')}?include_prs=1", f"for the refs of {repo} holds none", refs_of
        )

    def history(
        self, repo: str, revision: str, *, until: str | None = None, most: int = MOST_COMMITS
    ) -> HubHistory | HubFault:
        """The commits up to a branch, tag or commit, newest first. A request for each 50."""
        told: list[HubCommit] = []
        path: str | None = _api(repo, "commits", revision)
        while path is not None:
            page = self._page(path, repo)
            if isinstance(page, HubFault):
                return page
            commits, query = page
            for position, commit in enumerate(commits, start=1):
                told.append(commit)
                if commit.commit == until or len(told) == most:
                    whole = query is None and position == len(commits)
                    return HubHistory(commits=tuple(told), whole=whole)
            # By the first commit: a branch that moves meanwhile would shift the pages.
            path = None if query is None else f"{_api(repo, 'commits', told[0].commit)}?{query}"
        return HubHistory(commits=tuple(told), whole=True)

    def scanned(self, repo: str, revision: str, paths: Iterable[str]) -> Mapping[str, HubScan] | HubFault:
        """What the security scans say of these files. A request for each 50."""
        wanted, told = list(paths), dict[str, HubScan]()
        for start in range(0, len(wanted), SCANNED_AT_ONCE):
            form: dict[str, str | list[str]] = {
                "paths": wanted[start : start + SCANNED_AT_ONCE],
                "expand": "true",
            }
            path = _api(repo, "paths-info", revision)
            request = Request(method="POST", path=path, most=MOST_LISTED, form=form)
            scans = self._ask(request, _json_reader(f"for files of {repo} lists none", scans_of))
            if isinstance(scans, HubFault):
                return scans
            told |= scans
        return told

    def _page(self, path: str, repo: str) -> tuple[tuple[HubCommit, ...], str | None] | HubFault:
        """Some commits, and the query of the next page."""
        read = _json_reader(
            f"for the history of {repo} lists no commits", lambda told: commits_of(told) or None
        )

        def page(reply: Reply) -> tuple[tuple[HubCommit, ...], str | None] | HubFault:
            commits = read(reply)
            if isinstance(commits, HubFault):
                return commits
            return commits, next_query(reply.headers.get("link", ""))

        return self._ask(Request(method="GET", path=path, most=MOST_LISTED), page)

    def _listed(self, path: str, complaint: str, read: Callable[[Json], T | None]) -> T | HubFault:
        request = Request(method="GET", path=path, most=MOST_LISTED)
        return self._ask(request, _json_reader(complaint, read))

    def _ask(self, request: Request, read: Callable[[Reply], T | HubFault]) -> T | HubFault:
        """A request with its repeats; an answer that cannot be read is asked for again, too."""

        def once() -> T | HubFault:
            reply = self._session.ask(request)
            return reply if isinstance(reply, HubFault) else read(reply)

        return self._asking.ask(quota_of(request.path), once)


def _api(repo: str, verb: str = "", revision: str = "") -> str:
    parts = (quote(repo), verb, quote(revision, safe=""))
    return "/".join(("/api/models", *(part for part in parts if part)))


def _resolve_path(repo: str, revision: str, path: str) -> str:
    return f"/{quote(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"


def _json_reader(complaint: str, read: Callable[[Json], T | None]) -> Callable[[Reply], T | HubFault]:
    """Reads an answer's JSON. `complaint` goes on "the Hub's answer …" where there is nothing in it."""

    def reader(reply: Reply) -> T | HubFault:
        try:
            told = read(json.loads(reply.body))
        except (ValueError, RecursionError):
            return _unread("is no JSON", reply)
        return _unread(complaint, reply) if told is None else told

    return reader


def _unread(complaint: str, reply: Reply) -> HubFault:
    reason = f"the Hub's answer {complaint}"
    return untold(Failure(kind=FailureKind.WRONG_SHAPE, reason=reason, status=reply.status))


def _head_of(reply: Reply, repo: str, path: str) -> HubHead | HubFault:
    commit = reply.headers.get("x-repo-commit", "")
    digest = digest_of(reply.headers.get("x-linked-etag") or reply.headers.get("etag", ""))
    if not is_commit(commit) or digest is None:
        return _unread(f"for {repo}/{path} names no commit and digest", reply)
    size = reply.headers.get("x-linked-size") or reply.headers.get("content-length", "")
    return HubHead(
        commit=commit,
        file=HubFile(path=path, size=int(size) if size.isdecimal() else None, digest=digest),
        renamed=_renamed(reply.url, repo),
    )


def _renamed(url: str, repo: str) -> str | None:
    """The repo's name in the URL that answered in the end, if it is another one than was asked for."""
    name, found, _ = urlsplit(url).path.lstrip("/").partition("/resolve/")
    return name if found and name != quote(repo) else None
