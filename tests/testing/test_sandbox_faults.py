"""Each fault as a bare socket sees it."""

import json
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import (
    Chunked,
    Close,
    CloseIdle,
    ColdStart,
    CutJson,
    Delay,
    Drip,
    Empty,
    Fault,
    Garbage,
    Hang,
    Huge,
    Page,
    RateLimit,
    Redirect,
    Reply,
    Reset,
    ResetReused,
    Sandbox,
    Server,
    Sight,
    Status,
    Unframed,
    WrongShape,
    out_of_credits,
    throttled,
    unavailable,
)
from resilient_infer.testing.sandbox.rules import Arrival, Rule, Scope
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


class TestOverTime:
    def test_a_cold_model_loads_from_its_first_request_on(self, server: Server) -> None:
        """503 with what is left, each model by itself, then the answer."""
        server.fail(ColdStart(warm_up=0.08))
        first = classify(server)
        time.sleep(0.02)
        second = classify(server)
        time.sleep(0.07)

        assert first.status == second.status == 503
        assert first.json["error"] == f"Model {SENTIMENT} is currently loading"
        assert 0.08 >= first.json["estimated_time"] > second.json["estimated_time"] > 0
        assert classify(server).status == 200
        assert classify(server, model="siebert/sentiment-roberta-large-english").status == 503

    def test_a_cold_model_may_claim_what_it_likes(self, server: Server) -> None:
        """Hugging Face's 20 seconds, whatever the truth."""
        server.fail(ColdStart(warm_up=5, estimate=20.0))

        assert classify(server).json["estimated_time"] == 20.0

    def test_the_proxy_of_an_endpoint_holds_the_request(self, sandbox: Sandbox) -> None:
        """X-Scale-Up-Timeout long enough: a late answer; too short: 503 at once."""
        held = sandbox.serve("hf-endpoint")
        held.fail(ColdStart(warm_up=0.05))
        start = time.monotonic()
        answer = ask(held, "/", {"inputs": "x"}, headers={"X-Scale-Up-Timeout": "10"})
        took = time.monotonic() - start
        hurried = sandbox.serve("hf-endpoint")
        hurried.fail(ColdStart(warm_up=5))

        assert (answer.status, took >= 0.05) == (200, True)
        assert ask(hurried, "/", {"inputs": "x"}, headers={"X-Scale-Up-Timeout": "1"}).status == 503

    def test_a_rate_limit_tells_the_real_remainder(self, server: Server) -> None:
        """So many in a window; whoever waits as told is admitted."""
        server.fail(RateLimit(requests=2, window=0.1))
        statuses = [classify(server).status for _ in range(2)]
        refused = classify(server)
        wait = float(refused.headers["retry-after"])
        time.sleep(wait)

        assert (statuses, refused.status) == ([200, 200], 429)
        assert 0 < wait <= 0.1
        assert classify(server).status == 200

    @given(
        gaps=st.lists(st.floats(0, 2), max_size=60),
        requests=st.integers(1, 5),
        window=st.floats(0.1, 3),
    )
    def test_rl1_no_window_holds_more_than_the_limit(
        self, gaps: list[float], requests: int, window: float
    ) -> None:
        """However requests arrive, any window holds at most so many that were admitted, and a
        request that waits the remainder it was told is admitted."""
        rule = Rule(
            RateLimit(requests=requests, window=window),
            Scope(model=None, attempts=None, chance=1.0, seed=0),
        )
        moment, admitted = 100.0, []
        for gap in gaps:
            moment += gap
            sight = rule.sight(arrival(moment))
            assert sight is not None
            assert 0 <= sight.remainder <= window + 1e-9
            if sight.remainder and gap > 1:  # this one waits as it was told
                moment += sight.remainder + 0.001
                sight = rule.sight(arrival(moment))
                assert sight is not None
                assert sight.remainder == 0
            if not sight.remainder:
                admitted.append(moment)

        for index, start in enumerate(admitted):
            assert sum(start <= other < start + window * (1 - 1e-9) for other in admitted[index:]) <= requests

    @pytest.mark.parametrize(("requests", "window"), [(0, 1.0), (1, 0.0)])
    def test_a_limit_is_a_limit(self, requests: int, window: float) -> None:
        """At least one request, in a window of some length."""
        with pytest.raises(ValueError, match="at least 1 request"):
            RateLimit(requests=requests, window=window)


