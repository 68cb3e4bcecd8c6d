"""Ours: the traces run through the real plan, policies and gates, in virtual time."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.events import CircuitChanged, Event
from resilient_infer.core.gates import Gate
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.payload import Payload
from resilient_infer.core.result import Result
from resilient_infer.core.target import Endpoint, Pin, Route, Target
from resilient_infer.core.task import TASKS
from resilient_infer.lock.policy import BreakerKeys, Policy, PolicyKeys, resolve
from resilient_infer.plan.spec import AliasSpec, CallSpec, Env, RouteSpec, TargetSpec
from resilient_infer.policies.retry import RetryConfig
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig, RouteGate
from resilient_infer.state.table import GateTable
from resilient_infer.testing.simulated import SimulatedCall, Simulation
from tests.bench.story import Figures, Story, figures
from tests.bench.trace import Answer, Fault, World

TASK: Final = TASKS["text-classification"]

BENCH: Final = resolve(
    TASK, PolicyKeys(deadline=5.0, attempt_timeout=1.0, retries=1, breaker=BreakerKeys(slow_after=1.5))
)
"""The profile that the values to beat hold for."""

SHIPPED: Final = resolve(TASK, PolicyKeys())
"""What a manifest gets that says nothing."""

FAILURES: Final[Mapping[str, FailureKind]] = {
    "refused": FailureKind.UNREACHABLE,
    "server error": FailureKind.SERVER_ERROR,
    "throttled": FailureKind.THROTTLED,
    "loading": FailureKind.LOADING,
    "reset": FailureKind.LOST,
    "truncated": FailureKind.TRUNCATED,
    "hang": FailureKind.TIMEOUT,
    "drip": FailureKind.TIMEOUT,
    "bad request": FailureKind.BAD_REQUEST,
}
"""What a codec and a transport make of each fault."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was sent, and what it came to; moments in seconds."""

    call: int
    target: str
    sent: float
    ended: float
    fault: Fault | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that happened in one run.

    Attributes:
        wrong: Results that are not the whole answer to their own call.
        circuits: Transitions as (seconds, target, old, new).
    """

    stories: tuple[Story, ...]
    requests: tuple[Request, ...]
    circuits: tuple[tuple[float, str, str, str], ...]
    wrong: int
    figures: Figures


def route(target: str) -> Route:
    """The one way to reach a target of the traces."""
    endpoint = Endpoint(provider="bench", kind="hf-inference", url=f"http://{target.lower()}.test")
    return Route(endpoint=endpoint, name=target)


def gates(policy: Policy, seed: int, names: Collection[str]) -> dict[str, RouteGate]:
    """New gates, one a target, with chance of their own."""
    return {
        name: GateTable(random.Random(f"{seed}:{name}").random).route(route(name), gate_config(policy))
        for name in names
    }


def gate_config(policy: Policy) -> GateConfig:
    """The settings of a route's gate."""
    told = policy.breaker
    breaker = BreakerConfig(
        failure_rate=told.failure_rate,
        min_calls=told.min_calls,
        window=told.window,
        consecutive=told.consecutive,
        slow_after=told.slow_after,
        open=told.open,
        max_open=told.max_open,
        probes=told.probes,
    )
    return GateConfig(breaker=breaker, concurrency=policy.concurrency, retries=policy.retries)


def alias_spec(policy: Policy, routes: Mapping[str, RouteSpec]) -> AliasSpec:
    """An alias whose targets, in order, have one route each."""
    return AliasSpec(
        alias="traced",
        task=TASK,
        targets=tuple(
            TargetSpec(
                target=Target(model=f"org/{name}", revision="a" * 40, pin=Pin.DECLARED), routes=(spec,)
            )
            for name, spec in routes.items()
        ),
        deadline=policy.deadline,
        min_useful=policy.min_useful,
        retry=RetryConfig(retries=policy.retries, max_wait=policy.max_wait, safe=policy.safe),
    )


def route_spec(policy: Policy, name: str, gate: Gate) -> RouteSpec:
    """A route behind its gate, without a credential."""
    return RouteSpec(
        route=route(name),
        gate=gate,
        credential_gate=None,
        secret=None,
        attempt_timeout=policy.attempt_timeout,
    )


def call_spec(alias: AliasSpec, call: int) -> CallSpec:
    """One call of a trace; its id is its number."""
    return CallSpec(alias=alias, call_id=str(call), payload=Payload(inputs="x"), deadline=alias.deadline)


class Wire:
    """The `World` of a simulation: sends each attempt to the trace's servers, and writes it down."""

    def __init__(self, world: World) -> None:
        self.requests: list[Request] = []
        self.by_call: dict[int, dict[str, int]] = {}
        self._world = world

    def __call__(self, attempt: Attempt, now: float) -> tuple[float, Outcome]:
        """Seconds until the outcome, and the outcome."""
        call, target = int(attempt.call_id), attempt.route.name
        counts = self.by_call.setdefault(call, {})
        ordinal = counts.get(target, 0)
        counts[target] = ordinal + 1
        answer = self._world.answer(call, target, ordinal, now)
        ended = now + min(answer.seconds, attempt.timeout)
        self.requests.append(Request(call, target, now, ended, answer.fault))
        return answer.seconds, outcome_of(answer, attempt)


def outcome_of(answer: Answer, attempt: Attempt) -> Outcome:
    """What a codec would say of an answer. A good one names the call and the target it is meant for."""
    fault = answer.fault
    if fault is None:
        return Success(output={"call": attempt.call_id, "from": attempt.route.name})
    return Failure(
        kind=FAILURES[fault.kind],
        reason=f"the trace says: {fault.kind}",
        status=fault.status,
        advice=fault.advice,
    )


def run(world: World, policy: Policy) -> Run:
    """All calls of a trace through the plan, sharing one gate a target."""
    wire, trace = Wire(world), world.trace
    guards = gates(policy, world.seed, trace.targets)
    alias = alias_spec(policy, {name: route_spec(policy, name, gate) for name, gate in guards.items()})
    circuits: list[tuple[float, str, str, str]] = []

    def hear(event: Event) -> None:
        if isinstance(event, CircuitChanged):
            moment = world.arrivals[int(event.call_id)] + event.at
            circuits.append((moment, event.route.rpartition(":")[2], event.old, event.new))

    simulation = Simulation(wire)
    calls = [
        simulation.start(call_spec(alias, call), Env(world.jitter(call).random, hear), at=arrival)
        for call, arrival in enumerate(world.arrivals)
    ]
    simulation.run()
    stories = tuple(story_of(call, simulated, wire) for call, simulated in enumerate(calls))
    return Run(
        stories=stories,
        requests=tuple(wire.requests),
        circuits=tuple(circuits),
        wrong=sum(is_wrong(simulated) for simulated in calls),
        figures=figures(stories, measured=trace.measured, fault_ends=trace.fault_ends),
    )


def story_of(call: int, simulated: SimulatedCall, wire: Wire) -> Story:
    """What became of a simulated call."""
    served_by = simulated.ended.route.rpartition(":")[2] if isinstance(simulated.ended, Result) else None
    return Story(call, simulated.began, simulated.ended_at, served_by, wire.by_call.get(call, {}))


def is_wrong(simulated: SimulatedCall) -> bool:
    """Whether a call returned something else than the whole answer to itself."""
    result = simulated.ended
    if not isinstance(result, Result):
        return False
    expected = {"call": simulated.spec.call_id, "from": result.route.rpartition(":")[2]}
    return result.output != expected
