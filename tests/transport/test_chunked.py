"""The chunked coding on the bytes: however they are cut, what http.client reads is read."""

import http.client
import io
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resilient_infer.transport.body import BodyGarbled
from resilient_infer.transport.chunked import LONGEST_LINE, Dechunked

contents = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
extensions = st.sampled_from([b"", b";a=b", b' ; name="x;y"', b" "])
trailers = st.sampled_from([b"", b"Digest: x\r\n", b"A: b\r\nC: d\r\n"])
UNREAD = (
    b"0x5\r\nhello\r\n", b"+5\r\nhello\r\n", b"0_5\r\nhello\r\n", b" 5\r\nhello\r\n", b"\x0b5\r\nhello\r\n",
    b"5 5\r\nhello\r\n", b"f" * 16 + b"\r\n", "\uff15\r\nhello\r\n".encode(), b"5\0\r\nhello\r\n",
)  # fmt: skip
"""What is no number of bytes by the standard, or is more than there are."""

ends = st.sampled_from([b"\r\n", b"\n"])


def coded(pieces: list[bytes], extension: bytes = b"", trailer: bytes = b"", end: bytes = b"\r\n") -> bytes:
    chunks = b"".join(b"%X%b%b%b\r\n" % (len(each), extension, end, each) for each in pieces)
    return chunks + b"0" + extension + end + trailer + b"\r\n"


def fed(coding: Dechunked, body: bytes, cuts: list[int]) -> bytes:
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return b"".join(coding.feed(body[a:b]) for a, b in pairwise(places) if a < b)


def read_by_the_standard_library(body: bytes) -> bytes:
    class Source:
        def makefile(self, mode: str) -> io.BytesIO:
            return io.BytesIO(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

    answer = http.client.HTTPResponse(cast("http.client.socket.socket", Source()))  # type: ignore[attr-defined]
    answer.begin()
    return answer.read()


@given(contents, extensions, trailers, ends, st.lists(st.integers(0, 400)))
def test_any_cut_gives_the_content_and_sees_the_end(
    pieces: list[bytes], extension: bytes, trailer: bytes, end: bytes, cuts: list[int]
) -> None:
    body = coded(pieces, extension, trailer, end)
    coding = Dechunked()

    assert fed(coding, body, cuts) == b"".join(pieces) == read_by_the_standard_library(body)
    assert coding.over
    assert not coding.excess


@given(contents, extensions, ends)
def test_a_chunk_that_comes_alone_is_given_at_once(pieces: list[bytes], extension: bytes, end: bytes) -> None:
    """As most tokens come."""
    coding = Dechunked()
    chunks = [b"%X%b%b%b\r\n" % (len(each), extension, end, each) for each in pieces]

    assert [coding.feed(chunk) for chunk in chunks] == pieces
    assert not coding.feed(coded([]))
    assert coding.over


@given(
    st.lists(st.sampled_from([b"1", b"2", b"0", b"a", b"x", b"\r", b"\n", b"\r\n", b";"]), max_size=12),
    st.lists(st.integers(0, 20)),
)
@example([b"1", b"\r\n", b"a", b"x", b"\n"], [])  # as long as one whole chunk
def test_whatever_comes_is_read_as_if_it_came_byte_by_byte(parts: list[bytes], cuts: list[int]) -> None:
    """The content, the end, and that it is broken."""
    body = b"".join(parts)

    assert read_by(body, cuts) == read_by(body, list(range(len(body))))


def read_by(body: bytes, cuts: list[int]) -> object:
    """All that is seen of it; of what is broken, only that."""
    coding = Dechunked()
    try:
        return fed(coding, body, cuts), coding.over, coding.excess
    except BodyGarbled:
        return None


@given(contents, st.integers(0, 400))
def test_what_is_cut_short_is_not_over(pieces: list[bytes], length: int) -> None:
    body = coded(pieces)
    coding = Dechunked()
    coding.feed(body[: min(length, len(body) - 1)])

    assert not coding.over


def test_content_is_given_as_soon_as_it_is_there() -> None:
    coding = Dechunked()

    assert [coding.feed(piece) for piece in (b"5\r\nab", b"c", b"de", b"\r", b"\n0\r\n")] == [
        b"ab", b"c", b"de", b"", b"",
    ]  # fmt: skip


@pytest.mark.parametrize("more", [b"H", b"\r\n"])
def test_what_follows_the_end_is_no_content_and_is_noticed(more: bytes) -> None:
    coding = Dechunked()

    assert coding.feed(coded([b"one"]) + more) == b"one"
    assert coding.over
    assert coding.excess


@pytest.mark.parametrize(
    "body",
    [
        *UNREAD,
        b"zz\r\n",
        b"\r\n",
        b"-5\r\nhello\r\n",
        b"2\r\nabc\r\n",
        b"2\r\nabX\r\n",
        b"1" * (LONGEST_LINE + 1),
    ],
    ids=[*map(repr, UNREAD), "no number", "nothing", "below zero", "too long", "no line end", "endless"],
)
def test_what_is_no_chunk_is_garbled(body: bytes) -> None:
    with pytest.raises(BodyGarbled):
        Dechunked().feed(body)
