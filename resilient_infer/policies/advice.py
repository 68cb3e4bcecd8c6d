"""Advice: how long did the server ask to wait, in whichever header it said so?

Pure and total: whatever a server sends gives a usable number of seconds or
None, and never an exception. A date is turned into a length here, once, and
from then on only monotonic time counts.

Order of reading: `retry-after-ms`, `x-ms-retry-after-ms` (Azure),
`retry-after` (RFC 9110, 10.2.3: seconds or a date), the IETF draft's
`RateLimit: "api";r=0;t=55` (Hugging Face; draft-ietf-httpapi-ratelimit-headers-10).
Source of the order: openai-python and the Portkey gateway; of t + 1: huggingface_hub.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

LONGEST: Final = 7 * 86_400.0
"""Seconds. What asks for more than a week is a mistake (an epoch time sent as a length, say), not advice."""

_NUMBER: Final = re.compile(r"[0-9]{1,40}(?:\.[0-9]{0,40})?")
_REMAINING: Final = re.compile(r";\s*r=([0-9]{1,18})(?![0-9])")
_RESET: Final = re.compile(r";\s*t=([0-9]{1,18})(?![0-9])")
_LONGEST_DATE: Final = 64
"""Characters. The longest date of RFC 9110 has 33; email.utils reads a long one in quadratic time."""


def wait_advice(headers: Mapping[str, str], *, received_at: float) -> float | None:
    """Seconds to wait that the headers ask for, or None if they ask for nothing usable.

    Zero, a negative number and a past date ask for nothing: the ordinary backoff applies.

    Args:
        headers: Names in lower case.
        received_at: Wall clock when they came, seconds since the epoch; used
            for dates only, and only where the answer carries no `Date` of its own.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        advice = _usable(_number(headers.get(name, "")), scale=0.001)
        if advice is not None:
            return advice
    text = headers.get("retry-after")
    if text is not None:
        advice = _usable(_number(text) or _until(text, headers.get("date", ""), received_at))
        if advice is not None:
            return advice
    limit = headers.get("ratelimit")
    return None if limit is None else _usable(_reset(limit))


def estimated_time(body: object) -> float | None:
    """Seconds that a loading model says it needs: `estimated_time` of Hugging Face's 503 body, or None."""
    estimate = body.get("estimated_time") if isinstance(body, Mapping) else None
    if isinstance(estimate, str):
        return _usable(_number(estimate))
    if isinstance(estimate, bool) or not isinstance(estimate, int | float):
        return None
    return _usable(estimate)


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """The server's own word on another try (`x-should-retry`, OpenAI), or None if it said nothing clear."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def http_date(text: str) -> float | None:
    """Seconds since the epoch of a date as RFC 9110 allows it, or None if it is none.

    IMF-fixdate, RFC 850 and asctime are read. A date without a zone is GMT, whatever zone this machine is in.
    """
    if not text or len(text) > _LONGEST_DATE:
        return None
    from email.utils import parsedate_tz  # on the rare path: it loads socket

    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        # A leap second has the number 60, which datetime does not know.
        moment = datetime(*parts[:5], min(parts[5], 59), tzinfo=UTC)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return moment.timestamp() - (parts[9] or 0)


def _number(text: str) -> float | None:
    text = text.strip(" \t")
    return float(text) if _NUMBER.fullmatch(text) else None


def _until(text: str, date: str, received_at: float) -> float | None:
    moment = http_date(text)
    if moment is None:
        return None
    sent = http_date(date)  # the server's clock against itself, so that a wrong one does no harm
    return moment - (received_at if sent is None else sent)


def _reset(limit: str) -> float | None:
    """The longest reset among the quotas that are used up; one second more, as its t is rounded down."""
    waits = [
        float(reset[1]) + 1.0
        for quota in limit.split(",")
        if (left := _REMAINING.search(quota)) and int(left[1]) == 0 and (reset := _RESET.search(quota))
    ]
    return max(waits, default=None)


def _usable(seconds: float | None, *, scale: float = 1.0) -> float | None:
    if seconds is None or not 0 < seconds <= LONGEST / scale:
        return None
    return float(seconds) * scale or None  # the smallest floats become 0
