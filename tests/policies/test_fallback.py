"""Where a call goes after a failure that it does not repeat (FB2, and the table of 1.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind, Onward
from resilient_infer.policies.fallback import Step, is_larger, onward

kinds = st.sampled_from(FailureKind)


def step(kind, *, safe=True, refusal_fallback=False, ambiguous=0):
    failure = Failure(kind=kind, reason="seen")
    return onward(failure, safe=safe, refusal_fallback=refusal_fallback, ambiguous=ambiguous)


@given(kind=kinds, safe=st.booleans(), refusal_fallback=st.booleans(), ambiguous=st.integers(0, 5))
def test_fb2_a_fault_of_the_request_stops_the_call(kind, safe, refusal_fallback, ambiguous):
    """A stop-class error raises at once, whatever the policy says."""
    where = step(kind, safe=safe, refusal_fallback=refusal_fallback, ambiguous=ambiguous)

    if kind.onward is Onward.STOP:
        assert where is Step.STOP


@given(kind=kinds, ambiguous=st.integers(0, 100))
def test_a_safe_task_goes_on_however_often_it_may_have_been_done(kind, ambiguous):
    """Reading a text twice changes nothing."""
    assert step(kind, ambiguous=ambiguous) is step(kind)


@pytest.mark.parametrize("kind", [FailureKind.LOST, FailureKind.TIMEOUT])
def test_a_task_that_is_not_safe_goes_on_once_and_no_more(kind):
    """Ambiguous (sent, no answer), task not safe: next model at most once."""
    assert step(kind, safe=False, ambiguous=1) is Step.NEXT_ROUTE
    assert step(kind, safe=False, ambiguous=2) is Step.STOP


def test_an_unambiguous_failure_of_a_task_that_is_not_safe_goes_on():
    """A 500 after an ambiguous failure says for certain that this one was not done."""
    assert step(FailureKind.SERVER_ERROR, safe=False, ambiguous=2) is Step.NEXT_ROUTE


def test_a_refusal_by_a_content_filter_goes_on_only_where_the_policy_permits_it():
    """400/403 content filter: STOP (unless refusal_fallback)."""
    assert step(FailureKind.CONTENT_FILTER) is Step.STOP
    assert step(FailureKind.CONTENT_FILTER, refusal_fallback=True) is Step.NEXT_TARGET


def test_a_payload_that_is_too_long_goes_to_a_larger_target():
    """400 context_length: next target whose `context` is larger or unknown."""
    assert step(FailureKind.TOO_LONG) is Step.LARGER_TARGET


@pytest.mark.parametrize(
    ("context", "than", "larger"),
    [
        (8192, 4096, True),
        (4096, 4096, False),
        (2048, 4096, False),
        (None, 4096, True),
        (4096, None, True),
        (None, None, True),
    ],
)
def test_an_unknown_context_may_be_larger(context, than, larger):
    """Only a context that is known to be no larger is passed over."""
    assert is_larger(context, than) is larger
