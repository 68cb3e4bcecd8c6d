"""What every codec promises, checked the same way for each."""

import json

from hypothesis import strategies as st

from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import Failure, Success
from resilient_infer.providers.base import Codec
from tests.providers.samples import JSON, LATIN, NOW, TOKEN, order

ANSWERS = st.builds(
    HttpResponse,
    status=st.just(200) | st.sampled_from([400, 401, 403, 404, 422, 429, 500, 503, 529, 302, 204]),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "x-request-id", "x-should-retry", "date"]), LATIN
    ),
    body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    framed=st.booleans(),
    received_at=st.just(NOW),
)
"""Whatever a server may answer."""


def check_any_answer(codec: Codec, task: str, response: HttpResponse) -> None:
    """An answer gives an outcome and no exception, and a success is a 200."""
    outcome = codec.parse(order(codec.kind, task), response)

    assert isinstance(outcome, Success | Failure)
    if isinstance(outcome, Success):
        assert response.status == 200
    else:
        assert outcome.reason.isprintable()


def check_no_secret(codec: Codec, task: str, secret: str = TOKEN) -> None:
    """An echo of the secret in body and headers shows in no failure."""
    echo = json.dumps({"error": f"bad token {secret}"}).encode()
    headers = {"x-request-id": secret, "location": f"https://x.test/?t={secret}"}
    attempt = order(codec.kind, task, secret=secret)
    for status in (200, 302, 400, 401, 403, 429, 500, 503):
        response = HttpResponse(status=status, headers=headers, body=echo, framed=True, received_at=NOW)
        outcome = codec.parse(attempt, response)

        assert isinstance(outcome, Failure)
        assert secret not in repr(outcome)
    assert secret not in repr(codec.build(attempt))
    assert secret not in repr(attempt)
