"""Patience: the Hub asked again where that helps, and no longer asked where it does not.

The rules are those of a call: `policies/retry.py`, `policies/backoff.py` and
the failure table. Waits are bounded, and a Hub that answers nothing at all is
given up for the rest of the run instead of timing out question by question.
"""

from collections.abc import Callable
from threading import Lock
from typing import Final, TypeVar

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind, HubHead, HubModel
from resilient_infer.lock.quota import Quota
from resilient_infer.policies import backoff
from resilient_infer.policies.retry import Again, RetryConfig, decide

RETRIES: Final = 2
SILENT: Final = 8
"""Questions in a row without an answer, after their repeats, at which the Hub is given up."""

T = TypeVar("T")


class PatientHub:
    """A `Hub` that asks another one with repeats, and waits for its quota.

    Args:
        max_wait: Seconds; the longest wait for the quota, or on the Hub's advice, for one question.
        sleep: Sleeps for so many seconds.
        now: The monotonic clock, seconds.
        jitter: Uniform numbers in [0, 1).
    """

    def __init__(
        self,
        hub: Hub,
        quota: Quota,
        *,
        max_wait: float,
        sleep: Callable[[float], None],
        now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._hub = hub
        self._quota = quota
        self._max_wait = max_wait
        self._sleep = sleep
        self._now = now
        self._jitter = jitter
        self._config = RetryConfig(retries=RETRIES, max_wait=max_wait, safe=True)
        self._lock = Lock()
        self._silent = 0
        self.requests = 0
        """Questions that were really asked, repeats included."""

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        """The repo at a branch, tag or commit; None: its default branch."""
        return self._ask("api", lambda: self._hub.model(repo, revision))

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        """One file at a branch, tag or commit, without its content."""
        return self._ask("resolvers", lambda: self._hub.head(repo, revision, path))

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        """The content of a small file at a commit."""
        return self._ask("resolvers", lambda: self._hub.read(repo, revision, path))

    def _ask(self, quota: str, question: Callable[[], T | HubFault]) -> T | HubFault:
        ends_at = self._now() + self._max_wait
        repeats = 0
        while True:
            refusal = self._wait_for(quota, ends_at)
            if refusal is not None:
                return refusal
            answer = question()
            if not self._untold(answer):
                return answer
            assert isinstance(answer, HubFault)
            delay = self._delay(answer.failure, repeats, ends_at)
            if delay is None:
                return answer
            self._sleep(delay)
            repeats += 1

    def _wait_for(self, quota: str, ends_at: float) -> HubFault | None:
        """Wait until one more may be asked; a fault if that takes too long or the Hub was given up."""
        while True:
            if self._silent >= SILENT:
                reason = f"not asked: the Hub did not answer {SILENT} questions in a row"
                return _untold(FailureKind.UNREACHABLE, reason)
            now = self._now()
            wait = self._quota.take(quota, now)
            if wait == 0.0:
                with self._lock:
                    self.requests += 1
                return None
            if now + wait > ends_at:
                reason = f"not asked: the Hub's quota for {quota} is used up for another {wait:.0f} s"
                return _untold(FailureKind.THROTTLED, reason)
            self._sleep(wait)

    def _delay(self, failure: Failure, repeats: int, ends_at: float) -> float | None:
        """Seconds before the question is asked again, or None."""
        delay = backoff.delay(
            repeats + 1, throttled=failure.kind.throttling, advice=failure.advice, jitter=self._jitter()
        )
        verdict = decide(
            self._config,
            failure,
            repeats=repeats,
            delay=delay,
            time_left=ends_at - self._now(),
            others_left=False,
        )
        return verdict.delay if isinstance(verdict, Again) else None

    def _untold(self, answer: object) -> bool:
        """Whether the Hub told nothing; keeps count of how long it has been silent."""
        untold = isinstance(answer, HubFault) and answer.kind is HubFaultKind.UNTOLD
        limited = isinstance(answer, HubFault) and answer.failure.kind is FailureKind.THROTTLED
        with self._lock:
            self._silent = self._silent + 1 if untold and not limited else 0
        return untold


def _untold(kind: FailureKind, reason: str) -> HubFault:
    return HubFault(kind=HubFaultKind.UNTOLD, failure=Failure(kind=kind, reason=reason))
