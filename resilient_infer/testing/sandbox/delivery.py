"""Delivery: puts a reply on the wire in the manner it asks for."""

import math
import socket
import struct
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from functools import lru_cache
from time import time

from resilient_infer.testing.sandbox.waits import Turn
from resilient_infer.testing.sandbox.wire import (
    Cut,
    Ending,
    Framing,
    Reply,
    Request,
    Stream,
    parts,
    phrase,
)

_PIECE = 64 * 1024
_SPACES = b" " * _PIECE
_LAST_CHUNK = b"0\r\n\r\n"
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
    if reply.stream is not None:
        return _paced(sock, head, reply.head_pace, turn) and _streamed(sock, reply, reply.stream, turn)
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


def _streamed(sock: socket.socket, reply: Reply, stream: Stream, turn: Turn) -> bool:
    sent = [*_comment(reply.padding), *parts(stream)]
    if reply.cut is Cut.BODY:
        sent = list(_first(sent, sum(len(content) for _, content in sent) // 2))
    if reply.framing is Framing.CHUNKED:
        sent = [(wait, _chunk(content)) for wait, content in sent]
        if reply.cut is Cut.NOWHERE:
            sent.append((0.0, _LAST_CHUNK))
    return _sent_in_turn(sock, sent, reply.body_pace, turn)


def _first(sent: list[tuple[float, bytes]], size: int) -> Iterator[tuple[float, bytes]]:
    """So many bytes of what would be sent."""
    for wait, content in sent:
        if size > 0:
            yield wait, content[:size]
        size -= len(content)


def _comment(padding: int) -> Iterator[tuple[float, bytes]]:
    if padding:
        yield 0.0, b":"
        for start in range(0, padding, _PIECE):
            yield 0.0, _SPACES[: min(_PIECE, padding - start)]
        yield 0.0, b"\n\n"


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
    return _sent_in_turn(sock, [(0.0, content)], pace, turn)


def _sent_in_turn(
    sock: socket.socket, sent: Iterable[tuple[float, bytes]], pace: float | None, turn: Turn
) -> bool:
    for wait, content in sent if pace is None else _dripping(sent, pace):
        if wait > 0 and not turn.pause(wait):
            return False
        sock.sendall(content)
    return True


def _dripping(sent: Iterable[tuple[float, bytes]], pace: float) -> Iterator[tuple[float, bytes]]:
    """The same in small parts, each as late as the one before it takes at this pace."""
    size, owed = max(1, int(pace * _BEAT)), 0.0
    for wait, content in sent:
        for start in range(0, len(content), size):
            part = content[start : start + size]
            yield owed + (wait if start == 0 else 0.0), part
            owed = len(part) / pace


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
    return _chunk(reply.body[:half]) + _chunk(reply.body[half:]) + _LAST_CHUNK


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
