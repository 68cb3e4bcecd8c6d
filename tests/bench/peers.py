"""Peers: other libraries, each in an environment of its own, so that what they need is none of ours."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory
from typing import IO, Final

from tests.bench.measure import Spent

LITELLM_PYTHON: Final = "RESILIENT_INFER_LITELLM_PYTHON"
"""Variable: a Python that has litellm. Else one is made, which takes minutes and a connection to PyPI."""

INSTALLED_WITHIN: Final = 600.0
"""Seconds."""


class Absent(Exception):
    """A peer that cannot be measured; says why."""


class Peer:
    """A peer that makes a round whenever it is asked."""

    def __init__(self, asks: IO[str], tells: IO[str]) -> None:
        self._asks = asks
        self._tells = tells

    def round(self) -> Spent:
        """What one call took in one more round."""
        self._asks.write("\n")
        self._asks.flush()
        taken, cpu = map(float, self._tells.readline().split())
        return Spent(taken, cpu)


@contextmanager
def litellm_router(url: str, in_flight: int, calls: int) -> Iterator[Peer]:
    """litellm's Router, warmed up, before a server that speaks OpenAI's chat at `url`.

    Raises:
        Absent: It is not installed and cannot be, or it does not run.
    """
    script = Path(__file__).with_name("litellm_router.py")
    with TemporaryDirectory() as folder:
        python = os.environ.get(LITELLM_PYTHON) or _installed(Path(folder), "litellm")
        command = [python, str(script), url, str(in_flight), str(calls)]
        with _started(command) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                if process.stdout.readline() != "ready\n":
                    raise Absent(f"{python} does not run it")
                yield Peer(process.stdin, process.stdout)
            finally:
                process.stdin.close()  # it ends with its input


def _started(command: list[str]) -> Popen[str]:
    try:
        return Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True)
    except OSError as error:
        raise Absent(f"{command[0]}: {error.strerror}") from None


def _installed(folder: Path, package: str) -> str:
    """A Python of a new environment that has the package."""
    python = folder / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", package],
            check=True, capture_output=True, timeout=INSTALLED_WITHIN,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise Absent(f"{package} could not be installed ({type(error).__name__})") from None
    return str(python)
