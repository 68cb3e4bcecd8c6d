"""Policies: the innermost level holds, key by key."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.task import TASKS, Task
from resilient_infer.lock.key import Level
from resilient_infer.lock.keys import AT, TABLE
from resilient_infer.lock.policy import BreakerKeys, Policy, PolicyKeys, contradictions, resolve
from resilient_infer.policies.trip import BreakerConfig

seconds = st.none() | st.floats(0.1, 1000)
counts = st.none() | st.integers(1, 50)
breakers = st.builds(
    BreakerKeys,
    window=seconds,
    open=seconds,
    max_open=seconds,
    slow_after=seconds,
    probes=counts,
    min_calls=counts,
)
levels = st.builds(
    PolicyKeys,
    deadline=seconds,
    attempt_timeout=seconds,
    retries=counts,
    safe=st.none() | st.booleans(),
    concurrency=counts,
    on_pin_mismatch=st.sampled_from([None, "refuse", "warn"]),
    breaker=breakers,
)
tasks = st.sampled_from(list(TASKS.values()))


def test_defaults_are_those_of_the_table_and_the_task() -> None:
    """Nothing said: the task's patience, and the table's defaults."""
    policy = resolve(TASKS["chat"])

    assert policy == Policy(
        deadline=120.0,
        attempt_timeout=60.0,
        first_token_timeout=10.0,
        stall_timeout=15.0,
        recover="restart",
        retries=2,
        max_wait=5.0,
        min_useful=0.5,
        max_response=64 * 1024 * 1024,
        safe=False,
        refusal_fallback=False,
        balance="ordered",
        on_pin_mismatch="refuse",
        breaker=BreakerConfig(
            failure_rate=0.5,
            min_calls=10,
            window=120.0,
            consecutive=5,
            slow_after=None,
            open=1.0,
            max_open=5.0,
            probes=1,
        ),
        concurrency=64,
    )
    assert resolve(TASKS["text-classification"]).breaker.window == 20.0


@given(task=tasks, chosen=st.lists(levels, max_size=4))
def test_the_innermost_level_that_says_something_holds(task: Task, chosen: list[PolicyKeys]) -> None:
    """Each key is decided by the last level that gives it, also inside the breaker."""
    policy = resolve(task, *chosen)

    for name in ("deadline", "retries", "safe", "concurrency", "on_pin_mismatch"):
        said = [value for level in chosen if (value := getattr(level, name)) is not None]
        assert not said or getattr(policy, name) == said[-1]
    for name in ("window", "open", "slow_after", "probes"):
        said = [value for level in chosen if (value := getattr(level.breaker, name)) is not None]
        assert not said or getattr(policy.breaker, name) == said[-1]


@given(task=tasks, chosen=st.lists(levels, max_size=4))
def test_dl7_an_attempt_never_outlasts_its_call(task: Task, chosen: list[PolicyKeys]) -> None:
    """attempt_timeout = min(attempt_timeout, deadline), wherever the two were said."""
    policy = resolve(task, *chosen)

    assert policy.attempt_timeout <= policy.deadline
    assert policy.breaker.open <= policy.breaker.max_open


@given(level=levels)
def test_dl7_only_values_of_one_scope_contradict_each_other(level: PolicyKeys) -> None:
    """Explicit values of one level are compared; a level that says one of two says nothing wrong."""
    wrong = {key for key, _ in contradictions(level)}

    deadline, timeout, breaker = level.deadline, level.attempt_timeout, level.breaker
    assert ("attempt_timeout" in wrong) == (
        None not in (deadline, timeout) and (timeout or 0) > (deadline or 0)
    )
    assert timeout is not None or "breaker.window" not in wrong
    assert breaker.max_open is not None or "breaker.max_open" not in wrong


def test_every_policy_key_of_the_table_is_a_field() -> None:
    """The table and the values cannot drift apart."""
    of_the_alias = {"targets", "task", "fallback"}
    keys = {key.name for key in TABLE if {Level.POLICY, Level.ALIAS} & set(key.levels)} - of_the_alias

    assert keys == {field.name for field in fields(PolicyKeys)} == {field.name for field in fields(Policy)}
    assert set(AT[Level.BREAKER]) == {field.name for field in fields(BreakerKeys)}
