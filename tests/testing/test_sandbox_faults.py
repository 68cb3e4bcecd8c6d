"""Each fault as a bare socket sees it."""

import json
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from resilient_infer.testing.sandbox import (
    Chunked,
    Close,
    CloseIdle,
    CutJson,
    Delay,
    Drip,
    Empty,
    Fault,
    Garbage,
    Hang,
    Huge,
    Page,
    Redirect,
    Reset,
    ResetReused,
    Sandbox,
    Server,
    Status,
    Unframed,
    WrongShape,
    out_of_credits,
    throttled,
    unavailable,
)
from tests.testing.raw import (
    MINI,
    SENTIMENT,
    ask,
    ask_on,
    classify,
    connect,
    opened,
    read_to_end,
    request_bytes,
    seen_on_the_wire,
)


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.serve("hf-inference")


def split(received: bytes) -> tuple[bytes, bytes, bytes]:
    """Status line, headers and body of what was received; empty what did not come."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, _, headers = head.partition(b"\r\n")
    return status, headers, body


def length_in(headers: bytes) -> int:
    (line,) = [line for line in headers.split(b"\r\n") if line.startswith(b"content-length:")]
    return int(line.split(b":")[1])


def test_without_a_fault_the_connection_stays_open(server: Server) -> None:
    """What all the others are compared with."""
    received, end = seen_on_the_wire(server, limit=0.03)
    status, headers, body = split(received)

    assert (status, end) == (b"HTTP/1.1 200 OK", "open")
    assert len(body) == length_in(headers)


class TestBreakingOff:
    @pytest.mark.parametrize(("fault", "end"), [(Reset, "reset"), (Close, "fin"), (Hang, "open")])
    def test_before_the_first_byte(self, server: Server, fault: Callable[..., Fault], end: str) -> None:
        """Nothing is received; only the end differs."""
        server.fail(fault(where="before"))

        assert seen_on_the_wire(server) == (b"", end)

    @pytest.mark.parametrize(("fault", "end"), [(Reset, "reset"), (Close, "fin"), (Hang, "open")])
    def test_inside_the_headers(self, server: Server, fault: Callable[..., Fault], end: str) -> None:
        """The status line and a part of the headers, without the blank line."""
        server.fail(fault(where="headers"))

        received, ended = seen_on_the_wire(server)

        assert received.startswith(b"HTTP/1.1 200 OK\r\ndate")
        assert b"\r\n\r\n" not in received
        assert ended == end

    @pytest.mark.parametrize(("fault", "end"), [(Reset, "reset"), (Close, "fin"), (Hang, "open")])
    def test_in_the_middle_of_the_body(self, server: Server, fault: Callable[..., Fault], end: str) -> None:
        """Whole headers and half of the bytes that Content-Length promises."""
        server.fail(fault(where="body"))

        received, ended = seen_on_the_wire(server)
        _, headers, body = split(received)

        assert len(body) == length_in(headers) // 2 > 0
        assert ended == end

    def test_inside_chunks_and_without_any_framing(self, server: Server) -> None:
        """A cut body shows by its missing last chunk, or by nothing but itself."""
        server.fail(Chunked())
        server.fail(Close(where="body"))
        chunked, _ = seen_on_the_wire(server)
        server.heal()
        server.fail(Unframed())
        server.fail(Close(where="body"))
        unframed, _ = seen_on_the_wire(server)

        assert b"transfer-encoding: chunked" in chunked
        assert not chunked.endswith(b"0\r\n\r\n")
        assert b"content-length" not in unframed
        assert b"transfer-encoding" not in unframed
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            json.loads(split(unframed)[2])

    def test_a_connection_that_carried_an_answer_is_reset(self, server: Server) -> None:
        """The first request on a connection is answered, the second meets RST before the first byte."""
        server.fail(ResetReused())
        with opened(server, 0.2) as sock:
            sock.sendall(request_bytes(server))
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
            sock.sendall(request_bytes(server))
            assert read_to_end(sock) == (b"", "reset")

    def test_an_idle_connection_is_closed_without_a_word(self, server: Server) -> None:
        """The answer is good and says nothing of closing; a request in time is still answered."""
        server.fail(CloseIdle(after=0.05))
        with opened(server, 1) as sock:
            for _ in range(2):
                sock.sendall(request_bytes(server))
                answer = sock.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200")
                assert b"connection:" not in answer
            start = time.monotonic()
            assert read_to_end(sock) == (b"", "fin")
            assert 0.04 < time.monotonic() - start < 0.5

    def test_a_connection_may_end_with_its_first_answer(self, server: Server) -> None:
        """`after=0` is at once."""
        server.fail(CloseIdle())
        received, end = seen_on_the_wire(server)

        assert received.startswith(b"HTTP/1.1 200")
        assert b"connection:" not in received
        assert end == "fin"


class TestLateAndSlow:
    def test_a_delay_comes_before_the_first_byte(self, server: Server) -> None:
        """Whole, but not before its time."""
        server.fail(Delay(seconds=0.03))
        server.fail(Delay(seconds=0.03))
        start = time.monotonic()
        answer = classify(server)

        assert answer.status == 200
        assert 0.06 <= time.monotonic() - start < 0.5

    def test_a_dripping_body_takes_its_length_over_its_rate(self, server: Server) -> None:
        """The headers come at once, the body byte after byte, and it is whole."""
        server.fail(Drip(rate=2000))
        start = time.monotonic()
        answer = classify(server)
        took = time.monotonic() - start

        assert len(answer.json[0]) == 2
        assert len(answer.body) / 2000 - 0.02 < took < 1

    def test_dripping_headers_keep_every_read_short(self, server: Server) -> None:
        """Each read brings something soon; the whole never seems to end."""
        server.fail(Drip(rate=100, where="headers"))
        with opened(server, 0.5) as sock:
            sock.sendall(request_bytes(server))
            pieces = [(sock.recv(65536), time.monotonic()) for _ in range(6)]

        assert all(len(piece) <= 3 for piece, _ in pieces)
        assert all(later - earlier < 0.2 for (_, earlier), (_, later) in pairwise(pieces))

    @pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
    def test_a_rate_is_a_rate(self, rate: float) -> None:
        """More than nothing and finite."""
        with pytest.raises(ValueError, match="bytes per second"):
            Drip(rate=rate)


class TestWrongContent:
    def test_statuses_speak_the_servers_own_language(self, sandbox: Sandbox, server: Server) -> None:
        """Hugging Face's {"error": text}, OpenAI's {"error": {…}}, or what the test says."""
        chat = sandbox.serve("openai")
        for fault, status in ((throttled(2), 429), (out_of_credits(), 402), (unavailable(), 503)):
            server.fail(fault, attempts=1)
            chat.fail(fault, attempts=1)
            hosted = classify(server)
            said = ask(chat, "/chat/completions", {"model": MINI})
            assert hosted.status == said.status == status
            assert isinstance(hosted.json["error"], str)
            assert said.json["error"].keys() == {"message", "type", "param", "code"}
            server.heal()
            chat.heal()
        server.fail(Status(code=418, body={"detail": "teapot"}, headers=(("x-should-retry", "false"),)))
        answer = classify(server)
        assert (answer.status, answer.json) == (418, {"detail": "teapot"})
        assert answer.headers["x-should-retry"] == "false"

    @pytest.mark.parametrize(
        ("advice", "header"),
        [(2, "2"), (0.25, "0.25"), ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT")],
    )
    def test_retry_after_as_a_number_or_a_date(
        self, server: Server, advice: float | str, header: str
    ) -> None:
        """Sent as given; without advice there is no header."""
        server.fail(throttled(advice), attempts=1)

        assert classify(server).headers["retry-after"] == header
        server.fail(throttled(), attempts=1)
        assert "retry-after" not in classify(server).headers

    def test_json_cut_in_half_is_framed_as_whole(self, server: Server) -> None:
        """Content-Length is met, and the JSON is none."""
        server.fail(CutJson())
        answer = classify(server)

        assert answer.status == 200
        assert int(answer.headers["content-length"]) == len(answer.body) > 0
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            json.loads(answer.body)

    def test_bodies_that_are_no_answer(self, server: Server) -> None:
        """Garbage, another shape, a web page, nothing: each with a good status."""
        seen = {}
        for fault in (Garbage(), WrongShape(body={"ok": True}), Page(), Empty()):
            server.fail(fault)
            answer = classify(server)
            seen[type(fault)] = (answer.status, answer.headers["content-type"], answer.body)
            server.heal()

        assert seen[Garbage] == (200, "application/json", Garbage().body)
        assert seen[WrongShape] == (200, "application/json", b'{"ok":true}')
        assert seen[Page] == (200, "text/html; charset=utf-8", Page().html.encode())
        assert seen[Empty] == (200, "application/json", b"")

    @pytest.mark.parametrize("framing", [None, Chunked()])
    def test_a_huge_body_hides_the_right_answer(self, server: Server, framing: Fault | None) -> None:
        """Spaces before JSON: a client without a limit finds the answer behind them."""
        server.fail(Huge(size=300_000))
        if framing is not None:
            server.fail(framing)
        answer = classify(server)

        assert len(answer.body) > 300_000
        assert [pair["label"] for pair in answer.json[0]] == ["POSITIVE", "NEGATIVE"]

    def test_a_redirection_names_its_place(self, server: Server) -> None:
        """307 with a Location, and the connection goes on."""
        server.fail(Redirect(location="https://example.org/login"))
        connection = connect(server)
        try:
            answers = [ask_on(connection, server, f"/models/{SENTIMENT}", {"inputs": "x"}) for _ in range(2)]
        finally:
            connection.close()

        assert [answer.status for answer in answers] == [307, 307]
        assert answers[0].headers["location"] == "https://example.org/login"
        assert {received.connection for received in server.requests} == {1}

    def test_head_and_204_have_no_body(self, server: Server) -> None:
        """However the body was to go out."""
        server.fail(Huge(size=10))
        assert ask(server, f"/models/{SENTIMENT}", method="HEAD").body == b""
        server.fail(Status(code=204))
        with opened(server, 0.05) as sock:
            sock.sendall(request_bytes(server))
            received, end = read_to_end(sock)
        assert received.endswith(b"\r\n\r\n")
        assert end == "open"
