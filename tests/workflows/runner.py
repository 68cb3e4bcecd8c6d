"""Runner: a workflow's `run:` lines, run by bash as GitHub's runners run them, on this machine.

What `uses:` something is left out, and stands in the record; only what the lines need of it is
done here: a checkout, artifacts that go from one job to the next, and our own action.
Programs that would ask somebody else, pip and gh, are scripts that write down what they are asked.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import resilient_infer

from .expressions import filled, holds

PROJECT = Path(resilient_infer.__file__).parents[1]
ACTION = "./.github/actions/models"
REPOSITORY = "acme/app"

_PYTHON = f"""\
#!/bin/sh
if [ "$1 $2" != "-m venv" ]; then exec "{sys.executable}" "$@"; fi
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho "pip $@" >> "$ASKED"\\n' > "$3/bin/pip"
printf '#!/bin/sh\\nexec "{sys.executable}" -m resilient_infer "$@"\\n' > "$3/bin/resilient-infer"
chmod +x "$3/bin/pip" "$3/bin/resilient-infer"
"""
_GH = """\
#!/bin/sh
echo "gh $@" >> "$ASKED"
case "$1 $2" in "pr list") cat "$OPEN" 2>/dev/null || true ;; esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A step that was run."""

    job: str
    name: str
    code: int
    said: str


@dataclass(slots=True, kw_only=True)
class Record:
    """What a workflow came to.

    Attributes:
        left_out: What was used and not run, job by job.
        skipped: Jobs whose condition did not hold.
    """

    ran: list[Ran] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[Ran]:
        """The steps that ended badly."""
        return [step for step in self.ran if step.code]

    @property
    def said(self) -> str:
        """All that was printed."""
        return "".join(step.said for step in self.ran)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What sets a workflow off; `branch` is what is checked out.

    Attributes:
        name: As GitHub calls it.
        head: The repository that a pull request comes from.
    """

    name: str
    branch: str = "main"
    head: str = REPOSITORY


class Runner:
    """Runs workflows on one repository.

    Attributes:
        origin: The repository, without a work tree.
        asked: What pip and gh were asked, a line each.
    """

    def __init__(self, folder: Path, origin: Path, hub: str, secrets: Mapping[str, str]) -> None:
        self.origin = origin
        self._folder = folder
        self._secrets = secrets
        self._artifacts = folder / "artifacts"
        programs = folder / "programs"
        programs.mkdir(parents=True)
        for name, script in (("python3", _PYTHON), ("gh", _GH)):
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        (folder / "home").mkdir()
        self._asked = folder / "asked"
        self._open = folder / "open"
        self._environ = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(PROJECT),
            "HF_ENDPOINT": hub,
            "HF_HOME": str(folder / "home" / "hf"),
            "ASKED": str(self._asked),
            "OPEN": str(self._open),
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
        }

    @property
    def asked(self) -> list[str]:
        """What pip and gh were asked."""
        return self._asked.read_text().splitlines() if self._asked.exists() else []

    def pull_request_is_open(self, number: int) -> None:
        """From now on gh finds one."""
        self._open.write_text(f"{number}\n")

    def artifact(self, name: str) -> Path:
        """What a job has left for the others."""
        return self._artifacts / name

    def run(self, workflow: Path, event: Event, *, only: str | None = None) -> Record:
        """Run a workflow, or one job of it with what was left by the others before.

        Jobs come in the order of the file, and one whose step fails goes no further.
        """
        record = Record()
        github = _github(event)
        needs: dict[str, Any] = {}
        for name, job in _loaded(workflow)["jobs"].items():
            if only not in (None, name):
                needs[name] = {"outputs": {"moved": "true"}}
                continue
            contexts = {"github": github, "secrets": self._visible(event), "needs": needs}
            if not holds(job.get("if"), contexts):
                record.skipped.append(name)
                continue
            outputs = _Job(self, name, event, contexts, record).run(job)
            needs[name] = {"outputs": outputs}
        return record

    def _visible(self, event: Event) -> Mapping[str, str]:
        """The secrets; a pull request from a fork gets none."""
        return self._secrets if event.head == REPOSITORY else {}

    def environment(self, event: Event, workspace: Path, scratch: Path) -> dict[str, str]:
        """The variables of every step of a job."""
        base = {"GITHUB_BASE_REF": "main"} if event.name == "pull_request" else {}
        return {
            **self._environ,
            **base,
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_STEP_SUMMARY": str(scratch / "summary.md"),
            "GITHUB_OUTPUT": str(scratch / "output"),
            "RUNNER_TEMP": str(scratch),
        }


