"""Baselines: what callers do without this library. Each call is on its own; nothing is remembered.

Single: one attempt. Naive: up to four at once-failing servers, with full-jitter
backoff, never elsewhere. Fallback only: A for two seconds, then B.
"""

from collections.abc import Callable
from typing import Final

from tests.bench.story import Story
from tests.bench.trace import Answer, World

ATTEMPTS: Final = 4
FIRST_BACKOFF: Final = 0.05
HOP_AFTER: Final = 2.0
"""Seconds that the fallback gives A."""

FINAL: Final = frozenset(("bad request",))
"""What even a naive caller does not repeat."""

Baseline = Callable[[World, int], Story]


def single(world: World, call: int) -> Story:
    """One attempt at A, for the whole deadline."""
    now = world.arrivals[call]
    ok, seconds, _ = _within(world.answer(call, "A", 0, now), world.trace.deadline)
    return Story(call, now, now + seconds, "A" if ok else None, {"A": 1})


def naive(world: World, call: int) -> Story:
    """Up to four attempts at A; what may take long is waited for, since only errors are repeated."""
    began = now = world.arrivals[call]
    ends, rng = began + world.trace.deadline, world.jitter(call)
    attempt = 0
    while True:
        ok, seconds, final = _within(world.answer(call, "A", attempt, now), ends - now)
        now += seconds
        pause = rng.random() * FIRST_BACKOFF * 2**attempt
        if ok or final or attempt + 1 == ATTEMPTS or now + pause >= ends:
            return Story(call, began, now, "A" if ok else None, {"A": attempt + 1})
        now += pause
        attempt += 1


def fallback_only(world: World, call: int) -> Story:
    """A, then B; a refusal of the request itself ends it."""
    began = now = world.arrivals[call]
    ok, seconds, final = _within(world.answer(call, "A", 0, now), HOP_AFTER)
    now += seconds
    if ok or final:
        return Story(call, began, now, "A" if ok else None, {"A": 1})
    left = began + world.trace.deadline - now
    ok, seconds, _ = _within(world.answer(call, "B", 0, now), left)
    return Story(call, began, now + seconds, "B" if ok else None, {"A": 1, "B": 1})


def _within(answer: Answer, timeout: float) -> tuple[bool, float, bool]:
    """(whether it is a good answer in time, seconds it took, whether asking again is pointless)."""
    if answer.seconds > timeout:
        return False, timeout, False
    return answer.fault is None, answer.seconds, answer.fault is not None and answer.fault.kind in FINAL
