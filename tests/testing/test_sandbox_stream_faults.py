"""Each fault of a stream as a client meets it."""

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import (
    Chunked,
    Close,
    CloseIdle,
    ColdStart,
    CutStream,
    Delay,
    Drip,
    Empty,
    Fault,
    FilteredStream,
    Garbage,
    Hang,
    Huge,
    KeepAlives,
    Kind,
    LateToken,
    Malformed,
    Model,
    Newlines,
    NoDone,
    NoFinish,
    NotStreamed,
    NoUsage,
    Page,
    RateLimit,
    Reset,
    Sandbox,
    Server,
    Shredded,
    Stall,
    Status,
    StreamError,
    Unframed,
    throttled,
)
from tests.testing.events import (
    CHATS,
    LLAMA,
    Question,
    Streamed,
    chat,
    generation,
    on_the_wire,
    put,
    put_on,
    text_in,
)
from tests.testing.raw import GPT2, ask, connect

STREAMED = chat(stream_options={"include_usage": True}).streamed()
WORDS = ["é", "你好", "☕", "🙂", "."]
TOKENS = generation("/generate_stream", details=True)


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.serve("openai", models=[LLAMA])


@pytest.fixture
def tgi(sandbox: Sandbox) -> Server:
    return sandbox.serve("tgi", models=[GPT2])


def spoiled(server: Server, fault: Fault, question: Question = STREAMED) -> tuple[Streamed, Streamed]:
    """The stream as it should be, and what the fault leaves of it."""
    right = put(server, question)
    server.fail(fault)
    return right, put(server, question)


def tokens(streamed: Streamed) -> list[str]:
    return [text for text in map(text_in, streamed.events) if text]


class TestBreakingOff:
    @pytest.mark.parametrize("count", [0, 1, 4, 1000])
    def test_after_some_tokens(self, server: Server, count: int) -> None:
        """So many and nothing more: neither the reason nor the last chunk."""
        right, cut = spoiled(server, CutStream(after=count))

        assert tokens(cut) == tokens(right)[:count]
        assert (cut.finish, cut.done, cut.whole) == (None, False, False)

    @given(share=st.floats(0, 1))
    @settings(max_examples=20, deadline=None)
    def test_after_a_share_of_them(self, share: float) -> None:
        """Rounded down."""
        with Sandbox() as sandbox:
            right, cut = spoiled(sandbox.serve("openai", models=[LLAMA]), CutStream(share=share))

            assert tokens(cut) == tokens(right)[: int(len(tokens(right)) * share)]

    @pytest.mark.parametrize(("end", "seen"), [("close", "fin"), ("reset", "reset"), ("hang", "open")])
    def test_how_it_ends(self, server: Server, end: Any, seen: str) -> None:
        """By FIN, by RST, or not at all, and never with the last chunk."""
        server.fail(CutStream(after=2, end=end))
        received, ended = on_the_wire(server, STREAMED)

        assert ended == seen
        assert received.endswith(b"\n\n\r\n")

    def test_as_if_it_were_whole(self, server: Server) -> None:
        """The framing is in order, and the connection goes on."""
        server.fail(CutStream(after=2, end="clean"), attempts=1)
        connection = connect(server)
        cut, right = put_on(connection, STREAMED), put_on(connection, STREAMED)
        connection.close()

        assert (cut.whole, cut.done, len(tokens(cut))) == (True, False, 2)
        assert right.done
        assert server.requests[1].connection == 1

    @pytest.mark.parametrize("fault", [Reset(where="body"), Close(where="body"), Hang(where="body")])
    def test_in_the_middle_of_the_bytes(self, server: Server, fault: Fault) -> None:
        """The faults of whole answers cut a stream in half, wherever that is."""
        server.fail(fault)
        received, ended = on_the_wire(server, STREAMED)

        assert ended == {Reset: "reset", Close: "fin", Hang: "open"}[type(fault)]
        assert b'"content"' in received
        assert b"[DONE]" not in received
        assert not received.endswith(b"0\r\n\r\n")

    def test_token_events(self, tgi: Server) -> None:
        """Of the other protocol just so."""
        right, cut = spoiled(tgi, CutStream(after=3), TOKENS)

        assert cut.events == right.events[:3]

    @pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
    def test_no_such_share(self, share: float) -> None:
        """It lies between 0 and 1."""
        with pytest.raises(ValueError, match="share"):
            CutStream(share=share)


