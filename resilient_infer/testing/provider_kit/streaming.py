"""Streaming: what may be read in an answer that comes piece by piece, however it is cut."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import FaultKind, HttpResponse, TransportFault
from resilient_infer.core.outcome import Outcome, Success
from resilient_infer.core.stream import Part, Piece, Unread
from resilient_infer.drivers.incoming import text_of
from resilient_infer.providers.base import Codec, Reader, Streaming
from resilient_infer.testing.provider_kit.calls import asked, broken
from resilient_infer.testing.provider_kit.goldens import TOKEN, Golden, answer_of, attempt_of
from resilient_infer.testing.provider_kit.reading import outcome_fault

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

METHODS = ("streams", "reader")

_FAULTS = (
    None,
    TransportFault(kind=FaultKind.CUT, reason="server.test:443 broke off", sent=True, status=200),
    TransportFault(kind=FaultKind.TIMEOUT, reason="server.test:443 fell silent", sent=True, status=200),
)
_HEADERS = {"content-type": "text/event-stream"}


def streamed_attempt(codec: Codec, golden: Golden) -> Attempt:
    """A golden payload, asked for piece by piece."""
    return replace(attempt_of(codec.kind, golden), stream=True)


def stream_is_golden(codec: Codec, golden: Golden) -> None:
    """The golden stream gives the golden output, and its parts the text of it."""
    outcome = outcome_of(codec, golden, (golden.stream,))
    given = repr(golden.stream)
    if not isinstance(outcome, Success):
        raise broken(f"the golden stream is read as {outcome}", given)
    if repr(outcome.output) != repr(golden.output):
        raise broken(f"the output of the stream is {outcome.output!r}, not {golden.output!r}", given)


def stream_is_whole_or_failed(codec: Codec, golden: Golden) -> None:
    """Wherever a stream is cut: a success only with the whole output, after the server's word."""
    for end in range(len(golden.stream)):
        for fault in _FAULTS:
            outcome = outcome_of(codec, golden, (golden.stream[:end],), fault)
            if isinstance(outcome, Success) and repr(outcome.output) != repr(golden.output):
                given = f"{golden.stream[:end]!r} and then {fault}"
                raise broken(f"part of an answer is a success: {outcome.output!r}", given)


def stream_takes(codec: Codec, golden: Golden, pieces: Sequence[bytes]) -> None:
    """The same parts and the same outcome, whatever the bytes are and however they are cut."""
    whole = b"".join(pieces)
    for fault in _FAULTS:
        cut, uncut = (_read(codec, golden, some, fault) for some in (pieces, (whole,)))
        if repr(cut) != repr(uncut):
            raise broken(
                f"cut otherwise, the stream is read otherwise: {cut}, not {uncut}", repr(list(pieces))
            )
        outcome_of(codec, golden, pieces, fault)


def stream_shows_nothing(codec: Codec, golden: Golden) -> None:
    """A server that echoes the credential in the middle of a stream is quoted without it."""
    for error in (
        b'data: {"error": "your key %b is no good"}',
        b"event: error\ndata: your key %b is no good",
    ):
        pieces = (golden.stream[: golden.stream.find(b"\n\n") + 2], error % TOKEN.encode() + b"\n\n")
        for stream in (pieces, pieces[1:]):
            if TOKEN in repr(outcome_of(codec, golden, stream)):
                raise broken("the credential is shown (see providers.error_body.one_line)", repr(stream))


def cut_streams(stream: bytes) -> "SearchStrategy[list[bytes]]":
    """A golden stream with one place bent, or any bytes, in any pieces."""
    from hypothesis import strategies as st

    def cut(whole: bytes) -> "SearchStrategy[list[bytes]]":
        places = st.lists(st.integers(0, len(whole)), max_size=8).map(sorted)
        return places.map(lambda at: list(_between(whole, at))) | st.just(
            [whole[at : at + 1] for at in range(len(whole))]
        )

    place = st.integers(0, len(stream))
    bent = st.builds(
        lambda start, end, instead: stream[:start] + instead + stream[end:],
        place,
        place,
        st.binary(max_size=8) | st.sampled_from([b"\n\n", b"\r", b"data: null\n\n", b"data: [DONE]\n\n"]),
    )
    return (st.just(stream) | bent | st.binary(max_size=60)).flatmap(cut)


def outcome_of(
    codec: Codec, golden: Golden, pieces: Sequence[bytes], fault: TransportFault | None = None
) -> Outcome:
    """What a stream came to, if that and its parts are what a reader may give."""
    parts, outcome = _read(codec, golden, pieces, fault)
    given = repr(list(pieces))
    for part in parts:
        if not isinstance(part, Part | Unread):
            raise broken(f"feed() gives a {type(part).__name__}", given)
        if isinstance(part, Unread) and not part.reason.isprintable():
            raise broken(f"a reason that is no line for people: {part.reason!r}", given)
    wrong = outcome_fault(outcome, golden, answer_of(b"".join(pieces), headers=_HEADERS))
    if wrong:
        raise broken(f"end(): {wrong}", given)
    if isinstance(outcome, Success):
        shown = "".join(part.text for part in parts if isinstance(part, Part))
        if shown != text_of(outcome):
            raise broken(f"the parts have the text {shown!r}, the output {text_of(outcome)!r}", given)
    return outcome


def _read(
    codec: Codec, golden: Golden, pieces: Sequence[bytes], fault: TransportFault | None
) -> tuple[list[Piece], Outcome]:
    assert isinstance(codec, Streaming)
    given = repr(list(pieces))
    head: HttpResponse = answer_of(b"", headers=_HEADERS)
    reader: Reader = asked(codec.reader, streamed_attempt(codec, golden), head, given=given)
    parts: list[Piece] = []
    for piece in pieces:
        if reader.outcome is None:
            parts += asked(reader.feed, piece, given=given)
    outcome: Outcome = asked(reader.end, fault, given=given)
    if reader.outcome is not None and repr(outcome) != repr(reader.outcome):
        raise broken("end() gives another outcome than the reader has", given)
    return parts, outcome


def _between(whole: bytes, places: Sequence[int]) -> Iterator[bytes]:
    for start, end in zip((0, *places), (*places, len(whole)), strict=True):
        yield whole[start:end]
