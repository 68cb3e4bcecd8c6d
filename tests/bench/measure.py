"""Measure: clocks, rounds and ratios that the benches share.

What is compared is measured side by side, in rounds that alternate, and the
ratio is taken round by round: a busy machine slows down both sides of one. Where a bar is in
microseconds it is CPU time in the best round, which others' work cannot lengthen much.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Final

ROUNDS: Final = 9
"""Rounds of a ratio."""

BEST_OF: Final = 7
"""Rounds of a bar in microseconds."""

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Spent:
    """What one act took in one round, in seconds."""

    wall: float
    cpu: float


def spent(act: Act, times: int) -> Spent:
    """What one act takes, on average over `times`; the CPU time is that of the whole process."""
    gc.collect()
    began, cpu_began = perf_counter(), process_time()
    for _ in range(times):
        act()
    return Spent((perf_counter() - began) / times, (process_time() - cpu_began) / times)


def alternating(
    acts: Mapping[str, Act], *, times: int, rounds: int = ROUNDS, measure: Callable[[Act, int], Spent] = spent
) -> dict[str, list[Spent]]:
    """What each act took in each round; every other round goes through the acts backwards."""
    taken: dict[str, list[Spent]] = {name: [] for name in acts}
    for act in acts.values():
        act()
    for number in range(rounds):
        for name in list(acts)[:: -1 if number % 2 else 1]:
            taken[name].append(measure(acts[name], times))
    return taken


def best_cpu(rounds: list[Spent]) -> float:
    """Microseconds of CPU time in the best round."""
    return min(each.cpu for each in rounds) * 1e6


def ratio(mine: list[Spent], theirs: list[Spent], of: Callable[[Spent], float]) -> float:
    """The median of the ratios of rounds that were run side by side."""
    return median(of(one) / of(other) for one, other in zip(mine, theirs, strict=True))


def wall(each: Spent) -> float:
    """For `ratio`: by the clock on the wall."""
    return each.wall


def cpu(each: Spent) -> float:
    """For `ratio`: by CPU time."""
    return each.cpu


def verdict(what: str, value: float, bar: float, *, unit: str = "", at_least: bool = False) -> bool:
    """Print a value beside its bar; whether the bar is met."""
    met = value >= bar if at_least else value <= bar
    side = "at least" if at_least else "at most"
    digits = 0 if bar == 0 or bar >= 100 else 1 if bar >= 10 else 2
    shown = f"{value:,.{digits}f}{unit}"
    print(f"{what:<58} {shown:>12}   bar: {side} {bar:g}{unit}   {'met' if met else 'NOT MET'}", flush=True)
    return met
