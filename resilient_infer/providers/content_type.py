"""Content type: what a file is by its first bytes.

Names are those that Hugging Face's servers know (huggingface-inference-toolkit,
serialization/base.py): "audio/m4a" and "audio/webm", for they read sound there
and no films. Sources of the signatures: the WHATWG's MIME Sniffing standard,
RFC 9639 (FLAC), RFC 3533 (Ogg), the ISO base media file format (ftyp).
"""

from typing import Final

UNKNOWN: Final = "application/octet-stream"
"""Hugging Face's servers then go by the task."""

_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "audio/webm"),
)
_RIFF: Final = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_PICTURES: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"mif1": "image/heif",
}


def content_type(file: bytes) -> str:
    """The content type of `file`, for example "image/png"; `UNKNOWN` for what is none of these."""
    for signature, name in _SIGNATURES:
        if file.startswith(signature):
            return name
    kind, brand = file[:4], file[8:12]
    if kind in (b"RIFF", b"RF64"):
        return _RIFF.get(brand, UNKNOWN)
    if file[4:8] == b"ftyp":
        return _PICTURES.get(brand, "audio/m4a")
    if _is_bitmap(file):
        return "image/bmp"
    return "audio/mpeg" if _is_frame(file) else UNKNOWN


def _is_bitmap(file: bytes) -> bool:
    """Two letters alone begin many a text; the length of the second header makes it a bitmap."""
    return file[:2] == b"BM" and int.from_bytes(file[14:18], "little") in (12, 40, 52, 56, 64, 108, 124)


def _is_frame(file: bytes) -> bool:
    """An MPEG audio frame of layer III: eleven bits of sync, and no field with a value that is reserved."""
    if len(file) < 3 or file[0] != 0xFF or file[1] & 0xE0 != 0xE0:
        return False
    version, layer = file[1] >> 3 & 0b11, file[1] >> 1 & 0b11
    bitrate, rate = file[2] >> 4, file[2] >> 2 & 0b11
    return version != 0b01 and layer == 0b01 and bitrate != 0b1111 and rate != 0b11
