"""Bench 11: how much memory does it take to send a large image?

    python -m tests.bench.upload

A file of 20 MB, given as its path, and as bytes that the caller holds already. The bar is 1.3 times its
size in memory beyond what was there before, as tracemalloc sees it; the server is another process.
"""

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from resilient_infer import Client
from tests.bench.loopback import ALIAS, serving
from tests.bench.measure import verdict

SIZE: Final = 20_000_000
BAR: Final = 1.3


def main() -> bool:
    """Print the figures; whether the bar is met for both."""
    with serving() as server, TemporaryDirectory() as place:
        for file in server.folder.iterdir():
            file.write_text(file.read_text().replace("text-classification", "image-classification"))
        path = Path(place) / "large.png"
        path.write_bytes(_image(SIZE))
        with Client(lockfiles=server.folder, private_state=True) as client:
            client.call(ALIAS, _image(100))
            from_path = _peak(lambda: client.call(ALIAS, path, deadline=60.0))
            held = path.read_bytes()
            from_bytes = _peak(lambda: client.call(ALIAS, held, deadline=60.0))
    met = verdict("extra memory for a path / size of the file", from_path / SIZE, BAR)
    return verdict("extra memory for bytes / size of the file", from_bytes / SIZE, BAR) and met


def _image(size: int) -> bytes:
    """A file that calls itself a PNG: nobody looks further here."""
    return b"\x89PNG\r\n\x1a\n" + bytes(size - 8)


def _peak(act: Callable[[], object]) -> int:
    """Bytes of memory at the most, beyond what was there before."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    sys.exit(not main())
