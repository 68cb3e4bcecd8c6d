"""Deployment: one dedicated endpoint, as the management API of Inference Endpoints tells it.

Source: huggingface_hub, `InferenceEndpoint` and `InferenceEndpointStatus`.
"""

import threading
from typing import Literal

from resilient_infer.core.task import Json

State = Literal[
    "pending", "initializing", "updating", "updateFailed", "running", "paused", "failed", "scaledToZero"
]
_WHEN = "2026-01-01T00:00:00.000Z"


class Deployment:
    """A model on machines of its own. `Hub.deploy` makes it, running.

    What the API reports is what was *asked for*: while an update is under way, replicas that were there
    before may still serve the old commit.
    """

    def __init__(
        self, name: str, *, model: str, revision: str, replicas: int, url: str | None, lock: threading.RLock
    ) -> None:
        self.name = name
        self.model = model
        self.revision = revision
        self.state: State = "running"
        self.ready = replicas
        self.target = replicas
        self._url = url
        self._lock = lock

    def update(self, revision: str) -> None:
        """Begin to replace the replicas: the new commit is reported at once, the old ones still answer."""
        with self._lock:
            self.revision, self.state = revision, "updating"

    def settle(self) -> None:
        """Finish what is under way: all replicas run what is reported."""
        with self._lock:
            self.state, self.ready = "running", self.target

    def fail(self) -> None:
        """Break down: an update leaves the old replicas in place, anything else leaves none."""
        with self._lock:
            if self.state == "updating":
                self.state = "updateFailed"
            else:
                self.state, self.ready = "failed", 0

    def pause(self) -> None:
        """Stop all replicas until somebody resumes it."""
        with self._lock:
            self.state, self.ready = "paused", 0

    def scale_to_zero(self) -> None:
        """Stop all replicas until the next request."""
        with self._lock:
            self.state, self.ready = "scaledToZero", 0

    def start(self) -> None:
        """Begin to start: no replica is ready yet."""
        with self._lock:
            self.state, self.ready = "initializing", 0

    def described(self) -> dict[str, Json]:
        """What the API says of it."""
        status: dict[str, Json] = {
            "state": self.state,
            "message": "",
            "readyReplica": self.ready,
            "targetReplica": self.target,
            "createdAt": _WHEN,
            "updatedAt": _WHEN,
        }
        if self._url is not None and self.ready:
            status["url"] = self._url
        return {
            "name": self.name.partition("/")[2],
            "type": "protected",
            "healthRoute": "/health",
            "model": {
                "repository": self.model,
                "revision": self.revision,
                "framework": "pytorch",
                "task": None,
                "image": {"huggingface": {}},
            },
            "status": status,
        }
