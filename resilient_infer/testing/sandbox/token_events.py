"""Token events: the stream of text-generation-inference, which Hugging Face's serverless service speaks too.

One event a token; the last one has the whole text besides, and the details if
they were asked for. There is no `[DONE]`. Source: text-generation-inference,
`router/src/server.rs` (`generate_stream_internal`).
"""

from collections.abc import Callable

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import pieces_of
from resilient_infer.testing.sandbox.wire import Piece, Reply, Says, Stream, streaming

_END_OF_SEQUENCE = "</s>"
_SPECIAL_ID = 2
_FIRST_ID = 1000


def token_stream(
    text: str,
    whole: Json,
    *,
    shown: str,
    finish: str,
    details: Json,
    failed: Callable[[int, str], Json],
    headers: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """A generated text as a stream.

    Args:
        text: What was generated.
        whole: The answer if no stream is asked for.
        shown: `generated_text` of the last event, which may have the prompt before it.
        finish: Why it ended; "eos_token" comes as a special token that is no text.
        details: Of the last event, or None.
        failed: The JSON of a failure in mid-stream, from a status and a message.
    """
    tokens = [(piece, False) for piece in pieces_of(text)]
    if finish == "eos_token" or not tokens:
        tokens.append((_END_OF_SEQUENCE, True))
    *others, last = enumerate(tokens, start=1)
    pieces = [_piece(index, *token) for index, token in others]
    pieces.append(_piece(last[0], *last[1], shown=shown, details=details))

    def ended(status: int, message: str) -> tuple[Piece, ...]:
        return (Piece(says=Says.ERROR, content=failed(status, message)),)

    return streaming(Stream(pieces=tuple(pieces), whole=whole, failed=ended), headers=headers)


def refused(content: Json, headers: tuple[tuple[str, str], ...] = (), *, done: bool = False) -> Reply:
    """A stream that says only what is wrong with the question, with status 200."""
    said = [Piece(says=Says.ERROR, content=content)]
    if done:
        said.append(Piece(says=Says.DONE, content=b"data: [DONE]\n\n"))
    pieces = tuple(said)
    return streaming(Stream(pieces=pieces, whole=content, failed=lambda *_: pieces), headers=headers)


def _piece(index: int, text: str, special: bool, *, shown: str | None = None, details: Json = None) -> Piece:
    number = _SPECIAL_ID if special else _FIRST_ID + index
    token: Json = {"id": number, "text": text, "logprob": -1.0, "special": special}
    content: Json = {"index": index, "token": token, "generated_text": shown, "details": details}
    return Piece(says=Says.TOKEN if shown is None else Says.FINISH, content=content)
