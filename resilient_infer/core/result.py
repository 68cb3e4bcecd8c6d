"""Result: the answer, and what is known of where it came from."""

import json
from dataclasses import dataclass, field
from decimal import Decimal

from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.outcome import Usage
from resilient_infer.core.quick import quick
from resilient_infer.core.secret import redact
from resilient_infer.core.target import Pin
from resilient_infer.core.task import Json


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What `call` returns.

    Attributes:
        output: The task's shape, the same whichever server answered (see the README's table).
        alias: The name that was called.
        task: Its task, for example "text-classification".
        model: Hub repo that was asked for, or the provider's name where there is none.
        revision: Commit that was asked for, or None if nothing is locked.
        pin: How strongly the answer is tied to `revision`.
        route: "provider:name" that answered.
        served_model: The name the server says it used; None if it says nothing.
        served_by: Who answered behind a router, in its word; None if nobody says.
        served_revision: Commit that the server says it runs; None if it says nothing.
        attempts: Every attempt and every skipped route, in order.
        cost: USD of the answer (usage × price), or None if either is unknown.
        usage: Tokens, where the server counts them.
        elapsed: Seconds of the whole call, waits included.
        request_id: The server's own id of the answer, for its support.
        fallback: Why the first target did not answer; None if it did.
        finish_reason: Why a generation ended, in the server's word.
        warnings: What was translated or could not be done exactly.
        raw: The decoded body as the server sent it.
    """

    output: Json
    alias: str
    task: str
    model: str | None
    revision: str | None
    pin: Pin
    route: str
    attempts: tuple[AttemptRecord, ...]
    elapsed: float
    served_model: str | None = None
    served_by: str | None = None
    served_revision: str | None = None
    cost: Decimal | None = None
    usage: Usage | None = None
    request_id: str | None = None
    fallback: str | None = None
    finish_reason: str | None = None
    warnings: tuple[str, ...] = ()
    raw: Json = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The answer as text, for chat and text generation.

        Raises:
            TypeError: The task's output is no text.
        """
        if isinstance(self.output, str):
            return self.output
        if isinstance(self.output, dict) and "role" in self.output:
            content = self.output.get("content")
            return content if isinstance(content, str) else ""
        raise TypeError(f"{self.alias}: the output of {self.task} is no text; read .output")

    def __repr__(self) -> str:
        shown = redact(json.dumps(self.output, ensure_ascii=False, default=str))
        if len(shown) > 100:
            shown = shown[:99] + "…"
        commit = f"@{self.revision[:12]}" if self.revision else ""
        again = "" if self.fallback is None else ", fallback"
        requests = sum(1 for record in self.attempts if record.number)
        plural = "" if requests == 1 else "s"
        return (
            f"<Result {shown} from {self.route} ({self.model}{commit}, {self.pin}) "
            f"in {self.elapsed:.2f} s, {requests} attempt{plural}{again}>"
        )
