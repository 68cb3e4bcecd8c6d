"""Retry: may this route be asked again in this call?

Pure. Called only by `plan/call.py`, which computes the wait with
`policies/backoff.py` and pays for it from the retry bucket afterwards: whether
a failure can be repeated, how long it takes, and whether we can afford it are
three questions.
"""

from dataclasses import dataclass

from resilient_infer.core.outcome import Failure, FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """How patient a call is with one route.

    Attributes:
        retries: Further rounds after the first.
        max_wait: Seconds; the longest advice worth waiting for while another route or target is left.
        safe: The task may be sent again although it may have been carried out.
    """

    retries: int = 2
    max_wait: float = 5.0
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Again:
    """Ask the route again once `delay` seconds have passed since it failed."""

    delay: float


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: others are left. The route may be asked again if they fail too."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Never again in this call."""

    reason: str


def decide(
    config: RetryConfig, failure: Failure, *, repeats: int, delay: float, time_left: float, others_left: bool
) -> Again | Later | GiveUp:
    """Whether a route that has just failed is asked again.

    Args:
        repeats: How often this route has been asked again already in this call.
        delay: Seconds to wait first, the server's advice included.
        time_left: Seconds from the failure until an attempt would be too short to be of use.
        others_left: Another route or target can still be asked.
    """
    kind = failure.kind
    if failure.should_retry is False:
        return GiveUp("the server says not to try again")
    allowed = config.retries if failure.should_retry else min(config.retries, kind.repeats)
    if kind.repeats == 0 and not failure.should_retry:
        return GiveUp(f"{kind.value} does not pass by itself")
    if kind.ambiguous and not config.safe:
        return GiveUp("the request may have been carried out and is not safe to repeat here")
    if repeats >= allowed:
        return GiveUp(f"all {allowed} retries used" if allowed else "no retries are configured")
    if delay >= time_left:
        return GiveUp(f"waiting {delay:.1f} s would outlive the deadline")
    if others_left and (kind is FailureKind.LOADING or (failure.advice or 0.0) > config.max_wait):
        return Later(f"{kind.value}: others are asked first")
    return Again(delay)