class _Job:
    """One job: its checkout, its scratch folder, and what its steps have put out."""

    def __init__(
        self, runner: Runner, name: str, event: Event, contexts: dict[str, Any], record: Record
    ) -> None:
        self._runner = runner
        self._name = name
        self._event = event
        self._record = record
        self._place = runner._folder / "jobs" / f"{name}-{len(record.ran)}"
        shutil.rmtree(self._place, ignore_errors=True)
        self._scratch = self._place / "temp"
        self._scratch.mkdir(parents=True)
        self._workspace = self._place / "work"
        self._steps: dict[str, Any] = {}
        self._contexts = {**contexts, "steps": self._steps, "runner": {"temp": str(self._scratch)}}

    def run(self, job: Mapping[str, Any]) -> dict[str, str]:
        """Run the steps; what the job puts out."""
        for step in job["steps"]:
            if not self._step(step, self._contexts):
                break
        return {name: filled(text, self._contexts) for name, text in job.get("outputs", {}).items()}

    def _step(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> bool:
        """Run a step, if it is to be; whether the job goes on."""
        if not holds(step.get("if"), contexts):
            return True
        given = {name: filled(_text(value), contexts) for name, value in step.get("with", {}).items()}
        if "uses" in step:
            return self._used(step["uses"], given)
        env = {name: filled(_text(value), contexts) for name, value in step.get("env", {}).items()}
        return self._bash(step, env)

    def _used(self, what: str, given: dict[str, str]) -> bool:
        if what == ACTION:
            return self._composite(given)
        self._record.left_out.append(f"{self._name}: {what}")
        match what.partition("@")[0]:
            case "actions/checkout":
                assert given["persist-credentials"] == "false"
                git(
                    "clone",
                    "--quiet",
                    "--branch",
                    self._event.branch,
                    str(self._runner.origin),
                    str(self._workspace),
                )
            case "actions/upload-artifact":
                shutil.copytree(given["path"], self._runner.artifact(given["name"]), dirs_exist_ok=True)
            case "actions/download-artifact":
                shutil.copytree(self._runner.artifact(given["name"]), given["path"], dirs_exist_ok=True)
            case unknown:
                raise ValueError(f"nothing stands in for {unknown}")
        return True

    def _composite(self, given: dict[str, str]) -> bool:
        action = _loaded(PROJECT / ACTION / "action.yml")
        assert set(given) <= set(action["inputs"])
        inputs = {name: given.get(name, told["default"]) for name, told in action["inputs"].items()}
        steps = action["runs"]["steps"]
        assert all(step["shell"] == "bash" for step in steps)
        return all(self._step(step, {**self._contexts, "inputs": inputs}) for step in steps)

    def _bash(self, step: Mapping[str, Any], env: dict[str, str]) -> bool:
        """As GitHub runs `shell: bash`."""
        script = self._scratch / "step.sh"
        script.write_text(step["run"])
        (self._scratch / "output").write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self._workspace,
            env={**self._runner.environment(self._event, self._workspace, self._scratch), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        self._record.ran.append(
            Ran(job=self._name, name=step["name"], code=done.returncode, said=done.stdout)
        )
        if "id" in step:
            self._steps[step["id"]] = {"outputs": dict(_outputs(self._scratch / "output"))}
        return done.returncode == 0


def git(*arguments: str, cwd: Path | None = None) -> str:
    """What git says; an error if it fails."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


def _github(event: Event) -> dict[str, Any]:
    pull_request = {"head": {"repo": {"full_name": event.head}}}
    return {
        "event_name": event.name,
        "repository": REPOSITORY,
        "ref": f"refs/heads/{event.branch}",
        "token": "the token of the workflow",
        "event": {"pull_request": pull_request} if event.name == "pull_request" else {},
    }


def _text(value: object) -> str:
    """A value of a workflow as a step gets it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _outputs(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text().splitlines():
        name, _, value = line.partition("=")
        yield name, value