class TestWaits:
    def test_a_late_first_token(self, server: Server) -> None:
        """Headers and role at once, the rest later, whole."""
        server.fail(LateToken(seconds=0.2))
        received, ended = on_the_wire(server, STREAMED, limit=0.1)
        start = time.monotonic()
        late = put(server, STREAMED)

        assert b'"role":"assistant"' in received
        assert received.count(b"data:") == 1
        assert ended == "open"
        assert time.monotonic() - start >= 0.2
        assert late.done

    def test_a_stall_that_ends(self, server: Server) -> None:
        """After so many tokens; nothing is lost."""
        right, stalled = spoiled(server, Stall(after=4, seconds=0.15))
        start = time.monotonic()
        received, _ = on_the_wire(server, STREAMED, limit=0.1)

        assert stalled.text == right.text
        assert stalled.done
        assert received.count(b"data:") == 1 + 4
        assert time.monotonic() - start >= 0.1

    def test_a_stall_lasts_until_the_server_is_healed(self, server: Server) -> None:
        """Then the stream goes on."""
        server.fail(Stall(after=2))
        connection = connect(server)
        connection.request("POST", STREAMED.path, json.dumps(STREAMED.content))
        response = connection.getresponse()
        begun = response.readline()
        server.heal()
        rest = response.read()
        connection.close()

        assert begun.startswith(b"data: ")
        assert rest.endswith(b"data: [DONE]\n\n")

    def test_comments_and_nothing_else(self, server: Server) -> None:
        """For as long as there are any."""
        server.fail(KeepAlives(every=0.01))
        connection = connect(server)
        connection.request("POST", STREAMED.path, json.dumps(STREAMED.content))
        response = connection.getresponse()
        lines = [response.readline() for _ in range(20)]
        connection.close()

        assert lines == [b": keep-alive\n", b"\n"] * 10

    def test_comments_before_the_answer(self, server: Server) -> None:
        """The answer is none the worse."""
        right, commented = spoiled(server, KeepAlives(every=0.001, count=5))

        assert commented.body.count(b": keep-alive\n\n") == 5
        assert commented.text == right.text

    def test_a_drip(self, server: Server) -> None:
        """Byte by byte, no faster than its rate."""
        start = time.monotonic()
        right, dripped = spoiled(server, Drip(rate=40_000))

        assert dripped.text == right.text
        assert time.monotonic() - start >= 0.8 * len(dripped.body) / 40_000

    def test_waiting_ends_when_the_client_leaves(self, server: Server) -> None:
        """Closing the sandbox afterwards is a matter of moments."""
        server.fail(Stall(after=1))
        for _ in range(3):
            on_the_wire(server, STREAMED, limit=0.05)
        start = time.monotonic()
        server.close()

        assert time.monotonic() - start < 1


