"""Killing: commands that write the lock killed again and again: at any moment, in the midst of
writing, and as soon as the new file is there.

`python -m tests.cli.killing FOLDER KILLS FIRST SECOND` runs two commands in turn, kills each first
attempt and lets the second one end; it tells what it saw as JSON. Each is a manifest and the
arguments: '{"manifest": "few.yaml", "arguments": ["lock"]}'. The commands are forked from a process
that has imported everything already.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import huggingface_hub

from resilient_infer.cli import changes, hub, lock, locking, main, progress
from resilient_infer.lock import store
from resilient_infer.lock.hub import HuggingFaceHub

WARM = (huggingface_hub.get_session, HuggingFaceHub, changes, hub, lock, locking, progress, store)
"""What each command would import, which takes longer than all it does."""


def killed(folder: Path, kills: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Kill so many commands; afterwards the lock is always the old one or the new one, and can be made."""
    manifest, made = folder / "models.yaml", folder / "models.lock.yaml"
    manifests = [Path(turn["manifest"]).read_bytes() for turn in turns]
    commands = [[*turn["arguments"], "--lockfiles", str(folder)] for turn in turns]
    right: list[bytes] = []
    for text, command in zip(manifests, commands, strict=True):
        manifest.write_bytes(text)
        took = _ended(command)
        right.append(made.read_bytes())
    dice, seen, unfinished = random.Random(5), {"old": 0, "new": 0}, 0
    for turn in range(kills):
        manifest.write_bytes(manifests[turn % 2])
        child = _started(commands[turn % 2])
        if turn % 4 < 2:  # of both manifests
            _wait_for_unfinished(folder, child)
        elif turn % 8 < 4:
            time.sleep(dice.uniform(0, took))
        else:
            _wait_for(made, right[turn % 2], child)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = made.read_bytes()
        assert found in right, "neither the old lock nor the new one"
        seen["new" if found == right[turn % 2] else "old"] += 1
        unfinished += bool(_unfinished(folder))
        took = _ended(commands[turn % 2])
        assert made.read_bytes() == right[turn % 2]
        assert not _unfinished(folder)
    return {"seen": seen, "unfinished": unfinished}


def _started(command: list[str]) -> int:
    """A command, as a process."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os._exit(main.run(command))
    return child


def _ended(command: list[str]) -> float:
    """Run a command undisturbed; the seconds it took."""
    began = time.monotonic()
    _, status = os.waitpid(_started(command), 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return time.monotonic() - began


def _unfinished(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def _wait_for_unfinished(folder: Path, child: int) -> None:
    """Until the command has begun to write, or ended."""
    while not _unfinished(folder) and not _has_ended(child):
        pass


def _wait_for(made: Path, content: bytes, child: int) -> None:
    """Until the command has written what it should, or ended."""
    while made.read_bytes() != content and not _has_ended(child):
        pass


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


if __name__ == "__main__":
    place, count, *given = sys.argv[1:]
    told = killed(Path(place), int(count), [json.loads(turn) for turn in given])
    print(json.dumps(told))
