"""Request and reply: what the sandbox reads and what it is about to send.

A `Reply` says not only what the answer is but also *how* it goes out: late,
dripping, cut off, reset. A fault is therefore nothing but a function from
reply to reply, and `delivery.py` is the one place that acts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """How much of an answer is sent before its ending comes."""

    BEFORE = "before"
    HEADERS = "headers"
    BODY = "body"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer and the manner in which it goes out.

    Attributes:
        padding: Spaces sent before the body; JSON stays JSON however many there are.
        wait: Seconds before the first byte.
        head_pace: Bytes of the status line and headers per second; None: all at once.
        body_pace: The same for the body.
        idle: Seconds the connection stays open for a next request; None: as long as the client likes.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    media_type: str = "application/json"
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


def phrase(status: int) -> str:
    """The words for a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Unknown"
