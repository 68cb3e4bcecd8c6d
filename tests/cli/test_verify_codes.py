"""`resilient-infer verify`: every state of the world under every flag, and the exit code that CI sees.

Precedence: 2 (unusable) before 1 (the answer is no) before 3 (could not be told) before 0. No flag
silences what concerns security.
"""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resilient_infer.testing.sandbox import Status
from tests.cli.conftest import Command, Project

Fate = Callable[[Project], object]


def down(project: Project) -> None:
    """The Hub, for one of the two."""
    project.hub.fail(Status(code=503), repo="openai-community/gpt2")


def squatted(project: Project) -> None:
    """RI204: another repo under the old name."""
    project.hub.delete("acme/sentiment")
    project.hub.model("acme/sentiment")


def tampered(project: Project) -> None:
    """RI104: other bytes at the same commit."""
    project.sentiment.tamper("model.safetensors", b"evil")


def renamed(project: Project) -> None:
    """RI203, a warning."""
    project.hub.rename("acme/sentiment", "acme/feeling")


def drifted(project: Project) -> None:
    """RI302, for information."""
    project.sentiment.push({"model.safetensors": b"new"})


def documented(project: Project) -> None:
    """RI301, for information."""
    project.gpt2.push({"picture.png": b"new"})


def gone(project: Project) -> None:
    """RI202, an error."""
    project.hub.delete("acme/sentiment")


def broken(project: Project) -> None:
    """The lock is none."""
    project.lock.write_text("models: {}\n")


FLAGS = {
    "": (),
    "exit-zero": ("--exit-zero",),
    "allow": ("--allow-unchecked",),
    "both": ("--exit-zero", "--allow-unchecked"),
    "warning": ("--fail-on", "warning"),
    "drift": ("--fail-on", "drift"),
    "info": ("--fail-on", "info"),
    "info, zero": ("--fail-on", "info", "--exit-zero"),
    "warning, allow": ("--fail-on", "warning", "--allow-unchecked"),
    "drift, zero": ("--fail-on", "drift", "--exit-zero"),
}
"""Which flags; the columns of the table."""

TABLE: dict[str, tuple[tuple[Fate, ...], str]] = {
    #                            none zero allow both warning drift info info+zero warning+allow drift+zero
    "all is well": ((), "0 0 0 0 0 0 0 0 0 0"),
    "documents moved": ((documented,), "0 0 0 0 0 0 1 0 0 0"),
    "behaviour moved": ((drifted,), "0 0 0 0 0 1 1 0 0 0"),
    "a warning": ((renamed,), "0 0 0 0 1 0 1 0 1 0"),
    "an error": ((gone,), "1 0 1 0 1 1 1 0 1 0"),
    "not told": ((down,), "3 3 0 0 3 3 3 3 0 3"),
    "a warning, and not told": ((renamed, down), "3 3 0 0 1 3 1 3 1 3"),
    "an error, and not told": ((gone, down), "1 3 1 0 1 1 1 3 1 3"),
    "security: other bytes": ((tampered,), "1 1 1 1 1 1 1 1 1 1"),
    "security: another repo": ((squatted,), "1 1 1 1 1 1 1 1 1 1"),
    "security, and not told": ((squatted, down), "1 1 1 1 1 1 1 1 1 1"),
    "unusable": ((broken,), "2 2 2 2 2 2 2 2 2 2"),
    "unusable, and not told": ((down, broken), "2 2 2 2 2 2 2 2 2 2"),
}


@pytest.mark.parametrize("world", TABLE)
def test_the_exit_code_of_each_world_under_each_flag(project: Project, command: Command, world: str) -> None:
    """The row of the table."""
    fates, codes = TABLE[world]
    assert command("lock").code == 0
    for fate in fates:
        fate(project)
    quick = ("--timeout", "1", "--max-wait", "0")
    found = {name: command("verify", *quick, *flags).code for name, flags in FLAGS.items()}

    assert found == dict(zip(FLAGS, map(int, codes.split()), strict=True))


def test_no_combination_of_flags_silences_security_or_saves_a_broken_lock(
    project: Project, command: Command
) -> None:
    """All subsets of what makes verify lenient."""
    assert command("lock").code == 0
    squatted(project)
    lenient = ["--exit-zero", "--allow-unchecked", "--deep"]
    subsets = [
        subset for count in range(len(lenient) + 1) for subset in itertools.combinations(lenient, count)
    ]
    assert {command("verify", *subset).code for subset in subsets} == {1}
    broken(project)
    assert {command("verify", *subset).code for subset in subsets} == {2}


USAGE = {
    "jobs 0": ("--jobs", "0"),
    "jobs 33": ("--jobs", "33"),
    "timeout 0": ("--timeout", "0"),
    "timeout nan": ("--timeout", "nan"),
    "max-wait -1": ("--max-wait", "-1"),
    "fail-on never": ("--fail-on", "never"),
    "format xml": ("--format", "xml"),
    "report .xml": ("--report", "a.xml"),
    "offline and live": ("--offline", "--live"),
    "offline and deep": ("--offline", "--deep"),
    "a word too many": ("sentiment",),
}


@pytest.mark.parametrize("name", USAGE)
def test_what_cannot_be_meant_is_2_and_nobody_is_asked(project: Project, command: Command, name: str) -> None:
    ended = command("verify", *USAGE[name])

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith(" hint: resilient-infer verify --help\n")
    assert project.hub.requests == ()


def test_a_folder_without_a_manifest_is_2(tmp_path: Path, bare_environment: Path) -> None:
    """As a process: what CI sees."""
    done = subprocess.run(
        [sys.executable, "-m", "resilient_infer", "verify"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(bare_environment)},
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
