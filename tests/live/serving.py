"""Serving: a server in a process of its own, until the block ends, whatever happens in it."""

import queue
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final

_RUNNING: Final = re.compile(r"running on (http://127\.0\.0\.1:\d+)")
"""What uvicorn says, with the port that it was given; the servers of these tests are told to take any."""

_START: Final = 180.0
"""Seconds to start in: PyTorch is imported on a machine that may be busy."""

_END: Final = 10.0
_SHOWN: Final = 20
"""Lines of the log that a failure shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that runs.

    Attributes:
        url: Its root, without a trailing slash.
        log: What it has said so far, by line.
    """

    url: str
    log: list[str] = field(repr=False)

    @property
    def tail(self) -> str:
        """The last lines of the log."""
        return "".join(self.log[-_SHOWN:])


@contextmanager
def serving(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Server]:
    """Run `command` and wait until it says where it listens.

    Raises:
        RuntimeError: It ended, or said nothing for too long; with its log.
    """
    log: list[str] = []
    said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    running = subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert running.stdout is not None
    reader = threading.Thread(target=_read, args=(running.stdout, log, said), daemon=True)
    reader.start()
    try:
        yield Server(url=_address(said, command, log), log=log)
    finally:
        running.terminate()
        try:
            running.wait(_END)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        reader.join(_END)
        running.stdout.close()


def _read(lines: IO[str], log: list[str], said: "queue.SimpleQueue[str | None]") -> None:
    """Keep every line, so that the pipe never fills, and tell the address when it comes; None: the end."""
    for line in lines:
        log.append(line)
        found = _RUNNING.search(line)
        if found is not None:
            said.put(found[1])
    said.put(None)


def _address(said: "queue.SimpleQueue[str | None]", command: Sequence[str], log: list[str]) -> str:
    try:
        url = said.get(timeout=_START)
    except queue.Empty:
        url = None
    if url is None:
        raise RuntimeError(f"{' '.join(command)} did not start:\n{''.join(log)}")
    return url
