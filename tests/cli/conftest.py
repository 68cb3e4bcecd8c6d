"""Servers, files and two ways to run a command: in this process, and as one of its own."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from resilient_infer.cli.main import run
from resilient_infer.testing.sandbox import Sandbox, Served, Server

FIRST = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
SECOND = "siebert/sentiment-roberta-large-english"
KEY = "sk-abcdefgh12345678"


@dataclass(frozen=True, slots=True)
class Place:
    """A lockfiles folder: `sentiment` has both servers, `alone` the primary only, `keyed` one with a key."""

    folder: Path
    primary: Server
    backup: Server
    keyed: Server


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with Sandbox() as sandbox:
        primary = sandbox.serve("hf-inference", name="primary", models=[FIRST])
        backup = sandbox.serve("hf-inference", name="backup", models=[SECOND])
        keyed = sandbox.serve("hf-inference", name="keyed", models=[FIRST], key=KEY)
        first, second = Served(model=FIRST, by=(primary,)), Served(model=SECOND, by=(backup,))
        aliases = {
            "sentiment": [first, second],
            "alone": [first],
            "keyed": [Served(model=FIRST, by=(keyed,))],
        }
        folder = sandbox.write(tmp_path / "lockfiles", aliases)
        monkeypatch.setenv("RESILIENT_INFER_LOCKFILES", str(folder))
        yield Place(folder, primary, backup, keyed)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command here; `stdin` is what it reads."""

    def run_it(*arguments: str, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = run(arguments)
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return run_it


@pytest.fixture
def shell() -> Callable[[str], Ended]:
    """Run a line of bash in which `ri` is the command; its code is that of the whole line, with pipefail."""

    def run_it(line: str) -> Ended:
        script = f'set -o pipefail\nri() {{ "{sys.executable}" -m resilient_infer "$@"; }}\n{line}\n'
        done = subprocess.run(
            ["bash", "-c", script],
            capture_output=True,
            timeout=60,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run_it
