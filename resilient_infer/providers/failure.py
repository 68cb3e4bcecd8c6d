"""Failure: the general status table. What does this answer, or this fault, mean?

A codec whose server reads differently decides first and asks here for the
rest. Nothing in this module raises, whatever a server sends.
"""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from resilient_infer.core.http import FaultKind, HttpResponse, TransportFault
from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.core.secret import Secret, redact
from resilient_infer.core.task import Json
from resilient_infer.policies.advice import estimated_time, should_retry, wait_advice
from resilient_infer.providers.decode import decode
from resilient_infer.providers.error_body import ServerError, looks_like_html, one_line, read_error
from resilient_infer.providers.error_words import heard_at, hidden_status, speaks_of_model

BY_STATUS: Final[Mapping[int, FailureKind]] = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.UNAUTHORIZED,
    402: FailureKind.QUOTA,
    403: FailureKind.UNAUTHORIZED,
    404: FailureKind.GONE,
    408: FailureKind.SERVER_ERROR,
    409: FailureKind.CONFLICT,
    410: FailureKind.GONE,
    413: FailureKind.BAD_REQUEST,
    415: FailureKind.BAD_REQUEST,
    422: FailureKind.BAD_REQUEST,
    424: FailureKind.SERVER_ERROR,
    425: FailureKind.TOO_EARLY,
    429: FailureKind.THROTTLED,
    501: FailureKind.UNSUPPORTED,
    505: FailureKind.UNSUPPORTED,
}
BY_CLASS: Final[Mapping[int, FailureKind]] = {
    3: FailureKind.REDIRECTED,
    4: FailureKind.UNSUPPORTED,
    5: FailureKind.SERVER_ERROR,
}
ADVISING: Final = frozenset({408, 413, 425, 429, 503, 529})
"""Statuses on which advice to wait is heeded; anywhere else it is about something else."""

BY_FAULT: Final[Mapping[FaultKind, FailureKind]] = {
    FaultKind.UNREACHABLE: FailureKind.UNREACHABLE,
    FaultKind.REJECTED: FailureKind.REJECTED,
    FaultKind.STALE: FailureKind.STALE,
    FaultKind.LOST: FailureKind.LOST,
    FaultKind.TIMEOUT: FailureKind.TIMEOUT,
    FaultKind.CUT: FailureKind.TRUNCATED,
    FaultKind.OVERSIZED: FailureKind.OVERSIZED,
    FaultKind.GARBLED: FailureKind.MALFORMED,
}
EXCERPT: Final = 4096
"""Bytes of an answer that is no JSON that are looked at for a reason."""

_ERROR_BODY: Final = 1024 * 1024
"""Bytes up to which the body of an error is decoded; no server explains itself at greater length."""

_REQUEST_IDS: Final = (
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-goog-request-id",
)


def classify(
    status: int,
    headers: Mapping[str, str],
    body: Json,
    excerpt: bytes = b"",
    *,
    received_at: float,
    secret: Secret | None,
) -> Failure:
    """What an answer other than a plain 200 means.

    Args:
        headers: Names in lower case.
        body: The decoded JSON body, or None if it is none.
        excerpt: The body's first bytes, for a reason where it is no JSON.
        received_at: Wall clock when the headers came, seconds since the epoch.
        secret: The attempt's own, so that no reason repeats it.
    """
    error = read_error(body, excerpt)
    kind = _kind(status, headers, body, error)
    advice = None
    if status in ADVISING:
        advice = wait_advice(headers, received_at=received_at) or estimated_time(body)
    if kind is FailureKind.REDIRECTED:
        said = _destination(headers.get("location", ""), secret)
    else:
        said = one_line(error.message, secret)
    return Failure(
        kind=kind,
        reason=_reason(status, said),
        status=status,
        advice=advice,
        request_id=request_id(headers, secret),
        should_retry=should_retry(headers),
    )


def from_fault(fault: TransportFault, *, safe: bool) -> Failure:
    """What a fault below HTTP means.

    Args:
        safe: The request may be sent again although it may have been carried
            out; if not, a stale connection is as bad as a lost one.
    """
    kind = BY_FAULT[fault.kind]
    if kind is FailureKind.STALE and not safe:
        kind = FailureKind.LOST
    if kind is FailureKind.TIMEOUT and not fault.sent:
        kind = FailureKind.CONNECT_TIMEOUT  # nothing can have been carried out
    return Failure(kind=kind, reason=one_line(fault.reason), status=fault.status)


