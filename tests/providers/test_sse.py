"""sse: the rules of WHATWG HTML 9.2.5 and 9.2.6, whatever the pieces."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.stream import Unread
from resilient_infer.providers.sse import LARGEST, EventStream, ServerEvent
from tests.providers.streaming import cuts

ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
LINES = st.sampled_from(
    [
        *(b"", b"", b"data", b"data:", b"data: x", b"data:x", b"data:  x", b"data: {}", b"data: \xc3\xa4"),
        *(
            b": keep alive",
            b":",
            b"event: error",
            b"event",
            b"id: 7",
            b"retry: 10",
            b"what: ever",
            b"Data: x",
        ),
        *(b" data: x", b"error: {}", b"\xef\xbb\xbfdata: x", b"\xff\xfe"),
    ]
)
STREAMS = st.builds(
    lambda start, lines, rest: start + b"".join(line + end for line, end in lines) + rest,
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.tuples(LINES, ENDS), max_size=12),
    LINES,
)


def events(*pieces: bytes) -> list[ServerEvent | Unread]:
    """What comes out of these pieces."""
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece)]


def by_the_book(stream: bytes) -> list[ServerEvent]:
    """The standard's algorithm, line by line over the whole stream, with llama.cpp's field."""
    lines = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    found, name, buffer = [], b"", b""
    for line in lines[:-1]:  # "Once the end of the file is reached, any pending data must be discarded."
        if not line:
            if buffer:
                found.append(ServerEvent(name, buffer[:-1]))
            name, buffer = b"", b""
            continue
        field, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if field == b"event":
            name = value
        elif field in (b"data", b"error"):
            buffer += value + b"\n"
            name = field if field == b"error" else name
    return found


@given(STREAMS, st.data())
def test_any_pieces_give_the_standards_events(stream, draw):
    """CR, LF and CR LF, comments, a BOM, other fields, characters cut in half."""
    assert events(*draw.draw(cuts(stream))) == by_the_book(stream)


TOKENS = st.sampled_from(
    [
        *(b"data: x\n\n", b"data: {}\n\n", b"data: \n\n", b"data: a\rb\n\n", b"data:x\n\n", b"data: x"),
        *(
            b"data: x\r\n\r\n",
            b"data: x\r\r\n",
            b"data: x\n\r",
            b"data: x\n\n\n",
            b"data: x\n",
            b"data: a\x0bb\n\n",
        ),
    ]
)
LEFT_OPEN = st.sampled_from(
    [b"event: error\n", b"data: y\n", b": ping\r", b"\r", b"\n", b"da", b"data: x\r\n\r", b"data: x\ndata: y"]
)

ALONE = st.sampled_from([b"data: x\n\n", b"data: y\r\n\r\n"])
SPLIT = STREAMS.flatmap(cuts)
LONG = st.sampled_from([b"data: " + b"x" * size + end for size in (5000, LARGEST) for end in (b"", b"\n\n")])


@given(st.lists(TOKENS | LEFT_OPEN, max_size=12))
def test_events_that_come_one_a_piece_are_those_of_the_whole(pieces):
    """Most tokens do."""
    assert events(*pieces) == by_the_book(b"".join(pieces))


@given(st.lists(ALONE | LEFT_OPEN, max_size=12) | st.lists(ALONE | TOKENS | LONG, max_size=6) | SPLIT)
def test_an_event_that_is_a_piece_by_itself_is_the_one_that_the_piece_gives(pieces):
    """The shorter way sees what the pieces before have left open, and leaves nothing open itself."""
    long, short = EventStream(), EventStream()
    for piece in pieces:
        alone = short.alone(piece)
        found = short.feed(piece) if alone is None else [ServerEvent(b"", alone)]
        assert found == long.feed(piece)
    assert short.end() == long.end()


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r\n"])
def test_an_event_by_itself_is_seen_once_a_stream_has_begun(end):
    """Before that a BOM may come."""
    stream = EventStream()

    assert stream.alone(b"data: x" + end) is None
    assert stream.feed(b"data: x" + end)
    assert stream.alone(b"data: x" + end) == b"x"


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_any_bytes_are_taken(pieces):
    """Nothing is raised, and the pieces make no difference."""
    assert events(*pieces) == events(b"".join(pieces)) == by_the_book(b"".join(pieces))


@pytest.mark.parametrize(
    ("stream", "bodies"),
    [
        # The four examples of WHATWG HTML 9.2.6.
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event", 2),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
    ],
)
def test_the_examples_of_the_standard_give_what_it_says(stream, bodies):
    """By its own words."""
    found = events(stream)

    if isinstance(bodies, int):
        assert len(found) == bodies
    else:
        assert [event.body for event in found] == bodies


def test_an_event_is_given_as_soon_as_its_blank_line_is_there():
    """A CR ends a line by itself: nobody waits for the LF that may follow."""
    stream = EventStream()

    assert stream.feed(b"data: x\r\r") == [ServerEvent(b"", b"x")]
    assert stream.feed(b"\ndata: y\r\n\r") == [ServerEvent(b"", b"y")]
    assert stream.feed(b"") == []
    assert stream.feed(b"\n") == []
    assert stream.end() is None


@pytest.mark.parametrize("rest", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n", b"data:[DONE]\r"])
def test_what_the_end_leaves_open_is_no_event_and_can_be_asked_for(rest):
    """Servers forget the last blank line."""
    stream = EventStream()

    assert stream.feed(b"data: x\n\n" + rest) == [ServerEvent(b"", b"x")]
    assert stream.end() == ServerEvent(b"", b"[DONE]")
    assert stream.end() is None


@pytest.mark.parametrize("size", [61, 65536, 10**9])
@pytest.mark.parametrize(
    "large",
    [
        b"data: " + b"x" * LARGEST,
        b"data: x\n" * (LARGEST // 8 + 1),
        b": " + b"x" * LARGEST,
        b"event: " + b"x" * LARGEST,
    ],
    ids=["one line", "many lines", "a comment", "a name"],
)
def test_an_event_that_is_too_large_is_told_and_the_next_one_is_read(large, size):
    """Whatever the pieces."""
    stream = b"data: a\n\n" + large + b"\n\ndata: b\n\n"
    first, middle, last = events(*(stream[at : at + size] for at in range(0, len(stream), size)))

    assert first == ServerEvent(b"", b"a")
    assert isinstance(middle, Unread)
    assert last == ServerEvent(b"", b"b")


def test_a_bom_is_left_out_at_the_start_and_nowhere_else():
    """Also if it comes in three pieces."""
    bom, event = b"\xef\xbb\xbf", b"data: x\n\n"

    assert events(bom + event + bom + event) == [ServerEvent(b"", b"x")]
    assert events(bom[:1], bom[1:2], bom[2:], event) == [ServerEvent(b"", b"x")]


def test_the_end_of_a_line_that_was_too_long_is_no_blank_line():
    """Its event ends where the blank line is."""
    stream = EventStream()

    assert stream.feed(b"data: " + b"x" * LARGEST) == []
    assert stream.feed(b"\n") == []
    assert isinstance(stream.feed(b"\n")[0], Unread)
    assert stream.feed(b"data: b\n\n") == [ServerEvent(b"", b"b")]


LINE = b"data: " + b"x" * 1017 + b"\n"


@pytest.mark.parametrize("piece", [b"x" * 65536, LINE * 64], ids=["one line", "many lines"])
def test_an_event_without_end_takes_no_more_memory_than_the_largest(piece):
    """Beyond that nothing of it is kept."""
    stream = EventStream()
    stream.feed(b"data: ")
    tracemalloc.start()
    try:
        for _ in range(400):
            assert stream.feed(piece) == []
        assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST
    finally:
        tracemalloc.stop()
