"""The PNG reader: what was drawn is what is read, and nothing else is read at all."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import png as reader
from resilient_infer.testing.sandbox.png import MAX_RAW, NoPicture, decode
from tests.testing.drawing import CHANNELS, chunk, header, png

sides = st.integers(1, 9)
filters = st.lists(st.integers(0, 4), min_size=1, max_size=9)
SIGNATURE = reader.SIGNATURE
BLACK = chunk(b"IDAT", zlib.compress(bytes(14)))
"""All pixels of a picture of 2 by 2 RGB."""


def drawn(width: int, height: int, colour_type: int) -> st.SearchStrategy[bytes]:
    size = width * height * CHANNELS[colour_type]
    return st.binary(min_size=size, max_size=size)


@given(width=sides, height=sides, filters=filters, content=st.data())
def test_rgb_comes_back_whatever_the_filters(
    width: int, height: int, filters: list[int], content: st.DataObject
) -> None:
    """All five filters in any order; pixels row by row."""
    samples = content.draw(drawn(width, height, 2))
    picture = decode(png(width, height, 2, samples, filters=filters))

    assert (picture.width, picture.height) == (width, height)
    assert bytes(part for pixel in picture.pixels for part in pixel) == samples


@pytest.mark.parametrize("filters", [(0,), (1,), (2,), (3,), (4,), (4, 3, 2, 1, 0)])
def test_noise_comes_back(filters: tuple[int, ...]) -> None:
    """Enough of it to meet every tie between the neighbours that a forecast chooses from."""
    samples = random.Random(7).randbytes(60 * 60 * 3)
    picture = decode(png(60, 60, 2, samples, filters=filters))

    assert bytes(part for pixel in picture.pixels for part in pixel) == samples


@given(width=sides, height=sides, filters=filters, content=st.data())
def test_grey_is_the_same_in_all_three(
    width: int, height: int, filters: list[int], content: st.DataObject
) -> None:
    """One sample a pixel, or two with alpha, which lets white shine through."""
    grey = content.draw(drawn(width, height, 0))
    veiled = content.draw(drawn(width, height, 4))

    assert decode(png(width, height, 0, grey, filters=filters)).pixels == tuple((v, v, v) for v in grey)
    for (red, green, blue), value, alpha in zip(
        decode(png(width, height, 4, veiled, filters=filters)).pixels, veiled[::2], veiled[1::2], strict=True
    ):
        assert red == green == blue
        assert abs(red - (value * alpha + 255 * (255 - alpha)) / 255) < 1


@given(width=sides, height=sides, filters=filters, content=st.data())
def test_what_is_transparent_lies_on_white(
    width: int, height: int, filters: list[int], content: st.DataObject
) -> None:
    """RGBA: opaque is the colour, transparent is white."""
    samples = content.draw(drawn(width, height, 6))
    pixels = decode(png(width, height, 6, samples, filters=filters)).pixels
    for pixel, start in zip(pixels, range(0, len(samples), 4), strict=True):
        red, green, blue, alpha = samples[start : start + 4]
        if alpha in (0, 255):
            assert pixel == ((red, green, blue) if alpha else (255, 255, 255))


@given(filters=filters, indices=st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_a_palette_is_looked_up(filters: list[int], indices: list[int]) -> None:
    """Each sample is a place in the palette, which may have alphas for its first colours."""
    palette = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255])
    content = png(3, 2, 3, bytes(indices), filters=filters, palette=palette, alphas=b"\x00")
    shown = [(255, 255, 255), (0, 255, 0), (0, 0, 255)]

    assert decode(content).pixels == tuple(shown[index] for index in indices)


@given(content=st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: SIGNATURE + tail))
def test_no_bytes_but_a_picture_are_read(content: bytes) -> None:
    """Garbage, with and without a signature, is said to be no picture."""
    with pytest.raises(NoPicture):
        decode(content)


@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans())
def test_a_broken_picture_is_none(place: int, value: int, cut: bool) -> None:
    """One byte changed or the end gone: a picture of the same size, or no picture."""
    whole = png(4, 4, 2, bytes(range(48)), filters=(4,))
    place %= len(whole)
    broken = whole[:place] if cut else whole[:place] + bytes([value]) + whole[place + 1 :]
    try:
        picture = decode(broken)
    except NoPicture:
        return
    assert broken == whole
    assert len(picture.pixels) == 16


@pytest.mark.parametrize(
    "parts",
    [
        [header(2, 2, 2, interlace=1), BLACK],
        [header(1, 2, 2, depth=16), BLACK],
        [header(2, 2, 5), BLACK],
        [header(0, 14, 2), BLACK],
        [header(2, 2, 2), chunk(b"IDAT", zlib.compress(b"\x05" + bytes(6) + b"\x00" + bytes(6)))],
        [header(2, 2, 2), chunk(b"IDAT", zlib.compress(bytes(13)))],
        [header(2, 2, 2), chunk(b"IDAT", b"no zlib")],
        [header(2, 1, 3), chunk(b"PLTE", bytes(3)), chunk(b"IDAT", zlib.compress(b"\x00\x00\x01"))],
        [header(2, 1, 3), chunk(b"IDAT", zlib.compress(bytes(3)))],
        [BLACK],
    ],
    ids=[
        "interlaced", "16 bits", "no such type", "no width", "filter 5", "too few pixels", "no zlib",
        "beyond the palette", "no palette", "no header",
    ],
)  # fmt: skip
def test_what_is_not_read(parts: list[bytes]) -> None:
    """Well-formed chunks that make no picture this reader knows."""
    with pytest.raises(NoPicture):
        decode(b"".join([SIGNATURE, *parts, chunk(b"IEND", b"")]))


def test_a_bomb_is_not_unpacked() -> None:
    """What claims to be huge is refused unread, and what claims to be small gives no byte more."""
    side = 40_000
    packed = zlib.compress(bytes(64 * 1024 * 1024))
    huge = b"".join([SIGNATURE, header(side, side, 2), chunk(b"IDAT", packed), chunk(b"IEND", b"")])
    small = b"".join([SIGNATURE, header(2, 2, 2), chunk(b"IDAT", packed), chunk(b"IEND", b"")])

    with pytest.raises(NoPicture, match=str(MAX_RAW)):
        decode(huge)
    assert decode(small).pixels == ((0, 0, 0),) * 4