def arrival(moment: float, model: str = SENTIMENT) -> Arrival:
    return Arrival(
        moment=moment,
        model=model,
        patience=0.0,
        reused=False,
        complain=lambda status, _: Reply(status=status),
    )


class TestWhom:
    def test_the_first_attempts_of_each_model(self, server: Server) -> None:
        """`attempts=2` hits two requests of every model, counted from now on."""
        classify(server)
        server.fail(unavailable(), attempts=2)
        other = "siebert/sentiment-roberta-large-english"

        assert [classify(server).status for _ in range(3)] == [503, 503, 200]
        assert [classify(server, model=other).status for _ in range(3)] == [503, 503, 200]

    def test_chosen_attempts_of_one_model(self, server: Server) -> None:
        """Only the second and fourth, and no other model."""
        server.fail(unavailable(), model=SENTIMENT, attempts={2, 4})
        other = "siebert/sentiment-roberta-large-english"

        assert [classify(server).status for _ in range(5)] == [200, 503, 200, 503, 200]
        assert [classify(server, model=other).status for _ in range(5)] == [200] * 5

    def test_faults_act_one_after_another(self, server: Server) -> None:
        """Late, with another status, and cut: all three."""
        server.fail(Delay(seconds=0.02))
        server.fail(unavailable())
        server.fail(Close(where="body"))
        start = time.monotonic()
        received, end = seen_on_the_wire(server)

        assert received.startswith(b"HTTP/1.1 503 Service Unavailable")
        assert len(split(received)[2]) < length_in(split(received)[1])
        assert (end, time.monotonic() - start >= 0.02) == ("fin", True)

    def test_a_fault_of_ones_own(self, server: Server) -> None:
        """Whatever has `alter` is a fault."""

        class Shout:
            def alter(self, reply: Reply, sight: Sight) -> Reply:
                return Reply(body=reply.body.upper(), headers=(("x-model", sight.model),))

        server.fail(Shout())
        answer = classify(server)

        assert b"LABEL" in answer.body
        assert answer.headers["x-model"] == SENTIMENT

    @given(seed=st.integers(), chance=st.floats(0, 1), model=st.sampled_from(["a", "b"]))
    def test_chance_is_a_matter_of_the_seed(self, seed: int, chance: float, model: str) -> None:
        """The nth request of a model draws the same in every run; 0 hits none and 1 all."""
        scope = Scope(model=None, attempts=None, chance=chance, seed=seed)
        hits = [scope.covers(model, number) for number in range(1, 30)]

        assert hits == [scope.covers(model, number) for number in range(1, 30)]
        assert chance > 0 or not any(hits)
        assert chance < 1 or all(hits)

    def test_chance_hits_its_share(self) -> None:
        """Of 2,000 requests a third, give or take four standard deviations."""
        scope = Scope(model=None, attempts=None, chance=1 / 3, seed=5)
        hits = sum(scope.covers("m", number) for number in range(2000))

        assert abs(hits - 2000 / 3) < 4 * (2000 * 2 / 9) ** 0.5

    def test_what_cannot_be_set_is_refused(self, server: Server) -> None:
        """A model that is not served, a chance that is none."""
        with pytest.raises(ValueError, match="does not serve acme/none"):
            server.fail(Hang(), model="acme/none")
        with pytest.raises(ValueError, match="between 0 and 1"):
            server.fail(Hang(), chance=1.5)
