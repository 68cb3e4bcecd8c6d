"""The circuit breaker against the figures of other libraries' test suites, each under its own config.

Every case runs through a `RouteGate`, as calls do, and the state is what a pybreaker listener heard.
"""

import pytest

from resilient_infer.core.gates import NotBefore, Permit, SkipReason
from resilient_infer.core.outcome import Verdict
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig, RouteGate
from tests.policies.vectors import assert_complete, read
from tests.state.listening import BY_HAND, Ear

VECTORS = read("circuit_breaker")
ELSEWHERE = {
    "polly_should_break": "tests/policies/test_trip.py",
    "r4j_slow_rate": "tests/policies/test_trip.py",
    "r4j_time_window_5s": "tests/state/test_window.py",
    "polly_rolling_10s_10_buckets": "tests/state/test_window.py",
}
LEFT_OUT = {
    "r4j_count_window": "a window of the last ten calls; the one chosen is of seconds",
    "r4j_scripts: half-open expires back to open when no probe reports": (
        "here a lost probe's place goes to the next caller, which finds out sooner"
    ),
    "r4j_scripts: exponential open time x1.5 from 5 s": "here it doubles: see CB12 and Polly's counter",
    "r4j_scripts: illegal transition": "no way to ask for one is offered",
    "failsafe_half_open: 4": "decides as soon as the rate is certain; here when all probes have reported",
}
SCRIPTS = {
    f"r4j_scripts: {script['name']}": script
    for script in VECTORS["r4j_scripts"]
    if f"r4j_scripts: {script['name']}" not in LEFT_OUT
}
HALF_OPEN = {
    f"failsafe_half_open: {at}": case
    for at, case in enumerate(VECTORS["failsafe_half_open"])
    if f"failsafe_half_open: {at}" not in LEFT_OUT
}
BY_RATE = 10**9
R4J = BreakerConfig(
    failure_rate=VECTORS["r4j_config"]["failure_rate"],
    min_calls=VECTORS["r4j_config"]["min_calls"],
    window=20.0,
    consecutive=BY_RATE,
    slow_after=VECTORS["r4j_config"]["slow_s"],
    open=VECTORS["r4j_config"]["open_s"],
    max_open=VECTORS["r4j_config"]["open_s"],
    probes=VECTORS["r4j_config"]["half_open_permits"],
)


class Bench:
    """A gate on a clock of its own, and the steps that the scripts are made of."""

    def __init__(self, config):
        self.now = 1000.0
        self.gate = RouteGate(
            "bench", GateConfig(breaker=config, concurrency=None, retries=2), jitter=lambda: 0.5
        )
        self.ear = Ear()
        self.gate.add_listener(self.ear)
        self.held = []

    def ask(self):
        return self.gate.ask(self.now, lease=60.0)

    def admit(self):
        answer = self.ask()
        assert isinstance(answer, Permit)
        self.held.append(answer)
        return answer

    def reject(self):
        answer = self.ask()
        assert isinstance(answer, NotBefore)
        assert answer.reason is SkipReason.OPEN
        assert answer.moment > self.now
        return answer

    def release(self):
        self.gate.release(self.held.pop())

    def settle(self, permit, verdict, elapsed=0.1):
        return self.gate.settle(permit, verdict, self.now, elapsed=elapsed, clean=False)

    def ok(self, elapsed=0.1):
        return self.settle(self.ask(), Verdict.SUCCESS, elapsed)

    def err(self, elapsed=0.1):
        return self.settle(self.ask(), Verdict.FAILURE, elapsed)

    def ignored(self):
        return self.settle(self.ask(), Verdict.IGNORE)

    def advance_s(self, seconds):
        self.now += seconds

    def state(self, expected):
        assert self.ear.state == expected.replace("forced_open", "open")

    def force(self, state):
        """Bring the circuit into a state by the road that calls take, or by hand."""
        if state == "open":
            while self.ear.state != "open":
                self.err()
        elif state == "half-open":
            self.advance_s(R4J.open)
            self.admit()
            self.release()
        else:
            assert state == "forced_open"
            self.gate.isolate()

    def run(self, steps):
        for name, *arguments in steps:
            getattr(self, name)(*arguments)


def test_every_group_of_vectors_is_run_or_left_out_for_a_reason():
    groups = set(VECTORS) - {"r4j_config", "r4j_scripts", "failsafe_half_open"}
    groups |= {f"r4j_scripts: {script['name']}" for script in VECTORS["r4j_scripts"]}
    groups |= {f"failsafe_half_open: {at}" for at in range(len(VECTORS["failsafe_half_open"]))}
    run = set(ELSEWHERE) | set(SCRIPTS) | set(HALF_OPEN) | set(RUN_HERE)
    assert_complete(groups, run, LEFT_OUT)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_scripts_of_resilience4j(script):
    """50 % of at least 5 calls in 20 s, slow from 4 s, open for 5 s, 4 probes."""
    bench = Bench(R4J)
    bench.run(script["steps"])
    bench.ear.assert_legal()

    if script.get("metrics_reset"):
        bench.run([["err"], ["err"], ["err"], ["err"], ["state", "closed"], ["err"], ["state", "open"]])


