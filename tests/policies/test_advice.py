"""Advice: how long did the server ask to wait?"""

import json
import math
import os
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resilient_infer.policies.advice import LONGEST, estimated_time, http_date, should_retry, wait_advice

VECTORS = json.loads((Path(__file__).parent / "vectors" / "retry_after.json").read_text("utf-8"))

LEFT_OUT = {
    "openai_backoff_when_ignored_no_jitter": "the schedule of another library; ours is policies/backoff.py",
    "aws21": "x-amz-retry-after is sent by no inference server of ours, and its clamp undercuts the advice",
    "aws20_rule": "a cap below the advice: RA5 never undercuts it",
    "grpc_pushback_ms": "a trailer of gRPC, which is spoken nowhere here",
}
"""Groups of the shared vectors that are no test of this module, and why."""

HEADERS = (
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "retry-after",
    "ratelimit",
    "date",
    "x-should-retry",
)
NOW = 1_700_000_000.0
AWKWARD = st.sampled_from(
    [
        "",
        "-1",
        "+1",
        "1.0",
        "nan",
        "inf",
        "-inf",
        "²",
        "1e400",
        "1_000",
        "٣",
        "9" * 35,
        "9" * 5000,
        "10, 20",
        "Fri, 29 Sep 100000 16:26:57 GMT",
        "Zun, 29 Sep 2023 16:26:27 GMT",
        "Fri, 31 Feb 2023 16:26:27 GMT",
        "Fri, 29 Sep 0000 25:61:61 +9999999999",
        '"api";r=0;t=' + "9" * 30,
        '"api";r=0',
        ";r=0;t=",
        "é",
        "\x00",
    ]
)

LATIN = st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))
LIKELY = st.text(alphabet="0123456789-:;=,. +rtGMTFriSep", max_size=40)


@given(
    headers=st.dictionaries(st.sampled_from(HEADERS), LATIN | LIKELY | AWKWARD),
    received_at=st.floats(0, 4e9),
)
def test_ra1_parsing_is_total(headers, received_at):
    """Any header gives a finite number of seconds above 0, or None; nothing raises."""
    advice = wait_advice(headers, received_at=received_at)

    assert advice is None or (math.isfinite(advice) and 0 < advice <= LONGEST)
    assert should_retry(headers) in (True, False, None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | LIKELY | AWKWARD,
        lambda inner: st.lists(inner) | st.dictionaries(st.just("estimated_time") | LATIN, inner),
    )
)
@example({"estimated_time": 10**400})
@example({"estimated_time": True})
@example({"estimated_time": math.nan})
@example({"estimated_time": 5e-324})
def test_ra1_an_estimate_is_read_from_any_body(body):
    """Any body gives a finite number of seconds above 0, or None; nothing raises."""
    estimate = estimated_time(body)

    assert estimate is None or (math.isfinite(estimate) and 0 < estimate <= LONGEST)


def test_the_estimate_of_a_loading_model_is_read():
    """Hugging Face's 503 body says how long loading takes."""
    assert estimated_time({"error": "Model gpt2 is currently loading", "estimated_time": 20.0}) == 20.0
    assert estimated_time({"estimated_time": "12.5"}) == 12.5
    assert estimated_time({"estimated_time": True}) is None
    assert estimated_time(["estimated_time"]) is None


@pytest.mark.parametrize("case", VECTORS["openai"], ids=lambda case: case["header"] or "empty")
def test_openai_vectors(case):
    """As openai-python reads the header, without its cap: beyond 120 s RA6 decides, not the parser."""
    advice = wait_advice({"retry-after": case["header"]}, received_at=VECTORS["openai_now_epoch"])

    expected = case["wait"]
    if expected is None and advice is not None:
        assert advice == pytest.approx(121)
    else:
        assert advice == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("case", VECTORS["urllib3_parse"], ids=lambda case: case["header"])
def test_urllib3_numbers(case):
    """As urllib3 reads numbers, but 0 is no advice (RA3) and nothing is cut to six hours (RA5)."""
    advice = wait_advice({"retry-after": case["header"]}, received_at=NOW)

    assert advice == {"0": None, "21601": 21601.0}.get(case["header"], case["wait"])


@pytest.mark.parametrize("header", [header for header in VECTORS["urllib3_invalid"] if header != "1.0"])
def test_urllib3_invalid_numbers_are_ignored_where_it_raises(header):
    """No header makes a call fail. "1.0" is left out: a finite float is accepted here."""
    assert wait_advice({"retry-after": header}, received_at=NOW) is None


