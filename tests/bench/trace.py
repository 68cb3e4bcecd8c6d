"""Trace: what each request would come to, whoever sends it. Read from `traces/`.

All columns of the benchmark ask the same world, so they differ by their policy
and by nothing else. Every draw belongs to (call, target, how often that call
asked that target), never to the order in which requests are sent: leaving a
call out changes nothing for the others.

Draws are stratified: of each 100 calls in a row exactly one gets each
percentile of the latency, and one each percentile of the fault's chance, in
random order. Three seeds then tell policies apart, not luck.
"""

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Final

TRACES: Final = Path(__file__).parent / "traces"

STRATA: Final = 100
ORDINALS: Final = 6
"""Requests of one call to one target that have draws of their own."""

NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with a share `p` of the requests sent from `start` to `end` (seconds)."""

    start: float
    end: float
    kind: str
    p: float
    seconds: float | None
    factor: float
    status: int | None
    advice: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One target: lognormal latency by its median and 99th percentile, and its faults."""

    p50: float
    p99: float
    faults: tuple[Fault, ...]

    def latency(self, share: float) -> float:
        """The latency that `share` of all requests stay under, seconds."""
        sigma = math.log(self.p99 / self.p50) / NORMAL.inv_cdf(0.99)
        return self.p50 * math.exp(sigma * NORMAL.inv_cdf(share))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One scenario. Calls that arrive in `measured` are the ones that count; times in seconds."""

    name: str
    title: str
    seeds: tuple[int, ...]
    per_second: float
    seconds: float
    deadline: float
    measured: tuple[float, float]
    targets: Mapping[str, Behaviour]
    cancel_share: float
    cancel_within: float

    @property
    def fault_ends(self) -> float:
        """The moment from which all is well again."""
        return max(fault.end for target in self.targets.values() for fault in target.faults)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request comes to; `fault` is None for a good answer."""

    seconds: float
    fault: Fault | None


@cache
def read_trace(name: str) -> Trace:
    """The trace of that name."""
    content = json.loads((TRACES / f"{name}.json").read_text(encoding="utf-8"))
    arrivals, cancels = content["arrivals"], content.get("cancels", {"p": 0.0, "within": 0.0})
    return Trace(
        name=name,
        title=content["title"],
        seeds=tuple(content["seeds"]),
        per_second=arrivals["per_second"],
        seconds=arrivals["seconds"],
        deadline=content["deadline"],
        measured=(content["measured"][0], content["measured"][1]),
        targets={
            target: Behaviour(
                p50=told["p50"], p99=told["p99"], faults=tuple(_fault(each) for each in told["faults"])
            )
            for target, told in content["targets"].items()
        },
        cancel_share=cancels["p"],
        cancel_within=cancels["within"],
    )


def _fault(told: Mapping[str, float | str]) -> Fault:
    def number(key: str) -> float | None:
        return float(told[key]) if key in told else None

    return Fault(
        start=float(told["from"]),
        end=float(told["to"]),
        kind=str(told["kind"]),
        p=float(told["p"]),
        seconds=number("seconds"),
        factor=number("factor") or 1.0,
        status=int(told["status"]) if "status" in told else None,
        advice=number("advice"),
    )


@dataclass(frozen=True, slots=True)
class Draws:
    """All chance of one seed: when calls arrive, and per (target, ordinal) a share for each call."""

    arrivals: tuple[float, ...]
    latency: Mapping[tuple[str, int], tuple[float, ...]]
    chance: Mapping[tuple[str, int], tuple[float, ...]]
    cancels: tuple[tuple[float, float], ...]


def draws_of(trace: Trace, seed: int) -> Draws:
    """The draws of a seed: the same for all traces with the same targets and arrivals."""
    return _draws(seed, trace.per_second, trace.seconds, tuple(trace.targets))


@cache
def _draws(seed: int, per_second: float, seconds: float, targets: tuple[str, ...]) -> Draws:
    rng = random.Random(seed)
    arrivals = tuple(_poisson(rng, per_second, seconds))
    keys = [(target, ordinal) for target in targets for ordinal in range(ORDINALS)]
    count = len(arrivals)
    return Draws(
        arrivals,
        {key: _stratified(rng, count) for key in keys},
        {key: _stratified(rng, count) for key in keys},
        tuple((rng.random(), rng.random()) for _ in range(count)),
    )


def _poisson(rng: random.Random, per_second: float, seconds: float) -> Iterator[float]:
    moment = rng.expovariate(per_second)
    while moment < seconds:
        yield moment
        moment += rng.expovariate(per_second)


def _stratified(rng: random.Random, count: int) -> tuple[float, ...]:
    shares: list[float] = []
    while len(shares) < count:
        block = [(stratum + rng.random()) / STRATA for stratum in range(STRATA)]
        rng.shuffle(block)
        shares += block
    return tuple(shares[:count])


class World:
    """What the servers of one trace do, for one seed."""

    def __init__(self, trace: Trace, seed: int) -> None:
        self.trace = trace
        self.seed = seed
        self._draws = draws_of(trace, seed)
        self.arrivals = self._draws.arrivals

    def answer(self, call: int, target: str, ordinal: int, now: float) -> Answer:
        """What request number `ordinal` (from 0) of a call to a target comes to, if sent at `now`."""
        behaviour = self.trace.targets[target]
        key = target, min(ordinal, ORDINALS - 1)
        latency = behaviour.latency(self._draws.latency[key][call])
        chance = self._draws.chance[key][call]
        for fault in behaviour.faults:
            if not fault.start <= now < fault.end:
                continue
            if chance < fault.p:
                return _faulty(fault, latency)
            chance -= fault.p
        return Answer(latency, None)

    def jitter(self, call: int) -> random.Random:
        """A source of chance that belongs to one call."""
        return random.Random(f"{self.seed}:{call}")

    def cancelled_after(self, call: int) -> float | None:
        """Seconds after its arrival at which the client of a call goes away; None: it stays."""
        chance, when = self._draws.cancels[call]
        return when * self.trace.cancel_within if chance < self.trace.cancel_share else None


def _faulty(fault: Fault, latency: float) -> Answer:
    """A slow answer is a good one; a hang never ends; a fault without `seconds` takes the usual time."""
    if fault.kind == "slow":
        return Answer(latency * fault.factor, None)
    if fault.kind == "hang":
        return Answer(math.inf, fault)
    return Answer(latency if fault.seconds is None else fault.seconds, fault)
