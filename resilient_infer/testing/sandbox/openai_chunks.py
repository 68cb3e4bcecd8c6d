"""OpenAI's chunks: a whole answer of chat or completions cut into a stream, in each server's own manner.

The servers of the family agree on the shape and on nothing else: who says the
role when, which fields are null and which are missing, when usage comes, what
a failure in mid-stream looks like and whether `[DONE]` follows it.
Sources: OpenAI's API reference; vllm, `entrypoints/openai`; sglang,
`srt/entrypoints/openai`; transformers, `cli/serving`; llama.cpp,
`tools/server/server-task.cpp`; text-generation-inference, `router/src`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import pieces_of
from resilient_infer.testing.sandbox.openai_questions import Content
from resilient_infer.testing.sandbox.wire import Piece, Reply, Says, Stream, streaming

UTF8 = "text/event-stream; charset=utf-8"
"""What starlette makes of `text/event-stream`."""

DONE = Piece(says=Says.DONE, content=b"data: [DONE]\n\n")

Fields = Mapping[str, Json]

_FRAME = ("id", "object", "created", "model", "system_fingerprint")
"""What each chunk has in common with the whole answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a server streams.

    Attributes:
        failed: The JSON of a failure in mid-stream, from a status and a message.
        role: Delta of the first chunk; None: there is no such chunk.
        delta: What each delta has besides its text.
        last: Delta of the chunk that only says why it ended.
        choice: What each choice has besides; `end`: what only the finishing one has.
        joined: At the limit the last text comes in the finishing chunk.
        usage: In a chunk of its own if it is asked for, or always in the finishing chunk.
        null: Chunks without usage have a null in its place.
        sparse: No nulls at all.
        done: `[DONE]` ends the stream; `bows`: also one that failed.
    """

    failed: Callable[[int, str], Json] = field(repr=False)
    role: Fields | None = None
    delta: Fields = field(default_factory=dict)
    last: Fields = field(default_factory=dict)
    choice: Fields = field(default_factory=dict)
    end: Fields = field(default_factory=dict)
    joined: bool = False
    usage: Literal["asked", "finish"] = "asked"
    null: Literal["never", "asked", "always"] = "never"
    sparse: bool = False
    done: bool = True
    bows: bool = False
    media_type: str = "text/event-stream"


def chunked(
    whole: Mapping[str, Json], content: Content, manner: Manner, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """The stream that says what a whole answer says.

    Args:
        whole: As the server answers this question if no stream is asked for.
        content: The question.
    """
    options = content.get("stream_options")
    asked = isinstance(options, dict) and options.get("include_usage") is True
    pieces = [*_told(whole, manner, asked), *([DONE] if manner.done else [])]

    def failed(status: int, message: str) -> tuple[Piece, ...]:
        error = Piece(says=Says.ERROR, content=manner.failed(status, message))
        return (error, DONE) if manner.bows else (error,)

    stream = Stream(pieces=tuple(pieces), whole=dict(whole), failed=failed)
    return streaming(stream, manner.media_type, headers)


def _told(whole: Mapping[str, Json], manner: Manner, asked: bool) -> Iterator[Piece]:
    chat = whole["object"] == "chat.completion"
    frame = {name: whole[name] for name in _FRAME if name in whole}
    frame["object"] = "chat.completion.chunk" if chat else "text_completion"
    idle: Fields = {"usage": None} if manner.null == "always" or (asked and manner.null == "asked") else {}
    choices = whole["choices"]
    assert isinstance(choices, list)
    for choice in choices:
        assert isinstance(choice, dict)
        for says, said in _choices(choice, manner, chat):
            ending = manner.usage == "finish" and says is Says.FINISH
            usage: Fields = {"usage": whole["usage"]} if ending else idle
            yield Piece(says=says, content={**frame, "choices": [said], **usage})
    if asked and manner.usage == "asked":
        yield Piece(says=Says.USAGE, content={**frame, "choices": [], "usage": whole["usage"]})


def _choices(choice: Mapping[str, Json], manner: Manner, chat: bool) -> Iterator[tuple[Says, Json]]:
    """What the chunks of one choice say in turn."""
    message = choice.get("message")
    text = str(message["content"] if isinstance(message, dict) else choice["text"])
    reason, index = choice["finish_reason"], choice["index"]

    def said(delta: Fields, finish: Json = None) -> Json:
        shown: Fields = {"delta": _shown(delta, manner)} if chat else {"text": delta.get("content") or ""}
        end = {} if finish is None else manner.end
        rest: Fields = {"logprobs": None, "finish_reason": finish, **manner.choice, **end}
        return {"index": index, **shown, **_shown(rest, manner)}

    if chat and manner.role is not None:
        yield Says.ROLE, said(manner.role)
    tokens = pieces_of(text)
    final = tokens.pop() if tokens and manner.joined and reason == "length" else None
    for token in tokens:
        yield Says.TOKEN, said({**manner.delta, "content": token})
    yield Says.FINISH, said(manner.last if final is None else {**manner.delta, "content": final}, reason)


def _shown(fields: Fields, manner: Manner) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if not manner.sparse or value is not None}
