"""Progress: a line on the terminal that says how far a command is, once that takes longer than a second."""

import sys
import threading
from types import TracebackType
from typing import Final, Self, TextIO

SILENCE: Final = 1.0
"""Seconds before anything is shown."""

_PACE: Final = 0.2
"""Seconds from one look at the count to the next."""


_STEPS: Final = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


def in_bytes(size: int) -> str:
    """A size for people: "12 bytes", "3.4 GB"."""
    for unit, step in _STEPS:
        if size >= step:
            return f"{size / step:,.1f} {unit}"
    return f"{size} bytes"


class Progress:
    """Shown while the block runs, if the stream is a terminal; cleared behind it.

    Args:
        doing: What is going on, for example "asking the Hub".
        stream: None: stderr.
        silence: Seconds before anything is shown.
    """

    def __init__(self, doing: str, *, stream: TextIO | None = None, silence: float = SILENCE) -> None:
        self._doing = doing
        self._stream = sys.stderr if stream is None else stream
        self._silence = silence
        self._count = ""
        self._size = 0
        self._adding = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, done: int, total: int) -> None:
        """So many of so many are done."""
        self._count = f": {done} of {total}"

    def say(self, what: str) -> None:
        """What is being done right now."""
        self._count = f": {what}"

    def add(self, size: int) -> None:
        """So many further bytes are done. From any thread."""
        with self._adding:
            self._size += size

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._thread = threading.Thread(target=self._show, daemon=True, name="resilient-infer-progress")
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self) -> None:
        if self._ended.wait(self._silence):
            return
        shown = 0
        while True:
            line = f"{self._doing}{self._count}{f', {in_bytes(self._size)}' if self._size else ''}"
            self._stream.write(f"\r{line:<{shown}}")
            self._stream.flush()
            shown = len(line)
            if self._ended.wait(_PACE):
                break
        self._stream.write(f"\r{'':<{shown}}\r")
        self._stream.flush()
