"""Deadline: how long may the next attempt take?

Pure. The whole call's time is split over what is still to come, so that a
primary that hangs cannot use up what its fallback needs.
"""


def attempt_timeout(
    configured: float, *, time_left: float, others_left: int, min_useful: float, late: float = 0.0
) -> float | None:
    """Seconds the next attempt may take; None if it would be too short to be of use.

    Args:
        configured: Seconds an attempt may take at the most.
        time_left: Seconds until the deadline.
        others_left: Routes and targets that may be asked after this one; `min_useful` is kept for each,
            as far as this attempt keeps `min_useful` itself.
        min_useful: Seconds below which an attempt is not worth starting.
        late: Seconds by which what went before may have ended late: with so much less than `min_useful`
            an attempt still starts, or the time that was kept for it would be kept in vain.
    """
    if time_left <= 0.0 or time_left < min_useful - late:
        return None
    return min(configured, time_left, max(time_left - others_left * min_useful, min_useful))


def least_useful(configured: float, deadline: float) -> float:
    """`min_useful` for a call of `deadline` seconds: a call that is short on purpose is still made."""
    return min(configured, deadline / 2)
