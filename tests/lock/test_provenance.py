"""Provenance: the values in force are those of `resolve`, each with the level that says it."""

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.task import TASKS, Task
from resilient_infer.lock.policy import BreakerKeys, PolicyKeys, resolve
from resilient_infer.lock.provenance import DEFAULT, in_force

maybe_seconds = st.none() | st.floats(0.1, 1000)
maybe_count = st.none() | st.integers(1, 50)
levels = st.lists(
    st.builds(
        PolicyKeys,
        deadline=maybe_seconds,
        attempt_timeout=maybe_seconds,
        retries=maybe_count,
        safe=st.none() | st.booleans(),
        concurrency=maybe_count,
        breaker=st.builds(BreakerKeys, open=maybe_seconds, probes=maybe_count),
    ),
    max_size=4,
)


@given(given_levels=levels, task=st.sampled_from(list(TASKS.values())))
def test_pv1_each_value_is_the_one_in_force_and_its_source_says_it(
    given_levels: list[PolicyKeys], task: Task
) -> None:
    """The source of a value is the innermost level that says the key, or no level says it."""
    policy = resolve(task, *given_levels)

    for each in in_force(task, [(str(place), keys) for place, keys in enumerate(given_levels)]):
        outer, _, inner = each.key.partition(".")
        value = getattr(policy, outer)
        assert each.value == (getattr(value, inner) if inner else value)
        if each.key == "attempt_timeout" and each.value == policy.deadline:
            continue
        said = [getattr(keys, outer) for keys in given_levels]
        said = [getattr(keys, inner) for keys in said] if inner else said
        named = [str(place) for place, value in enumerate(said) if value is not None]
        assert each.source == (named[-1] if named else DEFAULT)


def test_an_attempt_timeout_cut_down_to_the_deadline_is_the_deadlines() -> None:
    """Whoever wonders about the 3 s finds them where the deadline is."""
    task = TASKS["text-classification"]
    cut = {
        each.key: each
        for each in in_force(
            task, [("file", PolicyKeys(deadline=3.0)), ("alias", PolicyKeys(attempt_timeout=9.0))]
        )
    }

    assert (cut["attempt_timeout"].value, cut["attempt_timeout"].source) == (3.0, "file")
