"""Delivery: puts a reply on the wire in the manner it asks for."""

import math
import socket
import struct
from collections.abc import Iterator
from email.utils import formatdate
from functools import lru_cache
from time import time

from resilient_infer.testing.sandbox.waits import Turn
from resilient_infer.testing.sandbox.wire import Cut, Ending, Framing, Reply, Request, phrase

_PIECE = 64 * 1024
_SPACES = b" " * _PIECE
_BEAT = 0.01
"""Seconds between two pieces of a dripping answer, if they are larger than a byte."""


def deliver(sock: socket.socket, request: Request, reply: Reply, turn: Turn) -> bool:
    """Send a reply; may the connection carry another request?"""
    try:
        if reply.wait > 0 and not turn.pause(reply.wait):
            return False
        return _sent(sock, request, reply, turn) and _ended(sock, request, reply, turn)
    except OSError:  # the client is gone; there is nobody left to tell
        return False


def _sent(sock: socket.socket, request: Request, reply: Reply, turn: Turn) -> bool:
    if reply.cut is Cut.BEFORE:
        return True
    head = _head(request, reply)
    if reply.cut is Cut.HEADERS:
        # After the status line, so that a client that trusts it alone is found out.
        start = head.index(b"\r\n") + 2
        return _paced(sock, head[: start + (len(head) - start) // 2], reply.head_pace, turn)
    body = b"" if _bodiless(request, reply) else _framed(reply)
    if reply.cut is Cut.BODY:
        body = body[: len(body) // 2]
    if reply.head_pace is None and reply.body_pace is None and not reply.padding:
        sock.sendall(head + body)
        return True
    if not _paced(sock, head, reply.head_pace, turn):
        return False
    for spaces in _padding(request, reply):
        sock.sendall(spaces)
    return _paced(sock, body, reply.body_pace, turn)


def _ended(sock: socket.socket, request: Request, reply: Reply, turn: Turn) -> bool:
    match reply.ending:
        case Ending.KEEP:
            return _persistent(request, reply)
        case Ending.HANG:
            turn.pause(math.inf)
        case Ending.RESET:
            # Closing with a linger time of zero sends RST instead of FIN.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case Ending.CLOSE:
            pass
    return False


def _paced(sock: socket.socket, content: bytes, pace: float | None, turn: Turn) -> bool:
    if pace is None:
        sock.sendall(content)
        return True
    size = max(1, int(pace * _BEAT))
    for start in range(0, len(content), size):
        if start and not turn.pause(size / pace):
            return False
        sock.sendall(content[start : start + size])
    return True


def _padding(request: Request, reply: Reply) -> Iterator[bytes]:
    if _bodiless(request, reply):
        return
    for start in range(0, reply.padding, _PIECE):
        spaces = _SPACES[: min(_PIECE, reply.padding - start)]
        yield _chunk(spaces) if reply.framing is Framing.CHUNKED else spaces


def _framed(reply: Reply) -> bytes:
    if reply.framing is not Framing.CHUNKED:
        return reply.body
    # Two chunks, so that a client meets a boundary inside the body.
    half = len(reply.body) // 2
    return _chunk(reply.body[:half]) + _chunk(reply.body[half:]) + b"0\r\n\r\n"


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content) if content else b""


def _head(request: Request, reply: Reply) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {phrase(reply.status)}",
        f"date: {_date(int(time()))}",
        f"content-type: {reply.media_type}",
    ]
    if reply.framing is Framing.LENGTH and reply.status != 204:
        lines.append(f"content-length: {reply.padding + len(reply.body)}")
    elif reply.framing is Framing.CHUNKED:
        lines.append("transfer-encoding: chunked")
    lines += [f"{name}: {value}" for name, value in reply.headers]
    # Said only of an end that was asked for; one that is a fault comes unannounced.
    if not _persistent(request, reply):
        lines.append("connection: close")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1", "replace")


def _persistent(request: Request, reply: Reply) -> bool:
    return request.keep_alive and reply.framing is not Framing.END_OF_CONNECTION


def _bodiless(request: Request, reply: Reply) -> bool:
    return request.method == "HEAD" or reply.status in (204, 304)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
