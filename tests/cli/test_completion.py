"""Completion: what the Tab key offers, as a shell asks for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resilient_infer.cli.commands import commands
from tests.cli.conftest import Project

SCRIPT = Path(sys.executable).with_name("resilient-infer")
MANIFEST = """\
version: 1
models:
  gpt2: openai-community/gpt2
  sentiment: acme/sentiment
environments:
  prod: {gpt2: openai-community/gpt2@v2}
  staging: {gpt2: openai-community/gpt2@v3}
"""

Offered = Callable[[str], list[str]]


def asked(instruction: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it behind the Tab key."""
    return subprocess.run(
        [sys.executable, "-m", "resilient_infer"],
        cwd=folder,
        env={**os.environ, "_RESILIENT_INFER_COMPLETE": instruction, **more},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def offered(tmp_path: Path, bare_environment: Path) -> Offered:
    """What is offered for a line, whose last word is being typed."""
    folder = tmp_path / "lockfiles"
    folder.mkdir()
    (folder / "models.yaml").write_text(MANIFEST)

    def offer(line: str) -> list[str]:
        place = len(line.split()) - (0 if line.endswith(" ") else 1)
        done = asked("bash_complete", tmp_path, COMP_WORDS=line, COMP_CWORD=str(place))
        assert (done.returncode, done.stderr) == (0, "")
        return [word.partition(",")[2] for word in done.stdout.split()]

    return offer


def test_every_command_is_offered(offered: Offered) -> None:
    assert offered("resilient-infer ") == list(commands.list_commands(None))  # type: ignore[arg-type]  # the table needs no context
    assert offered("resilient-infer ver") == ["verify"]


@pytest.mark.parametrize("command", ["call", "diff", "explain", "lock", "update"])
def test_the_aliases_of_the_manifest_are_offered(offered: Offered, command: str) -> None:
    assert offered(f"resilient-infer {command} ") == ["gpt2", "sentiment"]
    assert offered(f"resilient-infer {command} sen") == ["sentiment"]


def test_an_alias_is_offered_once(offered: Offered) -> None:
    assert offered("resilient-infer update gpt2 ") == ["sentiment"]
    assert offered("resilient-infer explain gpt2 ") == []


def test_options_their_values_and_environments_are_offered(offered: Offered) -> None:
    assert offered("resilient-infer verify --off") == ["--offline"]
    assert offered("resilient-infer verify --fail-on d") == ["drift"]
    assert offered("resilient-infer verify --env ") == ["prod", "staging"]
    assert offered("resilient-infer explain --env pr") == ["prod"]
    assert offered("resilient-infer diff --env prod --env st") == ["staging"]


@pytest.mark.parametrize(
    "manifest", [None, "models: [", "version: 2\n"], ids=["none", "broken", "of tomorrow"]
)
def test_nothing_is_said_in_the_middle_of_a_line(
    tmp_path: Path, bare_environment: Path, manifest: str | None
) -> None:
    """Whatever is wrong with the files: no names, no words, exit 0."""
    if manifest is not None:
        (tmp_path / "lockfiles").mkdir()
        (tmp_path / "lockfiles" / "models.yaml").write_text(manifest)
    done = asked("bash_complete", tmp_path, COMP_WORDS="resilient-infer call ", COMP_CWORD="2")

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(tmp_path: Path, shell: str) -> None:
    done = asked(f"{shell}_source", tmp_path)

    assert done.returncode == 0
    assert "_RESILIENT_INFER_COMPLETE=" in done.stdout
    assert "resilient-infer" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.skipif(not SCRIPT.exists(), reason="the command is not installed beside this Python")
def test_bash_completes_with_what_the_readme_says(project: Project) -> None:
    line = 'eval "$(_RESILIENT_INFER_COMPLETE=bash_source resilient-infer)"'
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert line in readme
    lines = (
        line,
        'COMP_WORDS=(resilient-infer explain ""); COMP_CWORD=2',
        "_resilient_infer_completion resilient-infer",
        'echo "${COMPREPLY[@]}"',
    )
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        env={**os.environ, "PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("gpt2 sentiment\n", "")
