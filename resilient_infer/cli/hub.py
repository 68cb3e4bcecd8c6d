"""Hub: the Hugging Face Hub as a command asks it: patiently, bounded, and only if there is a question."""

import os
import random
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resilient_infer.lock.answers import (
    MOST_COMMITS,
    HubFault,
    HubHead,
    HubHistory,
    HubModel,
    HubRefs,
    HubScan,
)

if TYPE_CHECKING:
    from resilient_infer.lock.hub import HuggingFaceHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How the Hub is asked.

    Attributes:
        timeout: Seconds for one request, redirects included.
        max_wait: Seconds; how long the command waits in all.
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
        self._made: HuggingFaceHub | None = None

    @property
    def requests(self) -> int:
        """Requests sent so far, repeats included."""
        return 0 if self._made is None else self._made.requests

    @property
    def has_token(self) -> bool:
        """Whether questions are asked with a token."""
        return self._hub.has_token

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        return self._hub.model(repo, revision)

    def head(self, repo: str, revision: str, path: str) -> HubHead | HubFault:
        return self._hub.head(repo, revision, path)

    def read(self, repo: str, revision: str, path: str) -> bytes | HubFault:
        return self._hub.read(repo, revision, path)

    def refs(self, repo: str) -> HubRefs | HubFault:
        return self._hub.refs(repo)

    def history(
        self, repo: str, revision: str, *, until: str | None = None, most: int = MOST_COMMITS
    ) -> HubHistory | HubFault:
        return self._hub.history(repo, revision, until=until, most=most)

    def scanned(self, repo: str, revision: str, paths: Iterable[str]) -> Mapping[str, HubScan] | HubFault:
        return self._hub.scanned(repo, revision, paths)

    @property
    def _hub(self) -> "HuggingFaceHub":
        with self._lock:
            if self._made is None:
                self._made = _patient(self._patience)
            return self._made


def _patient(patience: Patience) -> "HuggingFaceHub":
    # Read when huggingface_hub is imported; otherwise its first request is one of its own.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from resilient_infer.lock.hub import HuggingFaceHub
    from resilient_infer.lock.patience import PatientAsking
    from resilient_infer.lock.quota import Quota

    asking = PatientAsking(
        Quota(),
        jobs=patience.jobs,
        max_wait=patience.max_wait,
        sleep=time.sleep,
        now=time.monotonic,
        jitter=random.random,
    )
    return HuggingFaceHub(timeout=patience.timeout, wall=time.time, now=time.monotonic, asking=asking)
