"""The stories of the fault suite, as values: what goes wrong, what the caller and the providers see.

Seconds are those of the full scale. What does not scale, because the library
lets nobody set it, is `fixed`: the backoff (up to 50 ms and 100 ms before the
repeats, after a 429 up to 1 s and 2 s) and the half second in which
formalities may follow a finish_reason.
"""

from dataclasses import dataclass
from typing import Final

from resilient_infer.errors import CallError, PayloadRefused
from resilient_infer.testing.sandbox import Close, Fault, Garbage, Hang, Model, Reset, Status, throttled
from resilient_infer.testing.sandbox.stream_faults import (
    CutStream,
    FilteredStream,
    LateToken,
    Malformed,
    NoDone,
    Stall,
    StreamError,
)
from tests.scenarios.fault_stage import SMALL, TINY

BACKOFF: Final = 0.15
"""Seconds that two repeats wait at the most, after an ordinary failure."""

THROTTLED: Final = 3.0
"""The same after a 429."""

LINGER: Final = 0.5
"""Seconds in which formalities may follow the reason why a generation ended."""

WHOLE: Final = (False,)
STREAMED: Final = (True,)
BOTH: Final = (False, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The caller gets the whole answer of one provider, and nothing else is left on his screen.

    Attributes:
        by: "primary" or "fallback".
        restarts: How often the consumer of a stream is told to throw away what he has.
        finish_reason: Why the generation ended.
        cut: The answer is the beginning of what the provider would have said.
        skipped: Chunks that could not be read.
    """

    by: str
    restarts: int = 0
    finish_reason: str = "stop"
    cut: bool = False
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The caller gets an error that tells the server's reason."""

    error: type[CallError]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One fault of the primary, and what becomes of a call.

    Attributes:
        attempts: Requests of the primary that the fault hits; None: all.
        streams: Whether it is told with stream on and off.
        caller: What the caller sees.
        within: Seconds after which he has seen all of it.
        fixed: Seconds of these that do not scale.
        requests: Those that the primary sees, and those that the fallback sees.
        apart: Seconds at least between the primary's.
        afterwards: The providers that are asked by the next call of the same client, now that all are well.
    """

    name: str
    fault: Fault | None
    attempts: int | None = None
    streams: tuple[bool, ...] = BOTH
    model: Model = SMALL
    caller: Answered | Refused
    within: float = 1.0
    fixed: float = BACKOFF
    requests: tuple[int, int]
    apart: float = 0.0
    afterwards: tuple[str, ...] = ("primary",)


_FILTERED: Final = Status(
    code=400,
    body={
        "error": {
            "message": "The response was filtered due to the prompt triggering our content policy.",
            "type": "invalid_request_error",
            "param": "prompt",
            "code": "content_filter",
        }
    },
)

STORIES: Final = (
    Story(
        name="429 with Retry-After 2 once",
        fault=throttled(2),
        attempts=1,
        caller=Answered(by="primary"),
        within=4.0,
        fixed=1.0,
        requests=(2, 0),
        apart=2.0,
    ),
    Story(
        name="429 with Retry-After 20, longer than is waited while a fallback is left",
        fault=throttled(20),
        caller=Answered(by="fallback"),
        requests=(1, 1),
        afterwards=("fallback",),  # the primary has asked to be left alone
    ),
    Story(
        name="429 for ever without a header",
        fault=throttled(),
        caller=Answered(by="fallback"),
        within=4.0,
        fixed=THROTTLED,
        requests=(3, 1),
    ),
    Story(
        name="500 once",
        fault=Status(code=500),
        attempts=1,
        caller=Answered(by="primary"),
        requests=(2, 0),
    ),
    Story(
        name="503 for ever, and only the answer is billed",
        fault=Status(code=503),
        caller=Answered(by="fallback"),
        requests=(3, 1),
    ),
    Story(name="reset before headers", fault=Reset(), caller=Answered(by="fallback"), requests=(1, 1)),
    Story(
        name="accepts and never answers",
        fault=Hang(),
        streams=WHOLE,
        caller=Answered(by="fallback"),
        within=62.0,
        requests=(1, 1),
    ),
    Story(
        name="accepts and never answers",
        fault=Hang(),
        streams=STREAMED,
        caller=Answered(by="fallback"),
        within=12.0,
        requests=(1, 1),
    ),
    Story(
        name="first token after 20 s",
        fault=LateToken(seconds=20),
        streams=STREAMED,
        caller=Answered(by="fallback"),
        within=12.0,
        requests=(1, 1),
    ),
    Story(
        name="cut after two thirds once",
        fault=CutStream(share=2 / 3),
        attempts=1,
        streams=STREAMED,
        caller=Answered(by="primary"),
        requests=(2, 0),
    ),
    Story(
        name="cut after two thirds for ever",
        fault=CutStream(share=2 / 3),
        streams=STREAMED,
        caller=Answered(by="fallback", restarts=1),
        requests=(2, 1),
    ),
    Story(
        name="reset after two thirds for ever",
        fault=CutStream(share=2 / 3, end="reset"),
        streams=STREAMED,
        caller=Answered(by="fallback", restarts=1),
        requests=(2, 1),
    ),
    Story(
        name="cut after two thirds, ended in good order",
        fault=CutStream(share=2 / 3, end="clean"),
        streams=STREAMED,
        caller=Answered(by="fallback", restarts=1),
        requests=(2, 1),
    ),
    Story(
        name="cut in the middle of the body",
        fault=Close(),
        streams=WHOLE,
        caller=Answered(by="fallback"),
        requests=(2, 1),
    ),
    Story(
        name="silent for 30 s in mid-stream",
        fault=Stall(after=3, seconds=30),
        attempts=1,
        streams=STREAMED,
        caller=Answered(by="fallback", restarts=1),
        within=17.0,
        requests=(1, 1),
    ),
    Story(
        name="one malformed chunk",
        fault=Malformed(),
        streams=STREAMED,
        caller=Answered(by="primary", skipped=1),
        requests=(1, 0),
    ),
    Story(
        name="a malformed answer once",
        fault=Garbage(),
        attempts=1,
        streams=WHOLE,
        caller=Answered(by="primary"),
        requests=(2, 0),
    ),
    Story(
        name="no [DONE]",
        fault=NoDone(),
        streams=STREAMED,
        caller=Answered(by="primary"),
        requests=(1, 0),
    ),
    Story(
        name="no [DONE], and the connection is cut",
        fault=NoDone(end="close"),
        streams=STREAMED,
        caller=Answered(by="primary"),
        requests=(1, 0),
    ),
    Story(
        name="no [DONE], and the connection stays open",
        fault=NoDone(end="hang"),
        streams=STREAMED,
        caller=Answered(by="primary"),
        fixed=LINGER,
        requests=(1, 0),
    ),
    Story(
        name="an error inside the stream before the first token, for ever",
        fault=StreamError(code=503),
        streams=STREAMED,
        caller=Answered(by="fallback"),
        requests=(3, 1),
    ),
    Story(
        name="context length exceeded",
        fault=None,
        model=TINY,
        caller=Answered(by="fallback"),
        requests=(1, 1),
        afterwards=("primary", "fallback"),
    ),
    Story(
        name="content filter",
        fault=_FILTERED,
        caller=Refused(error=PayloadRefused, says="triggering our content policy"),
        requests=(1, 0),
    ),
    Story(
        name="content filter before the first token",
        fault=FilteredStream(after=0),
        streams=STREAMED,
        caller=Refused(error=PayloadRefused, says="content filter held the answer back"),
        requests=(1, 0),
    ),
    Story(
        name="content filter in mid-stream",
        fault=FilteredStream(after=4),
        streams=STREAMED,
        caller=Answered(by="primary", finish_reason="content_filter", cut=True),
        requests=(1, 0),
    ),
)
