"""Bench 1: a healthy call beside `requests.Session.post`, and where its time goes.

    python -m tests.bench.healthy

One keep-alive server on loopback, one body of 200 bytes. The bar is 0.75 of
`Session().post(url, json=…).json()`, and 60 µs of CPU for plan, rules and gates.
"""

import sys
from collections.abc import Callable
from time import monotonic
from typing import Final

import requests

from resilient_infer import Client
from resilient_infer.assembly import Assembly
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Success
from resilient_infer.drivers import exchange
from resilient_infer.plan.actions import Done, Reply, Start
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import CallSpec, Env
from resilient_infer.transport.http_sync import HttpSync
from tests.bench.loopback import ALIAS, TEXT, Loopback, serving
from tests.bench.measure import BEST_OF, Act, alternating, best_cpu, cpu, ratio, verdict, wall

CALLS: Final = 400
PLANS: Final = 4_000
RATIO_BAR: Final = 0.75
PLAN_BAR: Final = 60.0
PAYLOAD: Final = {"inputs": TEXT}


def main() -> bool:
    """Print the figures; whether both bars are met."""
    with serving() as server:
        beside_post = _beside_post(server)
        parts = _parts(server)
    return beside_post and parts


def _beside_post(server: Loopback) -> bool:
    url = server.model_url
    with Client(lockfiles=server.folder, private_state=True) as client, requests.Session() as session:
        acts: dict[str, Act] = {
            "call": lambda: client.call(ALIAS, PAYLOAD),
            "post": lambda: session.post(url, json=PAYLOAD).json(),
        }
        taken = alternating(acts, times=CALLS)
    call, post = taken["call"], taken["post"]
    print(f"CPU of one client.call                {best_cpu(call):7.1f} µs")
    print(
        f"CPU of one Session.post(…).json()     {best_cpu(post):7.1f} µs, ratio {ratio(call, post, cpu):.2f}"
    )
    return verdict("client.call / Session.post(…).json(), by the clock", ratio(call, post, wall), RATIO_BAR)


def _parts(server: Loopback) -> bool:
    """CPU of each stage of one call, run by itself."""
    assembly = Assembly.load(lockfiles=server.folder, environment=None, lock_mode=None, private_state=True)
    spec, env, transport = assembly.call_spec(ALIAS, PAYLOAD, None), assembly.env(None), HttpSync()
    attempt = _first(spec, env).attempt
    request = exchange.build(attempt)
    assert isinstance(request, HttpRequest)
    answer = transport.send(request, timeout=10)
    assert isinstance(answer, HttpResponse)
    outcome = exchange.read(attempt, answer)
    assert isinstance(outcome, Success)
    stages: dict[str, tuple[Callable[[], object], int]] = {
        "assembly.call_spec": (lambda: assembly.call_spec(ALIAS, PAYLOAD, None), PLANS),
        "plan, rules and gates": (lambda: _planned(spec, env, outcome), PLANS),
        "exchange.build": (lambda: exchange.build(attempt), PLANS),
        "transport.send": (lambda: transport.send(request, timeout=10), CALLS),
        "exchange.read": (lambda: exchange.read(attempt, answer), PLANS),
    }
    costs = {
        name: best_cpu(alternating({name: act}, times=times, rounds=BEST_OF)[name])
        for name, (act, times) in stages.items()
    }
    transport.close()
    assembly.close()
    for name, cost in costs.items():
        print(f"  of which {name:<28} {cost:7.1f} µs")
    return verdict("plan, rules and gates, CPU", costs["plan, rules and gates"], PLAN_BAR, unit=" µs")


def _first(spec: CallSpec, env: Env) -> Start:
    plan = call_plan(spec, env, monotonic())
    first = next(plan)
    plan.close()
    assert isinstance(first, Start)
    return first


def _planned(spec: CallSpec, env: Env, outcome: Success) -> None:
    """A healthy call as its plan sees it."""
    plan = call_plan(spec, env, monotonic())
    action = next(plan)
    assert isinstance(action, Start)
    plan.send(Reply(monotonic()))
    try:
        plan.send(Reply(monotonic(), Done(action.attempt, outcome)))
    except StopIteration:
        return
    raise AssertionError("a healthy call asks no more than once")


if __name__ == "__main__":
    sys.exit(not main())
