"""Bench 8: what `verify` costs of 1,000 pins, and a deep look at 50, with a Hub that takes 50 ms to answer.

    python -m tests.bench.verify

Each is the whole command in a process of its own, from Python's start to its
exit, with the installed huggingface_hub; the Hub counts the requests.
"""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from resilient_infer.lock.lockfile import LockedModel
from tests.bench.hub import FarHub, far_hub
from tests.bench.locked import alias_name, full_pin, write_locked
from tests.bench.measure import verdict

PINS: Final = 1_000
LATENCY: Final = 0.05
"""Seconds."""

ROUNDS: Final = 3
"""Rounds of the wall times; the best counts."""

FEW: Final = 20
DEEP: Final = 50
WALL_BAR: Final = 5.0
FEW_BAR: Final = 1.0
DEEP_BAR: Final = 4.0
MEMORY_BAR: Final = 150.0
REQUESTS_EACH: Final = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of the command: seconds of wall and CPU time, MiB of memory at its peak, requests."""

    wall: float
    cpu: float
    memory: float
    requests: int


def main() -> bool:
    """Print the figures; whether all bars are met."""
    with far_hub(PINS, delay=LATENCY) as hub, TemporaryDirectory() as place:
        pins = [full_pin(model, revision=commit) for model, commit in hub.revisions.items()]
        many = _best(hub, Path(place), pins)
        shared = _run(hub, Path(place), pins[:1] * PINS, plenty=True)
        few = _best(hub, Path(place), pins[:FEW])
        bare = _bare_heads(hub.url, pins[:FEW])
        strict = _run(hub, Path(place), pins, plenty=False)
        deep, moved = _deep(hub, Path(place))
    print(f"{FEW} bare HEADs one after another on one connection: {bare:.2f} s; {_told(few)}")
    print(f"{PINS:,} pins: {_told(many)}; with an anonymous visitor's quotas: {_told(strict)}", flush=True)
    print(f"{DEEP} pins in depth: {_told(deep)}; branches moved on: {_told(moved)}", flush=True)
    return all(
        (
            verdict(f"verify of {PINS:,} pins, wall", many.wall, WALL_BAR, unit=" s"),
            verdict("requests for them", many.requests, PINS * REQUESTS_EACH),
            verdict("memory at the peak", many.memory, MEMORY_BAR, unit=" MiB"),
            verdict(f"requests for {PINS:,} aliases of one model", shared.requests, REQUESTS_EACH),
            verdict(f"verify of {FEW} pins, wall", few.wall, FEW_BAR, unit=" s"),
            verdict(f"{PINS:,} pins with anonymous quotas, wall", strict.wall, WALL_BAR, unit=" s"),
            verdict(f"deep verify of {DEEP} pins, wall", deep.wall, DEEP_BAR, unit=" s"),
            verdict("the same, branches moved on, wall", moved.wall, DEEP_BAR, unit=" s"),
        )
    )


def _told(cost: Cost) -> str:
    took = f"{cost.wall:.2f} s wall, {cost.cpu:.2f} s CPU, {cost.memory:.0f} MiB"
    return f"verify {took}, {cost.requests:,} requests"


def _best(hub: FarHub, folder: Path, pins: list[LockedModel]) -> Cost:
    costs = [_run(hub, folder, pins, plenty=True) for _ in range(ROUNDS)]
    return min(costs, key=lambda cost: cost.wall)


def _deep(hub: FarHub, folder: Path) -> tuple[Cost, Cost]:
    """A deep look at pins that hold, and at pins whose branches have moved on by a document."""
    models = list(hub.revisions)[:DEEP]
    lines = "".join(f"  {alias_name(number)}: {model}\n" for number, model in enumerate(models))
    (folder / "models.yaml").write_text(f"version: 1\nmodels:\n{lines}", encoding="utf-8")
    (folder / "models.lock.yaml").unlink()
    hub.begin(plenty=True)
    _command(hub, folder, "lock")
    held = min((_counted(hub, folder, "--deep") for _ in range(ROUNDS)), key=lambda cost: cost.wall)
    hub.push()
    moved = (_counted(hub, folder, "--deep", told={"RI301"}) for _ in range(ROUNDS))
    return held, min(moved, key=lambda cost: cost.wall)


def _run(hub: FarHub, folder: Path, pins: list[LockedModel], *, plenty: bool) -> Cost:
    """Verify these pins, each by an alias of its own."""
    write_locked(folder, {alias_name(number): pin for number, pin in enumerate(pins)})
    return _counted(hub, folder, plenty=plenty)


def _counted(
    hub: FarHub, folder: Path, *options: str, plenty: bool = True, told: Collection[str] = ()
) -> Cost:
    """Verify, and count the requests.

    Raises:
        RuntimeError: Something else was told than these findings.
    """
    hub.begin(plenty=plenty)
    wall, cpu, memory = _command(hub, folder, "verify", *options)
    answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    if {finding["code"] for finding in answer["findings"]} != set(told):
        raise RuntimeError(f"findings {answer['findings'][:2]}")
    return Cost(wall, cpu, memory, hub.count())


def _command(hub: FarHub, folder: Path, *words: str) -> tuple[float, float, float]:
    """Seconds of wall and CPU time, and MiB at the peak, of a command.

    Raises:
        RuntimeError: It failed.
    """
    # A folder without a login: no token of whoever runs this goes to the sandbox.
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(folder)}
    environment.pop("HF_TOKEN", None)
    command = [sys.executable, "-m", "resilient_infer", *words, "--lockfiles", str(folder)]
    began = perf_counter()
    with (folder / "answer.json").open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [*command, "--format", "json"], cwd=Path(__file__).parents[2], env=environment, stdout=out
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{words[0]}: exit code {process.returncode}")
    # Linux tells the peak in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return wall, usage.ru_utime + usage.ru_stime, peak


def _bare_heads(url: str, pins: list[LockedModel]) -> float:
    """Seconds that as many HEADs take with nothing around them."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        began = perf_counter()
        for pin in pins:
            connection.request("HEAD", f"/{pin.model}/resolve/{pin.revision}/model.safetensors")
            connection.getresponse().read()
        return perf_counter() - began
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not main())
