"""Values to beat: one line a scenario, and how each is measured.

Compared as they stand, without rounding, with one exception: the cold start's
"amp 1.00" is met below 1.005, for the request that learns of it is itself one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.ours import Run
from tests.bench.trace import Trace


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric of `measures` and the value it must keep: at most, or at least if `least`."""

    metric: str
    limit: float
    least: bool = False

    def met(self, measured: Mapping[str, float]) -> bool:
        """Whether a run keeps it."""
        value = measured[self.metric]
        return value >= self.limit if self.least else value <= self.limit

    def __str__(self) -> str:
        return f"{self.metric} {'>=' if self.least else '<='} {self.limit:g}"


ALL_ANSWERED: Final = Bound("ok", 100.0, least=True)

VALUES: Final[Mapping[str, tuple[Bound, ...]]] = {
    "s01_down": (ALL_ANSWERED, Bound("A", 0.010), Bound("amp", 1.02), Bound("p99", 920), Bound("rec", 4)),
    "s02_brown_out": (ALL_ANSWERED, Bound("amp", 1.34), Bound("p99", 785)),
    "s03_slow": (Bound("p50", 308), Bound("p99", 1409), Bound("A", 0.027)),
    "s05_throttled": (Bound("A", 0.005), Bound("early", 0), Bound("rec", 1)),
    "s06_cut": (ALL_ANSWERED, Bound("amp", 1.22), Bound("wrong", 0)),
    "s07_hang": (Bound("p99", 1400), Bound("longest", 5050)),
    "s08_flapping": (ALL_ANSWERED, Bound("amp", 1.03), Bound("trips", 12)),
    "s10_cold_start": (Bound("amp", 1.005), Bound("early", 0), Bound("rec", 1)),
    "s11_outage": (Bound("amp", 0.09), Bound("fail_p50", 1.0), Bound("p99", 50), Bound("rec", 5)),
    "s12_refusals": (Bound("amp", 1.0), Bound("B", 0), Bound("transitions", 0)),
}
"""By trace. S4 needs hedging; S13 is in `cancels.py`, S14 is measured on sockets."""

FLOORS: Final[Mapping[str, str]] = {
    "s01_down": "A >= .006",
    "s02_brown_out": "amp >= 1.30",
    "s03_slow": "A >= .02 at 1 s",
    "s05_throttled": "A ~ 0",
    "s06_cut": "amp >= 1.20",
    "s07_hang": "A >= .02 at 1 s",
    "s08_flapping": "amp >= 1.01",
    "s10_cold_start": "amp >= 1.00",
    "s11_outage": "amp >= .02",
    "s12_refusals": "amp = 1.00",
}
"""What no policy can do better than, whatever its settings."""


def measures(run: Run, trace: Trace) -> dict[str, float]:
    """All metrics of a run by name; times in ms, `rec` in seconds."""
    told = run.figures
    return {
        "ok": told.ok,
        "p50": told.p50,
        "p99": told.p99,
        "longest": told.longest,
        "amp": told.amp,
        "A": told.a_share,
        "B": told.b_share,
        "rec": told.rec,
        "fail_p50": 0.0 if told.fail_p50 is None else told.fail_p50,
        "wrong": run.wrong,
        "early": early_requests(run),
        "transitions": len(run.circuits),
        "trips": trips(run, trace),
    }


def early_requests(run: Run) -> int:
    """Requests sent although an answer that was already there had asked for patience until later."""
    advised = sorted(
        (request.ended, request.ended + request.fault.advice, request.target)
        for request in run.requests
        if request.fault is not None and request.fault.advice is not None
    )
    return sum(
        any(target == request.target and heard <= request.sent < until for heard, until, target in advised)
        for request in run.requests
    )


def trips(run: Run, trace: Trace) -> int:
    """How often circuits left or entered "closed" while the trace is measured; probes are none."""
    start, end = trace.measured
    return sum(start <= moment < end and "closed" in (old, new) for moment, _, old, new in run.circuits)
