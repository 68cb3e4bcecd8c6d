"""A repository on a remote of this machine, its models on the sandbox Hub, and a runner for its workflows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resilient_infer.testing.sandbox.hub import Hub, Look, Repo

from .runner import PROJECT, Runner, git

TOKEN = "hf_abcdEFGHijkl12345678"
MANIFEST = "version: 1\nmodels:\n  sentiment: acme/sentiment\n"


@dataclass(frozen=True, slots=True)
class App:
    """A repository with a manifest and a lock on `main`, checked out in `work`."""

    work: Path
    runner: Runner
    hub: Hub
    model: Repo

    @property
    def lock(self) -> Path:
        return self.work / "lockfiles" / "models.lock.yaml"

    @property
    def manifest(self) -> Path:
        return self.work / "lockfiles" / "models.yaml"

    def command(self, *arguments: str) -> None:
        """Run our command in the work tree."""
        assert self._ran(*arguments).returncode == 0

    def said(self, *arguments: str) -> str:
        """What a command prints that does not end well."""
        ran = self._ran(*arguments)
        assert ran.returncode == 1
        return ran.stdout

    def _ran(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "HF_ENDPOINT": self.hub.url, "HF_TOKEN": TOKEN, "PYTHONPATH": str(PROJECT)}
        return subprocess.run(
            [sys.executable, "-m", "resilient_infer", *arguments],
            cwd=self.work,
            env=environ,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def propose(self, branch: str = "change") -> None:
        """Push what is in the work tree as a branch."""
        git("switch", "--quiet", "--create", branch, cwd=self.work)
        self.publish(branch)

    def publish(self, branch: str = "main") -> None:
        """Commit what is in the work tree, and push it."""
        git("add", "--all", cwd=self.work)
        git("commit", "--quiet", "--allow-empty", "--message", "x", cwd=self.work)
        git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", cwd=self.work)


@pytest.fixture
def app(tmp_path: Path, bare_environment: Path) -> Iterator[App]:
    origin, work = tmp_path / "origin.git", tmp_path / "work"
    git("init", "--quiet", "--bare", str(origin))
    git("clone", "--quiet", str(origin), str(work))
    git("switch", "--quiet", "--create", "main", cwd=work)
    with Hub() as hub:
        model = hub.model("acme/sentiment", Look(labels=("BAD", "GOOD")))
        hub.token(TOKEN)
        made = App(work, Runner(tmp_path / "runner", origin, hub.url, {"HF_TOKEN": TOKEN}), hub, model)
        (work / "lockfiles").mkdir()
        (work / ".gitignore").write_text(".models.lock\n")
        made.manifest.write_text(MANIFEST)
        made.command("lock")
        made.publish()
        hub.forget()
        yield made


def days_ago(days: int) -> datetime:
    """A moment for a commit that is old enough, or not."""
    return datetime.now(UTC) - timedelta(days=days)
