"""Backoff: how long before the same route is asked again?

Pure. Full jitter: a uniform share of an exponentially growing ceiling, so
that callers who failed together do not come back together.
Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
2015; the figures are those of the AWS SDKs' standard retry mode 2.1.
"""

from typing import Final

BASE: Final = 0.05
"""Seconds; ceiling of the first wait after an ordinary failure."""

THROTTLED_BASE: Final = 1.0
"""Seconds; ceiling of the first wait after the server asked for patience."""

CAP: Final = 20.0
"""Seconds; no ceiling grows past it."""

_MOST_DOUBLINGS: Final = 60
"""2.0**1024 raises OverflowError, and 60 doublings outgrow every cap."""


def ceiling(repeat: int, *, base: float, cap: float = CAP) -> float:
    """The longest wait, in seconds, before repeat number `repeat` (from 1)."""
    return min(cap, base * 2.0 ** min(repeat - 1, _MOST_DOUBLINGS))


def delay(repeat: int, *, throttled: bool, advice: float | None, jitter: float) -> float:
    """Seconds to wait before repeat number `repeat`.

    The server's advice is never undercut; the jitter comes on top of it, so
    that not all who were told the same moment come back at it.

    Args:
        repeat: 1 for the first repeat of a route within a call.
        throttled: The latest failure asked for patience (429, loading).
        advice: Seconds the server asked for, or None.
        jitter: Uniform in [0, 1].
    """
    spread = jitter * ceiling(repeat, base=THROTTLED_BASE if throttled else BASE)
    return spread if advice is None else advice + spread
