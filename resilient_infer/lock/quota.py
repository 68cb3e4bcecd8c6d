"""Quota: what the Hub says is left to ask, and when there is more.

Every reply carries `RateLimit: "api";r=<left>;t=<seconds>`; the API and the
downloads have separate quotas. One quota is shared by all threads, so that
there is one wait and not one for each.
Source: draft-ietf-httpapi-ratelimit-headers-10, as Hugging Face sends it.
"""

import re
from dataclasses import dataclass
from threading import Lock
from typing import Final

_QUOTA: Final = re.compile(r'"([^"]{1,64})"\s*;\s*r=([0-9]{1,9})\s*;\s*t=([0-9]{1,9})')
ROUNDED: Final = 1.0
"""Seconds more than the header says: its t is rounded down."""

UNSAID: Final = 60.0
"""Seconds to hold back after a 429 that does not say how long."""


def quota_of(path: str) -> str:
    """Which quota a request draws on, by its path."""
    return "api" if path.startswith("/api/") else "resolvers"


@dataclass(slots=True)
class _Left:
    requests: int
    renewed_at: float


class Quota:
    """What is left of each quota. Moments are monotonic seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._left: dict[str, _Left] = {}

    def note(self, header: str, now: float) -> None:
        """Take what a `RateLimit` header says; anything else is passed over."""
        for name, left, seconds in _QUOTA.findall(header):
            renewed_at = now + int(seconds) + ROUNDED
            with self._lock:
                known = self._left.get(name)
                if known is None or now >= known.renewed_at:
                    self._left[name] = _Left(int(left), renewed_at)
                else:  # replies come out of order, and others are under way: the least counts
                    known.requests = min(known.requests, int(left))

    def limited(self, path: str, advice: float | None, now: float) -> None:
        """A request was refused for asking too much: nothing more before the advised moment."""
        renewed_at = now + (UNSAID if advice is None else advice)
        with self._lock:
            known = self._left.setdefault(quota_of(path), _Left(0, renewed_at))
            known.requests = 0
            known.renewed_at = max(known.renewed_at, renewed_at)

    def take(self, name: str, now: float) -> float:
        """Take one request from a quota: 0.0, or the seconds until there is one."""
        with self._lock:
            known = self._left.get(name)
            if known is None:
                return 0.0
            if now >= known.renewed_at:
                del self._left[name]
                return 0.0
            if known.requests > 0:
                known.requests -= 1
                return 0.0
            return known.renewed_at - now