class TestWhatIsSaid:
    def test_a_malformed_event(self, server: Server) -> None:
        """Besides all the others."""
        right, spoilt = spoiled(server, Malformed(after=3))
        odd = [data for data in spoilt.data if data not in ("[DONE]",) and not _is_json(data)]

        assert len(odd) == 1
        assert spoilt.data.index(odd[0]) == 1 + 3
        assert len(spoilt.data) == len(right.data) + 1
        assert spoilt.done

    @pytest.mark.parametrize(
        ("end", "whole", "seen"), [("clean", True, "open"), ("close", False, "fin"), ("hang", False, "open")]
    )
    def test_no_done(self, server: Server, end: Any, whole: bool, seen: str) -> None:
        """All the rest, and the body ends or not, the connection stays or not."""
        server.fail(NoDone(end=end))
        received, ended = on_the_wire(server, STREAMED)

        assert b'"finish_reason":"length"' in received
        assert b'"completion_tokens":9' in received
        assert b"[DONE]" not in received
        assert received.endswith(b"0\r\n\r\n") is whole
        assert ended == seen

    def test_no_finish(self, server: Server, tgi: Server) -> None:
        """The reason is missing, the word that ends the stream is not."""
        right, endless = spoiled(server, NoFinish())
        _, tokens_only = spoiled(tgi, NoFinish(), TOKENS)

        assert (right.finish, endless.finish) == ("length", None)
        assert endless.done
        assert endless.whole
        assert not any(event["generated_text"] for event in tokens_only.events)

    @pytest.mark.parametrize("kind", CHATS)
    def test_no_usage(self, sandbox: Sandbox, kind: Kind) -> None:
        """Although it was asked for, or always comes; all else is there."""
        question = chat().streamed() if kind == "transformers" else STREAMED
        right, forgetful = spoiled(sandbox.serve(kind, models=[LLAMA]), NoUsage(), question)

        assert right.events[-1]["usage"]
        assert not any(event.get("usage") for event in forgetful.events)
        assert all(event["choices"] for event in forgetful.events)
        assert (forgetful.text, forgetful.finish) == (right.text, right.finish)

    @pytest.mark.parametrize("count", [0, 3])
    @pytest.mark.parametrize("kind", CHATS)
    def test_an_error_within(self, sandbox: Sandbox, kind: Kind, count: int) -> None:
        """Status 200, so many tokens, an error and no reason; some servers still say that they are done."""
        server = sandbox.serve(kind, models=[LLAMA])
        _, failed = spoiled(
            server, StreamError(after=count, code=503, message="no memory"), chat().streamed()
        )
        *before, error = failed.events

        assert failed.status == 200
        assert len([event for event in before if text_in(event)]) == count
        assert "no memory" in str(error["error"])
        assert failed.done is (kind in ("vllm", "sglang", "tgi"))
        assert failed.whole

    def test_an_error_among_token_events(self, tgi: Server) -> None:
        """With its type."""
        _, failed = spoiled(tgi, StreamError(after=2, code=424), TOKENS)

        assert len(failed.events) == 3
        assert failed.events[-1]["error_type"] == "generation"

    @pytest.mark.parametrize("question", [STREAMED, chat(stream=True)])
    def test_a_content_filter(self, server: Server, question: Question) -> None:
        """Some text, and that reason."""
        right, filtered = spoiled(server, FilteredStream(after=2), question)

        assert tokens(filtered) == tokens(right)[:2]
        assert filtered.finish == "content_filter"
        assert filtered.done

    @pytest.mark.parametrize("kind", CHATS)
    def test_no_stream_at_all(self, sandbox: Sandbox, kind: Kind) -> None:
        """The whole answer as JSON with its length."""
        right, whole = spoiled(sandbox.serve(kind, models=[LLAMA]), NotStreamed(), chat().streamed())

        assert whole.headers["content-type"] == "application/json"
        assert whole.headers["content-length"] == str(len(whole.body))
        assert whole.json["choices"][0]["message"]["content"] == right.text

    def test_no_stream_of_tokens(self, tgi: Server) -> None:
        """Each path has its own whole answer."""
        tgi.fail(NotStreamed())

        assert put(tgi, generation("/").streamed()).json[0]["generated_text"]
        assert put(tgi, TOKENS.streamed()).json["generated_text"]


class TestBytes:
    @given(
        words=st.lists(st.sampled_from(["é", "你好", "☕", "🙂", "."]), min_size=1), size=st.integers(1, 9)
    )
    @settings(max_examples=20, deadline=None)
    def test_shreds_of_any_script(self, words: list[str], size: int) -> None:
        """The same bytes, in chunks of no more than the size."""
        with Sandbox() as sandbox:
            poet = Model(name="org/poet", task="chat", story=" ".join(words))
            server = sandbox.serve("openai", models=[poet])
            right, shreds = spoiled(server, Shredded(size=size), chat(model="org/poet").streamed())
            received, _ = on_the_wire(server, chat(model="org/poet").streamed(), limit=0.03)
            lengths = [int(line, 16) for line in received.partition(b"\r\n\r\n")[2].split(b"\r\n")[:-2:2]]

            assert shreds.text == right.text
            assert max(lengths) <= size

    @pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
    def test_other_newlines(self, server: Server, newline: Any) -> None:
        """In all lines, and nothing else differs."""
        right, other = spoiled(server, Newlines(newline=newline))

        assert other.data == right.data or other.text == right.text
        assert b"\n" not in other.body.replace(newline, b"")
        assert other.body.count(newline) == right.body.count(b"\n")

    def test_a_comment_without_end(self, server: Server) -> None:
        """What `Huge` makes of a stream: it must not be kept in memory by who reads it."""
        right, huge = spoiled(server, Huge(size=200_000))

        assert huge.body.startswith(b":  ")
        assert huge.text == right.text

    def test_without_framing(self, server: Server) -> None:
        """The end of the connection is the end of the stream."""
        server.fail(Unframed())
        received, ended = on_the_wire(server, STREAMED)

        assert ended == "fin"
        assert b"transfer-encoding" not in received
        assert received.endswith(b"data: [DONE]\n\n")

    def test_no_such_size(self) -> None:
        """At least a byte."""
        with pytest.raises(ValueError, match="size"):
            Shredded(size=0)


@pytest.mark.parametrize(
    "fault",
    [
        LateToken(seconds=9), Stall(), CutStream(), CutStream(end="hang"), Malformed(), NoDone(end="close"),
        NoFinish(), NoUsage(), StreamError(), FilteredStream(), KeepAlives(), Shredded(), Newlines(),
        NotStreamed(),
    ],
)  # fmt: skip
def test_whole_answers_pass_unharmed(server: Server, fault: Fault) -> None:
    """Faults of streams are for streams."""
    right, answer = spoiled(server, fault, chat())

    assert answer.json["choices"] == right.json["choices"]


