"""PNG: the pixels of a picture, decoded with zlib and nothing else.

Eight bits a sample; grey, grey with alpha, RGB, RGBA and palette; all five
filters; not interlaced. That is what every encoder writes unless told
otherwise. Source: PNG (Portable Network Graphics) Specification, W3C.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_RAW = 16 * 1024 * 1024
"""Bytes of unpacked pixels at the most: a few kilobytes of zlib can unpack to gigabytes."""

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel by colour type."""

_PALETTE = 3

Colour = tuple[int, int, int]


class NoPicture(Exception):
    """The bytes are no picture that can be read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Colours from 0 to 255, row by row from the top left; what is transparent lies on white."""

    width: int
    height: int
    pixels: tuple[Colour, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    width: int
    height: int
    colour_type: int

    @property
    def step(self) -> int:
        """Bytes of one pixel."""
        return _CHANNELS[self.colour_type]

    @property
    def raw(self) -> int:
        """Bytes of all rows, each with its filter's byte."""
        return self.height * (1 + self.width * self.step)


def decode(content: bytes) -> Picture:
    """The picture in a PNG file.

    Raises:
        NoPicture: It is none, is broken, interlaced, not of 8 bits, or larger than `MAX_RAW`.
    """
    chunks = list(_chunks(content))
    header = _header(chunks)
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    palette = next((body for name, body in chunks if name == b"PLTE"), b"")
    alphas = next((body for name, body in chunks if name == b"tRNS"), b"")
    samples = b"".join(_rows(header, _unpacked(packed, header.raw)))
    pixels = _colours(header, samples, palette, alphas)
    return Picture(width=header.width, height=header.height, pixels=tuple(pixels))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not content.startswith(SIGNATURE):
        raise NoPicture("no PNG signature")
    place = len(SIGNATURE)
    while place + 12 <= len(content):
        size, name = struct.unpack_from(">I4s", content, place)
        end = place + 8 + size
        if end + 4 > len(content):
            raise NoPicture("a chunk that breaks off")
        if zlib.crc32(content[place + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise NoPicture("a chunk with a wrong check sum")
        yield name, content[place + 8 : end]
        if name == b"IEND":
            return
        place = end + 4
    raise NoPicture("no end")


def _header(chunks: list[tuple[bytes, bytes]]) -> _Header:
    name, body = chunks[0]
    if name != b"IHDR" or len(body) != 13:
        raise NoPicture("no header")
    width, height, depth, colour_type, packing, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if not width or not height or (packing, filtering) != (0, 0):
        raise NoPicture("a header that makes no sense")
    if depth != 8 or colour_type not in _CHANNELS or interlace:
        raise NoPicture("interlaced, or not of 8 bits a sample")
    header = _Header(width=width, height=height, colour_type=colour_type)
    if header.raw > MAX_RAW:
        raise NoPicture(f"{width} by {height} pixels, which is more than {MAX_RAW} bytes")
    return header


def _unpacked(packed: bytes, size: int) -> bytes:
    """Exactly what the header promises; no byte more is ever unpacked."""
    try:
        raw = zlib.decompressobj().decompress(packed, size)
    except zlib.error as error:
        raise NoPicture("pixels that do not unpack") from error
    if len(raw) != size:
        raise NoPicture("too few pixels")
    return raw


def _rows(header: _Header, raw: bytes) -> Iterator[bytes]:
    width = header.width * header.step
    above = bytearray(width)
    for start in range(0, len(raw), width + 1):
        row = bytearray(raw[start + 1 : start + 1 + width])
        _unfilter(raw[start], row, above, header.step)
        yield bytes(row)
        above = row


def _unfilter(kind: int, row: bytearray, above: bytearray, step: int) -> None:
    """Undo a row's filter in place (section 9.2): each byte was told as what it differs by."""
    match kind:
        case 0:
            pass
        case 1:
            for place in range(step, len(row)):
                row[place] = (row[place] + row[place - step]) & 255
        case 2:
            for place, up in enumerate(above):
                row[place] = (row[place] + up) & 255
        case 3:
            for place, up in enumerate(above):
                left = row[place - step] if place >= step else 0
                row[place] = (row[place] + (left + up) // 2) & 255
        case 4:
            for place in range(min(step, len(row))):  # nothing to the left: it is the one above
                row[place] = (row[place] + above[place]) & 255
            for place in range(step, len(row)):
                forecast = _paeth(row[place - step], above[place], above[place - step])
                row[place] = (row[place] + forecast) & 255
        case _:
            raise NoPicture("an unknown filter")


def _paeth(left: int, up: int, corner: int) -> int:
    """Whichever neighbour is nearest to left + up - corner; of equals the first of left, up, corner."""
    by_left, by_up, by_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner


def _colours(header: _Header, samples: bytes, palette: bytes, alphas: bytes) -> Iterator[Colour]:
    if header.colour_type == _PALETTE:
        return _looked_up(samples, palette, alphas)
    step = header.step
    parts = [samples[channel::step] for channel in range(step)]
    if step <= 2:  # grey: one sample stands for all three
        parts = [parts[0]] * 3 + parts[1:]
    if len(parts) == 3:
        return zip(*parts, strict=True)
    return (_on_white((red, green, blue), alpha) for red, green, blue, alpha in zip(*parts, strict=True))


def _looked_up(samples: bytes, palette: bytes, alphas: bytes) -> Iterator[Colour]:
    entries = len(palette) // 3
    if not entries or len(palette) % 3 or max(samples) >= entries:
        raise NoPicture("a colour that its palette has not")
    shown = [
        _on_white((palette[3 * index], palette[3 * index + 1], palette[3 * index + 2]), alpha)
        for index, alpha in enumerate(alphas[:entries].ljust(entries, b"\xff"))
    ]
    return (shown[sample] for sample in samples)


def _on_white(colour: Colour, alpha: int) -> Colour:
    if alpha == 255:
        return colour
    red, green, blue = ((part * alpha + 255 * (255 - alpha)) // 255 for part in colour)
    return red, green, blue
