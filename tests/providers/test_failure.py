"""Failure: the general status table."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.http import FaultKind, HttpResponse, TransportFault
from resilient_infer.core.outcome import Failure, FailureKind, Onward, Verdict
from resilient_infer.core.secret import Secret
from resilient_infer.providers.failure import ADVISING, classify, failed, from_fault, received
from tests.providers.samples import JSON, LATIN, NOW, TOKEN, answer

TABLE = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.UNAUTHORIZED,
    402: FailureKind.QUOTA,
    403: FailureKind.UNAUTHORIZED,
    404: FailureKind.GONE,
    405: FailureKind.UNSUPPORTED,
    408: FailureKind.SERVER_ERROR,
    409: FailureKind.CONFLICT,
    410: FailureKind.GONE,
    413: FailureKind.BAD_REQUEST,
    415: FailureKind.BAD_REQUEST,
    418: FailureKind.UNSUPPORTED,
    422: FailureKind.BAD_REQUEST,
    424: FailureKind.SERVER_ERROR,
    425: FailureKind.TOO_EARLY,
    429: FailureKind.THROTTLED,
    500: FailureKind.SERVER_ERROR,
    501: FailureKind.UNSUPPORTED,
    502: FailureKind.SERVER_ERROR,
    503: FailureKind.SERVER_ERROR,
    504: FailureKind.SERVER_ERROR,
    505: FailureKind.UNSUPPORTED,
    520: FailureKind.SERVER_ERROR,
    529: FailureKind.SERVER_ERROR,
    307: FailureKind.REDIRECTED,
    204: FailureKind.MALFORMED,
    999: FailureKind.MALFORMED,
}
VECTORS = Path(__file__).parent / "vectors" / "classification.json"


def told(status: int, body: object = None, headers: dict[str, str] | None = None) -> Failure:
    """What a status with a JSON body means."""
    return classify(status, headers or {}, body, received_at=NOW, secret=Secret(TOKEN))  # type: ignore[arg-type]  # any JSON


@pytest.mark.parametrize("status", TABLE)
def test_each_status_has_its_meaning(status):
    """The table of kinds, for a body that adds nothing."""
    failure = told(status)

    assert failure.kind is TABLE[status]
    assert failure.status == status
    assert str(status) in failure.reason


SIGNALS = json.loads(VECTORS.read_text("utf-8"))["cases"]


@pytest.mark.parametrize("case", SIGNALS, ids=lambda case: case["signal"])
def test_classification_vectors(case):
    """What the same signal does to the route, the call and the circuit, as the shared table says."""
    kind = told(case["status"], case.get("body")).kind

    assert (kind.repeats > 0) is case["retry_same"]
    assert kind.onward is Onward(case["onward"])
    assert kind.verdict is Verdict(case["breaker"])


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"code": "context_length_exceeded"}}, FailureKind.TOO_LONG),
        (422, {"error": "`inputs` must have less than 512 tokens. Given: 900"}, FailureKind.TOO_LONG),
        (
            400,
            {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            FailureKind.CONTENT_FILTER,
        ),
        (403, {"error": {"code": "content_filter"}}, FailureKind.CONTENT_FILTER),
        (400, {"error": {"code": "model_not_supported"}}, FailureKind.GONE),
        (400, {"error": "Model org/m is not supported by provider hf-inference"}, FailureKind.GONE),
        (403, {"error": "Access to model org/m is restricted"}, FailureKind.FORBIDDEN),
        (403, {"error": "no permission for this"}, FailureKind.UNAUTHORIZED),
        (429, {"error": {"type": "insufficient_quota"}}, FailureKind.QUOTA),
        (429, {"error": {"code": "rate_limit_exceeded"}}, FailureKind.THROTTLED),
        (503, {"error": "Model gpt2 is currently loading"}, FailureKind.LOADING),
        (503, {"error": "busy", "estimated_time": 20.0}, FailureKind.LOADING),
    ],
)
def test_words_tell_more_than_the_status(status, body, kind):
    """The body's code or sentence, at the statuses where it counts."""
    assert told(status, body).kind is kind


def test_a_gated_repo_is_told_by_the_hubs_header():
    """X-Error-Code: GatedRepo concerns the repo, not the token."""
    assert told(403, headers={"x-error-code": "GatedRepo"}).kind is FailureKind.FORBIDDEN


