"""Attesting: what may be said of the commit that a server runs."""

import json
from collections.abc import Iterator

from resilient_infer.core.secret import Secret
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits
from resilient_infer.providers.base import Attesting, Codec
from resilient_infer.testing.provider_kit.asking import request_is_sound
from resilient_infer.testing.provider_kit.calls import asked, broken
from resilient_infer.testing.provider_kit.goldens import (
    IDENTITY_URL,
    TOKEN,
    Golden,
    Report,
    attempt_of,
    endpoint_of,
)
from resilient_infer.testing.provider_kit.reading import COMMIT

METHODS = ("identity", "reported_commit", "limits")


def identity_is_sound(codec: Codec, golden: Golden) -> None:
    """A request that carries the credential in a header, the same each time, or None; not None everywhere."""
    assert isinstance(codec, Attesting)
    questions = 0
    for elsewhere in ("", IDENTITY_URL):
        endpoint = endpoint_of(codec.kind, golden.url, elsewhere)
        given = f"an endpoint with identity_url={elsewhere!r}"
        for secret in (Secret(TOKEN), None):
            first, second = (asked(codec.identity, endpoint, secret, given=given) for _ in "12")
            if first != second:
                raise broken("identity() gives another request the second time", given)
            if first is not None and secret is not None:
                questions += 1
                request_is_sound(first, endpoint, (golden.url, elsewhere or golden.url), given)
    if not questions:
        raise broken("identity() never asks anything; leave the method out", "any endpoint")


def report_is_read(codec: Codec, golden: Golden, report: Report) -> None:
    """What is written down of an answer, and no commit once the answer has lost it."""
    from resilient_infer.testing.provider_kit.garbage import each_bent

    commit, limits = said(codec, golden, report.body)
    if commit != report.commit:
        raise broken(f"reported_commit() gives {commit!r}, not {report.commit!r}", repr(report.body))
    if limits != report.limits:
        raise broken(f"limits() gives {limits}, not {report.limits}", repr(report.body))
    for bent in each_bent(report.body):
        said(codec, golden, bent)
    if report.commit is None:
        return
    for untruth in _untruths(report.body, report.commit):
        commit, _ = said(codec, golden, untruth)
        if commit is not None:
            raise broken(f"reported_commit() gives {commit!r}: that is not attested", repr(untruth))


def said(codec: Codec, golden: Golden, body: Json) -> tuple[str | None, Limits]:
    """What is read in an answer, if it is something that a codec may say."""
    assert isinstance(codec, Attesting)
    attempt, given = attempt_of(codec.kind, golden), repr(body)
    commit = asked(codec.reported_commit, attempt, body, given=given)
    limits = asked(codec.limits, body, given=given)
    if commit is not None and not COMMIT.fullmatch(str(commit)):
        raise broken(f"reported_commit() gives {commit!r}, which is no full commit (see commit_in)", given)
    if commit is not None and commit not in json.dumps(body).lower():
        raise broken(f"reported_commit() gives {commit!r}, which the answer does not tell", given)
    if not isinstance(limits, Limits):
        raise broken(f"limits() gives a {type(limits).__name__}", given)
    for most in (limits.inputs, limits.context):
        if most is not None and (type(most) is not int or most < 1):
            raise broken(f"limits() gives a maximum of {most!r}", given)
    return commit, limits


def _untruths(body: Json, commit: str) -> Iterator[Json]:
    """The same answer where a branch, a short commit, nothing or null stands for the commit."""
    from resilient_infer.testing.provider_kit.garbage import leaves, replaced

    places = [(path, text) for path, text in leaves(body) if commit in text.lower()]
    for instead in ("main", commit[:7], ""):
        untrue = body
        for path, text in places:
            untrue = replaced(untrue, path, text.lower().replace(commit, instead))
        yield untrue
    nothing = body
    for path, _ in places:
        nothing = replaced(nothing, path, None)
    yield nothing
