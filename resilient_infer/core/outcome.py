"""Outcome: what one attempt came to. A value, never an exception.

`FailureKind` is the table of what each failure means: may the same route be
asked again, may another one be asked, and does it count against the circuit.
Source: the split by the fault's *scope* (the request, the credential or
model, the moment) that Polly, botocore, openai-python and litellm arrive at.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from resilient_infer.core.quick import quick
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import UNSAID, Limits


class Verdict(Enum):
    """What the circuit breaker hears of an attempt."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORE = "ignore"


class Onward(Enum):
    """Where a call may go after a failure that is not repeated."""

    STOP = "stop"
    """Nowhere: the request is at fault and every server would say the same."""

    NEXT = "next"
    """To the next route, then the next target."""

    LARGER = "larger"
    """To the next target whose context is larger or unknown."""

    PERMITTED = "permitted"
    """To the next target, if the alias's policy permits it (`refusal_fallback`)."""


class Bar(Enum):
    """What a failure that does not pass by itself closes for a long time."""

    NOTHING = "nothing"
    ROUTE = "route"
    CREDENTIAL = "credential"


MANY: Final = 1_000_000


class FailureKind(Enum):
    """Each kind of failure with its consequences.

    Attributes:
        repeats: How often the same route may be asked again at the most.
        onward: Where else the call may go.
        verdict: What the circuit breaker hears.
        ambiguous: The server may have done the work; a task that is not safe is sent at most once more.
        bar: What is closed for `LONG_BAR` seconds.
        throttling: The server asks for patience: waits start at 1 s, not 50 ms.
    """

    repeats: int
    onward: Onward
    verdict: Verdict
    ambiguous: bool
    bar: Bar
    throttling: bool

    def __new__(
        cls,
        value: str,
        repeats: int,
        onward: Onward,
        verdict: Verdict,
        ambiguous: bool = False,
        bar: Bar = Bar.NOTHING,
        throttling: bool = False,
    ) -> "FailureKind":
        kind = object.__new__(cls)
        kind._value_ = value
        kind.repeats = repeats
        kind.onward = onward
        kind.verdict = verdict
        kind.ambiguous = ambiguous
        kind.bar = bar
        kind.throttling = throttling
        return kind

    # Nothing reached the application, or nothing usable came back.
    UNREACHABLE = "unreachable", MANY, Onward.NEXT, Verdict.FAILURE
    REJECTED = "rejected", 0, Onward.NEXT, Verdict.FAILURE
    STALE = "stale connection", 1, Onward.NEXT, Verdict.IGNORE
    LOST = "connection lost", MANY, Onward.NEXT, Verdict.FAILURE, True
    TIMEOUT = "timeout", 0, Onward.NEXT, Verdict.FAILURE, True
    CONNECT_TIMEOUT = "connect timeout", 0, Onward.NEXT, Verdict.FAILURE
    TRUNCATED = "truncated", 1, Onward.NEXT, Verdict.FAILURE
    MALFORMED = "malformed", 1, Onward.NEXT, Verdict.FAILURE
    WRONG_SHAPE = "wrong shape", 1, Onward.NEXT, Verdict.FAILURE
    OVERSIZED = "oversized", 0, Onward.NEXT, Verdict.FAILURE

    # The moment is at fault.
    SERVER_ERROR = "server error", MANY, Onward.NEXT, Verdict.FAILURE
    CONTAINER_FAULT = "container fault", 1, Onward.NEXT, Verdict.FAILURE
    THROTTLED = "throttled", MANY, Onward.NEXT, Verdict.IGNORE, False, Bar.NOTHING, True
    LOADING = "loading", MANY, Onward.NEXT, Verdict.IGNORE, False, Bar.NOTHING, True
    CONFLICT = "conflict", MANY, Onward.STOP, Verdict.IGNORE
    TOO_EARLY = "too early", MANY, Onward.NEXT, Verdict.IGNORE

    # The credential, the model or the provider is at fault.
    UNAUTHORIZED = "unauthorized", 0, Onward.NEXT, Verdict.IGNORE, False, Bar.CREDENTIAL
    FORBIDDEN = "forbidden", 0, Onward.NEXT, Verdict.IGNORE, False, Bar.ROUTE
    QUOTA = "quota used up", 0, Onward.NEXT, Verdict.IGNORE, False, Bar.CREDENTIAL
    GONE = "gone", 0, Onward.NEXT, Verdict.IGNORE, False, Bar.ROUTE
    UNSUPPORTED = "unsupported", 0, Onward.NEXT, Verdict.IGNORE
    REDIRECTED = "redirected", 0, Onward.NEXT, Verdict.FAILURE
    PIN_MISMATCH = "pin mismatch", 0, Onward.NEXT, Verdict.IGNORE
    """The answer says that another commit made it than the one that is locked."""

    # The request is at fault.
    BAD_REQUEST = "bad request", 0, Onward.STOP, Verdict.SUCCESS
    TOO_LONG = "too long", 0, Onward.LARGER, Verdict.IGNORE
    CONTENT_FILTER = "content filter", 0, Onward.PERMITTED, Verdict.IGNORE
    UNFIT = "unfit", 0, Onward.NEXT, Verdict.IGNORE
    """This route cannot express the payload. Nothing was sent."""


LONG_BAR: Final = 300.0
"""Seconds for which a bad credential, an empty account or a missing model is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that an answer says it took; `cached` is the part of `input` read from a cache."""

    input: int
    output: int
    cached: int = 0


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """An answer of the task's shape.

    Attributes:
        output: The task's one shape, whichever server answered.
        raw: The decoded body as the server sent it.
        served_model: The name the server says it used, if it says so.
        served_by: Who answered behind a server that passes requests on, if it says so.
        commit: Full 40-hex commit that the answer says it was made with; None: it does not say.
        enforced: The request named the commit, so that the server had to obey or refuse.
        limits: Of the server; only in the answer to an `Identity`.
    """

    output: Json = field(repr=False)
    raw: Json = field(default=None, repr=False)
    status: int = 200
    request_id: str | None = None
    usage: Usage | None = None
    served_model: str | None = None
    served_by: str | None = None
    finish_reason: str | None = None
    commit: str | None = None
    enforced: bool = False
    limits: Limits = UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt without a usable answer.

    Attributes:
        reason: For people: what was seen, without secrets, one line.
        advice: Seconds to wait that the server asked for, counted from now, or None.
        should_retry: The server's own word (`x-should-retry`), or None if it said nothing.
    """

    kind: FailureKind
    reason: str
    status: int | None = None
    advice: float | None = None
    request_id: str | None = None
    should_retry: bool | None = None


Outcome = Success | Failure
