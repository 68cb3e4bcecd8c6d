"""The benches of the clients and the lock, one after the other: `python -m tests.bench`. Takes minutes.

They say what they measure, and beside what, in their own files. Ratios hold on
a busy machine, times do not: run them when nothing else runs.
"""

import sys
from typing import Final

from tests.bench import (
    async_calls,
    attestation,
    embeddings,
    from_code,
    healthy,
    lock_check,
    memory,
    rejected,
    simulated,
    start,
    streams,
    threads,
    upload,
    verify,
)

BENCHES: Final = (
    healthy,
    threads,
    start,
    memory,
    simulated,
    rejected,
    lock_check,
    verify,
    attestation,
    embeddings,
    upload,
    streams,
    async_calls,
    from_code,
)


def main() -> bool:
    """Run all; whether every bar is met."""
    met = []
    for number, bench in enumerate(BENCHES, 1):
        print(f"\n{number}. {(bench.__doc__ or '').partition(': ')[2].partition(chr(10))[0]}", flush=True)
        met.append(bench.main())
    return all(met)


if __name__ == "__main__":
    sys.exit(not main())
