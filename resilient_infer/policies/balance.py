"""Balance: which route of a target gets the next attempt?

Pure. In a call's first round the routes are asked in the manifest's order. In
later rounds the one whose wait ends first is asked first.
"""

from collections.abc import Sequence


def arrange(ready_at: Sequence[float], now: float) -> list[int]:
    """Positions in the order to ask: by the moment each may be asked, ties in the given order.

    Args:
        ready_at: Monotonic seconds per route; one that has passed counts as now.
    """
    return sorted(range(len(ready_at)), key=lambda position: max(ready_at[position], now))
