"""Quotas: how many requests the Hub takes in a fixed window, told on every reply.

Source: Hub documentation, "Hub Rate limits" (headers as in
draft-ietf-httpapi-ratelimit-headers-09).
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

Counted = Literal["api", "resolvers"]
"""The two classes of requests with a quota of their own: the API, and downloads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What one visitor may ask for in a window.

    Attributes:
        api, resolvers: Requests.
        window: Seconds. It starts with the visitor's first request of the class, and does not slide.
    """

    api: int
    resolvers: int
    window: float

    def __post_init__(self) -> None:
        if self.api < 1 or self.resolvers < 1 or not 0 < self.window < math.inf:
            raise ValueError("a quota is at least 1 request in a window of more than 0 seconds")


ANONYMOUS = Quota(api=500, resolvers=3_000, window=300.0)
FREE_USER = Quota(api=1_000, resolvers=5_000, window=300.0)
"""The quotas of an IP address without a token, and of a free account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Where a visitor stands after a request.

    Attributes:
        admitted: The request was within the quota.
        headers: What the reply says of it.
    """

    admitted: bool
    headers: tuple[tuple[str, str], ...]


class Meter:
    """Counts; not thread-safe: the Hub holds its lock."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, Counted], float] = {}
        self._used: Counter[tuple[str, Counted]] = Counter()

    def count(self, visitor: str, kind: Counted, quota: Quota, now: float) -> Allowance:
        """Count a request of a visitor, `now` in seconds."""
        window = (visitor, kind)
        if self._ends.get(window, -math.inf) <= now:
            self._ends[window] = now + quota.window
            self._used[window] = 0
        limit = quota.api if kind == "api" else quota.resolvers
        self._used[window] += 1
        left = max(0, limit - self._used[window])
        until = math.ceil(self._ends[window] - now)
        return Allowance(
            admitted=self._used[window] <= limit,
            headers=(
                ("RateLimit", f'"{kind}";r={left};t={until}'),
                ("RateLimit-Policy", f'"fixed window";"{kind}";q={limit};w={math.ceil(quota.window)}'),
            ),
        )

    def forget(self) -> None:
        """Begin all windows anew."""
        self._ends.clear()
        self._used.clear()
