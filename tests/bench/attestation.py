"""Bench 9: what does it cost to learn which commit a server runs?

    python -m tests.bench.attestation

At most one question per endpoint a minute, counted in virtual time over an hour of calls from many
callers; and at most 5 µs of CPU on a call that finds it answered.
"""

import sys
from dataclasses import replace
from time import monotonic
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest
from resilient_infer.core.outcome import Outcome, Success
from resilient_infer.core.target import Pin
from resilient_infer.core.testimony import UNSAID, Identity
from resilient_infer.plan.actions import Done, Reply, Start
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import AliasSpec, CallSpec, Env
from resilient_infer.state.attestation import Attestation
from resilient_infer.testing.simulated import Simulation
from tests.bench.measure import BEST_OF, alternating, best_cpu, verdict
from tests.bench.ours import SHIPPED, alias_spec, call_spec, gates, route_spec

COMMIT: Final = "a" * 40
MINUTES: Final = 60
CALLERS: Final = 5
"""Calls that begin in the same instant, each second."""

PLANS: Final = 4_000
QUESTIONS_BAR: Final = 1.0
CPU_BAR: Final = 5.0
ANSWER: Final = Success(output=[{"label": "POSITIVE", "score": 0.98}])
QUESTION: Final = Identity(request=HttpRequest(method="GET", url="http://a.test/info", headers=()))


def main() -> bool:
    """Print the figures; whether both bars are met."""
    asked = _questions()
    print(f"questions in {MINUTES} minutes of {CALLERS} calls a second: {asked}")
    few = verdict("questions per endpoint and minute", asked / MINUTES, QUESTIONS_BAR)
    return _cpu() and few


def _questions() -> int:
    """Questions put to one server within an hour of calls; each takes 50 ms, an answer 100 ms."""
    asked = 0

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        nonlocal asked
        if attempt.identity is None:
            return 0.1, ANSWER
        asked += 1
        return 0.05, Success(output=None, commit=COMMIT)

    simulation, spec, env = Simulation(world), _alias(Attestation()), Env(lambda: 0.5)
    calls = [
        simulation.start(call_spec(spec, second), env, at=float(second))
        for second in range(MINUTES * 60)
        for _ in range(CALLERS)
    ]
    simulation.run()
    pins = {getattr(call.ended, "pin", call.ended) for call in calls}
    assert pins == {Pin.ATTESTED}, pins
    return asked


def _cpu() -> bool:
    attestation = Attestation()
    attestation.tell(COMMIT, UNSAID, monotonic() + 3600.0)
    plain, attested = call_spec(_alias(None), 1), call_spec(_alias(attestation), 2)
    env = Env(lambda: 0.5)
    taken = alternating(
        {"plain": lambda: _planned(plain, env), "attested": lambda: _planned(attested, env)},
        times=PLANS,
        rounds=BEST_OF,
    )
    costs = {name: best_cpu(rounds) for name, rounds in taken.items()}
    print(f"CPU of plan, rules and gates: {costs['plain']:.1f} µs, attested {costs['attested']:.1f} µs")
    return verdict("attestation, CPU per call", costs["attested"] - costs["plain"], CPU_BAR, unit=" µs")


def _alias(attestation: Attestation | None) -> AliasSpec:
    route = route_spec(SHIPPED, "A", gates(SHIPPED, 1, ["A"])["A"])
    if attestation is not None:
        route = replace(route, identity=QUESTION, attestation=attestation)
    return alias_spec(SHIPPED, {"A": route})


def _planned(spec: CallSpec, env: Env) -> None:
    """A healthy call as its plan sees it."""
    plan = call_plan(spec, env, monotonic())
    action = next(plan)
    assert isinstance(action, Start)
    assert action.attempt.identity is None
    plan.send(Reply(monotonic()))
    try:
        plan.send(Reply(monotonic(), Done(action.attempt, ANSWER)))
    except StopIteration:
        return
    raise AssertionError("a healthy call asks no more than once")


if __name__ == "__main__":
    sys.exit(not main())
