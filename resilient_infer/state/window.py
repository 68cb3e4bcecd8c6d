"""Window: outcomes of the last seconds, forgotten bucket by bucket.

Not locked: it belongs to a gate, which holds its own lock.
"""

from typing import Final

from resilient_infer.policies.trip import Tally

BUCKETS: Final = 10


class Window:
    """Counts of a sliding window in `BUCKETS` buckets.

    An outcome older than `seconds` never counts; between `seconds * (1 - 1/BUCKETS)`
    and `seconds` it may have been forgotten already.
    """

    __slots__ = ("_buckets", "_calls", "_consecutive", "_failures", "_latest", "_slow", "_width")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._buckets = [[0, 0, 0] for _ in range(BUCKETS)]
        self._latest = -1
        self._calls = self._failures = self._slow = self._consecutive = 0

    def record(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count one outcome at `now` (monotonic seconds)."""
        bucket = self._buckets[self._advance(now) % BUCKETS]
        bucket[0] += 1
        self._calls += 1
        if failed:
            bucket[1] += 1
            self._failures += 1
            self._consecutive += 1
        else:
            self._consecutive = 0
        if slow:
            bucket[2] += 1
            self._slow += 1

    @property
    def troubled(self) -> bool:
        """Whether an outcome that counted at the last `record` failed or was slow."""
        return self._failures > 0 or self._slow > 0

    def tally(self, now: float) -> Tally:
        """What counts at `now`; the run of consecutive failures ends with the window that holds it."""
        self._advance(now)
        return Tally(self._calls, self._failures, self._slow, min(self._consecutive, self._calls))

    def _advance(self, now: float) -> int:
        index = int(now // self._width)
        if index <= self._latest:
            return self._latest
        for stale in range(max(self._latest + 1, index - BUCKETS + 1), index + 1):
            bucket = self._buckets[stale % BUCKETS]
            self._calls -= bucket[0]
            self._failures -= bucket[1]
            self._slow -= bucket[2]
            bucket[0] = bucket[1] = bucket[2] = 0
        self._latest = index
        return index
