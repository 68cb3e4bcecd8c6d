"""Hub session: one request to the Hub, in bounded time, through huggingface_hub's session.

Its session, endpoint, token and headers are used, but requests are made here:
`model_info` hides the `RateLimit` header of its reply, `get_hf_file_metadata`
hides a rename, neither bounds a server that drips, and `resolve_revision` and
the download functions answer from a cache when the Hub is down. The session
has no timeout of its own, and setting another would change the user's process.
Source of headers and error codes: huggingface_hub 1.33 and 2.4.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urljoin, urlsplit

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.core.secret import Secret, redact
from resilient_infer.core.task import Json
from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.bounded import TookTooLong, within
from resilient_infer.lock.quota import Quota
from resilient_infer.providers.failure import classify

MOST_REDIRECTS: Final = 5

_BY_CODE: Final[Mapping[str, HubFaultKind]] = {
    "RepoNotFound": HubFaultKind.REPO_GONE,
    "RevisionNotFound": HubFaultKind.REVISION_GONE,
    "EntryNotFound": HubFaultKind.FILE_GONE,
    "GatedRepo": HubFaultKind.GATED,
}
_DISABLED: Final = "Access to this resource is disabled."


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked.

    Attributes:
        path: With its query, quoted, below the Hub's endpoint.
        most: Bytes of the answer that are read; a longer one is no answer.
        form: What a POST sends.
    """

    method: Literal["GET", "HEAD", "POST"]
    path: str
    most: int
    form: Mapping[str, str | list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came, status below 400.

    Attributes:
        headers: Names in lower case.
        url: Where it came from in the end.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str


class HubSession:
    """The session of the installed huggingface_hub, 1.x or 2.x. Safe from any number of threads.

    Args:
        timeout: Seconds for one request, redirects included.
        wall: The wall clock, seconds since the epoch; for dates in `Retry-After` only.
        now: The monotonic clock, seconds.
        quota: Told of every `RateLimit` header.
        token: None: none is sent.
    """

    def __init__(
        self,
        *,
        timeout: float,
        wall: Callable[[], float],
        now: Callable[[], float],
        quota: Quota,
        token: str | None,
    ) -> None:
        import huggingface_hub
        from huggingface_hub import constants, utils

        self.secret: Final = Secret(token) if token else None
        self._headers = utils.build_hf_headers(  # type: ignore[attr-defined]  # in its __all__ of both versions
            token=token or False, library_name="resilient_infer"
        )
        self._endpoint = constants.ENDPOINT.rstrip("/")
        self._session: Callable[[], Any] = huggingface_hub.get_session
        with suppress(Exception):  # what is wrong with its settings, the first request tells
            self._session()  # made here: to read the certificates takes time that is no request's
        self._timeout = timeout
        self._wall = wall
        self._now = now
        self._quota = quota

    def ask(self, request: Request) -> Reply | HubFault:
        """One request within the limit. Whatever goes wrong below HTTP is a fault, never an exception."""
        try:
            reply = within(self._timeout, lambda: self._exchange(request))
        except TookTooLong:
            reason = f"the Hub did not answer within {self._timeout:g} s"
            return untold(Failure(kind=FailureKind.TIMEOUT, reason=reason))
        except Exception as error:  # the transports of 1.x and 2.x have no exception in common
            return untold(self._unreached(error))
        if reply.status < 400:
            return reply
        return self._refused(reply)

    def _exchange(self, request: Request) -> Reply:
        """Follow redirects inside the Hub; with a GET also the last one, to where large files lie."""
        url = f"{self._endpoint}{request.path}"
        headers = dict(self._headers)
        for _ in range(MOST_REDIRECTS):
            reply = self._send(request, url, headers)
            location = reply.headers.get("location")
            if reply.status not in (301, 302, 303, 307, 308) or not location:
                return reply
            target = urljoin(url, location)
            if _origin(target) != _origin(url):
                if request.method == "HEAD":
                    return Reply(status=200, headers=reply.headers, body=b"", url=url)
                headers.pop("authorization", None)  # signed URLs of a store: the token stays with the Hub
            url = target
        raise RuntimeError(f"more than {MOST_REDIRECTS} redirects")

    def _send(self, request: Request, url: str, headers: dict[str, str]) -> Reply:
        session = self._session()
        sent = session.build_request(
            request.method, url, headers=headers, timeout=self._timeout, data=request.form or None
        )
        response = session.send(sent, stream=True, follow_redirects=False)
        try:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            self._quota.note(lowered.get("ratelimit", ""), self._now())
            # Also with a HEAD: a response that is not read to its end costs its connection.
            chunks = response.iter_raw() if request.method == "HEAD" else response.iter_bytes()
            return Reply(
                status=response.status_code, headers=lowered, body=_read(chunks, request.most), url=url
            )
        finally:
            response.close()

    def _refused(self, reply: Reply) -> HubFault:
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
            secret=self.secret,
        )
        message = reply.headers.get("x-error-message", "")
        kind = _BY_CODE.get(reply.headers.get("x-error-code", ""), HubFaultKind.UNTOLD)
        if message == _DISABLED:
            kind = HubFaultKind.DISABLED
        elif kind is HubFaultKind.UNTOLD and reply.status in (401, 403):
            kind = HubFaultKind.DENIED
        if reply.status == 429:
            self._quota.limited(urlsplit(reply.url).path, failure.advice, self._now())
        return HubFault(kind=kind, failure=failure)

    def _unreached(self, error: Exception) -> Failure:
        name = type(error).__name__
        if name == "OfflineModeIsEnabled":
            reason = "HF_HUB_OFFLINE is set, so the Hub is not asked; unset it"
            return Failure(kind=FailureKind.REJECTED, reason=reason)
        said = redact(" ".join(str(error).split()), self.secret)[:200]
        host = urlsplit(self._endpoint).netloc.rpartition("@")[2]
        where = f"the Hub ({host})" if host else "the Hub (HF_ENDPOINT names no host)"
        return Failure(kind=FailureKind.UNREACHABLE, reason=f"{where} could not be reached: {name}: {said}")


def untold(failure: Failure) -> HubFault:
    """It could not be told."""
    return HubFault(kind=HubFaultKind.UNTOLD, failure=failure)


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
