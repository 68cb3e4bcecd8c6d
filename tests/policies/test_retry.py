"""May a route that failed be asked again in this call? (DL2, RA6, and the table of 1.6)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.policies.retry import Again, GiveUp, Later, RetryConfig, decide

AT_ONCE = {"repeats": 0, "delay": 0.0, "time_left": 10.0, "others_left": False}

configs = st.builds(RetryConfig, retries=st.integers(0, 10), max_wait=st.floats(0, 60), safe=st.booleans())
failures = st.builds(
    Failure,
    kind=st.sampled_from(FailureKind),
    reason=st.just("seen"),
    advice=st.none() | st.floats(0.001, 100),
    should_retry=st.none() | st.booleans(),
)
moments = st.fixed_dictionaries(
    {
        "repeats": st.integers(0, 12),
        "delay": st.floats(0, 100),
        "time_left": st.floats(-10, 100),
        "others_left": st.booleans(),
    }
)


def failure(kind, **fields):
    return Failure(kind=kind, reason="seen", **fields)


@given(config=configs, failed=failures, moment=moments)
def test_dl2_a_granted_wait_ends_before_the_deadline(config, failed, moment):
    """No sleep starts unless now + d < end; never min(d, remaining) and then a hopeless attempt."""
    decision = decide(config, failed, **moment)

    if isinstance(decision, Again):
        assert decision.delay == moment["delay"]
        assert decision.delay < moment["time_left"]


def test_dl2_a_wait_as_long_as_the_time_left_is_too_long():
    """now + d < end is strict: an attempt needs some time itself."""
    broken = failure(FailureKind.SERVER_ERROR)

    assert decide(RetryConfig(), broken, **AT_ONCE | {"delay": 9.99}) == Again(9.99)
    assert decide(RetryConfig(), broken, **AT_ONCE | {"delay": 10.0}) == GiveUp(
        "waiting 10.0 s would outlive the deadline"
    )


@given(config=configs, failed=failures, moment=moments)
def test_a_route_is_never_asked_more_often_than_configured(config, failed, moment):
    """`retries` bounds the repeats, whatever the failure and the server's own word."""
    decision = decide(config, failed, **moment)

    if not isinstance(decision, GiveUp):
        assert moment["repeats"] < config.retries
    if failed.should_retry is not True and not isinstance(decision, GiveUp):
        assert moment["repeats"] < failed.kind.repeats


@given(config=configs, failed=failures, moment=moments)
def test_later_is_said_only_while_others_are_left(config, failed, moment):
    """FB4: a long wait is a reason to ask others first, and no reason to fail."""
    decision = decide(config, failed, **moment)

    if isinstance(decision, Later):
        assert moment["others_left"]
        alone = decide(config, failed, **moment | {"others_left": False})
        assert alone == Again(moment["delay"])


@given(config=configs, failed=failures, moment=moments)
def test_every_refusal_says_why(config, failed, moment):
    """No decision to stop is silent."""
    decision = decide(config, failed, **moment)

    if not isinstance(decision, Again):
        assert decision.reason


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind.repeats == 0])
def test_what_does_not_pass_by_itself_is_not_repeated(kind):
    """A wrong payload, a bad credential and a timeout are not asked again in this call."""
    decision = decide(RetryConfig(), failure(kind), **AT_ONCE)

    assert decision == GiveUp(f"{kind.value} does not pass by itself")


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind.repeats == 1])
def test_what_may_be_a_fluke_is_repeated_once(kind):
    """Truncated and malformed answers: once more, then on."""
    assert isinstance(decide(RetryConfig(), failure(kind), **AT_ONCE), Again)
    assert decide(RetryConfig(), failure(kind), **AT_ONCE | {"repeats": 1}) == GiveUp("all 1 retries used")


@pytest.mark.parametrize("kind", [FailureKind.LOST, FailureKind.TIMEOUT])
def test_a_task_that_is_not_safe_is_not_repeated_after_an_ambiguous_failure(kind):
    """Ambiguous (sent, no answer), task not safe: no."""
    decision = decide(RetryConfig(safe=False), failure(kind), **AT_ONCE)

    assert isinstance(decision, GiveUp)
    assert kind is FailureKind.TIMEOUT or "not safe" in decision.reason


def test_a_connection_that_was_never_made_is_always_safe_to_repeat():
    """Connect refused, DNS, reset before send: yes, always safe."""
    assert decide(RetryConfig(safe=False), failure(FailureKind.UNREACHABLE), **AT_ONCE) == Again(0.0)


def test_the_servers_no_is_obeyed_for_a_failure_that_passes():
    """x-should-retry: false overrides the status."""
    broken = failure(FailureKind.SERVER_ERROR, should_retry=False)

    assert decide(RetryConfig(), broken, **AT_ONCE) == GiveUp("the server says not to try again")


def test_the_servers_yes_is_obeyed_for_a_failure_that_does_not_pass():
    """x-should-retry: true overrides the status, within the configured retries."""
    refused = failure(FailureKind.BAD_REQUEST, should_retry=True)

    assert decide(RetryConfig(), refused, **AT_ONCE) == Again(0.0)
    assert decide(RetryConfig(), refused, **AT_ONCE | {"repeats": 2}) == GiveUp("all 2 retries used")


def test_no_retries_are_said_to_be_none():
    """A call configured without retries does not claim to have used them."""
    broken = failure(FailureKind.SERVER_ERROR)

    assert decide(RetryConfig(retries=0), broken, **AT_ONCE) == GiveUp("no retries are configured")


@pytest.mark.parametrize(
    ("advice", "others_left", "waits"),
    [(4.9, True, True), (5.0, True, True), (5.1, True, False), (5.1, False, True), (None, True, True)],
)
def test_ra6_advice_beyond_the_threshold_is_waited_for_only_at_the_last_candidate(advice, others_left, waits):
    """429 with a wait longer than a threshold: others at once; waited for only on the last candidate."""
    throttled = failure(FailureKind.THROTTLED, advice=advice)
    moment = AT_ONCE | {"delay": advice or 0.5, "others_left": others_left}

    assert isinstance(decide(RetryConfig(max_wait=5.0), throttled, **moment), Again if waits else Later)


def test_a_cold_start_is_waited_for_only_when_nothing_else_is_left():
    """503 loading + estimated_time: only as last model, however short."""
    loading = failure(FailureKind.LOADING, advice=0.5)
    moment = AT_ONCE | {"delay": 0.6}

    assert decide(RetryConfig(), loading, **moment | {"others_left": True}) == Later(
        "loading: others are asked first"
    )
    assert decide(RetryConfig(), loading, **moment) == Again(0.6)
