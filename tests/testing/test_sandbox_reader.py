"""The reader: HTTP/1.1 as clients really send it, and everything else refused."""

import json
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import Sandbox
from resilient_infer.testing.sandbox.reader import Left, Reader, Unreadable
from resilient_infer.testing.sandbox.wire import Request
from tests.testing.raw import SENTIMENT, opened, read_to_end, request_bytes


def read_all(stream: bytes, cuts: Sequence[int] = ()) -> list[Request]:
    """Every request of a stream that arrives in pieces and then ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        places = sorted({cut % (len(stream) + 1) for cut in cuts})
        for start, end in zip([0, *places], [*places, len(stream)], strict=True):
            theirs.sendall(stream[start:end])
        theirs.shutdown(socket.SHUT_WR)
        reader = Reader(ours)
        requests = []
        while True:
            try:
                requests.append(reader.next())
            except Left:
                return requests


def with_length(body: bytes) -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def with_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%X;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"POST /b HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunks + b"0\r\nx-trailer: 1\r\n\r\n"


bodies = st.binary(max_size=300)


@given(messages=st.lists(st.tuples(bodies, st.integers(0, 50)), max_size=5), cuts=st.lists(st.integers(0)))
def test_reading_does_not_depend_on_how_the_bytes_arrive(
    messages: list[tuple[bytes, int]], cuts: list[int]
) -> None:
    """A stream of requests is the same requests in whatever pieces it comes, with lengths or chunks."""
    stream = b"".join(with_chunks(body, size) if size else with_length(body) for body, size in messages)

    requests = read_all(stream, cuts)

    assert [request.body for request in requests] == [body for body, _ in messages]
    assert [request.path for request in requests] == ["/b" if size else "/a" for _, size in messages]


@given(st.binary(max_size=400) | st.text("GPOST /:\r\n HTTP1.0abc; chunked", max_size=300).map(str.encode))
def test_reading_is_total(stream: bytes) -> None:
    """Whatever arrives is a request, the end, or refused; nothing else comes out."""
    try:
        status = 200 if all(isinstance(request, Request) for request in read_all(stream)) else 0
    except Unreadable as error:
        status = error.status

    assert status == 200 or 400 <= status < 500


@given(content=st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=10))
def test_a_json_body_is_read_as_json(content: object) -> None:
    """`content` is what the client encoded."""
    (request,) = read_all(with_length(json.dumps(content).encode()))

    assert request.content == content


def test_a_body_that_is_no_json_is_kept_as_bytes() -> None:
    """No JSON and nesting beyond all measure are both None."""
    for body in (b"\xff\x00", b"[" * 50_000):
        (request,) = read_all(with_length(body))
        assert (request.content, request.body) == (None, body)


def test_paths_and_headers_are_decoded() -> None:
    """Percent signs, the query, repeated headers and blank lines before the request."""
    (request,) = read_all(b"\r\nGET /a%20b?c=d HTTP/1.1\r\nX-One: 1\r\nx-one:2 \r\n\r\n")

    assert (request.path, request.query) == ("/a b", "c=d")
    assert request.headers == {"x-one": "1, 2"}


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "Foo, Close", False),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
    ],
)
def test_who_keeps_the_connection(version: str, connection: str, kept: bool) -> None:
    """RFC 9112, section 9.3."""
    (request,) = read_all(f"GET / HTTP/{version}\r\nConnection: {connection}\r\n\r\n".encode())

    assert request.keep_alive is kept


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nspace : 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_is_refused(sandbox: Sandbox, stream: bytes, status: int) -> None:
    """A client that frames wrongly is told so, on a connection that then ends."""
    server = sandbox.serve("hf-inference")
    with opened(server) as sock:
        sock.sendall(stream)
        received, end = read_to_end(sock)

    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in received
    assert end == "fin"
    assert server.requests == ()


def test_a_refusal_survives_what_was_still_on_its_way(sandbox: Sandbox) -> None:
    """What nobody wants of a body is read all the same, or closing would reset the answer away."""
    server = sandbox.serve("hf-inference")
    with opened(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\ncontent-length: 999999999999\r\n\r\n" + b"x" * 300_000)
        sock.shutdown(socket.SHUT_WR)
        received, end = read_to_end(sock)

    assert received.startswith(b"HTTP/1.1 413 ")
    assert end == "fin"


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(sandbox: Sandbox) -> None:
    """The interim answer comes before the body is sent, the final one after."""
    server = sandbox.serve("hf-inference")
    head, _, body = request_bytes(server).partition(b"\r\n\r\n")
    with opened(server) as sock:
        sock.sendall(head + b"\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        received, _ = read_to_end(sock)

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_sent_ahead_are_answered_in_order(sandbox: Sandbox) -> None:
    """Three at once on one connection are three answers, and the journal knows them as one connection."""
    server = sandbox.serve("hf-inference")
    with opened(server, 0.2) as sock:
        sock.sendall(request_bytes(server) * 3)
        received, _ = read_to_end(sock)

    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert [(it.connection, it.attempt, it.model) for it in server.requests] == [
        (1, number, SENTIMENT) for number in (1, 2, 3)
    ]
