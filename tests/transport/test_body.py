"""A body is read whole or refused with the reason, and never takes more memory than it may."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.transport.body import CHUNK, BodyCut, BodyGarbled, BodyTooLarge, read_body

BODIES = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda unit, times: unit * times, st.binary(min_size=1, max_size=9), st.integers(0, 40_000)),
)


def raw_deflate(body: bytes) -> bytes:
    squeezer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return squeezer.compress(body) + squeezer.flush()


def two_members(body: bytes) -> bytes:
    half = len(body) // 2
    return gzip.compress(body[:half]) + gzip.compress(body[half:])


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "none": ("", bytes),
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": (" X-GZip ", gzip.compress),
    "two members": ("gzip", two_members),
    "garbage behind": ("gzip", lambda body: gzip.compress(body) + b"\0padding"),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
}


def cut_into(wire: bytes, size: int) -> list[bytes]:
    return [wire[start : start + size] for start in range(0, len(wire), size)]


@pytest.mark.parametrize("name", CODINGS)
@given(body=BODIES, size=st.integers(1, CHUNK))
def test_every_coding_is_undone_however_its_bytes_come(name: str, body: bytes, size: int) -> None:
    coding, squeeze = CODINGS[name]
    wire = squeeze(body)

    assert read_body(cut_into(wire, max(size, len(wire) // 200)), coding, len(body) + len(wire)) == body


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate"])
@given(body=st.binary(min_size=1, max_size=300), data=st.data())
def test_a_compressed_body_that_stops_early_is_cut(name: str, body: bytes, data: st.DataObject) -> None:
    coding, squeeze = CODINGS[name]
    wire = squeeze(body)
    kept = data.draw(st.integers(1, len(wire) - 1))

    with pytest.raises(BodyCut):
        read_body([wire[:kept]], coding, 10_000)


@pytest.mark.parametrize("name", CODINGS)
@given(body=BODIES, data=st.data())
def test_no_more_than_the_cap_ever_comes_out(name: str, body: bytes, data: st.DataObject) -> None:
    coding, squeeze = CODINGS[name]
    most = data.draw(st.integers(0, max(len(body) - 1, 0)))
    if not body:
        return
    with pytest.raises(BodyTooLarge, match=f"{most} bytes"):
        read_body(cut_into(squeeze(body), CHUNK), coding, most)


@given(noise=st.binary(max_size=500), coding=st.sampled_from(["", "gzip", "deflate", "br", "gzip, gzip"]))
def test_noise_is_refused_and_nothing_else_is_raised(noise: bytes, coding: str) -> None:
    try:
        read_body([noise], coding, 1000)
    except (BodyCut, BodyGarbled, BodyTooLarge):
        return


def test_an_empty_body_needs_no_compression() -> None:
    assert read_body([], "gzip", 10) == b""
    assert read_body([], "deflate", 10) == b""


@pytest.mark.parametrize("squeeze", [gzip.compress, zlib.compress])
def test_a_bomb_stops_at_the_cap_without_unfolding(squeeze: Callable[[bytes], bytes]) -> None:
    wire = squeeze(b"\0" * 50_000_000)
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        read_body([wire], "gzip" if squeeze is gzip.compress else "deflate", 200_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000


def test_padding_behind_gzip_is_read_to_its_end() -> None:
    """Only then is the connection free for the next request, and a cut in the padding seen."""
    pieces = iter([gzip.compress(b"ok"), b"\0" * 10, b"\0" * 10])

    assert read_body(pieces, "gzip", 1000) == b"ok"
    assert next(pieces, None) is None
