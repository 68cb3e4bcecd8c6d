"""Progress: a line on the terminal that says how far a command is, once that takes longer than a second."""

import sys
import threading
from types import TracebackType
from typing import Final, Self

_SILENCE: Final = 1.0
"""Seconds before anything is shown."""

_PACE: Final = 0.2
"""Seconds from one look at the count to the next."""


class Progress:
    """Shown on stderr while the block runs, if that is a terminal; cleared behind it.

    Args:
        doing: What is going on, for example "asking the Hub".
    """

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._count = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, done: int, total: int) -> None:
        """So many of so many are done."""
        self._count = f": {done} of {total}"

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
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
        if self._ended.wait(_SILENCE):
            return
        shown = 0
        while True:
            line = f"{self._doing}{self._count}"
            sys.stderr.write(f"\r{line:<{shown}}")
            sys.stderr.flush()
            shown = len(line)
            if self._ended.wait(_PACE):
                break
        sys.stderr.write(f"\r{'':<{shown}}\r")
        sys.stderr.flush()
