"""The fault-trace benchmark: `python tests/bench/fault_traces.py`.

Runs every trace in virtual time and prints, a scenario a line, what callers get
without this library, with it under the profile the values to beat hold for, and
with it as shipped. Deterministic but for the last line, which is CPU time.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Final

from resilient_infer.lock.policy import Policy
from tests.bench.baselines import Baseline, fallback_only, naive, single
from tests.bench.cancels import left_out, replayed
from tests.bench.fleet import BACK_LOAD, RECOVERED, naive_fleet, our_fleet, single_fleet
from tests.bench.ours import BENCH, SHIPPED, run
from tests.bench.rejection import BAR, post_cost, rejection_cost
from tests.bench.story import figures
from tests.bench.trace import Trace, World, read_trace
from tests.bench.values import FLOORS, VALUES, measures

COLUMNS: Final = ("ok", "p50", "p99", "amp", "A", "rec")
DIGITS: Final = {"ok": 2, "amp": 3, "A": 4, "B": 4}
BASELINES: Final[Mapping[str, Baseline]] = {
    "single": single,
    "naive 4": naive,
    "fallback only": fallback_only,
}

Measured = Sequence[Mapping[str, float]]
"""The metrics of one scenario, seed by seed."""


def measured(trace: Trace, policy: Policy) -> Measured:
    """Ours, for each seed."""
    return [measures(run(World(trace, seed), policy), trace) for seed in trace.seeds]


def spread(values: Iterable[float], metric: str) -> str:
    """min/median/max, or one number if they are the same to the digits that are shown."""
    ordered = sorted(values)
    shown = [f"{value:.{DIGITS.get(metric, 0)}f}" for value in (ordered[0], median(ordered), ordered[-1])]
    return shown[0] if len(set(shown)) == 1 else "/".join(shown)


def print_baselines(traces: Sequence[Trace]) -> None:
    """What callers get without the library."""
    print("Without it: ok % / p50 ms / p99 ms / requests per call, median of the seeds\n")
    print(f"{'':28}" + "".join(f"{name:28}" for name in BASELINES))
    for trace in traces:
        cells = [_baseline_cell(trace, baseline) for baseline in BASELINES.values()]
        print(f"{trace.title:28}" + "".join(f"{cell:28}" for cell in cells))


def _baseline_cell(trace: Trace, baseline: Baseline) -> str:
    runs = []
    for seed in trace.seeds:
        world = World(trace, seed)
        stories = [baseline(world, call) for call in range(len(world.arrivals))]
        runs.append(figures(stories, measured=trace.measured, fault_ends=trace.fault_ends))
    ok, p50, p99 = (median(each) for each in zip(*((run.ok, run.p50, run.p99) for run in runs), strict=True))
    return f"{ok:.1f} / {p50:.0f} / {p99:.0f} / {median(run.amp for run in runs):.2f}"


def print_ours(traces: Sequence[Trace], policy: Policy, last: Callable[[str, Measured], str]) -> None:
    """One table of ours; `last` says what stands at the end of a line."""
    print("".join(f"{heading:{width}}" for heading, width in zip(("", *COLUMNS), _WIDTHS, strict=True)))
    for trace in traces:
        seeds = measured(trace, policy)
        cells = [trace.title] + [spread((seed[name] for seed in seeds), name) for name in COLUMNS]
        line = "".join(f"{cell:{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
        print(line + last(trace.name, seeds))


_WIDTHS: Final = (28, 22, 16, 18, 20, 24, 8)


def verdict(name: str, seeds: Measured) -> str:
    """Each value to beat, and whether every seed met it."""
    told = []
    for bound in VALUES[name]:
        missed = [seed[bound.metric] for seed in seeds if not bound.met(seed)]
        seen = f" ({spread((seed[bound.metric] for seed in seeds), bound.metric)})" if missed else ""
        told.append(f"{bound} {'missed' if missed else 'met'}{seen}")
    return "; ".join(told)


def print_cancels(trace: Trace) -> None:
    """S13: what is left of calls whose clients went away."""
    for what, compare in (("left out", left_out), ("replayed", replayed)):
        found = [compare(World(trace, seed), BENCH) for seed in trace.seeds]
        wrong = sum(each.leaked + each.elsewhere + each.states for each in found)
        cancelled = "/".join(str(each.cancelled) for each in found)
        print(
            f"{trace.title}, {what}: {cancelled} cancelled; leaks and differences <= 0 "
            f"{'met' if wrong == 0 else f'missed ({wrong})'}"
        )


def print_fleet(seeds: Sequence[int]) -> None:
    """S9: twenty clients and a server that a fault has left with a queue."""
    ours = [our_fleet(seed) for seed in seeds]
    met = all(fleet.recovered <= RECOVERED and fleet.back_load <= BACK_LOAD for fleet in ours)
    told = {"single": map(single_fleet, seeds), "naive 4": map(naive_fleet, seeds), "ours": ours}
    cells = [
        f"{name} {spread((fleet.recovered for fleet in fleets), 'rec')} s" for name, fleets in told.items()
    ]
    loads = spread((100 * fleet.back_load for fleet in ours), "percent")
    print(f"herd recovery after the fault: {', '.join(cells)}; load then {loads} %; ", end="")
    print(f"<= {RECOVERED:g} s, <= {100 * BACK_LOAD:g} % {'met' if met else 'missed'}")


def main() -> None:
    """Print all tables."""
    traces = [read_trace(name) for name in VALUES]
    print_baselines(traces)
    print("\nOurs, profile bench: deadline 5, attempt_timeout 1, retries 1, slow_after 1.5;")
    print("min/median/max of the seeds\n")
    print_ours(traces, BENCH, verdict)
    print_fleet(traces[0].seeds)
    print_cancels(read_trace("s13_cancels"))
    print("\nOurs, as shipped: deadline 30, attempt_timeout 10, retries 2; what no policy can beat\n")
    print_ours(traces, SHIPPED, lambda name, _: FLOORS[name])
    cost = rejection_cost()
    told = "met" if cost <= BAR else "missed"
    print(f"\nA rejected call: {cost:.0f} us of CPU, value to beat {BAR:.0f}: {told}")
    print(f"requests.Session.post in the same run: {post_cost():.0f} us")


if __name__ == "__main__":
    main()
