"""Hub: the one user of huggingface_hub. One question, one clear answer or fault, in bounded time.

Its session, endpoint, token and headers are used, but requests are made here:
`model_info` hides the `RateLimit` header of its reply, `get_hf_file_metadata`
hides a rename, neither bounds a server that drips, and `resolve_revision` and
the download functions answer from a cache when the Hub is down. The session
has no timeout of its own, and setting another would change the user's process.
Source of paths, headers and error codes: huggingface_hub 1.33 and 2.4.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.core.secret import Secret, redact
from resilient_infer.core.task import Json
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.answers import HubFault, HubFaultKind, HubFile, HubHead, HubModel
from resilient_infer.lock.bounded import TookTooLong, within
from resilient_infer.lock.quota import Quota
from resilient_infer.lock.reference import is_commit
from resilient_infer.providers.failure import classify

MOST_READ: Final = 8 * 1024 * 1024
"""Bytes of a config file that are read; tokenizer configs on the Hub have a few hundred KB at the most."""

MOST_LISTED: Final = 64 * 1024 * 1024
"""Bytes of the API's answer for one repo: 200,000 files fit."""

MOST_REDIRECTS: Final = 5

_BY_CODE: Final[Mapping[str, HubFaultKind]] = {
    "RepoNotFound": HubFaultKind.REPO_GONE,
    "RevisionNotFound": HubFaultKind.REVISION_GONE,
    "EntryNotFound": HubFaultKind.FILE_GONE,
    "GatedRepo": HubFaultKind.GATED,
}
_DISABLED: Final = "Access to this resource is disabled."
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str


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
    """Implements `answers.Hub` on the session of the installed huggingface_hub, 1.x or 2.x.

    Args:
        timeout: Seconds for one question, redirects included.
        wall: The wall clock, seconds since the epoch; for dates in `Retry-After` only.
        now: The monotonic clock, seconds.
        token: None: what huggingface_hub finds (variables, login, OIDC); "" sends none.
        quota: Told of every `RateLimit` header.
    """

    def __init__(
        self,
        *,
        timeout: float,
        wall: Callable[[], float],
        now: Callable[[], float],
        quota: Quota,
        token: str | None = None,
    ) -> None:
        import huggingface_hub
        from huggingface_hub import constants, utils

        found = hub_token(timeout) if token is None else token
        self._secret = Secret(found) if found else None
        self._headers = utils.build_hf_headers(  # type: ignore[attr-defined]  # in its __all__ of both versions
            token=found or False, library_name="resilient_infer"
        )
        self._endpoint = constants.ENDPOINT.rstrip("/")
        self._session: Callable[[], Any] = huggingface_hub.get_session
        self._timeout = timeout
        self._wall = wall
        self._now = now
        self._quota = quota

    @property
    def has_token(self) -> bool:
        """Whether questions are asked with a token: without one, gated and private repos are not told."""
        return self._secret is not None

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        """The repo at a branch, tag or commit; None: its default branch."""
        path = f"/api/models/{quote(repo)}"
        if revision is not None:
            path += f"/revision/{quote(revision, safe='')}"
        reply = self._ask("GET", f"{path}?blobs=true", MOST_LISTED)
        if isinstance(reply, HubFault):
            return reply
        try:
            listed = json.loads(reply.body)
        except ValueError:
            return self._untold(f"the Hub's answer for {repo} is no JSON", reply.status)
        model = _model_of(listed)
        return model or self._untold(f"the Hub's answer for {repo} names no id and commit", reply.status)

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        """One file at a branch, tag or commit, without its content."""
        reply = self._ask("HEAD", _resolve_path(repo, revision, path), 0)
        if isinstance(reply, HubFault):
            return reply
        commit = reply.headers.get("x-repo-commit", "")
        etag = reply.headers.get("x-linked-etag") or reply.headers.get("etag", "")
        digest = _digest_of(etag)
        if not is_commit(commit) or digest is None:
            return self._untold(
                f"the Hub's answer for {repo}/{path} names no commit and digest", reply.status
            )
        size = reply.headers.get("x-linked-size") or reply.headers.get("content-length", "")
        return HubHead(
            commit=commit,
            file=HubFile(path=path, size=int(size) if size.isdecimal() else None, digest=digest),
            renamed=_renamed(reply.url, repo),
        )

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        """The content of a small file (at most `MOST_READ` bytes) at a commit."""
        reply = self._ask("GET", _resolve_path(repo, revision, path), MOST_READ)
        return reply if isinstance(reply, HubFault) else reply.body

    def _ask(self, method: str, path: str, most: int) -> _Reply | HubFault:
        """One question within the limit. Whatever goes wrong below HTTP is a fault, never an exception."""
        try:
            reply = within(self._timeout, lambda: self._exchange(method, f"{self._endpoint}{path}", most))
        except TookTooLong:
            reason = f"the Hub did not answer within {self._timeout:g} s"
            return _fault(HubFaultKind.UNTOLD, Failure(kind=FailureKind.TIMEOUT, reason=reason))
        except Exception as error:  # the transports of 1.x and 2.x have no exception in common
            return _fault(HubFaultKind.UNTOLD, self._unreached(error))
        if reply.status < 400:
            return reply
        return self._refused(reply)

    def _exchange(self, method: str, url: str, most: int) -> _Reply:
        """Follow redirects inside the Hub; with a GET also the last one, to where large files lie."""
        headers = dict(self._headers)
        for _ in range(MOST_REDIRECTS):
            reply = self._send(method, url, headers, most)
            location = reply.headers.get("location")
            if reply.status not in (301, 302, 303, 307, 308) or not location:
                return reply
            target = urljoin(url, location)
            if _origin(target) != _origin(url):
                if method == "HEAD":
                    return _Reply(status=200, headers=reply.headers, body=b"", url=url)
                headers.pop("authorization", None)  # signed URLs of a store: the token stays with the Hub
            url = target
        raise RuntimeError(f"more than {MOST_REDIRECTS} redirects")

    def _send(self, method: str, url: str, headers: dict[str, str], most: int) -> _Reply:
        session = self._session()
        request = session.build_request(method, url, headers=headers, timeout=self._timeout)
        response = session.send(request, stream=True, follow_redirects=False)
        try:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            self._quota.note(lowered.get("ratelimit", ""), self._now())
            # Also with a HEAD: a response that is not read to its end costs its connection.
            body = _read(response.iter_raw() if method == "HEAD" else response.iter_bytes(), most)
            return _Reply(status=response.status_code, headers=lowered, body=body, url=url)
        finally:
            response.close()

    def _refused(self, reply: _Reply) -> HubFault:
        try:
            body: Json = json.loads(reply.body)
        except ValueError:
            body = None
        failure = classify(
            reply.status,
            reply.headers,
            body,
            reply.body[:4096],
            received_at=self._wall(),
            secret=self._secret,
        )
        message = reply.headers.get("x-error-message", "")
        kind = _BY_CODE.get(reply.headers.get("x-error-code", ""), HubFaultKind.UNTOLD)
        if message == _DISABLED:
            kind = HubFaultKind.DISABLED
        elif kind is HubFaultKind.UNTOLD and reply.status in (401, 403):
            kind = HubFaultKind.DENIED
        if reply.status == 429:
            self._quota.limited(urlsplit(reply.url).path, failure.advice, self._now())
        return _fault(kind, failure)

    def _unreached(self, error: Exception) -> Failure:
        name = type(error).__name__
        if name == "OfflineModeIsEnabled":
            return Failure(kind=FailureKind.REJECTED, reason="HF_HUB_OFFLINE is set: the Hub is not asked")
        said = redact(" ".join(str(error).split()), self._secret)[:200]
        return Failure(kind=FailureKind.UNREACHABLE, reason=f"the Hub could not be reached: {name}: {said}")

    def _untold(self, reason: str, status: int) -> HubFault:
        return _fault(
            HubFaultKind.UNTOLD, Failure(kind=FailureKind.WRONG_SHAPE, reason=reason, status=status)
        )


