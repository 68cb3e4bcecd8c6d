"""Request and reply: what the sandbox reads and what it is about to send.

A `Reply` says not only what the answer is but also *how* it goes out: late,
dripping, cut off, reset. A fault is therefore nothing but a function from
reply to reply, and `delivery.py` is the one place that acts.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from http import HTTPStatus

from resilient_infer.core.task import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, read to its end.

    Attributes:
        path: Without the query, percent-decoded.
        target: Path and query as they were sent: a "/" and a "%2F" are not the same to everybody.
        headers: Names in lower case; repeated headers are joined by ", ".
        content: The body as JSON, or None if it is none.
        keep_alive: The client would like to send another request on this connection.
    """

    method: str
    path: str
    target: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    content: Json = None
    keep_alive: bool = True


class Cut(Enum):
    """How much of an answer is sent before its ending comes.

    END: all of a stream but the last chunk, which would say that this was all.
    """

    BEFORE = "before"
    HEADERS = "headers"
    BODY = "body"
    END = "end"
    NOWHERE = "nowhere"


class Ending(Enum):
    """What happens to the connection once everything is sent that will be sent.

    KEEP: what the client asked for.
    CLOSE: an orderly end (FIN), without having said so.
    RESET: RST.
    HANG: nothing more comes and nothing ends, until the server is healed or closed.
    """

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


class Framing(Enum):
    """How the answer says where its body ends; END_OF_CONNECTION says nothing."""

    LENGTH = "length"
    CHUNKED = "chunked"
    END_OF_CONNECTION = "end of connection"


class Says(Enum):
    """What a piece of a streamed answer is for."""

    ROLE = "role"
    TOKEN = "token"
    FINISH = "finish"
    USAGE = "usage"
    DONE = "done"
    ERROR = "error"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One event of a streamed answer, sent by itself.

    Attributes:
        content: JSON goes out as the data of one event, bytes as they are.
        wait: Seconds before it.
    """

    says: Says
    content: Json | bytes = field(repr=False)
    wait: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The body of a streamed answer.

    Attributes:
        whole: What the same question gets if no stream is asked for.
        failed: The pieces with which this server ends a stream that fails, from a status and a message.
        newline: What ends its lines.
        size: Bytes sent at a time, wherever that cuts an event; None: a piece at a time.
    """

    pieces: tuple[Piece, ...]
    whole: Json = field(repr=False)
    failed: Callable[[int, str], tuple[Piece, ...]]
    newline: bytes = b"\n"
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer and the manner in which it goes out.

    Attributes:
        stream: Sent instead of `body`, piece by piece.
        padding: Spaces sent before the body; JSON stays JSON however many there are, and in a stream
            they are a comment.
        wait: Seconds before the first byte.
        head_pace: Bytes of the status line and headers per second; None: all at once.
        body_pace: The same for the body.
        idle: Seconds the connection stays open for a next request; None: as long as the client likes.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    media_type: str = "application/json"
    stream: Stream | None = None
    padding: int = 0
    wait: float = 0.0
    head_pace: float | None = None
    body_pace: float | None = None
    framing: Framing = Framing.LENGTH
    cut: Cut = Cut.NOWHERE
    ending: Ending = Ending.KEEP
    idle: float | None = None


def encoded(content: Json) -> bytes:
    """Compact JSON; pure ASCII, so that a lone surrogate in a prompt can be answered too."""
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def answered(content: Json, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A JSON answer."""
    return Reply(status=status, headers=headers, body=encoded(content))


def streaming(
    stream: Stream, media_type: str = "text/event-stream", headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """A streamed answer; its length is known to nobody beforehand."""
    headers = (("cache-control", "no-cache"), *headers)
    return Reply(media_type=media_type, headers=headers, stream=stream, framing=Framing.CHUNKED)


def paced(reply: Reply, first: float, between: float) -> Reply:
    """A streamed answer with so many seconds before its first token, and before each next one."""
    if reply.stream is None or not (first or between):
        return reply
    waits = itertools.chain((first,), itertools.repeat(between))
    pieces = tuple(
        replace(piece, wait=piece.wait + next(waits)) if piece.says in (Says.TOKEN, Says.FINISH) else piece
        for piece in reply.stream.pieces
    )
    return replace(reply, stream=replace(reply.stream, pieces=pieces))


def parts(stream: Stream) -> Iterator[tuple[float, bytes]]:
    """Seconds to wait, and the bytes to send then."""
    for piece in stream.pieces:
        sent = _event(piece.content).replace(b"\n", stream.newline)
        size = stream.size or max(len(sent), 1)
        for start in range(0, len(sent), size):
            yield piece.wait if start == 0 else 0.0, sent[start : start + size]


def phrase(status: int) -> str:
    """The words for a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Unknown"


def _event(content: Json | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    # Raw UTF-8, as servers stream it, so that a character can be split; a lone surrogate has none.
    said = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    try:
        return b"data: %b\n\n" % said.encode()
    except UnicodeEncodeError:
        return b"data: %b\n\n" % encoded(content)
