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
from resilient_infer.testing.sandbox.hub import Hub, Look, Repo

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

MANIFEST = """\
# Ours.
version: 1
models:
  gpt2: openai-community/gpt2@main     # the small one
  sentiment: acme/sentiment
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a manifest of two aliases, none of them locked, and the Hub that has their models."""

    root: Path
    hub: Hub
    sentiment: Repo
    gpt2: Repo

    @property
    def manifest(self) -> Path:
        return self.root / "lockfiles" / "models.yaml"

    @property
    def lock(self) -> Path:
        return self.root / "lockfiles" / "models.lock.yaml"

    def files(self) -> dict[str, bytes]:
        """The content of each file; not that of the one that writers hold."""
        found = [path for path in self.root.rglob("*") if path.is_file() and path.name != ".models.lock"]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}


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
def project(tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The working folder, for commands in this process: huggingface_hub takes the Hub for the real one."""
    import huggingface_hub

    root = tmp_path / "project"
    (root / "lockfiles").mkdir(parents=True)
    (root / "lockfiles" / "models.yaml").write_text(MANIFEST)
    monkeypatch.chdir(root)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(bare_environment / "token"))
    with Hub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        sentiment = hub.model("acme/sentiment", Look(labels=("BAD", "GOOD")))
        gpt2 = hub.model("openai-community/gpt2", Look(task="text-generation"))
        yield Project(root, hub, sentiment, gpt2)
    huggingface_hub.close_session()


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
