"""The Hub as a command asks it: only if there is a question, and not too much at a time."""

import threading
import time
from collections.abc import Callable

import pytest

from resilient_infer.cli.hub import CommandHub, Patience, narrowed
from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.lock.answers import HubFault, HubFaultKind, HubHead, HubModel
from resilient_infer.lock.bounded import gather

from .conftest import Project

PATIENCE = Patience(timeout=5.0, max_wait=1.0, jobs=2)
FAULT = HubFault(
    kind=HubFaultKind.UNTOLD, failure=Failure(kind=FailureKind.SERVER_ERROR, reason="out of order")
)


class Counting:
    """A Hub that knows nothing, and how many asked it at a time."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        return self._ask()

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        return self._ask()

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        return self._ask()

    def _ask(self) -> HubFault:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.002)
        with self._lock:
            self._now -= 1
        return FAULT


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_requests_are_under_way_than_jobs(jobs: int) -> None:
    """--jobs, over questions of every kind and however many threads have one."""
    counting = Counting()
    hub = narrowed(counting, jobs)
    questions: list[Callable[[], object]] = [
        lambda: hub.model("a", None),
        lambda: hub.head("a", "b", "c"),
        lambda: hub.read("a", "b", "c"),
    ]

    assert gather(questions * 5, jobs=15) == [FAULT] * 15
    assert counting.most == jobs


def test_the_hub_is_made_with_the_first_question(project: Project) -> None:
    """Once, and questions are counted."""
    hub = CommandHub(PATIENCE)
    assert hub.requests == 0
    answers = gather([lambda: hub.model("acme/sentiment", None)] * 8, jobs=8)

    assert all(isinstance(answer, HubModel) and answer.commit == project.sentiment.head for answer in answers)
    assert hub.requests == len(project.hub.requests) == 8
    assert not hub.has_token
    assert isinstance(hub.head("acme/sentiment", "main", "README.md"), HubHead)
    assert isinstance(hub.read("acme/sentiment", project.sentiment.head, "README.md"), bytes)