def received(response: HttpResponse, secret: Secret | None) -> Json | Failure:
    """How every reading of an answer starts: its JSON body, or why there is none.

    A 200 that carries an error is that error (`{"error": …}`: some gateways
    have sent the status line before they learn of it).
    """
    if response.status != 200:
        return _refusal(response, secret)
    try:
        body = decode(response.body)
    except ValueError:
        return _unreadable(response, secret)
    if isinstance(body, dict) and (body.get("error") or body.get("object") == "error"):
        return _hidden(response, body, secret)
    return body


def failed(kind: FailureKind, reason: str, response: HttpResponse, secret: Secret | None) -> Failure:
    """A failure that a codec reads from an answer by itself, with what every failure carries."""
    return Failure(
        kind=kind,
        reason=one_line(reason, secret, limit=300),
        status=response.status,
        request_id=request_id(response.headers, secret),
        should_retry=should_retry(response.headers),
    )


def request_id(headers: Mapping[str, str], secret: Secret | None) -> str | None:
    """The server's own name for the exchange, for its support, or None."""
    for name in _REQUEST_IDS:
        if name in headers:
            return one_line(headers[name], secret, limit=128) or None
    return None


def _refusal(response: HttpResponse, secret: Secret | None) -> Failure:
    body: Json = None
    if len(response.body) <= _ERROR_BODY:
        try:
            body = decode(response.body)
        except ValueError:
            body = None
    return classify(
        response.status,
        response.headers,
        body,
        response.body[:EXCERPT],
        received_at=response.received_at,
        secret=secret,
    )


def _unreadable(response: HttpResponse, secret: Secret | None) -> Failure:
    """A 200 whose body is no JSON: cut off where nothing says that it is whole, else nonsense."""
    if not response.body.strip():
        return failed(FailureKind.TRUNCATED, "HTTP 200 with an empty body", response, secret)
    kind = FailureKind.MALFORMED if response.framed else FailureKind.TRUNCATED
    if looks_like_html(response.body):
        page = read_error(None, response.body[:EXCERPT]).message
        return failed(kind, f"HTTP 200 with {page}", response, secret)
    doubt = "" if response.framed else ", and no length says that they are all"
    return failed(kind, f"HTTP 200 with {len(response.body)} bytes that are no JSON{doubt}", response, secret)


def _hidden(response: HttpResponse, body: dict[str, Json], secret: Secret | None) -> Failure:
    error = read_error(body, b"")
    meant = hidden_status(error)
    failure = classify(meant, response.headers, body, received_at=response.received_at, secret=secret)
    said = one_line(error.message, secret)
    reason = f"HTTP 200 with an error: {said}" if said else "HTTP 200 with an error"
    # Advice counts on the statuses that ask for patience only, and this was a 200.
    return replace(failure, status=200, reason=reason, advice=None)


def _kind(status: int, headers: Mapping[str, str], body: Json, error: ServerError) -> FailureKind:
    heard = heard_at(status, error)
    if heard is not None:
        return heard
    if status == 503 and estimated_time(body) is not None:
        return FailureKind.LOADING
    if status == 403 and speaks_of_model(error, headers.get("x-error-code", "")):
        return FailureKind.FORBIDDEN
    if status in BY_STATUS:
        return BY_STATUS[status]
    return BY_CLASS.get(status // 100, FailureKind.MALFORMED)


def _reason(status: int, said: str) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:  # 529, 520 and other numbers that only their inventors know
        return f"HTTP {status}: {said}" if said else f"HTTP {status}"
    told = f"HTTP {status} {phrase}"
    # Many bodies and error pages only say their status once more.
    page, _, title = said.rpartition(": ")
    if _letters(title) in (_letters(phrase), _letters(f"{status}{phrase}"), _letters(told)):
        said = page
    return f"{told}: {said}" if said else told


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _destination(location: str, secret: Secret | None) -> str:
    """Where a redirection points to, without the parts in which a token travels."""
    if not location:
        return "it names no Location"
    plain = location.partition("?")[0].partition("#")[0]
    scheme, mark, rest = plain.rpartition("://")
    host, slash, path = rest.partition("/")
    host = host.rpartition("@")[2]
    if redact(location, secret) != location:
        path = "…"
    return one_line(f"to {scheme}{mark}{host}{slash}{path}", secret)