@pytest.mark.parametrize("case", HALF_OPEN.values(), ids=HALF_OPEN)
def test_the_half_open_thresholds_of_failsafe(case):
    """k successes of n close = n-k+1 failures of n open; k failures of n open."""
    if "success_threshold" in case:
        needed, probes = case["success_threshold"]
        needed = probes - needed + 1
    else:
        needed, probes = case["failure_threshold"]
    bench = Bench(BreakerConfig(failure_rate=needed / probes, probes=probes, consecutive=5, open=5.0))
    bench.run([["force", "open"], ["force", "half-open"]])

    for outcome in case["outcomes"].split():
        bench.state("half-open")
        bench.run([[outcome]])
    bench.state(case["to"])


def test_polly_transitions_on_success():
    """half-open -> closed; isolated and closed stay."""
    seen = []
    for start, steps in (
        ("half-open", [["force", "open"], ["force", "half-open"], ["ok"]]),
        ("isolated", [["admit"], ["force", "forced_open"]]),
        ("closed", [["ok"]]),
    ):
        bench = Bench(BreakerConfig(open=5.0))
        bench.run(steps)
        if start == "isolated":
            assert bench.settle(bench.held.pop(), Verdict.SUCCESS) is None
            bench.advance_s(3600)
            bench.reject()
        seen.append([start, "isolated" if start == "isolated" else bench.ear.state])

    assert seen == VECTORS["polly_transitions_on_success"]


def test_polly_transitions_on_failure():
    """half-open -> open; closed -> open if it should break; open and isolated stay, with no second event."""
    rows = {
        (row["from"], row.get("should_break")): row["to"] for row in VECTORS["polly_transitions_on_failure"]
    }
    probing = Bench(BreakerConfig(open=5.0))
    probing.run([["force", "open"], ["force", "half-open"], ["err"]])
    breaking, whole = Bench(BreakerConfig()), Bench(BreakerConfig())
    breaking.run([["err"]] * 5)
    whole.run([["err"]] * 4)
    late = Bench(BreakerConfig(open=5.0))
    permit = late.admit()
    late.force("open")
    opened_until = late.reject().moment
    late.advance_s(1)
    late.settle(permit, Verdict.FAILURE)
    isolated = Bench(BreakerConfig())
    permit = isolated.admit()
    isolated.gate.isolate()
    isolated.settle(permit, Verdict.FAILURE)

    assert probing.ear.state == rows["half-open", None]
    assert breaking.ear.state == rows["closed", True]
    assert whole.ear.state == rows["closed", False]
    assert late.ear.state == rows["open", None]
    assert late.ear.changes == [("closed", "open")]
    assert late.reject().moment == opened_until
    assert rows["isolated", None] == "isolated"
    assert isolated.ear.changes == [("closed", "open")]
    assert isolated.reject().moment == float("inf")


def test_polly_half_open_attempt_counter():
    """CB12: the open time sees 0,1,2,3,4 doublings, and 0,1,2 again after the circuit closed."""
    bench = Bench(BreakerConfig(open=1.0, max_open=1e6))
    opened_for = []

    def open_and_probe(times):
        change = None
        while change is None:
            change = bench.err()
        for _ in range(times):
            opened_for.append(change.until - bench.now)
            bench.advance_s(opened_for[-1])
            permit = bench.admit()
            assert bench.ear.state == "half-open"
            change = bench.settle(permit, Verdict.FAILURE)

    open_and_probe(5)
    bench.advance_s(1e6)
    bench.ok()
    open_and_probe(3)
    expected = VECTORS["polly_half_open_attempt_counter"]["break_duration_generator_sees"]
    assert opened_for == pytest.approx([2.0**doublings for doublings in expected])


def test_polly_rejection_carries_retry_after():
    """CB5: no request before opened + open_s, and the rejection says when."""
    vector = VECTORS["polly_rejection_carries_retry_after"]
    bench = Bench(BreakerConfig(open=vector["break_s"], max_open=vector["break_s"]))
    bench.force("open")
    bench.advance_s(vector["advance_s"])

    assert bench.reject().moment - bench.now == pytest.approx(vector["retry_after"])


