"""Streaming: streams as servers send them, and what a reader makes of them."""

import json
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import FaultKind, HttpResponse, TransportFault
from resilient_infer.core.outcome import Outcome
from resilient_infer.core.stream import Part, Piece
from resilient_infer.providers.registry import codec_for
from tests.providers.family import LOCKED, ordered
from tests.providers.samples import NOW

DONE = "data: [DONE]\n\n"
CUT = TransportFault(kind=FaultKind.CUT, reason="server.test:80 broke off", sent=True, status=200)
SILENT = TransportFault(kind=FaultKind.TIMEOUT, reason="server.test:80 fell silent", sent=True, status=200)


def streamed(
    kind: str, task: str = "chat", payload: object = None, *, revision: str | None = LOCKED
) -> Attempt:
    """An attempt whose answer is to come piece by piece."""
    return replace(ordered(kind, task, payload, revision=revision), stream=True)


def head(**headers: str) -> HttpResponse:
    """The beginning of a streamed answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(
        status=200,
        headers={"content-type": "text/event-stream", **named},
        body=b"",
        framed=True,
        received_at=NOW,
    )


def sse(*chunks: object, end: str = DONE, line_end: str = "\n") -> bytes:
    """A stream of these chunks: text as it is, anything else as JSON."""
    events = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    text = "".join(f"data: {event}\n\n" for event in events) + end
    return text.replace("\n", line_end).encode()


def said(content: object = None, finish: object = None, **more: object) -> dict[str, object]:
    """A chunk of a chat."""
    delta = {} if content is None else {"content": content}
    return {
        "object": "chat.completion.chunk",
        "model": "org/model",
        "choices": [{"index": 0, "delta": {**delta, **more}, "finish_reason": finish}],
    }


def read(
    attempt: Attempt,
    stream: bytes | Sequence[bytes],
    fault: TransportFault | None = None,
    beginning: HttpResponse | None = None,
) -> tuple[list[Piece], Outcome]:
    """The pieces of a stream and what it came to, read as drivers read it."""
    codec = codec_for(attempt.route.endpoint.kind, attempt.task.name)
    reader = codec.reader(attempt, beginning or head())  # type: ignore[attr-defined]  # it streams
    pieces: list[Piece] = []
    for some in [stream] if isinstance(stream, bytes) else stream:
        if reader.outcome is None:
            pieces += reader.feed(some)
    return pieces, reader.outcome or reader.end(fault)


def shown(pieces: Sequence[Piece]) -> str:
    """The text that a consumer has."""
    return "".join(piece.text for piece in pieces if isinstance(piece, Part))


@st.composite
def cuts(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """The same bytes in pieces; some are empty, some are single bytes."""
    if draw(st.booleans()):
        return [stream[at : at + 1] for at in range(len(stream))]
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]
