"""Patience: requests are repeated where that helps, in bounded time, and never beyond the quota."""

import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.patience import RETRIES, SILENT, PatientAsking, SharedWait
from resilient_infer.lock.quota import ROUNDED, Quota

DOWN = HubFault(kind=HubFaultKind.UNTOLD, failure=Failure(kind=FailureKind.SERVER_ERROR, reason="down"))
GONE = HubFault(kind=HubFaultKind.REPO_GONE, failure=Failure(kind=FailureKind.GONE, reason="gone"))


def limited(advice: float | None) -> HubFault:
    failure = Failure(kind=FailureKind.THROTTLED, reason="too many", status=429, advice=advice)
    return HubFault(kind=HubFaultKind.UNTOLD, failure=failure)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def asking(time: Time, *, quota: Quota | None = None, max_wait: float = 60.0, jobs: int = 4) -> PatientAsking:
    return PatientAsking(
        quota or Quota(),
        jobs=jobs,
        max_wait=max_wait,
        sleep=time.sleep,
        now=lambda: time.now,
        jitter=lambda: 0.5,
    )


def answering(*answers: str | HubFault) -> Callable[[], str | HubFault]:
    """A request that comes to these, one after another."""
    left = list(answers)
    return lambda: left.pop(0)


def test_an_answer_is_asked_for_once() -> None:
    """And a clear no is an answer."""
    time = Time()
    patient = asking(time)

    assert patient.ask("api", answering("yes")) == "yes"
    assert patient.ask("api", answering(GONE)) == GONE
    assert (patient.requests, time.slept) == (2, [])


def test_what_may_pass_is_asked_again() -> None:
    """As often as a call would, with its waits."""
    time = Time()
    patient = asking(time)

    assert patient.ask("api", answering(DOWN, DOWN, "yes")) == "yes"
    assert patient.ask("api", answering(*[DOWN] * 9)) == DOWN
    assert patient.requests == 3 + 1 + RETRIES


def test_a_hub_that_never_answers_is_given_up() -> None:
    """What is left costs no time, and is told with the reason: without it nobody could mend it."""
    time = Time()
    patient = asking(time)
    for _ in range(SILENT):
        patient.ask("api", answering(DOWN, DOWN, DOWN))

    assert patient.requests == SILENT
    waited = list(time.slept)
    told = patient.ask("resolvers", answering("never asked"))
    assert isinstance(told, HubFault)
    assert (told.kind, told.reason) == (
        HubFaultKind.UNTOLD,
        f"not asked: the Hub did not answer {SILENT} requests in a row, the last: {DOWN.reason}",
    )
    assert time.slept == waited


def test_one_answer_in_between_keeps_it() -> None:
    """A Hub that answers now and then is asked on; so is one that only limits."""
    patient = asking(Time())

    for _ in range(SILENT):
        assert patient.ask("api", answering(DOWN, "yes")) == "yes"
        assert patient.ask("api", answering(limited(0.1), "yes")) == "yes"


def test_who_waits_in_the_queue_is_not_asked_after_all_has_been_given_up() -> None:
    """With one job, the last of many has not waited for a time-out of each of those before."""
    patient = asking(Time(), jobs=1)

    answers = gather([lambda: patient.ask("api", lambda: DOWN)] * 50, jobs=50)

    assert all(isinstance(answer, HubFault) for answer in answers)
    assert patient.requests == SILENT


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_requests_are_under_way_than_jobs(jobs: int) -> None:
    """However many threads have one. All places are taken before the first is given back."""
    patient = asking(Time(), jobs=jobs)
    all_at_work = threading.Barrier(jobs)
    lock, under_way, most = threading.Lock(), [0], [0]

    def request() -> str:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        all_at_work.wait(timeout=10)
        with lock:
            under_way[0] -= 1
        return "yes"

    assert gather([lambda: patient.ask("api", request)] * (4 * jobs), jobs=15) == ["yes"] * (4 * jobs)
    assert most[0] == jobs


def test_a_429_is_waited_out_within_the_time_there_is() -> None:
    """As long as the Hub says, and a little longer, so that not all come back at one moment."""
    time = Time()
    patient = asking(time, max_wait=10.0)

    assert patient.ask("api", answering(limited(7.0), "yes")) == "yes"
    assert time.slept == [7.5]
    assert patient.ask("api", answering(limited(7.0), "never")) == limited(7.0)
    assert time.slept == [7.5]


def test_a_quota_that_is_used_up_is_waited_for_or_told() -> None:
    """Nothing is asked meanwhile; the other quota is not concerned."""
    time, quota = Time(), Quota()
    patient = asking(time, quota=quota, max_wait=20.0)
    quota.note('"api";r=0;t=9', 0.0)
    assert patient.ask("resolvers", answering("at once")) == "at once"
    assert patient.ask("api", answering("later")) == "later"
    assert time.slept == [9.0 + ROUNDED]

    quota.note('"api";r=0;t=30', time.now)
    told = patient.ask("api", answering("never"))

    assert isinstance(told, HubFault)
    assert told.kind is HubFaultKind.UNTOLD
    assert told.reason == "not asked: the Hub's quota for api is used up for another 31 s"
    assert patient.requests == 2


def test_no_wait_at_all_repeats_nothing() -> None:
    """`--max-wait 0`."""
    time = Time()
    patient = asking(time, max_wait=0.0)

    assert patient.ask("api", answering(DOWN, "never")) == DOWN
    assert time.slept == []


Waits = Sequence[tuple[float, float]]


@given(
    most=st.floats(0, 100),
    waits=st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50))),
)
def test_time_waited_in_all_stays_within_its_bound(most: float, waits: Waits) -> None:
    """However many wait and however their waits overlap: the time in which somebody waits is bounded."""
    shared, now, granted = SharedWait(most), 0.0, []
    for later, seconds in waits:
        now += later
        if shared.take(seconds, now):
            granted.append((now, now + seconds))

    covered, until = 0.0, float("-inf")
    for start, end in sorted(granted):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    assert covered <= most + 1e-6


def test_those_who_wait_at_once_wait_once() -> None:
    """A quota renewed in 50 s holds back 32 threads for 50 s, not for 1,600."""
    shared = SharedWait(60.0)

    assert all(shared.take(50.0, 0.0) for _ in range(32))
    assert shared.longest(0.0) == 60.0
    assert not shared.take(11.0, 50.0)
    assert shared.take(10.0, 50.0)
