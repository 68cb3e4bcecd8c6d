"""Chunked: the chunked transfer coding undone on the bytes, all that has come in one go.

Source: RFC 9112, section 7.1. http.client reads a chunk's length, its content
and its end one by one, which for a stream of tokens is most of the work. As lenient
here as there, extensions and trailers are passed over, and LF alone ends a line; but what Python
reads as a number and the standard does not (`0x5`, `+5`, `1_0`) is no length here.
"""

import re
from typing import Final

from resilient_infer.transport.body import BodyGarbled

LONGEST_LINE: Final = 65_536
"""Bytes of a chunk's first line. Source: `http.client._MAXLINE`."""

_LENGTH: Final = re.compile(rb"0*([0-9A-Fa-f]{1,15})[ \t\r]*(?:;|$)")

_DIGITS: Final = b"0123456789abcdefABCDEF"

_BROKEN: Final = "the answer's chunked coding is broken"


class Dechunked:
    """Takes the bytes of a body, cut anywhere, and gives the content in them.

    Attributes:
        over: The body has come to its end.
        excess: Bytes came behind it that nobody asked for.
    """

    __slots__ = ("_closes", "_held", "_left", "_trails", "excess", "over")

    def __init__(self) -> None:
        self.over = self.excess = False
        self._held = b""  # a line, or the end of a chunk, of which a part has come
        self._left = 0  # bytes of the present chunk still to come
        self._closes = False  # its line end is still to come
        self._trails = False  # the last chunk has come

    def feed(self, data: bytes) -> bytes:
        """The content that these bytes bring.

        Raises:
            BodyGarbled: They are no chunks.
        """
        if not (self._held or self._left or self._closes or self._trails):
            # As most tokens come: one whole chunk.
            begin = data.find(b"\r\n") + 2
            line = data[: begin - 2]
            if 0 < len(line) <= 15 and not line.strip(_DIGITS):
                length = int(line, 16)
                if length and begin + length + 2 == len(data) and data.endswith(b"\r\n"):
                    return data[begin:-2]
        if self._held:
            data = self._held + data
        content: list[bytes] = []
        at, size = 0, len(data)
        while not self.over:
            if self._left:
                piece = data[at : at + self._left]
                content.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._closes = True
            end = data.find(b"\n", at)
            if self._left or end < 0:
                break
            self._heed(data[at:end])
            at = end + 1
        self._held = b"" if self.over else data[at:]
        self.excess = self.over and at < size
        if len(self._held) > LONGEST_LINE:
            raise BodyGarbled(_BROKEN)
        return content[0] if len(content) == 1 else b"".join(content)

    def _heed(self, line: bytes) -> None:
        """A line between the contents of two chunks, or behind the last."""
        if self._closes:
            self._closes = False
            if line != b"\r":
                raise BodyGarbled(_BROKEN)
        elif self._trails:
            self.over = line in (b"\r", b"")
        else:
            self._left = _length(line)
            self._trails = not self._left


def _length(line: bytes) -> int:
    length = _LENGTH.match(line)
    if length is None:
        raise BodyGarbled(_BROKEN)
    return int(length[1], 16)
