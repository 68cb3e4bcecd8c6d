"""Codec: what one protocol puts on the wire and how it reads the answer.

A codec is pure: no I/O, no retries, no sleeping, no clock. It never raises on
what a server sends; it raises `Unfit` where a route cannot say what the
payload asks for.
"""

from typing import Protocol, runtime_checkable

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Outcome


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