def _fault(kind: HubFaultKind, failure: Failure) -> HubFault:
    return HubFault(kind=kind, failure=failure)


def _resolve_path(repo: str, revision: str, path: str) -> str:
    return f"/{quote(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"


def _read(chunks: Any, most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise ValueError(f"the answer is larger than {most:,} bytes")
    return bytes(body)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _renamed(url: str, repo: str) -> str | None:
    """The repo's name in the URL that answered in the end, if it is another one than was asked for."""
    name, found, _ = urlsplit(url).path.lstrip("/").partition("/resolve/")
    return name if found and name != quote(repo) else None


def _digest_of(etag: str) -> str | None:
    """A file's digest from its ETag: sha256 for large files, the git blob's oid for the others."""
    text = etag.removeprefix("W/").strip('"')
    if _SHA256.fullmatch(text):
        return f"sha256:{text}"
    return f"git:{text}" if is_commit(text) else None


def _model_of(listed: Json) -> HubModel | None:
    if not isinstance(listed, dict):
        return None
    name, commit, hub_id = listed.get("id"), listed.get("sha"), listed.get("_id")
    if not isinstance(name, str) or not isinstance(commit, str) or not is_commit(commit):
        return None
    siblings = listed.get("siblings")
    task = listed.get("pipeline_tag")
    files = tuple(file for each in _list(siblings) if (file := _file_of(each)) is not None)
    return HubModel(
        id=name,
        hub_id=hub_id if isinstance(hub_id, str) else None,
        commit=commit,
        access="private" if listed.get("private") else "gated" if listed.get("gated") else "public",
        disabled=bool(listed.get("disabled")),
        task=task if isinstance(task, str) else None,
        license=_license_of(listed),
        files=files,
        chat_template=_has_chat_template(listed, files),
    )


def _file_of(sibling: Json) -> HubFile | None:
    entry = _dict(sibling)
    path, size, oid = entry.get("rfilename"), entry.get("size"), entry.get("blobId")
    sha256 = _dict(entry.get("lfs")).get("sha256")
    if not isinstance(path, str):
        return None
    known = isinstance(size, int) and not isinstance(size, bool)
    return HubFile(
        path=path,
        size=int(size) if known and isinstance(size, int) else None,
        digest=f"sha256:{sha256}" if isinstance(sha256, str) else f"git:{oid}",
    )


def _license_of(listed: dict[str, Json]) -> str | None:
    license_ = _dict(listed.get("cardData")).get("license")
    if isinstance(license_, str):
        return license_
    for tag in _list(listed.get("tags")):
        if isinstance(tag, str) and tag.startswith("license:"):
            return tag.removeprefix("license:")
    return None


def _has_chat_template(listed: dict[str, Json], files: tuple[HubFile, ...]) -> bool:
    tokenizer = _dict(_dict(listed.get("config")).get("tokenizer_config"))
    return bool(tokenizer.get("chat_template")) or any(file.path == "chat_template.jinja" for file in files)


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