@pytest.mark.parametrize(
    ("fault", "status", "media_type"),
    [
        (Status(code=500), 500, "application/json"),
        (throttled(1), 429, "application/json"),
        (ColdStart(warm_up=60), 503, "application/json"),
        (Garbage(), 200, "application/json"),
        (Page(), 200, "text/html; charset=utf-8"),
        (Empty(), 200, "application/json"),
    ],
)
def test_what_comes_instead_of_any_answer_comes_instead_of_a_stream(
    server: Server, fault: Fault, status: int, media_type: str
) -> None:
    """Nothing of the stream is left."""
    right, answer = spoiled(server, fault)

    assert (answer.status, answer.headers["content-type"]) == (status, media_type)
    assert b"data:" not in answer.body
    assert right.text


def test_faults_act_one_after_another(server: Server) -> None:
    """A late stream in shreds that breaks off."""
    server.fail(LateToken(seconds=0.05))
    server.fail(Shredded(size=7))
    server.fail(Chunked())
    server.fail(CutStream(after=2))
    start = time.monotonic()
    answer = put(server, STREAMED)

    assert len(tokens(answer)) == 2
    assert not answer.whole
    assert time.monotonic() - start >= 0.05


class TestScale:
    @pytest.mark.parametrize(
        "fault", [Delay(seconds=10), LateToken(seconds=10), Stall(seconds=10), KeepAlives(every=2, count=5)]
    )
    def test_each_second_lasts_a_hundredth(self, fault: Fault) -> None:
        """Ten seconds of waiting take a tenth of one, and no less."""
        with Sandbox(scale=0.01) as sandbox:
            server = sandbox.serve("openai", models=[LLAMA])
            server.fail(fault)
            start = time.monotonic()

            assert put(server, STREAMED).done
            assert 0.1 <= time.monotonic() - start < 2

    def test_a_pace(self) -> None:
        """Is scaled just so."""
        with Sandbox(scale=0.01) as sandbox:
            server = sandbox.serve("openai", models=[LLAMA])
            server.pace(first_token=5, between=0.5)
            start = time.monotonic()
            put(server, STREAMED)

            assert 0.05 + 9 * 0.005 <= time.monotonic() - start < 2

    def test_advice(self) -> None:
        """Seconds that a client is told to wait are those it has to wait; text goes out as it is."""
        with Sandbox(scale=0.1) as sandbox:
            server = sandbox.serve("openai", models=[LLAMA])
            server.fail(throttled(2), attempts=1)
            assert put(server, STREAMED).headers["retry-after"] == "0.2"
            server.heal()
            server.fail(throttled("2"))
            assert put(server, STREAMED).headers["retry-after"] == "2"

    def test_a_cold_start_and_a_rate_limit(self) -> None:
        """They end when they say they will."""
        with Sandbox(scale=0.01) as sandbox:
            server = sandbox.serve("openai", models=[LLAMA])
            server.fail(ColdStart(warm_up=10))
            told = put(server, STREAMED).json["estimated_time"]
            assert 0 < told <= 0.1
            time.sleep(told)
            assert put(server, STREAMED).status == 200
            server.heal()
            server.fail(RateLimit(requests=1, window=10))
            assert put(server, STREAMED).status == 200
            refused = put(server, STREAMED)
            assert refused.status == 429
            time.sleep(float(refused.headers["retry-after"]))
            assert put(server, STREAMED).status == 200

    def test_an_idle_connection_and_a_held_request(self) -> None:
        """One is closed, the other answered, as soon as the scale says."""
        with Sandbox(scale=0.01) as sandbox:
            server, held = sandbox.serve("openai", models=[LLAMA]), sandbox.serve("hf-endpoint")
            server.fail(CloseIdle(after=10))
            start = time.monotonic()
            _, ended = on_the_wire(server, STREAMED, limit=5)
            held.fail(ColdStart(warm_up=20))
            answer = ask(held, "/", {"inputs": "fun"}, headers={"x-scale-up-timeout": "1"})

            assert ended == "fin"
            assert answer.status == 200
            assert 0.1 + 0.2 <= time.monotonic() - start < 3

    @pytest.mark.parametrize("scale", [0, -1, math.inf, math.nan])
    def test_no_such_scale(self, scale: float) -> None:
        """More than 0 and finite."""
        with pytest.raises(ValueError, match="scale"):
            Sandbox(scale=scale)


def _is_json(data: str) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True
