"""The table of what each failure means, row by row against the one it was chosen from."""

import pytest

from resilient_infer.core.outcome import MANY, Bar, Failure, FailureKind, Onward, Success, Verdict
from tests.policies.vectors import assert_complete, read

VECTORS = read("classification")
ROWS = {row["signal"]: row for row in VECTORS["ours"]}
KINDS = {
    "connect refused / DNS / TLS reset before bytes sent": ["UNREACHABLE"],
    "certificate invalid, unsupported scheme, bad URL": ["REJECTED"],
    "read timeout / hang": ["TIMEOUT"],
    "reset mid-body, truncated or invalid JSON, wrong content-type": [
        "TRUNCATED",
        "MALFORMED",
        "WRONG_SHAPE",
    ],
    "408": ["SERVER_ERROR"],
    "409": ["CONFLICT"],
    "425": ["TOO_EARLY"],
    "429 with Retry-After r": ["THROTTLED"],
    "429 insufficient_quota / billing": ["QUOTA"],
    "500 502 504": ["SERVER_ERROR"],
    "501 505": ["UNSUPPORTED"],
    "503 with estimated_time (cold start)": ["LOADING"],
    "503 / 529 overloaded": ["SERVER_ERROR"],
    "400 generic, 413, 415, 422": ["BAD_REQUEST"],
    "400 context_length_exceeded, unsupported parameter, model_not_found": ["TOO_LONG"],
    "400 content_policy": ["CONTENT_FILTER"],
    "401 403": ["UNAUTHORIZED", "FORBIDDEN"],
    "402 billing": ["QUOTA"],
    "404 / 410 model gone": ["GONE"],
    "424": ["SERVER_ERROR"],
}
LEFT_OUT = {
    "breaker open, bulkhead full, local rate limit": "no request was sent: a NotBefore, not a failure",
    "deadline of the call spent": "the plan's: a timeout before the attempt's own limit is ignored",
    "KeyboardInterrupt, SystemExit, CancelledError, GeneratorExit": "never a value: it passes through",
}
REPEATS = {
    "no": 0,
    "yes": MANY,
    "yes (always safe)": MANY,
    "yes, 1": 1,
    "if r <= min(remaining, threshold)": MANY,
    "wait min(estimated, remaining) only when it is the last model": MANY,
    "only if idempotent or declared safe; at most 1": 0,  # stricter: it has had its whole time once
}
ONWARD = {
    "yes": Onward.NEXT,
    "yes, at once if r is longer": Onward.NEXT,
    "yes to a DIFFERENT credential or provider, never the same key; else stop": Onward.NEXT,
    "no": Onward.STOP,
    "no: stop at once": Onward.STOP,
    "only to a model marked able (larger context ...)": Onward.LARGER,
    "only by an explicit policy": Onward.PERMITTED,
}
BREAKER = {
    "failure": (Verdict.FAILURE, Bar.NOTHING),
    "ignore": (Verdict.IGNORE, Bar.NOTHING),
    "success (timely answer)": (Verdict.SUCCESS, Bar.NOTHING),
    "rate-limit outcome: opens the target for r, not counted in the failure rate": (
        Verdict.IGNORE,
        Bar.NOTHING,
    ),
    "warming: opens for the estimate, not counted": (Verdict.IGNORE, Bar.NOTHING),
    "opens the credential, not the model": (Verdict.IGNORE, Bar.CREDENTIAL),
}
OPENS_LONG = {"QUOTA": Bar.CREDENTIAL, "GONE": Bar.ROUTE}
CHOSEN = {
    # A 403 about one model bars its route only: the credential may well serve the others.
    "FORBIDDEN": {"bar": Bar.ROUTE},
}
DEVIATIONS = {
    # The general table counts it among the errors of the server, with 500 and 502.
    "424": {"repeats": MANY},
}


def test_every_row_is_run_or_left_out_for_a_reason():
    assert_complete(ROWS, KINDS, LEFT_OUT)
    assert_complete(
        VECTORS, ["ours"], {"retry_same_target": "what seven other libraries do, each its own way"}
    )


@pytest.mark.parametrize(("signal", "name"), [(signal, name) for signal in KINDS for name in KINDS[signal]])
def test_each_failure_means_what_the_table_says(signal, name):
    """May the same route be asked again, may another one be, what does the breaker hear, what is barred."""
    row, kind = ROWS[signal], FailureKind[name]
    verdict, bar = (
        (Verdict.IGNORE, OPENS_LONG[name]) if row["breaker"] == "opens long" else BREAKER[row["breaker"]]
    )
    expected = {
        "repeats": REPEATS[row["retry_same"]],
        "onward": ONWARD[row["next_model"]],
        "verdict": verdict,
        "bar": bar,
        **CHOSEN.get(name, {}),
        **DEVIATIONS.get(signal, {}),
    }

    assert {each: getattr(kind, each) for each in expected} == expected


def test_only_what_may_have_been_done_is_ambiguous():
    """Ambiguous: sent, no answer."""
    assert {kind.name for kind in FailureKind if kind.ambiguous} == {"LOST", "TIMEOUT"}


def test_only_who_asks_for_patience_gets_the_longer_waits():
    """BO7: throttling 1 s, else 50 ms."""
    assert {kind.name for kind in FailureKind if kind.throttling} == {"THROTTLED", "LOADING"}


@pytest.mark.parametrize("kind", FailureKind)
def test_the_table_has_no_contradictions(kind):
    """What is barred for minutes is not repeated; what stops the call is no ill health of the server."""
    if kind.bar is not Bar.NOTHING:
        assert kind.repeats == 0
        assert kind.verdict is Verdict.IGNORE
    if kind.onward is not Onward.NEXT:
        assert kind.verdict is not Verdict.FAILURE
    if kind.ambiguous:
        assert kind.verdict is Verdict.FAILURE


def test_kinds_are_told_apart_by_their_words():
    """The word stands in records and events; two kinds with one word would be one kind."""
    words = [kind.value for kind in FailureKind]

    assert len(set(words)) == len(words) == len(FailureKind)
    assert all(word == word.lower() for word in words)
    assert not {"success", "skipped"} & set(words)


def test_outcomes_do_not_show_what_was_answered():
    """Neither output nor body belongs in a log."""
    shown = repr(Success(output="private words", raw={"text": "private words"}))

    assert "private" not in shown
    assert "HTTP 500" in repr(Failure(kind=FailureKind.SERVER_ERROR, reason="HTTP 500"))
