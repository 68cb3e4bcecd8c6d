"""Every value to beat of the fault-trace benchmark, on every seed, under the profile it holds for."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from tests.bench.baselines import fallback_only, naive, single
from tests.bench.cancels import Differences, left_out, play, replayed
from tests.bench.fleet import BACK_LOAD, RECOVERED, naive_fleet, our_fleet, single_fleet
from tests.bench.make_traces import TRACES, all_traces
from tests.bench.ours import BENCH, SHIPPED, run
from tests.bench.story import Figures, figures
from tests.bench.trace import World, draws_of, read_trace
from tests.bench.values import VALUES, Bound, measures

SEEDS = (1, 2, 3)
BRIEF = World(replace(read_trace("s02_brown_out"), seconds=45), 1)


@cache
def measured(name: str, seed: int) -> dict[str, float]:
    trace = read_trace(name)
    return measures(run(World(trace, seed), BENCH), trace)


def values() -> Iterator[object]:
    for name, bounds in VALUES.items():
        for bound in bounds:
            for seed in SEEDS:
                yield pytest.param(name, bound, seed, id=f"{name}-{bound.metric}-seed{seed}")


@pytest.mark.parametrize(("name", "bound", "seed"), list(values()))
def test_ours_beats_the_value(name: str, bound: Bound, seed: int) -> None:
    """What the library claims to do in a fault holds in every seed, as it stands."""
    assert bound.met(measured(name, seed)), f"{bound}, and it is {measured(name, seed)[bound.metric]:.5g}"


@pytest.mark.parametrize("name", VALUES)
def test_dl1_no_call_outlives_its_deadline(name: str) -> None:
    """`call` returns or raises by its deadline for every fault."""
    assert measured(name, 1)["longest"] <= 1000 * read_trace(name).deadline + 50


@pytest.mark.parametrize("name", VALUES)
def test_no_result_belongs_to_another_call_or_is_cut(name: str) -> None:
    """A result is the whole answer to its own call."""
    assert all(measured(name, seed)["wrong"] == 0 for seed in SEEDS)


def test_ra7_advice_heard_by_one_call_holds_for_all() -> None:
    """Nothing is sent to a server before the moment it asked for, whichever call heard it."""
    trace = read_trace("s05_throttled")
    assert measures(run(World(trace, 1), SHIPPED), trace)["early"] == 0


def test_fb6_one_seed_gives_one_sequence_of_requests() -> None:
    """With one seed and one trace the sequence of requests is identical."""
    assert run(BRIEF, BENCH).requests == run(BRIEF, BENCH).requests


def test_fb6_two_drivers_send_the_same_requests() -> None:
    """The plan decides, not the driver: another one that keeps its contract gives the same stories."""
    assert list(play(BRIEF, BENCH, cancels=False).stories.values()) == list(run(BRIEF, BENCH).stories)


def assert_nothing_left(found: Differences) -> None:
    assert found.cancelled > 100
    assert (found.leaked, found.elsewhere, found.states) == (0, 0, 0)


ALL_SEEDS = [pytest.param(seed, marks=[pytest.mark.slow] if seed > 1 else []) for seed in SEEDS]


@pytest.mark.parametrize("seed", ALL_SEEDS)
def test_cx1_calls_cancelled_in_their_first_attempt_change_nothing(seed: int) -> None:
    """Other calls and the gates fare as if the cancelled calls had never been made; no permit is lost."""
    assert_nothing_left(left_out(World(read_trace("s13_cancels"), seed), BENCH))


@pytest.mark.parametrize("seed", ALL_SEEDS)
def test_cx1_calls_cancelled_anywhere_leave_only_what_they_learnt(seed: int) -> None:
    """Breaker, bucket and bulkhead end as if nothing that was given back had been granted."""
    assert_nothing_left(replayed(World(read_trace("s13_cancels"), seed), BENCH))


def test_cb8_cancelled_probes_neither_open_nor_close_nor_latch_a_circuit() -> None:
    """A probe lost without a report counts for nothing, and the circuit still finds its way."""
    trace = replace(read_trace("s07_hang"), seconds=80, cancel_share=0.5, cancel_within=1.0)
    found = replayed(World(trace, 1), BENCH)
    assert_nothing_left(found)
    assert found.probes > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_rb2_a_fleet_recovers_once_the_fault_is_over(seed: int) -> None:
    """Bucket and breaker let a saturated server drain: sooner than single attempts do, and without a herd."""
    fleet = our_fleet(seed)
    assert fleet.recovered <= min(RECOVERED, single_fleet(seed).recovered)
    assert fleet.back_load <= BACK_LOAD
    assert naive_fleet(seed).recovered == math.inf


def test_the_trace_files_are_what_the_script_writes() -> None:
    """The files in the repo and the script that made them agree."""
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in TRACES.glob("*.json")}
    assert files == json.loads(json.dumps(all_traces()))


def baseline_figures(name: str) -> dict[str, Figures]:
    trace = read_trace(name)
    world = World(trace, 1)
    calls = range(len(draws_of(trace, 1).arrivals))
    return {
        column.__name__: figures(
            [column(world, call) for call in calls], measured=trace.measured, fault_ends=trace.fault_ends
        )
        for column in (single, naive, fallback_only)
    }


@pytest.mark.parametrize(
    ("name", "single_ok", "naive_amp", "fallback_p50"),
    [
        ("s01_down", 0.0, 4.00, 303),
        ("s02_brown_out", 69.3, 1.42, 246),
        ("s03_slow", 68.2, 1.00, 2294),
        ("s05_throttled", 0.0, 3.99, 324),
        ("s06_cut", 79.0, 1.26, 244),
        ("s07_hang", 0.0, 1.00, 2303),
        ("s08_flapping", 50.2, 2.44, 255),
        ("s10_cold_start", 66.2, 1.98, 243),
        ("s11_outage", 0.0, 4.00, 4),
        ("s12_refusals", 0.0, 1.00, 20),
    ],
)
def test_the_scenarios_are_as_hard_as_those_the_values_come_from(
    name: str, single_ok: float, naive_amp: float, fallback_p50: float
) -> None:
    """Callers without the library fare here as in the measurements that set the bars."""
    told = baseline_figures(name)
    assert told["single"].ok == pytest.approx(single_ok, abs=1.5)
    assert told["naive"].amp == pytest.approx(naive_amp, rel=0.04)
    assert told["fallback_only"].p50 == pytest.approx(fallback_p50, rel=0.07)
