"""Writers as processes of their own, to be killed, to compete, or to meet a full or read-only disk.

`python -m tests.lock.writers STORY FOLDER` tells its story as JSON. They are forked
here and not in the suite's own process, which has threads.
"""

import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.lockfile import parse_lock
from resilient_infer.lock.store import write_if_changed, writing
from tests.lock import locks as made

NAMES: Final = ("models.lock.yaml", "models.prod.lock.yaml", "models.yaml")
KILLS: Final = 200
WRITERS: Final = 8
ROUNDS: Final = 3


def version(size: int, seed: int) -> str:
    """A lock of so many aliases."""
    entries = {f"alias-{n}": made.entry(f"alias-{n}", made.full_pin(seed + n)) for n in range(size)}
    return lock_text(made.lock(entries))


def kill(folder: Path) -> dict[str, Any]:
    """Kill a writer again and again in the midst of it, and look at what is there each time."""
    versions = [version(2, 0), version(400, 1)]
    seen, unfinished = dict.fromkeys(versions, 0), dict.fromkeys(NAMES, 0)
    with writing(folder):
        for name in NAMES:
            write_if_changed(folder / name, versions[0])
    dice = random.Random(5)
    for turn in range(KILLS):
        path = folder / NAMES[turn % len(NAMES)]
        _kill_one(path, versions, dice.uniform(0, 0.012))
        seen[path.read_text(encoding="utf-8")] += 1  # KeyError: neither of the versions
        unfinished[path.name] += any(name.startswith(f".{path.name}.") for name in os.listdir(folder))
    with writing(folder, 0):
        left = sorted(os.listdir(folder))
    return {"seen": list(seen.values()), "unfinished": list(unfinished.values()), "left": left}


def _kill_one(path: Path, versions: list[str], after: float) -> None:
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(begun, b".")
        while True:
            for text in versions:
                with writing(path.parent):
                    write_if_changed(path, text)
    os.read(ready, 1)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(begun)


def interrupt(folder: Path) -> dict[str, Any]:
    """Ctrl-C at any moment of a write."""
    path, versions = folder / NAMES[0], [version(2, 0), version(400, 1)]
    write_if_changed(path, versions[0])
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    dice = random.Random(5)
    seen, interrupted = dict.fromkeys(versions, 0), 0
    for _ in range(KILLS):
        try:
            signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.0001, 0.004))
            while True:
                for text in versions:
                    write_if_changed(path, text)
        except KeyboardInterrupt:
            interrupted += 1
        seen[path.read_text(encoding="utf-8")] += 1
    return {"seen": list(seen.values()), "interrupted": interrupted, "left": len(os.listdir(folder))}


def outgrow(folder: Path) -> dict[str, Any]:
    """Write more than this user may: the system stops the write half-way, as a full disk does."""
    path = folder / NAMES[0]
    write_if_changed(path, version(2, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    said = _refusal(lambda: write_if_changed(path, version(400, 1)))
    return {
        "said": said,
        "whole": path.read_text(encoding="utf-8") == version(2, 0),
        "left": os.listdir(folder),
    }


def compete(folder: Path) -> dict[str, Any]:
    """Eight writers at once, each adding aliases to what it reads."""
    write_if_changed(folder / NAMES[0], version(0, 0))
    children = []
    for number in range(WRITERS):
        child = os.fork()
        if child == 0:
            add_aliases(folder, number)
            os._exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    lock = parse_lock((folder / NAMES[0]).read_bytes(), "l.yaml")
    return {"codes": codes, "aliases": len(lock.entries), "left": sorted(os.listdir(folder))}


def add_aliases(folder: Path, number: int) -> None:
    """Read the lock, add an alias, write it, `ROUNDS` times, each time as the only writer."""
    path = folder / NAMES[0]
    for turn in range(ROUNDS):
        with writing(folder):
            lock = parse_lock(path.read_bytes(), "l.yaml")
            alias = f"w{number}-{turn}"
            added = {**lock.entries, alias: made.entry(alias, made.full_pin(number))}
            write_if_changed(path, lock_text(replace(lock, entries=added)))


def fill(folder: Path) -> dict[str, Any]:
    """Write more than there is room for, on a disk of 64 KiB."""
    path = folder / NAMES[0]
    write_if_changed(path, version(2, 0))
    with writing(folder):
        said = _refusal(lambda: write_if_changed(path, version(400, 1)))
    room_after = write_if_changed(path, version(3, 0))
    return {
        "said": said,
        "whole": path.read_text(encoding="utf-8") == version(3, 0),
        "room_after": room_after,
    } | {"left": sorted(os.listdir(folder))}


def read_only(folder: Path) -> dict[str, Any]:
    """Write where nothing can be written: the folder is on a disk mounted to be read."""
    path = folder / NAMES[0]

    def as_writer() -> None:
        with writing(folder, 0):
            raise AssertionError("there was a writer")

    return {
        "said": _refusal(lambda: write_if_changed(path, version(2, 1))),
        "said to a writer": _refusal(as_writer),
        "unchanged": write_if_changed(path, version(2, 0)),
        "left": sorted(os.listdir(folder)),
    }


def prepare(folder: Path) -> dict[str, Any]:
    """What `read_only` finds."""
    return {"wrote": write_if_changed(folder / NAMES[0], version(2, 0))}


def _refusal(act: Callable[[], object]) -> str:
    try:
        act()
    except ConfigError as error:
        return str(error)
    return "nothing"


STORIES: Final[Mapping[str, Callable[[Path], dict[str, Any]]]] = {
    "kill": kill,
    "interrupt": interrupt,
    "outgrow": outgrow,
    "compete": compete,
    "fill": fill,
    "prepare": prepare,
    "read_only": read_only,
}

if __name__ == "__main__":
    print(json.dumps(STORIES[sys.argv[1]](Path(sys.argv[2]))))
