"""Faults: what a failed exchange means, read from how far the attempt had come.

The phase decides first and the exception second: the same reset is "not sent"
while connecting, "stale" on a kept-alive connection and "cut" in the body. An
exception's own text is never passed on: it may quote what the server sent.
"""

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from time import monotonic
from typing import Final

from urllib3.exceptions import ClosedPoolError, HTTPError, InvalidChunkLength
from urllib3.util.ssl_match_hostname import CertificateError

from resilient_infer.core.http import FaultKind, TransportFault
from resilient_infer.transport.body import BodyCut, BodyGarbled, BodyTooLarge
from resilient_infer.transport.watchdog import Ending, Limit, Phase

EXPECTED: Final = (
    HTTPError, http.client.HTTPException, OSError, ValueError, BodyTooLarge, BodyCut, BodyGarbled,
)  # fmt: skip
"""What a server, a proxy or a network can make urllib3 and the body reader raise."""

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")


def fault_of(error: BaseException, limit: Limit, place: str, status: int | None = None) -> TransportFault:
    """The fault behind an exception of an exchange with `place` (host:port)."""
    if limit.ended is not None or monotonic() >= limit.ends_at:
        return ended_fault(limit, place, status)
    causes = tuple(_causes(error))
    if limit.phase is Phase.BODY:
        kind, what = _in_the_body(causes)
    elif limit.received:
        kind, what = _in_the_headers(causes)
    elif limit.sent:
        kind, what = _before_an_answer(limit)
    else:
        kind, what = _before_sending(causes)
    return TransportFault(kind=kind, reason=f"{place}: {what}", sent=limit.sent, status=status)


def ended_fault(limit: Limit, place: str, status: int | None = None) -> TransportFault:
    """The fault of an attempt that was ended from outside, or whose time is up."""
    if limit.ended is not None and limit.ended is not Ending.EXPIRED:
        reason = f"{place}: {limit.ended.value}"
        return TransportFault(kind=FaultKind.LOST, reason=reason, sent=limit.sent, status=status)
    reason = f"{place}: no answer within {limit.length:.1f} s ({limit.phase.value})"
    return TransportFault(kind=FaultKind.TIMEOUT, reason=reason, sent=limit.sent, status=status)


def _in_the_body(causes: tuple[BaseException, ...]) -> tuple[FaultKind, str]:
    for cause in causes:
        if isinstance(cause, BodyTooLarge):
            return FaultKind.OVERSIZED, str(cause)
        if isinstance(cause, BodyGarbled):
            return FaultKind.GARBLED, str(cause)
        if isinstance(cause, BodyCut):
            return FaultKind.CUT, str(cause)
        if (
            isinstance(cause, InvalidChunkLength) and cause.length
        ):  # empty: urllib3 2.2 calls a cut by that name
            return FaultKind.GARBLED, "the answer's chunked coding is broken"
        if _is_no_length(cause):
            return FaultKind.GARBLED, "the answer's chunked coding is broken"
    return FaultKind.CUT, "the connection ended inside the answer"


def _is_no_length(cause: BaseException) -> bool:
    """Whether http.client could not read a chunk's length; where the connection ended, it is empty."""
    text = str(cause)
    return isinstance(cause, ValueError) and "with base 16" in text and not text.endswith("b''")


def _in_the_headers(causes: tuple[BaseException, ...]) -> tuple[FaultKind, str]:
    for cause in causes:
        cut_line = isinstance(cause, http.client.BadStatusLine) and not str(cause.args[0]).endswith("\n")
        if cut_line or isinstance(cause, OSError):
            return FaultKind.LOST, "the connection ended inside the headers"
    return FaultKind.GARBLED, "what came is not HTTP"


def _before_an_answer(limit: Limit) -> tuple[FaultKind, str]:
    if limit.reused:
        return FaultKind.STALE, "the kept-alive connection had been closed"
    return FaultKind.LOST, "the connection ended before an answer"


def _before_sending(causes: tuple[BaseException, ...]) -> tuple[FaultKind, str]:
    for cause in causes:
        known = _known_refusal(cause)
        if known is not None:
            return known
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return FaultKind.UNREACHABLE, cause.strerror.lower()
    return FaultKind.UNREACHABLE, "no connection"


def _known_refusal(cause: BaseException) -> tuple[FaultKind, str] | None:
    match cause:
        case ssl.SSLCertVerificationError():
            return FaultKind.REJECTED, f"the certificate was not accepted: {cause.verify_message}"
        case CertificateError():
            return FaultKind.REJECTED, "the certificate is for another host"
        case ssl.SSLError():
            return (
                FaultKind.UNREACHABLE,
                f"the TLS handshake broke off ({cause.reason or 'connection closed'})",
            )
        case socket.gaierror():
            return FaultKind.UNREACHABLE, f"the name was not resolved ({cause.strerror})"
        case ClosedPoolError():
            return FaultKind.LOST, Ending.CLOSED.value
        case OSError():
            return _refused_tunnel(str(cause))
        case _:
            return None


def _refused_tunnel(text: str) -> tuple[FaultKind, str] | None:
    found = _TUNNEL.search(text)
    if found is None:
        return None
    # 4xx is about the login or the proxy's rules and stays; anything else is about the moment.
    kind = FaultKind.REJECTED if found[1].startswith("4") else FaultKind.UNREACHABLE
    return kind, f"the proxy refused to connect (status {found[1]})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all it wraps, in arguments (urllib3's way) or as causes, outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [part for part in current.args if isinstance(part, BaseException)]
        waiting += [current.__cause__, current.__context__]
