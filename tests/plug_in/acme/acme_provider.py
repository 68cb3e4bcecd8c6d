"""A provider for resilient_infer: servers of kind "acme", and a listener that counts slow attempts.

POST {url}/answer {"model": "org/model", "ask": "I love it"}
    -> {"marks": {"POSITIVE": 0.9, "NEGATIVE": 0.1}, "commit": "<40 hex>"}
GET {url}/about -> {"commit": "<40 hex>", "batch": 1}
"""

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits
from resilient_infer.events import AttemptFinished, Event
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.failure import failed, received
from resilient_infer.providers.request import get_request, json_request


class Acme:
    """The codec of kind "acme". It is made once, asked by many threads, and does no I/O."""

    kind = "acme"
    tasks = frozenset({"text-classification"})

    def build(self, attempt: Attempt) -> HttpRequest:
        """What a payload is on the wire; what acme cannot say makes the call go elsewhere."""
        if attempt.payload.parameters:
            raise Unfit("acme takes no parameters")
        if not isinstance(attempt.payload.inputs, str):
            raise Unfit("acme takes one text at a time")
        body = {"model": attempt.route.name, "ask": attempt.payload.inputs}
        return json_request(attempt, f"{attempt.route.endpoint.url}/answer", body)

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """The task's one shape, best first; `received` reads every status and error there is."""
        body = received(response, attempt.secret)
        if isinstance(body, Failure):
            return body
        marks = body.get("marks") if isinstance(body, dict) else None
        if not isinstance(marks, dict) or not marks or not all(map(_is_mark, marks.values())):
            return failed(FailureKind.WRONG_SHAPE, "no marks in the answer", response, attempt.secret)
        ranked = sorted(marks.items(), key=lambda pair: pair[1], reverse=True)
        output = [{"label": label, "score": mark} for label, mark in ranked]
        return Success(output=output, raw=body, commit=_commit(body))

    # These three let a server attest the commit that it runs. A codec without them is fine, and its
    # answers are "declared".

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest:
        """How a server is asked, before it is given any payload."""
        return get_request(endpoint, secret, f"{endpoint.url}/about")

    def reported_commit(self, _attempt: Attempt, body: Json) -> str | None:
        """What it says: a whole commit, or nothing."""
        return _commit(body)

    def limits(self, body: Json) -> Limits:
        """How many texts it takes at once."""
        most = body.get("batch") if isinstance(body, dict) else None
        return Limits(inputs=most if type(most) is int and most > 0 else None)


def _is_mark(value: Json) -> bool:
    return isinstance(value, float) and 0.0 <= value <= 1.0  # NaN is no mark


def _commit(body: Json) -> str | None:
    return commit_in(body.get("commit")) if isinstance(body, dict) else None


class Slow:
    """A listener: counts attempts of more than a second. Made once, when the first client is made."""

    def __init__(self) -> None:
        self.heard = 0
        self.slow = 0

    def __call__(self, event: Event) -> None:
        """Told of every event of every client, in the thread that calls."""
        self.heard += 1
        if isinstance(event, AttemptFinished) and event.elapsed > 1.0:
            self.slow += 1
