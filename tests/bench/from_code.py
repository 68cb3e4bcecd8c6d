"""Bench 14: what `init --from-code` of 5,000 Python files costs, beside Python's own parser.

    python -m tests.bench.from_code

The files are modules of the standard library of 1 to 30 KB, over and over. Of a
program as they are written few use a model, here one in ten; beside it stands
the worst, where each does. The whole command is measured, from Python's start to
its exit; `ast.parse` of the same files, and nothing else, is its peer.
"""

import ast
import json
import os
import subprocess
import sys
import warnings
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from tests.bench.measure import Spent, spent, verdict

FILES: Final = 5_000
BAR: Final = 10.0
RATIO_BAR: Final = 3.0
"""Of CPU time: the parser is written in C, and what is done with its tree is not."""

ONE_IN: Final = 10
SIZES: Final = (1_000, 30_000)

USE: Final = """

def _load(name="org/model-{number}"):
    from transformers import AutoModel, pipeline

    return pipeline("text-classification", model=name), AutoModel.from_pretrained("org/base")
"""


def main() -> bool:
    """Print the figures; whether all bars are met."""
    with TemporaryDirectory() as place:
        usual, worst = Path(place) / "usual", Path(place) / "worst"
        size = _write(usual, ONE_IN)
        _write(worst, 1)
        print(f"{FILES:,} modules, {size / 2**20:.0f} MiB", flush=True)
        few, many = _drafted(usual, FILES // ONE_IN), _drafted(worst, FILES)
        bare = spent(partial(_parse, worst), 1)
    for what, took in ((f"one file in {ONE_IN}", few), ("each file", many), ("ast.parse of each", bare)):
        print(f"{what:>17}: {took.wall:.1f} s wall, {took.cpu:.1f} s CPU", flush=True)
    return all(
        (
            verdict(f"one file in {ONE_IN} uses a model, wall", few.wall, BAR, unit=" s"),
            verdict("each uses one, beside bare ast.parse, CPU", many.cpu / bare.cpu, RATIO_BAR, unit=" x"),
        )
    )


def _write(folder: Path, one_in: int) -> int:
    """Make the files; how large they are together."""
    folder.mkdir()
    library = sorted(Path(os.__file__).parent.glob("*.py")) + sorted(Path(os.__file__).parent.glob("*/*.py"))
    modules = [path.read_bytes() for path in library if SIZES[0] <= path.stat().st_size <= SIZES[1]]
    size = 0
    for number, module in zip(range(FILES), cycle(modules), strict=False):
        used = module if number % one_in else module + USE.format(number=number).encode()
        home = folder / f"package_{number % 100}"
        home.mkdir(exist_ok=True)
        size += (home / f"module_{number}.py").write_bytes(used)
    return size


def _drafted(folder: Path, models: int) -> Spent:
    """What the whole command takes.

    Raises:
        RuntimeError: It did not find what is there.
    """
    command = [
        sys.executable,
        "-m",
        "resilient_infer",
        "init",
        "--from-code",
        str(folder),
        "--format",
        "json",
    ]
    began = perf_counter()
    with (folder.parent / "draft.json").open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    record = json.loads((folder.parent / "draft.json").read_text(encoding="utf-8"))
    if process.returncode or len(record["aliases"]) != models + 1 or record["files"] != FILES:
        raise RuntimeError(f"exit code {process.returncode}, {len(record['aliases'])} aliases")
    return Spent(wall, usage.ru_utime + usage.ru_stime)


def _parse(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(folder.rglob("*.py")):
            ast.parse(path.read_bytes())


if __name__ == "__main__":
    sys.exit(not main())
