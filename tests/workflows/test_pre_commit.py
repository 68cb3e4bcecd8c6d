"""The hook for pre-commit, run by pre-commit itself."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import App
from .runner import PROJECT, git

HOOKS = PROJECT / ".pre-commit-hooks.yaml"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pre_commit(app: App, tmp_path: Path) -> Run:
    """Runs it in the work tree, with our hook; the command is there already, so that nothing is installed."""
    pytest.importorskip("pre_commit", reason="pip install '.[test]'")
    (hook,) = yaml.safe_load(HOOKS.read_text())
    local: dict[str, Any] = {**hook, "language": "system"}
    config = {"repos": [{"repo": "local", "hooks": [local]}]}
    (app.work / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "resilient-infer"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m resilient_infer "$@"\n')
    command.chmod(0o755)
    environ = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "PYTHONPATH": str(PROJECT),
        "HF_ENDPOINT": app.hub.url,
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        git("add", "--all", cwd=app.work)
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", *arguments],
            cwd=app.work,
            env=environ,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


def test_the_list_of_hooks_is_valid(pre_commit: Run) -> None:
    """By pre-commit's own word."""
    assert pre_commit("validate-manifest", str(HOOKS)).returncode == 0


def test_a_commit_with_a_lock_that_fits_passes(app: App, pre_commit: Run) -> None:
    """Asking nobody."""
    ran = pre_commit("run", "--all-files")

    assert (ran.returncode, "Passed" in ran.stdout) == (0, True), ran.stdout
    assert app.hub.requests == ()


def test_a_commit_with_a_manifest_that_has_moved_on_is_stopped(app: App, pre_commit: Run) -> None:
    """And what to do is said."""
    app.manifest.write_text(app.manifest.read_text() + "  more: acme/sentiment@v1\n")
    ran = pre_commit("run")

    assert ran.returncode == 1
    assert "RI101" in ran.stdout
    assert 'run "resilient-infer lock"' in ran.stdout


def test_a_commit_of_other_files_is_none_of_its_business(app: App, pre_commit: Run) -> None:
    """It is not even run."""
    git("add", "--all", cwd=app.work)
    git("commit", "--quiet", "--message", "x", cwd=app.work)
    (app.work / "models.py").write_text("\n")

    assert "no files to check" in pre_commit("run").stdout


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("lockfiles/models.yaml", True),
        ("models.lock.yaml", True),
        ("a/b/models.prod.lock.yaml", True),
        ("lockfiles/models.schema.json", False),
        ("mymodels.yaml", False),
        ("models.yaml.txt", False),
    ],
)
def test_it_is_run_for_manifests_and_locks(path: str, meant: bool) -> None:
    """By their names, wherever they are."""
    (hook,) = yaml.safe_load(HOOKS.read_text())
    assert (re.search(hook["files"], path) is not None) == meant
