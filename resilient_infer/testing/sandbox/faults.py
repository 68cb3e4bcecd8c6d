"""Faults: what can go wrong with an answer, as values.

    server.fail(Status(code=503), attempts=2)          # the next two requests of each model
    server.fail(Hang(), model="openai-community/gpt2")
    server.fail(Delay(seconds=0.2), chance=0.1, seed=7)
    server.heal()

Each fault changes a reply and knows nothing of sockets, so they combine:
`Delay`, then `Drip`, then `Reset(where="body")` is a late, slow answer that
breaks off. Anything with such an `alter` method is a fault.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.wire import Cut, Ending, Framing, Reply, answered, encoded

Where = Literal["before", "headers", "body"]
"""Where an answer breaks off: before its first byte, inside its headers, in the middle of its body."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a fault may know of the request it spoils.

    Attributes:
        model: What the request asks for, or "" if it names no model.
        age: Seconds since the first request of this model that met this fault.
        remainder: Seconds until a rate limit admits the next request; 0 for this one is admitted.
        patience: Seconds the proxy of a dedicated endpoint is asked to hold the request.
        reused: The connection has already carried an answer.
        complain: An error in the protocol's own form, from a status and a message.
        scale: How long a second lasts here; `age` and `remainder` are in such seconds.
    """

    model: str
    age: float
    remainder: float
    patience: float
    reused: bool
    complain: Callable[[int, str], Reply]
    scale: float = 1.0


class Fault(Protocol):
    """Something that goes wrong: a value that turns one reply into another."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        """The reply as this fault leaves it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nobody listens: connections are refused and open ones cut off, until the server is healed.

    The one fault of a whole server; it takes no model, attempts or chance.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Another status than 200.

    Attributes:
        code: The status.
        body: JSON to answer; None: an error in the protocol's own form.
        headers: Sent besides the usual ones, as they are.
        retry_after: Seconds to advise in a header Retry-After; None: no such header.
    """

    code: int
    body: Json = None
    headers: Headers = ()
    retry_after: float | None = None

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        said = sight.complain(self.code, "") if self.body is None else answered(self.body, self.code)
        advice = () if self.retry_after is None else (("retry-after", f"{self.retry_after * sight.scale:g}"),)
        return _saying(reply, replace(said, headers=(*self.headers, *advice)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """A redirection; no inference server sends one, but a misplaced proxy does."""

    location: str
    code: int = 307

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        moved = Reply(status=self.code, headers=(("location", self.location),), media_type="text/plain")
        return _saying(reply, moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """The answer starts late, whole."""

    seconds: float

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, wait=reply.wait + self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip:
    """The answer trickles: every read succeeds, and the whole takes for ever.

    Attributes:
        rate: Bytes per second.
    """

    rate: float = 20.0
    where: Literal["headers", "body", "all"] = "body"

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate is bytes per second, more than 0 and finite, not {self.rate}")

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        head = reply.head_pace if self.where == "body" else self.rate
        body = reply.body_pace if self.where == "headers" else self.rate
        return replace(reply, head_pace=head, body_pace=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """The request is accepted and read, and from some point on nothing more comes."""

    where: Where = "before"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, cut=Cut(self.where), ending=Ending.HANG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The connection is reset (RST)."""

    where: Where = "before"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, cut=Cut(self.where), ending=Ending.RESET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The connection ends in good order (FIN), too early; in the body: shorter than its Content-Length."""

    where: Where = "body"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, cut=Cut(self.where), ending=Ending.CLOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetReused:
    """A request on a connection that already carried an answer meets RST: the stale connection."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return Reset().alter(reply, sight) if sight.reused else reply


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseIdle:
    """The connection is closed after a good answer without saying so.

    Attributes:
        after: Seconds without a next request until it is closed.
    """

    after: float = 0.0

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, idle=self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunked:
    """The answer comes in chunks, without a Content-Length. No fault in itself."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, framing=Framing.CHUNKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unframed:
    """Neither Content-Length nor chunks: the end of the connection is the end of the body."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, framing=Framing.END_OF_CONNECTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutJson:
    """Half of the JSON, framed as if it were all of it; a stream is left as it is."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, body=reply.body[: len(reply.body) // 2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """A good status and a body that is no JSON, announced as JSON."""

    body: bytes = b"{'label': POSITIVE, 'score': 0.99,}"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _saying(reply, Reply(body=self.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongShape:
    """A good status and JSON that is no answer to the question."""

    body: Json = "this is no answer"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _saying(reply, Reply(body=encoded(self.body)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A web page with a good status, as proxies and captive portals send."""

    html: str = "<!doctype html><title>Welcome</title><h1>Please sign in</h1>"

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        page = Reply(body=self.html.encode(), media_type="text/html; charset=utf-8")
        return _saying(reply, page)


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """A good status and no body at all."""

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return _saying(reply, Reply())


@dataclass(frozen=True, slots=True, kw_only=True)
class Huge:
    """The right answer behind so many spaces; made as it is sent, so it takes no memory here.

    Attributes:
        size: Bytes of spaces.
    """

    size: int = 128 * 1024 * 1024

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        return replace(reply, padding=self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """A model that loads from its first request on, then answers.

    Until then 503 with `estimated_time`, as Hugging Face's serverless service
    says it. A dedicated endpoint holds the request instead, if its
    X-Scale-Up-Timeout leaves enough time.

    Attributes:
        warm_up: Seconds until the model is loaded.
        estimate: What the server claims; None: the seconds that are really left.
    """

    warm_up: float
    estimate: float | None = None

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        left = self.warm_up - sight.age
        if left <= 0:
            return reply
        if left <= sight.patience:
            return replace(reply, wait=reply.wait + left)
        told = round((left if self.estimate is None else self.estimate) * sight.scale, 3)
        error = f"Model {sight.model} is currently loading"
        return _saying(reply, answered({"error": error, "estimated_time": told}, 503))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `requests` in any `window`, over all models the fault is set for.

    What is refused does not count. Retry-After is what is really left of the
    window, up to the next millisecond, so that a test can wait for it.

    Attributes:
        requests: Admitted in a window.
        window: Seconds; it slides.
    """

    requests: int
    window: float

    def __post_init__(self) -> None:
        if self.requests < 1 or self.window <= 0:
            raise ValueError("a rate limit admits at least 1 request in a window of more than 0 seconds")

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        if sight.remainder <= 0:
            return reply
        wait = math.ceil(sight.remainder * sight.scale * 1000) / 1000 / sight.scale
        return throttled(wait).alter(reply, sight)


def throttled(retry_after: float | str | None = None) -> Status:
    """429; `retry_after` in seconds or as text, None for none at all, as Hugging Face's router does."""
    return _advising(429, retry_after)


def unavailable(retry_after: float | str | None = None) -> Status:
    """503, overloaded or in maintenance."""
    return _advising(503, retry_after)


def out_of_credits() -> Status:
    """402: the month's included credits are used up."""
    return Status(code=402)


def _advising(code: int, advice: float | str | None) -> Status:
    if isinstance(advice, str):
        return Status(code=code, headers=(("retry-after", advice),))
    return Status(code=code, retry_after=advice)


def _saying(reply: Reply, other: Reply) -> Reply:
    """The content of one reply in the manner of another."""
    return replace(
        reply,
        status=other.status,
        headers=other.headers,
        body=other.body,
        media_type=other.media_type,
        stream=other.stream,
    )
