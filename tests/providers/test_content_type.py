"""Content type: what a file is by its first bytes."""

import struct
import wave
import zlib
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resilient_infer.providers.content_type import UNKNOWN, content_type


def png() -> bytes:
    """One grey pixel, whole."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


def wav() -> bytes:
    """A short silence, whole."""
    body = BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8)
    return body.getvalue()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (png(), "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"GIF87a\1\0", "image/gif"),
        (b"GIF89a\1\0", "image/gif"),
        (b"RIFF\x1a\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "image/bmp"),
        (b"BM\x46\0\0\0\0\0\0\0\x7a\0\0\0\x6c\0\0\0", "image/bmp"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "image/avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        (wav(), "audio/wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"OggS\0\2", "audio/ogg"),
        (b"ID3\3\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf3\x40\xc0", "audio/mpeg"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "audio/m4a"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "audio/m4a"),
        (b"\0\0\0\x1cftypmp42\0\0\0\0", "audio/m4a"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0", "audio/webm"),
        (b"RIFF\x1a\0\0\0AVI LIST", UNKNOWN),
        (b"BMW is a make of cars", UNKNOWN),
        (b"BM", UNKNOWN),
        (b"MM", UNKNOWN),
        (b"\xff\xf1\x50\x80", UNKNOWN),  # AAC in ADTS: the layer is 0
        (b"\xff\xff\xff\xff", UNKNOWN),
        (b"\xff\xfb", UNKNOWN),
        (b"\xff\xeb\x90\x64", UNKNOWN),  # the version is reserved
        (b"\xff\xfb\x9c\x64", UNKNOWN),  # the sampling rate is reserved
        (b"\xff\xfb\xf0\x64", UNKNOWN),  # the bit rate is forbidden
        (b"XX\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", UNKNOWN),
        (b"%PDF-1.7", UNKNOWN),
        (b"ftyp", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_a_file_is_known_by_its_first_bytes(file, name):
    """Whatever its name is."""
    assert content_type(file) == name


@given(st.binary(max_size=40))
@example(b"\xff\xfe")
def test_any_bytes_have_a_content_type(file):
    """That fits into a header."""
    name = content_type(file)

    kind, _, subtype = name.partition("/")
    assert kind in {"image", "audio", "application"}
    assert subtype.isascii()
    assert "/" not in subtype