@pytest.mark.parametrize(
    "case",
    [case for case in VECTORS["urllib3_sleep"] if case["respect"]],
    ids=lambda case: case["header"],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Jerusalem", "America/New_York"])
def test_ra2_dates_mean_the_same_in_any_time_zone(case, zone, monkeypatch):
    """IMF-fixdate, RFC 850 and asctime; no zone is GMT; the same answer under any TZ.

    Cases with respect=False are left out: that is an option of urllib3.
    """
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        now = datetime.fromisoformat(VECTORS["urllib3_now"]).timestamp()
        assert wait_advice({"retry-after": case["header"]}, received_at=now) == case["sleep"]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("case", VECTORS["dotnet"], ids=str)
def test_dotnet_vectors(case):
    """As dotnet reads them, but a past date is no advice rather than 0 s."""
    if "delta" in case:
        headers = {"retry-after": str(case["delta"])}
    elif "date_in" in case:
        moment = datetime.fromtimestamp(NOW + case["date_in"], UTC)
        headers = {"retry-after": format_datetime(moment, usegmt=True)}
    else:
        headers = {}

    assert wait_advice(headers, received_at=NOW) == (case.get("wait") or None)


@pytest.mark.parametrize("case", VECTORS["hf_ratelimit_header"], ids=lambda case: case["ratelimit"])
def test_the_hub_quota_that_is_used_up_is_advice(case):
    """`RateLimit: "api";r=0;t=55` asks for t + 1 seconds, as huggingface_hub sleeps."""
    assert wait_advice({"ratelimit": case["ratelimit"]}, received_at=NOW) == case["hub_sleeps"]


def test_a_quota_that_is_not_used_up_is_no_advice():
    """r > 0: the server only says how much is left."""
    assert wait_advice({"ratelimit": '"api";r=1;t=55'}, received_at=NOW) is None
    assert wait_advice({"ratelimit": '"api";r=07;t=55'}, received_at=NOW) is None
    assert wait_advice({"ratelimit": '"a";r=3;t=99, "b";r=0;t=5, "c";t=7;r=0'}, received_at=NOW) == 8.0


@given(left=st.integers(1, 10**6), then=st.integers(1, 10**6))
def test_the_order_of_reading(left, then):
    """`retry-after-ms`, `x-ms-retry-after-ms`, `retry-after`, `RateLimit`; the unusable is passed over."""
    headers = {"ratelimit": '"api";r=0;t=5', "retry-after": str(then / 1000), "x-ms-retry-after-ms": "7"}

    assert wait_advice({**headers, "retry-after-ms": str(left)}, received_at=NOW) == pytest.approx(
        left / 1000
    )
    assert wait_advice({**headers, "retry-after-ms": "soon"}, received_at=NOW) == pytest.approx(0.007)
    del headers["x-ms-retry-after-ms"]
    assert wait_advice(headers, received_at=NOW) == pytest.approx(min(then / 1000, LONGEST))
    assert wait_advice({**headers, "retry-after": "0"}, received_at=NOW) == 6.0


@given(past=st.integers(0, 10**9))
def test_ra3_a_past_date_is_no_advice(past):
    """A past date, 0 or a negative number is no advice: never a loop without a wait."""
    date = format_datetime(datetime.fromtimestamp(NOW - past, UTC), usegmt=True)

    assert wait_advice({"retry-after": date}, received_at=NOW) is None


@given(ahead=st.integers(1, 10**5), skew=st.integers(-(10**8), 10**8))
def test_ra4_a_date_is_read_against_the_answers_own_clock(ahead, skew):
    """The wait is the distance to the answer's `Date`, however wrong the server's clock is."""
    there = NOW + skew
    headers = {
        "date": format_datetime(datetime.fromtimestamp(there, UTC), usegmt=True),
        "retry-after": format_datetime(datetime.fromtimestamp(there + ahead, UTC), usegmt=True),
    }

    assert wait_advice(headers, received_at=NOW) == ahead
    assert wait_advice({**headers, "date": "yesterday"}, received_at=there) == ahead


@given(st.floats(LONGEST, 1e300, exclude_min=True))
def test_a_length_beyond_reason_is_no_advice(seconds):
    """An epoch time sent as a length closes no route for fifty years."""
    assert wait_advice({"retry-after": f"{seconds:.0f}"}, received_at=NOW) in (None, LONGEST)
    assert wait_advice({"retry-after-ms": f"{seconds * 1000:.0f}"}, received_at=NOW) in (None, LONGEST)


def test_a_zone_and_a_leap_second_are_read():
    """What RFC 5322 allows beside GMT is read too."""
    assert http_date("Mon, 03 Jun 2019 14:00:00 +0300") == http_date("Mon, 03 Jun 2019 11:00:00 GMT")
    assert http_date("Sat, 31 Dec 2016 23:59:60 GMT") == http_date("Sat, 31 Dec 2016 23:59:59 GMT")
    assert http_date("") is None


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["openai_should_retry"] if "status" in case], ids=str
)
def test_the_servers_own_word_is_read(case):
    """`x-should-retry` says true or false. The cases without it are openai's cap of 120 s (RA6 here)."""
    assert should_retry(case["headers"]) is case["retry"]


def test_a_word_that_is_neither_is_no_word():
    """Only true and false count."""
    assert should_retry({}) is None
    assert should_retry({"x-should-retry": "maybe"}) is None
    assert should_retry({"x-should-retry": " TRUE "}) is True


def test_each_group_of_vectors_is_used_or_left_out_for_a_reason():
    """Nothing is left out by oversight."""
    used = {"openai", "openai_should_retry", "urllib3_parse", "urllib3_invalid", "urllib3_sleep", "dotnet"}
    cases = {name for name, value in VECTORS.items() if isinstance(value, list)}

    assert cases - {"ms_header_precedence"} == used | {"hf_ratelimit_header"}
    assert not cases & LEFT_OUT.keys()
