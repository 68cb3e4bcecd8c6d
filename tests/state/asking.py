"""How the tests ask a gate: in one line each, and with what must hold of every answer."""

from resilient_infer.core.gates import NotBefore, Permit
from resilient_infer.core.outcome import Verdict
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig, RouteGate
from tests.state.listening import Ear

LEASE = 11.0


def gate(breaker=BreakerConfig(), concurrency=None, retries=2):  # noqa: B008  # a frozen value
    """A gate whose open times are exact: jitter in the middle is none."""
    return RouteGate(
        "route", GateConfig(breaker=breaker, concurrency=concurrency, retries=retries), jitter=lambda: 0.5
    )


def listened(*arguments, **keywords):
    """A gate and what is heard of it."""
    made, ear = gate(*arguments, **keywords), Ear()
    made.add_listener(ear)
    return made, ear


def admitted(asked, now=0.0, lease=LEASE, ticket=None):
    """A permit, or the test fails."""
    answer = asked.ask(now, lease=lease, ticket=ticket)
    assert isinstance(answer, Permit)
    return answer


def refused(asked, now=0.0, ticket=None):
    """A refusal until some later moment, or the test fails."""
    answer = asked.ask(now, lease=LEASE, ticket=ticket)
    assert isinstance(answer, NotBefore)
    assert answer.moment > now
    return answer


def settle(asked, permit, verdict, now=0.0, elapsed=0.1, clean=False):
    """Give a permit back; the transition that it causes, if any."""
    return asked.settle(permit, verdict, now, elapsed=elapsed, clean=clean)


def fail(asked, times, now=0.0):
    """Failures one after another; what the last one changed."""
    change = None
    for _ in range(times):
        change = settle(asked, admitted(asked, now), Verdict.FAILURE, now)
    return change


def tokens(asked):
    """How many repeats it pays for; takes them."""
    count = 0
    while asked.take_token():
        count += 1
    return count
