"""Reader: HTTP/1.1 requests from a raw socket, one after another.

As strict as a server must be to notice a client that frames its requests
wrongly (RFC 9112, sections 2.2, 6 and 7), and fast enough not to be what a
benchmark measures.
"""

import json
import socket
from collections.abc import Mapping
from urllib.parse import unquote

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.wire import Request

_MAX_HEAD = 64 * 1024
_MAX_BODY = 64 * 1024 * 1024
_PIECE = 64 * 1024


class Unreadable(Exception):
    """The bytes are no request this server takes; the connection cannot go on."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(status, why)
        self.status = status
        self.why = why


class Left(Exception):
    """The client ended the connection, or let it idle for too long."""


class Reader:
    """The requests of one connection; what arrives too early is kept for the next."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ahead = b""

    def next(self, idle: float | None = None) -> Request:
        """The next request.

        Args:
            idle: Seconds to wait for its headers; None: as long as it takes.

        Raises:
            Left: None is coming.
            Unreadable: What came is no request.
        """
        try:
            head = self._head(idle)
            return self._request(head)
        except OSError as error:
            raise Left from error

    def _head(self, idle: float | None) -> str:
        if idle is not None:
            self._sock.settimeout(idle)
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            if len(self._ahead) > _MAX_HEAD:
                raise Unreadable(431, "the headers are too large")
            self._more()
        if idle is not None:
            self._sock.settimeout(None)
        head, self._ahead = self._ahead[:end], self._ahead[end + 4 :]
        return head.decode("latin-1").lstrip("\r\n")

    def _request(self, head: str) -> Request:
        first, *lines = head.split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise Unreadable(400, "the request line is no HTTP/1 request line")
        method, target, version = words
        headers = _fields(lines)
        body = self._body(headers)
        path, _, query = target.partition("?")
        return Request(
            method=method,
            path=unquote(path) if "%" in path else path,
            target=target,
            query=query,
            headers=headers,
            body=body,
            content=_json(body),
            keep_alive=_keep_alive(version, headers.get("connection", "")),
        )

    def _body(self, headers: Mapping[str, str]) -> bytes:
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is None and length is None:
            return b""
        if coding is not None and (length is not None or coding.lower() != "chunked"):
            raise Unreadable(400, "the body is framed in two ways, or in one this server does not know")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise Unreadable(400, "Content-Length is no number")
        if length is not None and (len(length) > 12 or int(length) > _MAX_BODY):
            raise Unreadable(413, "the body is too large")
        if headers.get("expect", "").lower() == "100-continue" and not self._ahead:
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._chunks() if length is None else self._exactly(int(length))

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while size := _chunk_size(self._line()):
            total += size
            if total > _MAX_BODY:
                raise Unreadable(413, "the body is too large")
            parts.append(self._exactly(size))
            if self._exactly(2) != b"\r\n":
                raise Unreadable(400, "a chunk is longer than it said")
        while self._line():  # trailers say nothing here
            pass
        return b"".join(parts)

    def _line(self) -> bytes:
        while (end := self._ahead.find(b"\r\n")) < 0:
            if len(self._ahead) > _MAX_HEAD:
                raise Unreadable(400, "a chunk's first line is too long")
            self._more()
        line, self._ahead = self._ahead[:end], self._ahead[end + 2 :]
        return line

    def _exactly(self, size: int) -> bytes:
        if len(self._ahead) >= size:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
            return taken
        parts = [self._ahead]
        left = size - len(self._ahead)
        self._ahead = b""
        while left:
            piece = self._sock.recv(min(left, _PIECE))
            if not piece:
                raise Left
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)

    def _more(self) -> None:
        piece = self._sock.recv(_PIECE)
        if not piece:
            raise Left
        self._ahead += piece


def _fields(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Unreadable(400, "a header line has no name")
        key = name.lower()
        value = value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _keep_alive(version: str, connection: str) -> bool:
    wishes = connection.lower().replace(" ", "").split(",")
    return "close" not in wishes and (version == "HTTP/1.1" or "keep-alive" in wishes)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 12 or digits.strip(b"0123456789abcdefABCDEF"):
        raise Unreadable(400, "a chunk's size is no hexadecimal number")
    return int(digits, 16)


def _json(body: bytes) -> Json:
    try:
        content: Json = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content
