"""A streamed answer on its way to the plan: what is told of it, and what a codec may not get away with."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import FaultKind, HttpRequest, HttpResponse, TransportFault
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.payload import Payload
from resilient_infer.core.stream import Part, Piece
from resilient_infer.core.target import Endpoint, Pin, Route
from resilient_infer.core.task import TASKS
from resilient_infer.drivers.incoming import Incoming, text_of
from resilient_infer.errors import ProviderError
from resilient_infer.providers import registry

HEAD = HttpResponse(
    status=200, headers={"content-type": "text/event-stream"}, body=b"", framed=False, received_at=0.0
)
PLAIN = replace(HEAD, headers={"content-type": "application/json"})
COMMIT = "a" * 40
LOST = TransportFault(kind=FaultKind.CUT, reason="the connection was reset", sent=True)


class Letters:
    """A codec whose stream is letters: "." ends it, "!" says why it ended, "#" names a commit."""

    kind = "letters"
    tasks = frozenset({"text-generation"})
    streams = frozenset({"text-generation"})
    ends_with: object = None
    commit: str | None = COMMIT

    def build(self, attempt: Attempt) -> HttpRequest:
        return HttpRequest(method="POST", url=f"{attempt.route.endpoint.url}/", headers=())

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        if b"?" in response.body:
            return Failure(kind=FailureKind.SERVER_ERROR, reason="asked back", status=200)
        return Success(output=response.body.decode(), commit=COMMIT)

    def reader(self, attempt: Attempt, head: HttpResponse) -> "LettersReader":
        return LettersReader(self)


class LettersReader:
    def __init__(self, codec: Letters) -> None:
        self.outcome: Outcome | None = None
        self.ending = False
        self.commit: str | None = None
        self._codec = codec
        self._text = ""

    def feed(self, data: bytes) -> Sequence[Piece]:
        pieces: list[Piece] = []
        for letter in data.decode():
            if letter == ".":
                self.outcome = self._codec.ends_with or Success(output=self._text)  # type: ignore[assignment]  # a rogue
            elif letter == "!":
                self.ending = True
            elif letter == "#":
                self.commit = self._codec.commit
            else:
                self._text += letter
                pieces.append(Part(letter, letter))
        return pieces

    def end(self, fault: TransportFault | None) -> Outcome:
        if self.ending:
            return Success(output=self._text, commit=self._codec.commit)
        return Failure(kind=FailureKind.TRUNCATED, reason="cut")


@pytest.fixture
def letters() -> Iterator[Letters]:
    """A codec that the process's table knows for the length of a test."""
    codec, table = Letters(), registry._INSTALLED._codecs
    table["letters", "text-generation"] = codec
    yield codec
    del table["letters", "text-generation"]


def attempt() -> Attempt:
    endpoint = Endpoint(provider="server", kind="letters", url="http://127.0.0.1:9/a")
    return Attempt(
        number=1,
        call_id="call-1",
        alias="story",
        task=TASKS["text-generation"],
        route=Route(endpoint=endpoint, name="a"),
        model="org/a",
        revision=None,
        pin=Pin.FLOATING,
        payload=Payload(inputs="x"),
        secret=None,
        timeout=1.0,
        safe=True,
        stream=True,
    )


@pytest.mark.usefixtures("letters")
def test_pieces_are_told_as_they_come_and_the_end_once_it_is_known() -> None:
    """Nothing is read beyond the end."""
    incoming = Incoming(attempt(), HEAD)

    first = incoming.feed(b"ab")
    assert first is not None
    assert [piece.text for piece in first.pieces if isinstance(piece, Part)] == ["a", "b"]
    assert incoming.over is None
    assert incoming.feed(b".") is None
    assert incoming.over is not None
    assert incoming.over.outcome == Success(output="ab")


@pytest.mark.usefixtures("letters")
def test_bytes_that_complete_no_piece_are_not_told() -> None:
    """The plan is asked for nothing."""
    assert Incoming(attempt(), HEAD).feed(b"") is None


@pytest.mark.usefixtures("letters")
def test_the_reason_why_it_ends_and_its_commit_are_told_even_with_no_piece() -> None:
    """Else the plan would wait for more, or show what it would refuse; told once."""
    incoming = Incoming(attempt(), HEAD)

    named = incoming.feed(b"#")
    assert named is not None
    assert (named.pieces, named.commit, named.ending) == ((), COMMIT, False)
    assert incoming.feed(b"#") is None
    ended = incoming.feed(b"!")
    assert ended is not None
    assert (ended.pieces, ended.commit, ended.ending) == ((), COMMIT, True)
    assert incoming.feed(b"!") is None


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("kind", ["text/event-stream", "Text/Event-Stream; charset=utf-8"])
def test_an_event_stream_is_known_by_its_media_type_in_any_case(kind: str) -> None:
    """RFC 9110, section 8.3.1: type and subtype are case-insensitive."""
    assert Incoming(attempt(), replace(HEAD, headers={"content-type": kind})).feed(b"a") is not None


@pytest.mark.usefixtures("letters")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 12), max_size=5))
def test_a_whole_answer_is_one_piece_however_it_comes(cuts: list[int]) -> None:
    """A server that does not stream; its commit comes with the text, so that it is refused unshown."""
    body, incoming, edges = b"hello, world", Incoming(attempt(), PLAIN), [0, *sorted(cuts), 12]
    for start, end in pairwise(edges):
        assert incoming.feed(body[start:end]) is None

    parts = incoming.end(None)

    assert parts is not None
    assert parts.ending
    assert parts.commit == COMMIT
    assert [piece.text for piece in parts.pieces if isinstance(piece, Part)] == ["hello, world"]
    assert incoming.over is not None
    assert incoming.over.outcome == Success(output="hello, world", commit=COMMIT)


@pytest.mark.usefixtures("letters")
def test_a_whole_answer_that_failed_or_was_cut_shows_nothing() -> None:
    """An error in a 200, or a connection that ended."""
    for body, fault, kind in ((b"?", None, "server error"), (b"hello", LOST, "truncated")):
        incoming = Incoming(attempt(), PLAIN)
        incoming.feed(body)

        assert incoming.end(fault) is None
        assert incoming.over is not None
        assert isinstance(incoming.over.outcome, Failure)
        assert incoming.over.outcome.kind.value == kind


def test_only_a_full_commit_counts_whatever_a_codec_says(letters: Letters) -> None:
    """A branch proves nothing: not along with the pieces, not at the end."""
    letters.commit = "main"
    incoming = Incoming(attempt(), HEAD)

    told = incoming.feed(b"#a!")
    assert told is not None
    assert told.commit is None
    incoming.end(LOST)
    assert incoming.over is not None
    assert incoming.over.outcome == Success(output="a")

    letters.ends_with = Success(output="a", commit="main")
    again = Incoming(attempt(), HEAD)
    again.feed(b"a.")
    assert again.over is not None
    assert again.over.outcome == Success(output="a")


def test_a_reader_that_ends_with_something_else_broke_its_contract(letters: Letters) -> None:
    """Told by its type alone: a value may quote the answer."""
    letters.ends_with = "the secret answer"
    incoming = Incoming(attempt(), HEAD)

    with pytest.raises(ProviderError, match=r"letters.*str") as raised:
        incoming.feed(b"a.")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("output", "text"),
    [("on", "on"), ({"role": "assistant", "content": "on"}, "on"), ({"content": None}, ""), ([1], "")],
)
def test_the_text_of_an_answer_is_its_own_or_its_messages(output: object, text: str) -> None:
    """A message without content has none."""
    assert text_of(Success(output=output)) == text  # type: ignore[arg-type]  # any JSON
