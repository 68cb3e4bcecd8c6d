"""SSE: server-sent events out of the bytes of a stream, however they are cut.

Source: WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an
event stream". A line ends with LF, CR LF or CR; a blank line ends an event;
what the end of the body leaves open is no event. Bodies stay bytes, so that a
character may be cut anywhere and JSON is decoded once. One thing is read that
the standard ignores: the field `error`, in which llama.cpp of old sends its
errors (`server_sent_event(sink, "error", …)`, tools/server/server.cpp).
"""

from typing import Final, NamedTuple

from resilient_infer.core.stream import Unread

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one event that are kept; a token takes 300, all that a prompt was read as some more."""

_SMALL: Final = 4096
"""Bytes of a piece that may be one token by itself; a larger one is not looked at twice."""

_BOM: Final = b"\xef\xbb\xbf"
_TOO_LARGE: Final = Unread(f"an event of more than {LARGEST} bytes")


class ServerEvent(NamedTuple):
    """One event: its name, b"" where the server gives none, and its lines joined by LF."""

    name: bytes
    body: bytes


class EventStream:
    """Takes bytes and gives the events that they complete. Holds one unfinished event at the most."""

    __slots__ = ("_after_cr", "_begun", "_between", "_lines", "_name", "_rest", "_size", "_skips")

    def __init__(self) -> None:
        self._begun = False  # the first line was seen, before which a BOM may stand
        self._after_cr = False  # a LF that comes first belongs to the line end before it
        self._rest = bytearray()  # a line that has not ended
        self._skips = False  # that line is too long, and its beginning is gone
        self._lines: list[bytes] = []
        self._size = 0  # of the event's lines with their ends, whether they were kept or not
        self._name = b""
        self._between = False  # lines have come, and none of an event that has not ended

    def feed(self, piece: bytes) -> list[ServerEvent | Unread]:
        """The events that end in this piece; one that is too large is `Unread`."""
        if not piece:
            return []
        if self._after_cr and piece[0] == 0x0A:
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = piece.split(b"\n")
        if lines:
            lines[0] = self._first(lines[0])
        events: list[ServerEvent | Unread] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._size += len(line) + 1
                self._lines.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line:
                self._other(line)
            elif self._size:
                events.append(self._taken())
            else:
                self._name = b""
        if rest:
            self._keep(rest)
        if self._size > LARGEST:
            self._lines.clear()
        self._between = not (self._rest or self._size or self._name)
        return events

    def alone(self, piece: bytes) -> bytes | None:
        """The body of the one event that this piece is, as most tokens come; None for any other piece."""
        if not self._between or len(piece) > _SMALL:
            return None
        lines = piece.splitlines()  # at LF, CR LF and CR
        if len(lines) == 2 and not lines[1] and lines[0].startswith(b"data: "):
            return lines[0][6:]
        return None

    def end(self) -> ServerEvent | None:
        """The event that the end of the body leaves open: none by the standard, and often the last one."""
        if self._rest:
            self.feed(b"\n")
        event = self._taken() if self._size else None
        return event if isinstance(event, ServerEvent) else None

    def _first(self, line: bytes) -> bytes:
        """The first line that ends in a piece, with what came of it before."""
        if self._rest:
            line = bytes(self._rest) + line
            self._rest.clear()
        if self._skips:
            self._skips = False
            return b":"
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        return line

    def _keep(self, rest: bytes) -> None:
        """Keep a line that has not ended, unless it is too long already."""
        if not self._skips:
            self._rest += rest
        if len(self._rest) > LARGEST + len(_BOM):
            self._rest.clear()
            self._skips = True
            self._size = LARGEST + 1

    def _other(self, line: bytes) -> None:
        """A line that is no ordinary data: a comment, another field, or a field without a colon."""
        if len(line) >= LARGEST:
            self._size = LARGEST + 1
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._name = value
        elif name in (b"data", b"error"):
            self._size += len(line) + 1
            self._lines.append(value)
            if name == b"error":
                self._name = b"error"

    def _taken(self) -> ServerEvent | Unread:
        """The event that ends here; the next one begins."""
        lines, size, name = self._lines, self._size, self._name
        self._lines, self._size, self._name = [], 0, b""
        if size > LARGEST:
            return _TOO_LARGE
        return ServerEvent(name, lines[0] if len(lines) == 1 else b"\n".join(lines))
