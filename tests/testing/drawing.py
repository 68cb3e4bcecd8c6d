"""PNG and WAV files made by hand, so that what is read back is known to the last sample."""

import io
import math
import struct
import wave
import zlib
from collections.abc import Sequence

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width: int, height: int, colour_type: int, *, depth: int = 8, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlace))


def png(
    width: int,
    height: int,
    colour_type: int,
    samples: bytes,
    *,
    filters: Sequence[int] = (0,),
    palette: bytes = b"",
    alphas: bytes = b"",
) -> bytes:
    """A PNG whose rows are filtered with these filters in turn."""
    step = CHANNELS[colour_type]
    size = width * step
    above = bytes(size)
    rows = b""
    for number in range(height):
        row = samples[number * size : (number + 1) * size]
        kind = filters[number % len(filters)]
        rows += bytes([kind]) + filtered(kind, row, above, step)
        above = row
    parts = [b"\x89PNG\r\n\x1a\n", header(width, height, colour_type)]
    parts += [chunk(b"PLTE", palette)] if palette else []
    parts += [chunk(b"tRNS", alphas)] if alphas else []
    return b"".join([*parts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")])


def filtered(kind: int, row: bytes, above: bytes, step: int) -> bytes:
    """What an encoder writes: the difference of each byte from its forecast."""
    made = bytearray()
    for place, value in enumerate(row):
        left = row[place - step] if place >= step else 0
        corner = above[place - step] if place >= step else 0
        up = above[place]
        nearest = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
        forecast = (0, left, up, (left + up) // 2, nearest)[kind]
        made.append((value - forecast) % 256)
    return bytes(made)


def plain(colour: tuple[int, int, int], width: int = 32, height: int = 32) -> bytes:
    """A picture of one colour."""
    return png(width, height, 2, bytes(colour) * (width * height), filters=(1, 2, 3, 4, 0))


def with_box(
    colour: tuple[int, int, int], box: tuple[int, int, int, int], width: int = 40, height: int = 30
) -> bytes:
    """A box of a colour on white; left, top, right, bottom."""
    left, top, right, bottom = box
    white = (255, 255, 255)
    rows = (
        bytes(
            part
            for x in range(width)
            for part in (colour if left <= x < right and top <= y < bottom else white)
        )
        for y in range(height)
    )
    return png(width, height, 2, b"".join(rows))


def wav(
    hertz: float,
    *,
    seconds: float = 1.0,
    level: float = 0.5,
    rate: int = 8000,
    width: int = 2,
    channels: int = 1,
) -> bytes:
    """A tone in the first channel, silence in the others."""
    top = 2 ** (8 * width - 1) - 1
    frames = bytearray()
    for number in range(round(seconds * rate)):
        value = round(level * top * math.sin(2 * math.pi * hertz * number / rate - 0.1))
        first = bytes([value + 128]) if width == 1 else value.to_bytes(width, "little", signed=True)
        silence = b"\x80" if width == 1 else bytes(width)
        frames += first + silence * (channels - 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(bytes(frames))
    return file.getvalue()
