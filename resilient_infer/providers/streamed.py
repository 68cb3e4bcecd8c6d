"""Streamed: the reader of every protocol that streams JSON in server-sent events.

What the protocols differ in is how chunks are put together (`chunks`,
`tokens`). The whole that they come to is read by the codec as if it had never
been streamed: the output, the usage, the names and the commit are the same,
and `raw` is the body that was put together.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse, TransportFault
from resilient_infer.core.outcome import FailureKind, Outcome
from resilient_infer.core.stream import Part, Piece, Unread
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.decode import decode, fast
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.failure import failed, from_fault
from resilient_infer.providers.request import json_bytes
from resilient_infer.providers.sse import EventStream, ServerEvent

_DONE: Final = b"[DONE]"


class Whole(Protocol):
    """Puts the chunks of one answer together.

    Attributes:
        ending: The server has said why the generation ended.
    """

    ending: bool

    def add(self, chunk: dict[str, Json]) -> Piece:
        """What the next chunk adds. One that is `Unread` changes nothing. Never raises."""
        ...

    def again(self, chunk: Json) -> Part | None:
        """As `add`, where nothing but the text of the chunk need be looked at; None: ask `add`."""
        ...

    def whole(self) -> Json:
        """The body that the answer would have had in one piece."""
        ...


class Speaker(Protocol):
    """The codec, as far as its reader asks it."""

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What a whole answer means; here, one that holds an error."""
        ...

    def read(self, attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
        """What the decoded body of a 200 means."""
        ...

    def commit_in_chunk(self, attempt: Attempt, head: HttpResponse, chunk: Json) -> str | None:
        """The commit that a chunk says it is made with, or None."""
        ...


def one_text(attempt: Attempt) -> None:
    """Refuse a list of texts: their answers would come mixed.

    Raises:
        Unfit: It is one.
    """
    if isinstance(attempt.payload.inputs, list):
        raise Unfit("a stream answers one text, and no list of them")


class AnswerReader:
    """A `providers.base.Reader`.

    Args:
        begin: Gives what puts the chunks together, empty.
    """

    def __init__(
        self, codec: Speaker, attempt: Attempt, head: HttpResponse, begin: Callable[[], Whole]
    ) -> None:
        self.outcome: Outcome | None = None
        self.ending = False
        self.commit: str | None = None
        self._codec = codec
        self._attempt = attempt
        self._head = head
        self._begin = begin
        self._whole = begin()
        self._events = EventStream()
        self._decode = fast() or decode
        self._model: Json = None
        self._told = 0

    def feed(self, data: bytes) -> Sequence[Piece]:
        """The pieces that are complete with these bytes, in order."""
        body = self._events.alone(data)
        if body is not None and self.outcome is None:
            piece = self._read(b"", body)
            return () if piece is None else (piece,)
        pieces: list[Piece] = []
        for event in self._events.feed(data):
            if self.outcome is not None:
                break
            piece = event if isinstance(event, Unread) else self._read(event.name, event.body)
            if piece is not None:
                pieces.append(piece)
        return pieces

    def end(self, fault: TransportFault | None) -> Outcome:
        """What the answer came to, now that no more bytes follow.

        An event that a body leaves open without its blank line is heeded unless it adds to the
        answer: what nobody was shown is no part of it.
        """
        last = self._events.end()
        if self.outcome is None and fault is None and last is not None and not self._tells(last):
            self._read(last.name, last.body)
        if self.outcome is None:
            self.outcome = self._settled(fault)
        return self.outcome

    def _read(self, name: bytes, body: bytes) -> Piece | None:
        """The piece that an event is; None for one that ends the answer.

        Most tokens differ from the one before in their text alone, and nothing else is asked of those.
        """
        try:
            chunk = self._decode(body)
        except ValueError:
            return self._read_odd(name, body)
        part = None if name else self._whole.again(chunk)
        if part is None:
            return self._heed(name, body, chunk)
        self._told += part.told
        return part

    def _read_odd(self, name: bytes, body: bytes) -> Piece | None:
        """The piece that an event is which is no JSON by the letter."""
        if body.strip() == _DONE:
            self.outcome = self._settled(None)
            return None
        try:
            chunk = decode(body)
        except ValueError:
            if name != b"error":
                return Unread(f"an event of {len(body)} bytes that is no JSON")
            chunk = body.decode("utf-8", "replace")
        return self._heed(name, body, chunk)

    def _heed(self, name: bytes, body: bytes, chunk: Json) -> Piece | None:
        if isinstance(chunk, dict) and not (name or "error" in chunk or chunk.get("object") == "error"):
            return self._add(chunk)
        error = _error_in(name, body, chunk)
        if error:
            # The same as if it had come alone.
            self.outcome = self._codec.parse(self._attempt, replace(self._head, body=error, framed=True))
            return None
        if not isinstance(chunk, dict):
            return Unread("an event that is no mapping")
        return self._add(chunk)

    def _add(self, chunk: dict[str, Json]) -> Piece:
        piece = self._whole.add(chunk)
        self.ending = self._whole.ending
        if isinstance(piece, Part):
            self._told += piece.told
        model = chunk.get("model")
        if (isinstance(model, str) and model != self._model) or "metadata" in chunk:
            self._model = model
            commit = self._codec.commit_in_chunk(self._attempt, self._head, chunk)
            self.commit = commit or self.commit
        return piece

    def _tells(self, event: ServerEvent) -> bool:
        """Whether an event adds to the answer."""
        try:
            chunk = decode(event.body)
        except ValueError:
            return False
        piece = self._begin().add(chunk) if isinstance(chunk, dict) else None
        return isinstance(piece, Part) and piece.told

    def _settled(self, fault: TransportFault | None) -> Outcome:
        """What it came to: whole, if the server has said that it ended, whatever happened afterwards."""
        if self.ending:
            return self._codec.read(self._attempt, self._head, self._whole.whole())
        came = f"after {self._told} pieces of it" if self._told else "before anything of it came"
        if fault is None:
            reason = f"the answer broke off {came}: the server never said that it ended"
            return failed(FailureKind.TRUNCATED, reason, self._head, self._attempt.secret)
        failure = from_fault(fault, safe=self._attempt.safe)
        return replace(failure, reason=one_line(f"{failure.reason}, {came}", self._attempt.secret, limit=300))


def _error_in(name: bytes, body: bytes, chunk: Json) -> bytes:
    """The body of an error, as `failure.received` tells one; b"" for an event that is none."""
    if isinstance(chunk, dict) and (chunk.get("error") or chunk.get("object") == "error"):
        return body
    if name != b"error":
        return b""
    if isinstance(chunk, str):
        return json_bytes({"error": chunk or True})
    return b'{"error":%b}' % (body if chunk else b"true")
