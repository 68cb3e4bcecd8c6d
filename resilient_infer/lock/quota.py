"""Quota: what the Hub says is left to ask, and when there is more.

Every reply carries `RateLimit: "api";r=<left>;t=<seconds>`; the API and the
downloads have separate quotas. One quota is shared by all threads, so that
there is one wait and not one for each. What is under way may not have been
counted yet in what the Hub says, so it is taken off: of a window's requests
none is left over and none is sent in vain.
Source: draft-ietf-httpapi-ratelimit-headers-10, as Hugging Face sends it.
"""

import re
from collections import Counter
from dataclasses import dataclass
from threading import Condition
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
    """The least that a reply has said of this window, and when it ends."""

    requests: int
    renewed_at: float


class Quota:
    """What is left of each quota. Moments are monotonic seconds."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._left: dict[str, _Left] = {}
        self._under_way: Counter[str] = Counter()

    def note(self, header: str, now: float) -> None:
        """Take what a `RateLimit` header says; anything else is passed over."""
        for name, left, seconds in _QUOTA.findall(header):
            renewed_at = now + int(seconds) + ROUNDED
            with self._changed:
                known = self._known(name, now)
                if known is None:
                    self._left[name] = _Left(int(left), renewed_at)
                else:  # replies come out of order: the least is the latest
                    known.requests = min(known.requests, int(left))

    def limited(self, path: str, advice: float | None, now: float) -> None:
        """A request was refused for asking too much: nothing more before the advised moment."""
        renewed_at = now + (UNSAID if advice is None else advice)
        with self._changed:
            known = self._left.setdefault(quota_of(path), _Left(0, renewed_at))
            known.requests = 0
            known.renewed_at = max(known.renewed_at, renewed_at)

    def begin(self, name: str, now: float) -> float | None:
        """Begin a request that draws on a quota; None: it may be sent, and `done` must be told of its end.

        Else nothing is begun, and this is the moment from which on there is more. Where that depends on
        requests under way, they are waited for.
        """
        with self._changed:
            while (known := self._known(name, now)) is not None and known.requests <= self._under_way[name]:
                if known.requests == 0 or not self._under_way[name]:
                    return known.renewed_at
                self._changed.wait()
            self._under_way[name] += 1
            return None

    def done(self, name: str) -> None:
        """A request that was begun has its reply, or none will come."""
        with self._changed:
            self._under_way[name] -= 1
            self._changed.notify_all()

    def _known(self, name: str, now: float) -> _Left | None:
        known = self._left.get(name)
        return None if known is None or now >= known.renewed_at else known
