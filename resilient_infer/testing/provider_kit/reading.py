"""Reading: what an answer may be read as, whatever it is."""

import json
import math
import re
from collections.abc import Iterator
from typing import Final

from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Codec
from resilient_infer.testing.provider_kit.calls import answer_shown, asked, broken
from resilient_infer.testing.provider_kit.goldens import TOKEN, Golden, answer_of, attempt_of
from resilient_infer.testing.provider_kit.outputs import is_output

COMMIT: Final = re.compile(r"[0-9a-f]{40}")

_NOT_READ: Final[dict[FailureKind, str]] = {
    FailureKind.UNFIT: "it says that nothing was sent; raise Unfit in build()",
    FailureKind.PIN_MISMATCH: "a codec tells the commit, the call compares it",
}


def answer_is_golden(codec: Codec, golden: Golden) -> None:
    """A 200 with the golden answer is a success with the golden output."""
    response = answer_of(golden.answer)
    outcome = outcome_of(codec, golden, response)
    if not isinstance(outcome, Success):
        raise broken(f"the golden answer is read as {outcome}", answer_shown(response))
    if repr(outcome.output) != repr(golden.output):  # unlike ==, it tells 1 from 1.0 and takes NaN for NaN
        raise broken(f"the output is {outcome.output!r}, not {golden.output!r}", answer_shown(response))


def parse_takes_each_bent_answer(codec: Codec, golden: Golden) -> None:
    """An outcome where any one place of the golden answer is another."""
    from resilient_infer.testing.provider_kit.garbage import each_bent

    bodies = () if isinstance(golden.answer, bytes) else each_bent(golden.answer)
    for body in bodies:
        parse_takes(codec, golden, answer_of(json.dumps(body).encode()))


def parse_takes(codec: Codec, golden: Golden, response: HttpResponse) -> None:
    """An outcome, whatever the answer."""
    outcome_of(codec, golden, response)


def outcome_of(codec: Codec, golden: Golden, response: HttpResponse) -> Success | Failure:
    """The outcome, if it is one that a codec may give."""
    attempt, given = attempt_of(codec.kind, golden), answer_shown(response)
    outcome = asked(codec.parse, attempt, response, given=given)
    fault = outcome_fault(outcome, golden, response, attempt.payload.inputs)
    if fault:
        raise broken(f"parse(): {fault}", given)
    return outcome


def outcome_fault(outcome: object, golden: Golden, response: HttpResponse, inputs: Json = None) -> str:
    """Why something is no outcome that a codec may give for an answer, or ""."""
    match outcome:
        case Failure():
            return _failure_fault(outcome)
        case Success():
            count = len(inputs) if isinstance(inputs, list) else None
            fault = _success_fault(outcome, response)
            if not fault and not is_output(golden.task, outcome.output, inputs=count):
                fault = f"{outcome.output!r} is no output of {golden.task}"
            return fault
    return f"a {type(outcome).__name__} is no outcome"


def nothing_is_shown(codec: Codec, golden: Golden) -> None:
    """A server that echoes the credential is quoted without it."""
    for response in _echoes(golden):
        if TOKEN in repr(outcome_of(codec, golden, response)):
            raise broken(
                "parse(): the credential is shown (see providers.error_body.one_line)", answer_shown(response)
            )
    if TOKEN in repr(codec) or TOKEN in repr(getattr(codec, "__dict__", "")):
        raise broken("the codec keeps the credential", "any answer")


def _echoes(golden: Golden) -> Iterator[HttpResponse]:
    from resilient_infer.testing.provider_kit.garbage import leaves, replaced

    headers: dict[str, str] = dict.fromkeys(
        ("x-request-id", "x-error-message", "x-inference-provider", "retry-after"), TOKEN
    )
    headers["location"] = f"https://elsewhere.test/{TOKEN}?key={TOKEN}"
    yield answer_of(golden.answer, headers=headers)
    said = f"your key {TOKEN} is no good"
    bodies: tuple[Json | bytes, ...] = (
        {"error": said},
        {"error": {"message": said, "code": TOKEN, "type": TOKEN}},
        {"detail": [{"msg": said, "loc": ["body", TOKEN]}]},
        {"message": said},
        said.encode(),
    )
    for status in (200, 302, 400, 401, 403, 404, 422, 424, 429, 500, 503):
        yield from (answer_of(body, status, headers) for body in bodies)
    if not isinstance(golden.answer, bytes):
        for path, _ in leaves(golden.answer):
            yield answer_of(replaced(golden.answer, path, TOKEN))


def _failure_fault(failure: Failure) -> str:
    if not isinstance(failure.kind, FailureKind):
        return f"a failure of kind {failure.kind!r}"
    if failure.kind in _NOT_READ:
        return f"a failure of kind {failure.kind.name}: {_NOT_READ[failure.kind]}"
    if not failure.reason or not failure.reason.isprintable():
        return f"a reason that is no line for people: {failure.reason!r}"
    if failure.advice is not None and not 0 <= failure.advice < math.inf:
        return f"advice to wait {failure.advice!r} seconds"
    return ""


def _success_fault(success: Success, response: HttpResponse) -> str:
    if not 200 <= response.status < 300:
        return f"a success where the status is {response.status}"
    if success.commit is not None and not _is_told(success.commit, response):
        return f"the commit {success.commit!r}, which the answer does not tell"
    if success.enforced and success.commit is None:
        return "enforced, where the answer tells no commit"
    shown = (success.request_id, success.served_model, success.served_by, success.finish_reason)
    unprintable = [text for text in shown if text is not None and not text.isprintable()]
    return f"{unprintable[0]!r} is no line for people" if unprintable else ""


def _is_told(commit: object, response: HttpResponse) -> bool:
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        return False
    text = response.body.decode("utf-8", "replace") + " ".join(response.headers.values())
    return commit in text.lower()
