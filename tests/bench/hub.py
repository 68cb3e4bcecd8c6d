"""Hub: the sandbox's Hub in a process of its own, so that only the work of who asks it is measured."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from resilient_infer.testing.sandbox.faults import Delay
from resilient_infer.testing.sandbox.hub import ANONYMOUS, Hub, Quota

PLENTY: Final = Quota(api=1_000_000, resolvers=1_000_000, window=300.0)
"""A quota that limits nothing here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarHub:
    """A Hub that runs elsewhere.

    Attributes:
        revisions: The commit that main is at, by model.
    """

    url: str
    revisions: Mapping[str, str]
    _orders: IO[str] = field(repr=False)
    _answers: IO[str] = field(repr=False)

    def begin(self, *, plenty: bool) -> None:
        """Begin counting, with all quotas full: an anonymous visitor's, or more than anybody needs."""
        self._say("plenty" if plenty else "anonymous")

    def push(self) -> None:
        """Let every branch move on by a document."""
        self._say("push")

    def count(self) -> int:
        """How many requests have arrived since."""
        return int(self._say("count"))

    def _say(self, order: str) -> str:
        print(order, file=self._orders, flush=True)
        return self._answers.readline()


@contextmanager
def far_hub(models: int, *, delay: float) -> Iterator[FarHub]:
    """A Hub with so many models, each of which holds its name as weights; answers after `delay` seconds."""
    command = [sys.executable, "-m", "tests.bench.hub", str(models), str(delay)]
    place = Path(__file__).parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=place, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield FarHub(
                url=told["url"],
                revisions=told["revisions"],
                _orders=process.stdin,
                _answers=process.stdout,
            )
        finally:
            process.stdin.close()  # the Hub ends with its input, however this process ends


def _serve(models: int, delay: float) -> None:
    with Hub() as hub:
        names = [f"org-{number % 50}/model-{number}" for number in range(models)]
        repos = {name: hub.create(name, {"model.safetensors": name.encode()}) for name in names}
        hub.fail(Delay(seconds=delay))
        print(
            json.dumps({"url": hub.url, "revisions": {name: repos[name].head for name in names}}), flush=True
        )
        for order in sys.stdin:
            match order.strip():
                case "count":
                    print(hub.count(), flush=True)
                case "push":
                    for repo in repos.values():
                        repo.push({"README.md": "# Moved on\n"})
                    print(flush=True)
                case quota:
                    hub.limit(PLENTY if quota == "plenty" else ANONYMOUS)
                    hub.forget()
                    print(flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), float(sys.argv[2]))
