"""Bench 4: does the process grow over 100,000 calls?

    python -m tests.bench.memory

Every payload is another one, so that a cache which remembers payloads would show.
"""

import gc
import os
import sys
from itertools import count
from pathlib import Path
from typing import Final

from resilient_infer import Client
from tests.bench.loopback import ALIAS, TEXT, serving
from tests.bench.measure import verdict

WARM_UP: Final = 10_000
CALLS: Final = 100_000
STEPS: Final = 5
BAR: Final = 1.0
"""MiB."""


def main() -> bool:
    """Print the growth step by step; whether the bar is met."""
    with serving() as server, Client(lockfiles=server.folder, private_state=True) as client:
        numbers = count()

        def calls(many: int) -> None:
            for number, _ in zip(numbers, range(many), strict=False):
                client.call(ALIAS, {"inputs": f"{number} {TEXT}"})

        calls(WARM_UP)
        before = resident()
        for step in range(1, STEPS + 1):
            calls(CALLS // STEPS)
            print(f"after {step * CALLS // STEPS:>7,} calls: {resident() - before:+.2f} MiB", flush=True)
        growth = resident() - before
    return verdict(f"growth of the resident set over {CALLS:,} calls", growth, BAR, unit=" MiB")


def resident() -> float:
    """MiB of memory that the process has resident."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.exit(not main())