def test_gobreaker():
    """CB9, CB11: neither a stale generation nor what is excluded counts; half-open admits its quota."""
    stale, excluded, probing = VECTORS["gobreaker"]
    assert (stale["name"], probing["name"]) == ("stale generation", "half-open admits at most max_requests")

    bench = Bench(BreakerConfig(open=5.0))
    old = bench.admit()
    bench.run([["force", "open"], ["force", "half-open"], ["ok"], ["state", "closed"]])
    bench.settle(old, Verdict.FAILURE)
    bench.run([["err"]] * 4)
    bench.state("closed")

    counts = excluded["counts"]
    bench = Bench(BreakerConfig(min_calls=counts["successes"] + counts["failures"] + 1, failure_rate=0.5))
    bench.run([["ok"]] * excluded["ok"] + [["err"]] * excluded["err"] + [["ignored"]] * excluded["exclude"])
    bench.state("closed")
    bench.run([["err"], ["state", "open"]])  # the sixth that counts: 3 of 6

    bench = Bench(BreakerConfig(open=5.0, probes=3))
    bench.run([["force", "open"], ["force", "half-open"], ["admit"], ["admit"], ["admit"], ["reject"]])


def cancelled_while_closed():
    """CB11: a cancelled call moves no counter, not even on what would be the tripping call."""
    bench = Bench(BreakerConfig())
    bench.run([["err"]] * 4 + [["admit"], ["release"], ["ignored"], ["state", "closed"]])
    bench.run([["err"], ["state", "open"]])


def excluded_while_closed():
    """CB11: what is ignored is no success either; the run of failures goes on."""
    bench = Bench(BreakerConfig())
    bench.run([["err"]] * 4 + [["ignored"]] * 10 + [["err"], ["state", "open"]])


def excluded_as_probe():
    """CB11: an ignored probe closes nothing, and its place is free."""
    bench = Bench(BreakerConfig(open=5.0))
    bench.run([["force", "open"], ["force", "half-open"], ["ignored"], ["state", "half-open"], ["admit"]])


def second_probe_succeeds_late():
    """CB9: once the probes have failed, a success that comes late closes nothing."""
    bench = Bench(BreakerConfig(open=5.0, probes=2, failure_rate=0.5))
    bench.run([["force", "open"], ["force", "half-open"], ["admit"]])
    lost = bench.held.pop()
    bench.advance_s(60)  # its lease is over; two others report
    bench.run([["err"], ["err"], ["state", "open"]])
    bench.settle(lost, Verdict.SUCCESS)
    bench.state("open")


def late_failures():
    """CB10: late failures neither extend the open time nor fire a second event."""
    bench = Bench(BreakerConfig(open=0.2))
    late = [bench.admit() for _ in range(8)]
    bench.force("open")
    until = bench.reject().moment
    for permit in late:
        bench.advance_s(0.1 / 8)
        bench.settle(permit, Verdict.FAILURE)
    assert bench.reject().moment == until
    assert bench.ear.changes == [("closed", "open")]
    bench.now = until
    bench.admit()


def wall_clock_jumps():
    """CK1: no clock is read: only the moments that come in decide."""
    bench = Bench(BreakerConfig(open=60.0, max_open=60.0))
    bench.force("open")
    bench.reject()
    bench.advance_s(59.9)
    bench.reject()
    bench.advance_s(0.1)
    bench.admit()


DEFECTS = {
    "CancelledError / KeyboardInterrupt / SystemExit / GeneratorExit from the call": cancelled_while_closed,
    "excluded error while closed": excluded_while_closed,
    "excluded error as half-open probe": excluded_as_probe,
    "two calling() probes, first fails, second succeeds later": second_probe_succeeds_late,
    "8 late failures 0.1 s apart, reset 0.2 s": late_failures,
    "wall clock +1 h while open 60 s": wall_clock_jumps,
}


@pytest.mark.parametrize("case", [row["case"] for row in VECTORS["pybreaker_defects_we_must_not_inherit"]])
def test_pybreakers_defects_are_not_inherited(case):
    """What pybreaker gets wrong by itself is right here, although it keeps the state."""
    DEFECTS[case]()


def test_isolated_and_restored_by_hand():
    """CB15: forced-open never half-opens; isolate and restore are idempotent."""
    bench = Bench(BreakerConfig())
    for _ in range(2):
        bench.gate.isolate()
        bench.advance_s(1e9)
        bench.reject()
    for _ in range(2):
        bench.gate.restore()
        bench.admit()

    assert bench.ear.changes == [("closed", "open"), ("open", "closed")]
    bench.ear.assert_legal(BY_HAND)


RUN_HERE = (
    "polly_transitions_on_success",
    "polly_transitions_on_failure",
    "polly_half_open_attempt_counter",
    "polly_rejection_carries_retry_after",
    "gobreaker",
    "pybreaker_defects_we_must_not_inherit",
)
