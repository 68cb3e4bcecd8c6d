"""Patience: the Hub asked again where that helps, and no longer asked where it does not.

The rules are those of a call: `policies/retry.py`, `policies/backoff.py` and
the failure table. Waits are bounded for the run as a whole, and a Hub that
answers nothing at all is given up instead of timing out question by question.
"""

from collections.abc import Callable
from threading import BoundedSemaphore, Lock
from typing import Final, TypeVar

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.quota import Quota
from resilient_infer.policies import backoff
from resilient_infer.policies.retry import Again, RetryConfig, decide

RETRIES: Final = 2
SILENT: Final = 8
"""Requests in a row without an answer, repeats included, at which the Hub is given up."""

T = TypeVar("T")


class SharedWait:
    """Time that may be waited in all, however many threads wait: those who wait at once wait once.

    Args:
        most: Seconds.
    """

    def __init__(self, most: float) -> None:
        self._lock = Lock()
        self._left = most
        self._until = float("-inf")

    def longest(self, now: float) -> float:
        """Seconds that one may wait from now on: what is left, and what others wait already."""
        with self._lock:
            return self._left + max(0.0, self._until - now)

    def take(self, seconds: float, now: float) -> bool:
        """Take a wait from now on; False: there is not so much time left, and nothing is taken."""
        with self._lock:
            further = max(0.0, now + seconds - max(now, self._until))
            if further > self._left:
                return False
            self._left -= further
            self._until = max(self._until, now + seconds)
            return True


class PatientAsking:
    """Makes requests with repeats, so many at a time, and waits for the quota. For all threads of a run.

    Args:
        quota: What is left to ask.
        jobs: Requests under way at a time. Who waits takes no place.
        max_wait: Seconds that are waited in all: for the quota, on the Hub's advice and between repeats.
        sleep: Sleeps for so many seconds.
        now: The monotonic clock, seconds.
        jitter: Uniform numbers in [0, 1).
    """

    def __init__(
        self,
        quota: Quota,
        *,
        jobs: int,
        max_wait: float,
        sleep: Callable[[float], None],
        now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self.quota = quota
        self.requests = 0
        """Requests that were really made, repeats included."""
        self._places = BoundedSemaphore(jobs)
        self._waits = SharedWait(max_wait)
        self._sleep = sleep
        self._now = now
        self._jitter = jitter
        self._config = RetryConfig(retries=RETRIES, max_wait=max_wait, safe=True)
        self._lock = Lock()
        self._silent = 0
        self._last = ""

    def ask(self, quota: str, request: Callable[[], T | HubFault]) -> T | HubFault:
        """What a request that draws on `quota` comes to in the end."""
        repeats = 0
        while True:
            answer, until = self._in_turn(quota, request)
            if not isinstance(answer, HubFault) or answer.kind is not HubFaultKind.UNTOLD:
                return answer
            if until is None:
                wait = self._delay(answer.failure, repeats)
                repeats += 1
            else:
                wait = max(0.0, until - self._now())
            if wait is None or not self._waits.take(wait, self._now()):
                return answer
            self._sleep(wait)

    def _in_turn(self, quota: str, request: Callable[[], T | HubFault]) -> tuple[T | HubFault, float | None]:
        """What the request comes to this once; with a moment: it was not made, and can be from then on."""
        with self._places:
            until = self.quota.begin(quota, self._now())
            given_up = self._silent >= SILENT  # looked at late: others may have found out meanwhile
            if until is not None:
                return (self._given_up(), None) if given_up else (_used_up(quota, until - self._now()), until)
            try:
                return self._given_up() if given_up else self._made(request), None
            finally:
                self.quota.done(quota)

    def _made(self, request: Callable[[], T | HubFault]) -> T | HubFault:
        """The request made; keeps count, also of how long the Hub has been silent."""
        with self._lock:
            self.requests += 1
        answer = request()
        untold = isinstance(answer, HubFault) and answer.kind is HubFaultKind.UNTOLD
        limited = isinstance(answer, HubFault) and answer.failure.kind is FailureKind.THROTTLED
        with self._lock:
            self._silent = self._silent + 1 if untold and not limited else 0
            if isinstance(answer, HubFault) and self._silent == SILENT:
                self._last = answer.reason
        return answer

    def _given_up(self) -> HubFault:
        reason = f"not asked: the Hub did not answer {SILENT} requests in a row, the last: {self._last}"
        return _untold(Failure(kind=FailureKind.UNREACHABLE, reason=reason, should_retry=False))

    def _delay(self, failure: Failure, repeats: int) -> float | None:
        """Seconds before the request is made again, or None."""
        delay = backoff.delay(
            repeats + 1, throttled=failure.kind.throttling, advice=failure.advice, jitter=self._jitter()
        )
        verdict = decide(
            self._config,
            failure,
            repeats=repeats,
            delay=delay,
            time_left=self._waits.longest(self._now()),
            others_left=False,
        )
        return verdict.delay if isinstance(verdict, Again) else None


def _used_up(quota: str, seconds: float) -> HubFault:
    reason = f"not asked: the Hub's quota for {quota} is used up for another {max(0.0, seconds):.0f} s"
    return _untold(Failure(kind=FailureKind.THROTTLED, reason=reason))


def _untold(failure: Failure) -> HubFault:
    return HubFault(kind=HubFaultKind.UNTOLD, failure=failure)
