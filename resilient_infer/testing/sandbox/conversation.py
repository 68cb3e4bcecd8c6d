"""Conversation: request after request on one connection, until either side ends it."""

import socket
from collections.abc import Callable

from resilient_infer.testing.sandbox.delivery import deliver
from resilient_infer.testing.sandbox.reader import Left, Reader, Unreadable
from resilient_infer.testing.sandbox.waits import Waits
from resilient_infer.testing.sandbox.wire import Reply, Request, answered

_PARTING = 0.2
"""Seconds a refused client has to notice the answer, and bytes it may still send meanwhile."""
_PARTING_BYTES = 1024 * 1024


def converse(sock: socket.socket, waits: Waits, reply_to: Callable[[Request, bool], Reply]) -> None:
    """Answer what comes.

    Args:
        reply_to: Gives the reply to a request; told whether the connection has carried an answer before.
    """
    reader = Reader(sock)
    reused = False
    idle: float | None = None
    try:
        while idle != 0:
            request = reader.next(idle)
            with waits.turn(sock) as turn:
                reply = reply_to(request, reused)
                if not deliver(sock, request, reply, turn):
                    return
            reused, idle = True, None if reply.idle is None else reply.idle * waits.scale
    except Left:
        return
    except Unreadable as error:
        _refuse(sock, waits, error)


def _refuse(sock: socket.socket, waits: Waits, error: Unreadable) -> None:
    reply = answered({"error": error.why}, error.status)
    with waits.turn(sock) as turn:
        deliver(sock, Request(method="", path="", keep_alive=False), reply, turn)
    _part(sock)


def _part(sock: socket.socket) -> None:
    """Read on a little: closing a socket with unread bytes resets it, and the answer would be lost."""
    try:
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(_PARTING)
        left = _PARTING_BYTES
        while left > 0 and (piece := sock.recv(64 * 1024)):
            left -= len(piece)
    except OSError:  # it left, or took its time: either way the answer had its chance
        pass