@given(st.integers(100, 999) | st.sampled_from(sorted(ADVISING)))
def test_ra8_advice_counts_on_the_statuses_that_ask_for_patience(status):
    """408, 413, 425, 429, 503 and 529 only; anywhere else the header is ignored."""
    failure = told(status, {"estimated_time": 3}, {"retry-after": "7"})

    assert failure.advice == (7.0 if status in (408, 413, 425, 429, 503, 529) else None)


def test_an_estimate_is_advice_where_no_header_is():
    """Read last."""
    assert told(503, {"error": "loading", "estimated_time": 20.0}).advice == 20.0


@pytest.mark.parametrize(
    ("status", "body", "excerpt", "reason"),
    [
        (500, {"error": "Internal Server Error"}, b"", "HTTP 500 Internal Server Error"),
        (404, {"detail": "Not Found"}, b"", "HTTP 404 Not Found"),
        (503, None, b"503 Service unavailable.", "HTTP 503 Service Unavailable"),
        (502, None, b"<html><title>502 Bad Gateway</title>", "HTTP 502 Bad Gateway: an HTML page"),
        (400, {"error": "inputs: Bad Request"}, b"", "HTTP 400 Bad Request: inputs"),
        (404, {"error": "no route Not Found"}, b"", "HTTP 404 Not Found: no route Not Found"),
        (500, {"error": "CUDA error: out of memory"}, b"", None),
        (529, {"error": "Overloaded"}, b"", "HTTP 529: Overloaded"),
        (500, {}, b"", "HTTP 500 Internal Server Error"),
    ],
)
def test_a_body_that_only_repeats_its_status_is_not_quoted(status, body, excerpt, reason):
    """Whatever else it says is."""
    failure = classify(status, {}, body, excerpt, received_at=0.0, secret=None)

    assert failure.reason == (reason or "HTTP 500 Internal Server Error: CUDA error: out of memory")


def test_the_servers_own_word_and_id_are_kept():
    """For the retry rule, and for the server's support."""
    failure = told(400, headers={"x-should-retry": "true", "request-id": "req-1"})

    assert failure.should_retry is True
    assert failure.request_id == "req-1"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://other.test/v2/models", "to https://other.test/v2/models"),
        ("https://other.test/v2?signature=abc#x", "to https://other.test/v2"),
        (f"https://other.test/{TOKEN}/x", "to https://other.test/…"),
        (f"https://me:{TOKEN}@other.test/x", "to https://other.test/…"),
        ("https://me:pass@other.test/x", "to https://other.test/x"),
        (f"https://other.test/x?token={TOKEN}", "to https://other.test/…"),
        ("/login", "to /login"),
        ("", "it names no Location"),
    ],
)
def test_a_redirection_names_its_target_without_secrets(location, shown):
    """Host and path; no query, no user, and no path at all beside something shaped like a token."""
    failure = told(307, headers={"location": location} if location else {})

    assert failure.kind is FailureKind.REDIRECTED
    assert failure.reason == f"HTTP 307 Temporary Redirect: {shown}"


@pytest.mark.parametrize(
    ("fault", "safe", "kind"),
    [
        (FaultKind.UNREACHABLE, False, FailureKind.UNREACHABLE),
        (FaultKind.REJECTED, True, FailureKind.REJECTED),
        (FaultKind.STALE, True, FailureKind.STALE),
        (FaultKind.STALE, False, FailureKind.LOST),
        (FaultKind.LOST, True, FailureKind.LOST),
        (FaultKind.TIMEOUT, True, FailureKind.TIMEOUT),
        (FaultKind.CUT, True, FailureKind.TRUNCATED),
        (FaultKind.OVERSIZED, True, FailureKind.OVERSIZED),
        (FaultKind.GARBLED, True, FailureKind.MALFORMED),
    ],
)
def test_each_fault_has_its_meaning(fault, safe, kind):
    """A stale connection may be sent again at once only where that does no harm."""
    failure = from_fault(TransportFault(kind=fault, reason="why", sent=True, status=200), safe=safe)

    assert failure == Failure(kind=kind, reason="why", status=200)


def test_every_fault_is_mapped():
    """A new kind of fault must be given a meaning."""
    for fault in FaultKind:
        from_fault(TransportFault(kind=fault, reason="", sent=False), safe=True)


