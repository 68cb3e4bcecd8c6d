"""Codec: what one protocol puts on the wire and how it reads the answer.

A codec is pure: no I/O, no retries, no sleeping, no clock. It never raises on
what a server sends; it raises `Unfit` where a route cannot say what the
payload asks for.
"""

from typing import Protocol, runtime_checkable

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Outcome
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits


class Unfit(Exception):
    """This route cannot express the payload; the message says which part. Nothing was sent."""


@runtime_checkable
class Codec(Protocol):
    """One protocol. `(kind, task)` is looked up in `providers/registry.py`.

    Attributes:
        kind: Name in the manifest, for example "hf-inference".
        tasks: Tasks it can serve.
    """

    kind: str
    tasks: frozenset[str]

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request for an attempt.

        Raises:
            Unfit: The payload asks for something this route cannot say.
        """
        ...

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means: a `Success` of the task's shape, or a `Failure`. Never raises."""
        ...


@runtime_checkable
class Attesting(Protocol):
    """What a codec adds whose servers tell which commit they run.

    An answer may tell it too: then `parse` puts it into `Success.commit`.
    """

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest | None:
        """The question to the server, without any payload; None: this one cannot be asked."""
        ...

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """The commit in the answer to `identity`, only if it is a full one (`pinning.commit_in`).

        None for a branch, null, a missing field, or a server that is just being updated. Never raises.
        """
        ...

    def limits(self, body: Json) -> Limits:
        """The server's maxima in the same answer. Never raises."""
        ...
