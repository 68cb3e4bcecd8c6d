"""Stream faults: what can go wrong with a streamed answer, as values; whole answers pass unharmed.

    server.fail(CutStream(after=5), attempts=1)        # five tokens, then the connection ends
    server.fail(Stall(after=2, seconds=30))
    server.fail(StreamError(after=0, code=503))        # an error inside a 200, before the first token

The faults of `faults.py` hold for streams too: `Status` and `throttled` answer
before the stream begins, `Drip` sends it byte by byte, `Reset(where="body")`
ends it after half of its bytes. `after` counts tokens; a stream with fewer
meets the fault behind its last one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.faults import Sight
from resilient_infer.testing.sandbox.wire import Cut, Ending, Piece, Reply, Says, answered

End = Literal["clean", "close", "reset", "hang"]
"""How a body ends too early: as if it were whole, by FIN or by RST before that is said, or never."""

Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateToken:
    """Status, headers and role come at once, the first token late."""

    seconds: float

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _changed(reply, lambda pieces: _waiting(pieces, 0, self.seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Silence in mid-stream, and then it goes on.

    Attributes:
        seconds: How long; infinite: until the server is healed.
    """

    after: int = 3
    seconds: float = math.inf

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _changed(reply, lambda pieces: _waiting(pieces, self.after, self.seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class CutStream:
    """The stream breaks off between two events.

    Attributes:
        after: Tokens that still come.
        share: The share of the tokens that still comes, between 0 and 1, instead of `after`.
    """

    after: int = 3
    share: float | None = None
    end: End = "close"

    def __post_init__(self) -> None:
        if self.share is not None and not 0 <= self.share <= 1:
            raise ValueError(f"share is between 0 and 1, not {self.share}")

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _ending(_changed(reply, self._kept), self.end)

    def _kept(self, pieces: Pieces) -> Pieces:
        tokens = sum(piece.says is Says.TOKEN for piece in pieces)
        count = self.after if self.share is None else int(tokens * self.share)
        return pieces[: _place(pieces, count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """One event that is no JSON, besides those that should come."""

    after: int = 2
    data: bytes = b'{"choices":[{"index":0,"delta":{"content":'

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        odd = Piece(says=Says.OTHER, content=b"data: %b\n\n" % self.data)
        return _changed(reply, lambda pieces: _with(pieces, self.after, (odd,)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDone:
    """Everything but `[DONE]`.

    Attributes:
        end: What comes in its place; "hang": the connection stays open, and the body does not end.
    """

    end: End = "clean"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _ending(_changed(reply, lambda pieces: _without(pieces, Says.DONE)), self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFinish:
    """The stream ends as usual and never says why the answer did; what the last event held is lost."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _changed(reply, lambda pieces: _without(pieces, Says.FINISH))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoUsage:
    """What was used is not told, although it was asked for."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _changed(reply, self._silent)

    def _silent(self, pieces: Pieces) -> Pieces:
        return tuple(_spent(piece) for piece in _without(pieces, Says.USAGE))


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamError:
    """An error inside a good status, in the server's own form for it; nothing else of the answer follows.

    Attributes:
        after: Tokens before it; 0: it comes before the first one.
        code: The status it stands for.
    """

    after: int = 0
    code: int = 500
    message: str = ""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        if reply.stream is None:
            return reply
        said = reply.stream.failed(self.code, self.message)
        return _changed(reply, lambda pieces: (*pieces[: _place(pieces, self.after)], *said))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredStream:
    """A content filter ends the answer in mid-stream: OpenAI's shape, so token events just stop."""

    after: int = 2

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _changed(reply, self._filtered)

    def _filtered(self, pieces: Pieces) -> Pieces:
        place = _place(pieces, self.after)
        rest = (_filtered(piece) for piece in pieces[place:] if piece.says is not Says.TOKEN)
        return (*pieces[:place], *(piece for piece in rest if piece is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlives:
    """Comments before everything else, as proxies send them to keep a connection.

    Attributes:
        every: Seconds between two.
        count: How many; the answer follows the last.
    """

    every: float = 1.0
    count: int = 600

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        comment = Piece(says=Says.OTHER, content=b": keep-alive\n\n", wait=self.every)
        return _changed(reply, lambda pieces: (comment,) * self.count + pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """The same bytes in pieces of this size, whatever they cut: a line, a number, a character. No fault."""

    size: int = 1

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size is bytes, at least 1, not {self.size}")

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return reply if reply.stream is None else replace(reply, stream=replace(reply.stream, size=self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Newlines:
    """Lines end otherwise: CRLF, or CR alone, which the format allows. No fault in itself."""

    newline: Literal[b"\n", b"\r\n", b"\r"] = b"\r\n"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        if reply.stream is None:
            return reply
        return replace(reply, stream=replace(reply.stream, newline=self.newline))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStreamed:
    """The whole answer as JSON, although a stream was asked for."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        if reply.stream is None:
            return reply
        return replace(answered(reply.stream.whole, headers=reply.headers), wait=reply.wait)


def _changed(reply: Reply, change: Callable[[Pieces], Pieces]) -> Reply:
    if reply.stream is None:
        return reply
    return replace(reply, stream=replace(reply.stream, pieces=change(reply.stream.pieces)))


def _ending(reply: Reply, end: End) -> Reply:
    if reply.stream is None or end == "clean":
        return reply
    return replace(reply, cut=Cut.END, ending=Ending(end))


def _place(pieces: Pieces, tokens: int) -> int:
    """Where so many tokens have come; before whatever follows them, a role excepted."""
    places = [index for index, piece in enumerate(pieces) if piece.says is Says.TOKEN]
    if tokens < len(places):
        return places[tokens]
    if places:
        return places[-1] + 1
    return next((index for index, piece in enumerate(pieces) if piece.says is not Says.ROLE), len(pieces))


def _with(pieces: Pieces, tokens: int, more: Pieces) -> Pieces:
    place = _place(pieces, tokens)
    return (*pieces[:place], *more, *pieces[place:])


def _without(pieces: Pieces, says: Says) -> Pieces:
    return tuple(piece for piece in pieces if piece.says is not says)


def _waiting(pieces: Pieces, tokens: int, seconds: float) -> Pieces:
    place = _place(pieces, tokens)
    if place == len(pieces):
        return pieces
    late = replace(pieces[place], wait=pieces[place].wait + seconds)
    return (*pieces[:place], late, *pieces[place + 1 :])


def _spent(piece: Piece) -> Piece:
    content = piece.content
    if not isinstance(content, dict) or not content.get("usage"):
        return piece
    return replace(piece, content={name: value for name, value in content.items() if name != "usage"})


def _filtered(piece: Piece) -> Piece | None:
    """A finishing chunk says that a filter was the reason, and has no text; a token event cannot."""
    if piece.says is not Says.FINISH:
        return piece
    content = piece.content
    choices = content.get("choices") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(choices, list):
        return None
    return replace(piece, content={**content, "choices": [_barred(choice) for choice in choices]})


def _barred(choice: Json) -> Json:
    if not isinstance(choice, dict):
        return choice
    nothing: dict[str, Json] = {"text": ""} if "text" in choice else {"delta": {}}
    return {**choice, **nothing, "finish_reason": "content_filter"}
