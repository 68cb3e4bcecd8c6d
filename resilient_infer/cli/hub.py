"""Hub: the Hugging Face Hub as a command asks it: patiently, bounded, and only if there is a question."""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from resilient_infer.lock.answers import Hub, HubFault, HubHead, HubModel
from resilient_infer.lock.patience import PatientHub

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How the Hub is asked.

    Attributes:
        timeout: Seconds for one request, redirects included.
        max_wait: Seconds; the longest wait for one question.
        jobs: Requests under way at a time.
    """

    timeout: float
    max_wait: float
    jobs: int


class CommandHub:
    """Implements `answers.Hub`. Loads huggingface_hub with the first question, which takes 0.4 s."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._made: tuple[PatientHub, bool] | None = None

    @property
    def requests(self) -> int:
        """Requests sent so far, repeats included."""
        return 0 if self._made is None else self._made[0].requests

    @property
    def has_token(self) -> bool:
        """Whether questions are asked with a token."""
        return self._make()[1]

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        return self._make()[0].model(repo, revision)

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        return self._make()[0].head(repo, revision, path)

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        return self._make()[0].read(repo, revision, path)

    def _make(self) -> tuple[PatientHub, bool]:
        with self._lock:
            if self._made is None:
                self._made = _patient(self._patience)
            return self._made


def _patient(patience: Patience) -> tuple[PatientHub, bool]:
    """The Hub, and whether it is asked with a token."""
    # Read when huggingface_hub is imported; otherwise its first request is one of its own.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from resilient_infer.lock.hub import HuggingFaceHub
    from resilient_infer.lock.quota import Quota

    quota = Quota()
    hub = HuggingFaceHub(timeout=patience.timeout, wall=time.time, now=time.monotonic, quota=quota)
    patient = PatientHub(
        narrowed(hub, patience.jobs),
        quota,
        max_wait=patience.max_wait,
        sleep=time.sleep,
        now=time.monotonic,
        jitter=random.random,
    )
    return patient, hub.has_token


def narrowed(hub: Hub, jobs: int) -> Hub:
    """`hub`, asked at most so many things at a time. Who waits between repeats takes no place."""
    return _Narrow(hub, jobs)


class _Narrow:
    def __init__(self, hub: Hub, jobs: int) -> None:
        self._hub = hub
        self._places = threading.BoundedSemaphore(jobs)

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        return self._in_turn(lambda: self._hub.model(repo, revision))

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        return self._in_turn(lambda: self._hub.head(repo, revision, path))

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        return self._in_turn(lambda: self._hub.read(repo, revision, path))

    def _in_turn(self, question: Callable[[], T]) -> T:
        with self._places:
            return question()
