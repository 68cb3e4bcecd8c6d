"""Body: an answer's bytes, decoded, and never more of them than allowed.

Decoding is done here piece by piece, because older urllib3 (before 2.6) turns
each piece it reads into whatever it inflates to, a thousand times its size.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

CHUNK: Final = 64 * 1024
"""Bytes read, and inflated, at a time."""

GZIP_BITS: Final = 16 + zlib.MAX_WBITS
"""How zlib is told to undo gzip. Source: zlib's manual, `inflateInit2`."""

ACCEPTED: Final = "gzip, deflate"
"""The Accept-Encoding that `read_body` can undo."""


class BodyTooLarge(Exception):
    """The answer is larger than allowed; reading stopped there."""


class BodyCut(Exception):
    """The compressed stream stops before its end."""


class BodyGarbled(Exception):
    """The compression is broken or unknown."""


def read_body(pieces: Iterable[bytes], coding: str, most: int) -> bytes:
    """Read all of `pieces` and undo `coding`.

    Args:
        pieces: Raw bytes as they come, of moderate size each.
        coding: Value of Content-Encoding, "" if there is none.
        most: Bytes allowed, counted before and after decoding.

    Raises:
        BodyTooLarge: More than `most`. At most `CHUNK` bytes more were held.
        BodyCut: See above.
        BodyGarbled: See above.
    """
    return b"".join(undone(pieces, coding, most))


def undone(pieces: Iterable[bytes], coding: str, most: int) -> Iterator[bytes]:
    """The same piece by piece, each as soon as it can be decoded; some may be empty."""
    counted = _at_most(most, pieces)
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return counted
    if coding in ("gzip", "x-gzip"):
        return _at_most(most, _gunzip(counted))
    if coding == "deflate":
        return _at_most(most, _inflate(counted))
    return _foreign()


def _foreign() -> Iterator[bytes]:
    yield b""  # told when it is read, as all that is wrong with a body
    raise BodyGarbled("the answer uses a content coding that was not asked for")


def _at_most(most: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most:
            raise BodyTooLarge(f"the answer is larger than {most} bytes")
        yield piece


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Undo gzip, of several members if need be; like gzip itself, let go what follows the last."""
    member = None
    members = 0
    for piece in pieces:
        while piece:
            if member is None or member.eof:
                member = zlib.decompressobj(GZIP_BITS)
                members += 1
            try:
                yield member.decompress(piece, CHUNK)
            except zlib.error as error:
                if members == 1:
                    raise BodyGarbled("the gzip compression is broken") from error
                return _read_away(pieces)
            piece = member.unconsumed_tail or member.unused_data
    if member is not None:
        yield from _rest(member)
    return None


def _inflate(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Undo deflate, with the zlib wrapper the standard asks for or without it, as some servers send it."""
    start = b""
    stream = None
    for piece in pieces:
        if stream is None:
            start += piece
            if len(start) < 2:
                continue
            piece, stream = start, zlib.decompressobj(window_bits(start))
        while piece and not stream.eof:
            try:
                yield stream.decompress(piece, CHUNK)
            except zlib.error as error:
                raise BodyGarbled("the deflate compression is broken") from error
            piece = stream.unconsumed_tail
    if stream is not None:
        yield from _rest(stream)
    elif start:
        raise BodyCut("the compressed answer stops before its end")


def window_bits(start: bytes) -> int:
    """zlib or raw deflate? Source: RFC 1950, section 2.2 (CM = 8, the header divides by 31)."""
    zlib_header = start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS


def _read_away(pieces: Iterator[bytes]) -> None:
    """Read to the end, so that the connection can be used again."""
    for _ in pieces:
        pass


def _rest(stream: "zlib._Decompress") -> Iterator[bytes]:
    """What the decompressor still holds (a few hundred bytes), if the stream came to its end."""
    yield stream.flush()
    if not stream.eof:
        raise BodyCut("the compressed answer stops before its end")