@pytest.mark.parametrize(
    ("body", "framed", "kind", "word"),
    [
        (b"", True, FailureKind.TRUNCATED, "empty"),
        (b" \r\n", True, FailureKind.TRUNCATED, "empty"),
        (b'[{"label": "A"', True, FailureKind.MALFORMED, "no JSON"),
        (b'[{"label": "A"', False, FailureKind.TRUNCATED, "no length"),
        (b"<!doctype html><title>Sign in</title>", True, FailureKind.MALFORMED, "HTML page: Sign in"),
        (b"<html>", False, FailureKind.TRUNCATED, "HTML"),
    ],
)
def test_a_200_without_json_is_a_failure_that_says_why(body, framed, kind, word):
    """Cut off where nothing says that the body is whole, else nonsense; a page is named."""
    failure = received(answer(body, framed=framed), None)

    assert isinstance(failure, Failure)
    assert failure.kind is kind
    assert word in failure.reason


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "CUDA out of memory"}, FailureKind.SERVER_ERROR),
        ({"error": {"message": "slow down", "code": 429}}, FailureKind.THROTTLED),
        ({"error": {"message": "x", "code": "context_length_exceeded"}}, FailureKind.TOO_LONG),
        ({"error": {"message": "x", "code": "insufficient_quota"}}, FailureKind.QUOTA),
        ({"object": "error", "message": "no", "code": 400}, FailureKind.BAD_REQUEST),
    ],
)
def test_an_error_inside_a_200_is_that_error(body, kind):
    """And its advice does not count, because a 200 asks for no patience (RA8)."""
    failure = received(answer(body, headers={"retry-after": "9"}), None)

    assert isinstance(failure, Failure)
    assert failure.kind is kind
    assert failure.status == 200
    assert failure.advice is None
    assert failure.reason.startswith("HTTP 200 with an error")


def test_a_body_that_only_mentions_no_error_is_an_answer():
    """`"error": null` is what some servers send with every answer."""
    assert received(answer({"error": None, "x": 1}), None) == {"error": None, "x": 1}
    assert received(answer([{"label": "error"}]), None) == [{"label": "error"}]


@given(
    status=st.integers(100, 999) | st.just(200),
    body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "location", "x-request-id", "x-error-code", "date", "ratelimit"]),
        LATIN,
    ),
    framed=st.booleans(),
)
def test_whatever_a_server_sends_has_a_meaning(status, body, headers, framed):
    """Total: JSON for a plain 200, else a failure of one printable line."""
    response = HttpResponse(status=status, headers=headers, body=body, framed=framed, received_at=NOW)
    result = received(response, Secret(TOKEN))

    if isinstance(result, Failure):
        assert result.reason.isprintable()
        assert len(result.reason) < 400
        assert result.status == status
    else:
        assert status == 200


@given(
    status=st.sampled_from([200, 400, 401, 403, 429, 500, 503, 307]),
    secret=st.sampled_from([TOKEN, "sk-AbCdEfGh12345", "an odd but own secret"]),
    before=LATIN,
    wrap=st.sampled_from(
        [
            lambda text: {"error": {"message": text, "code": text}},
            lambda text: {"error": text},
            lambda text: {"detail": [{"loc": ["body", text], "msg": text}]},
            lambda text: text.encode(),
            lambda text: f"<html><title>{text}</title>".encode(),
        ]
    ),
)
def test_no_secret_is_repeated(status, secret, before, wrap):
    """Whatever the server echoes, in body or headers, no part of a failure shows it."""
    text = f"{before} {secret} "
    headers = {"location": f"https://x.test/{secret}", "x-request-id": text, "www-authenticate": text}
    result = received(answer(wrap(text), status, headers), Secret(secret))

    assert not isinstance(result, Failure) or secret not in repr(result)
    assert secret not in repr(
        failed(FailureKind.WRONG_SHAPE, text, answer(b"", 200, headers), Secret(secret))
    )


def test_a_servers_message_is_quoted_in_short():
    """Two hundred characters are enough to know it again."""
    failure = told(400, {"error": "word " * 1000})

    assert len(failure.reason) <= len("HTTP 400 Bad Request: ") + 200
    assert failure.reason.startswith("HTTP 400 Bad Request: word word")
