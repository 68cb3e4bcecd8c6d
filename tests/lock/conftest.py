"""The command line with the real huggingface_hub, 1.x and 2.x, each in an interpreter of its own."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import yaml

from resilient_infer.testing.sandbox.hub import ANONYMOUS, Hub, Look, Repo
from tests.testing.hub.client import interpreters

WORKER = Path(__file__).with_name("worker.py")
ROOT = Path(__file__).parents[2]
TOKEN, STRANGERS_TOKEN = "hf_0123456789abcdef", "hf_fedcba9876543210"
TIMEOUT, MAX_WAIT = 0.4, 0.4
QUICK = ("--timeout", str(TIMEOUT), "--max-wait", str(MAX_WAIT))
BOUND = 4 * (TIMEOUT + MAX_WAIT) + 1.0
"""Seconds within which one pin is through: a few questions one after another, and a busy machine."""

_NUMBERS = count(1)


def environ_of(hub: Hub, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": hub.url,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error::ResourceWarning",
    }


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind, and how long it took."""

    code: int
    out: str
    err: str
    took: float

    @property
    def codes(self) -> set[str]:
        """The findings it told."""
        return set(re.findall(r"RI\d{3}", self.out))


class Shell:
    """The command line in another interpreter."""

    def __init__(self, python: str, hub: Hub, home: Path) -> None:
        self._running = subprocess.Popen(
            [python, str(WORKER)],
            env=environ_of(hub, home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, folder: Path, environ: Mapping[str, str]) -> Ended:
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        asked = {"arguments": arguments, "folder": str(folder), "environ": dict(environ)}
        started = time.monotonic()
        self._running.stdin.write(json.dumps(asked) + "\n")
        self._running.stdin.flush()
        answer = json.loads(self._running.stdout.readline())
        return Ended(took=time.monotonic() - started, **answer)

    def close(self) -> None:
        """End it."""
        self._running.communicate(timeout=10)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with one alias, `a`, for a repo of its own on the Hub that all tests share."""

    root: Path
    hub: Hub
    repo: Repo
    shell: Shell

    def run(self, *arguments: str, token: str = "") -> Ended:
        """A command there; bounded in time, whatever happens."""
        quick = QUICK if arguments[0] != "explain" and "--check" not in arguments else ()
        environ = {"HF_TOKEN": token} if token else {}
        ended = self.shell(*arguments, *quick, folder=self.root, environ=environ)
        assert ended.took < BOUND
        assert token not in ended.out + ended.err or not token
        return ended

    @property
    def lock(self) -> Path:
        return self.root / "lockfiles" / "models.lock.yaml"

    @property
    def revision(self) -> str:
        """The commit that is locked."""
        revision: str = yaml.safe_load(self.lock.read_text())["models"]["a"]["pins"][0]["revision"]
        return revision

    def ask_for(self, ref: str) -> None:
        """Let the manifest name another ref."""
        manifest = self.root / "lockfiles" / "models.yaml"
        manifest.write_text(f"version: 1\nmodels:\n  a: {self.repo.name}@{ref}\n")


@pytest.fixture(scope="module", params=interpreters())
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Hub, Shell]]:
    with Hub() as hub:
        hub.token(TOKEN)
        hub.token(STRANGERS_TOKEN)
        made = Shell(request.param, hub, tmp_path_factory.mktemp("home"))
        # A first command, so that no test's time has the import of huggingface_hub in it.
        folder = tmp_path_factory.mktemp("first")
        assert made("add", "a", "acme/nowhere", folder=folder, environ={}).code == 1
        yield hub, made
        made.close()


@pytest.fixture
def project(shell: tuple[Hub, Shell], tmp_path: Path) -> Iterator[Project]:
    """Not locked yet."""
    hub, run = shell
    repo = hub.model(f"acme/model-{next(_NUMBERS)}", Look(labels=("BAD", "GOOD")))
    made = Project(tmp_path, hub, repo, run)
    made.lock.parent.mkdir()
    made.ask_for("main")
    hub.forget()
    yield made
    hub.heal()
    hub.limit(ANONYMOUS)


@pytest.fixture
def locked(project: Project) -> Project:
    """Locked at the first commit of main."""
    assert project.run("lock").code == 0
    project.hub.forget()
    return project
