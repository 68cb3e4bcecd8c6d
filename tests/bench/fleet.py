"""Fleet: twenty clients, one saturated server. Does it recover once its fault is over?

The server has 20 slots of 108 ms, so 185 requests a second; the clients ask 130
times a second. From second 30 to 40 it works at a tenth of its speed, and work
that a client has given up on is done all the same: that is what keeps a queue
alive after its cause is gone. Nothing is shared between the clients.
"""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Outcome, Success
from resilient_infer.core.result import Result
from resilient_infer.plan.spec import Env
from resilient_infer.testing.simulated import Simulation
from tests.bench.ours import BENCH, alias_spec, call_spec, gates, route_spec
from tests.bench.story import SERVES_AGAIN

CLIENTS: Final = 20
SLOTS: Final = 20
SERVICE: Final = 0.108
LOAD: Final = 130.0
SECONDS: Final = 100.0
FAULT: Final = (30.0, 40.0)
SLOWNESS: Final = 10.0
PATIENCE: Final = 1.0
"""Seconds one attempt may take, in every column."""

NAIVE_ATTEMPTS: Final = 4

RECOVERED: Final = 9.0
"""Value to beat, seconds: the best of what is measured with a bucket and a breaker (9 to 13)."""

BACK_LOAD: Final = 1.1
"""Value to beat: no herd comes back at once."""


class Server:
    """First come, first served; the moment of every request is kept."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._free_at = [0.0] * SLOTS

    def seconds(self, now: float) -> float:
        """How long a request sent at `now` takes."""
        self.asked.append(now)
        start = max(now, self._free_at[0])
        slow = SLOWNESS if FAULT[0] <= start < FAULT[1] else 1.0
        done = start + SERVICE * slow
        heapq.heapreplace(self._free_at, done)
        return done - now


@dataclass(frozen=True, slots=True)
class Fleet:
    """How a fleet fared.

    Attributes:
        recovered: Whole seconds from the fault's end until calls are answered for good; inf: never.
        peak: Most requests in one second.
        back_load: Requests in the second of recovery per call that arrived in it.
    """

    recovered: float
    peak: int
    back_load: float


def arrivals(rng: random.Random) -> list[float]:
    """When calls arrive, all clients together."""
    moments, now = list[float](), rng.expovariate(LOAD)
    while now < SECONDS:
        moments.append(now)
        now += rng.expovariate(LOAD)
    return moments


def single_fleet(seed: int) -> Fleet:
    """Every client asks once."""
    server, moments = Server(), arrivals(random.Random(seed))
    return _fleet(moments, [server.seconds(moment) <= PATIENCE for moment in moments], server.asked)


def naive_fleet(seed: int) -> Fleet:
    """Every client asks up to four times, with full-jitter backoff, whatever happens."""
    rng = random.Random(seed)
    server, moments = Server(), arrivals(rng)
    answered = [False] * len(moments)
    agenda = [(moment, call, 1) for call, moment in enumerate(moments)]
    while agenda:
        now, call, attempt = heapq.heappop(agenda)
        answered[call] = server.seconds(now) <= PATIENCE
        if not answered[call] and attempt < NAIVE_ATTEMPTS:
            pause = rng.random() * 0.05 * 2 ** (attempt - 1)
            heapq.heappush(agenda, (now + PATIENCE + pause, call, attempt + 1))
    return _fleet(moments, answered, server.asked)


def our_fleet(seed: int) -> Fleet:
    """Every client has gates of its own."""
    rng = random.Random(seed)
    server, moments = Server(), arrivals(rng)

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        return server.seconds(now), Success(output=[])

    clients = [
        alias_spec(BENCH, {"A": route_spec(BENCH, "A", gates(BENCH, seed * CLIENTS + number, ("A",))["A"])})
        for number in range(CLIENTS)
    ]
    simulation, env = Simulation(world), Env(rng.random)
    calls = [
        simulation.start(call_spec(rng.choice(clients), call), env, at=moment)
        for call, moment in enumerate(moments)
    ]
    simulation.run()
    return _fleet(moments, [isinstance(call.ended, Result) for call in calls], server.asked)


def _fleet(moments: Sequence[float], answered: Sequence[bool], asked: Sequence[float]) -> Fleet:
    calls, served, sent = ([0] * (int(SECONDS) + 60) for _ in range(3))
    for moment, ok in zip(moments, answered, strict=True):
        calls[int(moment)] += 1
        served[int(moment)] += ok
    for moment in asked:
        sent[int(moment)] += 1
    end = int(FAULT[1])
    ill = [second for second in range(end, int(SECONDS)) if served[second] < SERVES_AGAIN * calls[second]]
    well = max(ill, default=end - 1) + 1
    if well == int(SECONDS):
        return Fleet(math.inf, max(sent), math.inf)
    return Fleet(well - end, max(sent), sent[well] / calls[well])
