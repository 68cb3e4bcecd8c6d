"""Locking by the command itself: what kills, crowds, full disks and Ctrl-C leave of the files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from resilient_infer.lock.store import LOCK_FILE
from resilient_infer.testing.sandbox import Hang
from resilient_infer.testing.sandbox.hub import Quota

from .conftest import MANIFEST, Command, Project

ROOT = Path(__file__).parents[2]
CROWD = 8
INTERRUPTED = [
    ["lock"],
    ["lock", "--relocate"],
    ["update"],
    ["outdated"],
    ["diff"],
    ["verify"],
    ["add", "third", "acme/sentiment"],
]
COMMAND = (sys.executable, "-m", "resilient_infer")


def environ(project: Project) -> dict[str, str]:
    """What a process needs to take the sandbox's Hub for the real one."""
    return {**os.environ, "HF_ENDPOINT": project.hub.url, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}


def more(project: Project, count: int) -> str:
    """A manifest with so many more aliases, of models that the Hub has."""
    for number in range(count):
        project.hub.create(f"acme/more-{number}", {"model.safetensors": f"{number}".encode()})
    return MANIFEST + "".join(
        f"  more-{number}: {{task: text-classification, targets: [{{model: acme/more-{number}}}]}}\n"
        for number in range(count)
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL")
@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_killed_lock_leaves_the_old_file_or_the_new_one(project: Project, kills: int) -> None:
    """SIGKILL at any moment, half of them in mid-write: always a whole file, and the next `lock` makes it."""
    few, many = project.root / "few.yaml", project.root / "many.yaml"
    few.write_text(MANIFEST)
    many.write_text(more(project, 8))

    killed(
        project,
        kills,
        {"manifest": str(few), "arguments": ["lock"]},
        {"manifest": str(many), "arguments": ["lock"]},
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL")
@pytest.mark.parametrize("kills", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_a_killed_update_leaves_the_old_file_or_the_new_one(
    project: Project, command: Command, kills: int
) -> None:
    """The pin goes to and fro between two commits; whatever kills the way, it is at one of them."""
    command("lock")
    manifest = str(project.root / "same.yaml")
    Path(manifest).write_text(MANIFEST)
    commits = [project.sentiment.head, project.sentiment.push({"model.safetensors": "new"})]
    to, fro = ({"manifest": manifest, "arguments": ["update", "sentiment", "--to", each]} for each in commits)

    killed(project, kills, to, fro)


def killed(project: Project, kills: int, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Let two commands be killed in turn (`killing.py`), and see that it proved something."""
    project.hub.limit(Quota(api=1_000_000, resolvers=1_000_000, window=300.0))
    turns = [json.dumps(turn) for turn in (first, second)]
    told = subprocess.run(
        [sys.executable, "-m", "tests.cli.killing", str(project.lock.parent), str(kills), *turns],
        cwd=ROOT,
        env=environ(project),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    seen = json.loads(told.stdout)
    assert sum(seen["seen"].values()) == kills
    assert min(seen["seen"].values()) > 0
    assert seen["unfinished"] > kills / 10, "hardly a kill hit the midst of a write, so this proved nothing"


def test_eight_locks_at_once_are_one_lock(project: Project) -> None:
    """They take turns: the first one asks and writes, the others find it as it should be."""
    children = [
        subprocess.Popen(
            [*COMMAND, "lock"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environ(project),
        )
        for _ in range(CROWD)
    ]
    told = [child.communicate(timeout=60) for child in children]

    assert [child.returncode for child in children] == [0] * CROWD
    assert [err for _, err in told] == [""] * CROWD
    assert sorted("2 added" in out for out, _ in told) == [False] * (CROWD - 1) + [True]
    assert sum("is as it should be: 2 aliases" in out for out, _ in told) == CROWD - 1
    assert sorted(path.name for path in project.lock.parent.iterdir()) == [
        LOCK_FILE,
        "models.lock.yaml",
        "models.yaml",
    ]


def test_eight_adds_at_once_lose_no_alias(project: Project) -> None:
    """Each reads what the one before it has written."""
    more(project, CROWD)
    children = [
        subprocess.Popen(
            [*COMMAND, "add", f"more-{number}", f"openai-community/gpt2@{project.gpt2.head}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environ(project),
        )
        for number in range(CROWD)
    ]
    told = [child.communicate(timeout=60)[1] for child in children]

    assert [child.returncode for child in children] == [0] * CROWD, told
    names = {f"more-{number}" for number in range(CROWD)}
    assert names < set(yaml.safe_load(project.manifest.read_text())["models"])
    assert set(yaml.safe_load(project.lock.read_text())["models"]) == names


@pytest.fixture
def mountable(project: Project) -> Project:
    """A project whose lockfiles folder a command may mount something on."""
    trial = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", str(project.lock.parent)]
    if not shutil.which("unshare") or subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs Linux and root; a full or read-only disk cannot be tried without")
    return project


def on_a_disk(project: Project, *script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of `ri` commands in which $1, the lockfiles folder, may be mounted on; for nobody else."""
    lines = ["set -e", f'ri() {{ "{sys.executable}" -m resilient_infer "$@"; }}', *script]
    return subprocess.run(
        ["unshare", "-m", "bash", "-c", "\n".join(lines), "bash", str(project.lock.parent)],
        env=environ(project),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_a_full_disk_leaves_the_old_lock(mountable: Project) -> None:
    """Exit 2 and a clear word; the old bytes are there, and once there is room it is locked."""
    (mountable.root / "many.yaml").write_text(more(mountable, 8))
    (mountable.root / "few.yaml").write_text(MANIFEST)
    ended = on_a_disk(
        mountable,
        'mount -t tmpfs -o size=256k tmpfs "$1"; cp few.yaml "$1/models.yaml"; ri lock >/dev/null',
        'cp many.yaml "$1/models.yaml"; cp "$1/models.lock.yaml" before.yaml',
        'cat /dev/zero >"$1/filler" 2>/dev/null || ri lock && exit 9; echo "exit $?"',
        'cmp "$1/models.lock.yaml" before.yaml; ls -A "$1"; rm "$1/filler"; ri lock',
    )

    assert ended.returncode == 0, ended.stderr
    assert "cannot be written: no space left on device; nothing was changed" in ended.stderr
    left = [".models.lock", "filler", "models.lock.yaml", "models.yaml"]
    assert ended.stdout.split("\n")[:5] == ["exit 2", *left]
    assert "8 added" in ended.stdout


def test_a_read_only_folder_is_told_before_anything_is_asked(mountable: Project) -> None:
    """Exit 2 also for root; no request is spent; `--check` and `--dry-run` need not write."""
    ended = on_a_disk(
        mountable,
        'cp "$1/models.yaml" kept.yaml; mount -t tmpfs -o size=1m tmpfs "$1"; cp kept.yaml "$1/models.yaml"',
        'mount -o remount,ro "$1"',
        'ri lock && exit 9; echo "exit $?"; ri add third acme/sentiment && exit 9; echo "exit $?"',
        'ri update && exit 9; echo "exit $?"',
    )
    asked = mountable.hub.requests

    assert ended.stdout == "exit 2\n" * 3
    assert ended.stderr.count("cannot be written: read-only file system; nothing was changed") == 3
    assert asked == ()


@pytest.mark.parametrize("arguments", [["lock"], ["add", "third", "acme/sentiment"]])
def test_a_lock_that_is_a_symlink_is_refused(
    project: Project, command: Command, arguments: list[str]
) -> None:
    """Writing would cut it from its target: exit 2, and nothing is changed."""
    command("lock")
    target = project.root / "elsewhere.yaml"
    project.lock.rename(target)
    project.lock.symlink_to(target)
    project.manifest.write_text(MANIFEST.replace("@main", f"@{project.gpt2.head}"))
    before = project.files()

    ended = command(*arguments)

    assert ended.code == 2
    assert "models.lock.yaml is a symlink, and writing would cut it from its target" in ended.err
    assert project.lock.is_symlink()
    assert project.files() == before


@pytest.mark.parametrize("arguments", INTERRUPTED, ids=" ".join)
def test_ctrl_c_ends_each_command_at_once_and_leaves_the_files(
    project: Project, command: Command, arguments: list[str]
) -> None:
    """130 while the Hub hangs, no traceback; the next command is not in the way."""
    if arguments != ["lock"]:
        command("lock")
    project.hub.forget()
    project.hub.fail(Hang())
    before = project.files()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environ(project),
    ) as child:
        ends_at = time.monotonic() + 20
        while not project.hub.requests and time.monotonic() < ends_at:
            time.sleep(0.005)
        interrupted = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)

    assert time.monotonic() - interrupted < 2
    assert (child.returncode, out, err) == (130, "", "\ninterrupted\n")
    assert project.files() == before
    project.hub.heal()
    assert command(*arguments).code == 0
