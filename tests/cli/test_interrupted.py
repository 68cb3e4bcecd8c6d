"""Every command that may take long: it says how far it is, and Ctrl-C ends it and leaves the files alone."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from resilient_infer.cli.progress import SILENCE
from resilient_infer.testing.sandbox import Hang, Model, Sandbox
from tests.cli.conftest import Command, Project

Set = Callable[[Project, Sandbox], None]


@contextmanager
def on_a_terminal(project: Project, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command whose stderr is a terminal, and our end of that."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "resilient_infer", *arguments],
        cwd=project.root,
        env={**os.environ, "HF_ENDPOINT": project.hub.url, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    try:
        yield child, ours
    finally:
        child.kill()
        child.communicate()
        os.close(ours)


def read_until(terminal: int, text: str, longest: float = 20.0) -> str:
    """What the terminal shows, up to a text; all there is, once the command has ended."""
    shown, ends_at = "", time.monotonic() + longest
    while text not in shown and time.monotonic() < ends_at:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says so of a terminal that nobody has open at the other end
            break
        shown += piece.decode()
    return shown


def hub_hangs(project: Project, sandbox: Sandbox) -> None:
    project.hub.fail(Hang())


def server_hangs(project: Project, sandbox: Sandbox) -> None:
    """The only server of `sentiment`; the Hub answers."""
    served = Model(name="acme/sentiment", task="text-classification", commit=project.sentiment.head)
    server = sandbox.serve("tei", name="ours", models=[served])
    server.fail(Hang())
    text = project.manifest.read_text().replace(
        "  sentiment: acme/sentiment\n",
        "  sentiment:\n    task: text-classification\n"
        "    targets: [{model: acme/sentiment, routes: [ours]}]\n",
    )
    provider = f"providers:\n  ours: {{kind: tei, url: {server.url!r}}}\nmodels:\n"
    project.manifest.write_text(text.replace("models:\n", provider))


def large_cache(project: Project, sandbox: Sandbox) -> None:
    """A file of 4 TB that takes no place on the disk, and an hour to hash."""
    folder = "models--acme--sentiment"
    place = project.root.parent / "home" / "hf" / "hub" / folder / "snapshots" / project.sentiment.head
    place.mkdir(parents=True)
    with open(place / "model.safetensors", "wb") as file:
        file.truncate(1 << 42)


@dataclass(frozen=True)
class Case:
    """A command, what keeps it waiting, and what it says while it waits."""

    arguments: tuple[str, ...]
    happens: Set
    says: str


CASES = {
    "add": Case(("add", "third", "acme/sentiment"), hub_hangs, "asking the Hub"),
    "lock": Case(("lock",), hub_hangs, "asking the Hub"),
    "update": Case(("update",), hub_hangs, "asking the Hub"),
    "outdated": Case(("outdated",), hub_hangs, "asking the Hub"),
    "diff": Case(("diff",), hub_hangs, "asking the Hub"),
    "verify": Case(("verify",), hub_hangs, "asking the Hub"),
    "verify --live": Case(
        ("verify", "--live", "--timeout", "60"), server_hangs, "asking the servers: 1 of 2"
    ),
    "verify --offline": Case(("verify", "--offline"), large_cache, "hashing the cache: 1 of 2, "),
    "call": Case(("call", "sentiment", "x"), server_hangs, "waiting for an answer: ours:acme/sentiment"),
}


@pytest.mark.parametrize("name", CASES)
def test_progress_is_told_and_ctrl_c_ends_it_at_once(
    project: Project, sandbox: Sandbox, command: Command, name: str
) -> None:
    """130, one word, nothing on stdout, every file as it was; the line of the progress is wiped off."""
    case = CASES[name]
    if name != "lock":
        assert command("lock").code == 0
    case.happens(project, sandbox)
    before = project.files()
    with on_a_terminal(project, *case.arguments) as (child, terminal):
        shown = read_until(terminal, case.says)
        assert f"\r{case.says}" in shown
        interrupted = time.monotonic()
        child.send_signal(signal.SIGINT)
        rest = read_until(terminal, "interrupted\r\n")
        out, _ = child.communicate(timeout=10)

    assert time.monotonic() - interrupted < 2
    assert (child.returncode, out) == (130, "")
    assert rest.endswith(" \r\r\ninterrupted\r\n")
    assert project.files() == before


@pytest.mark.parametrize("arguments", [("verify",), ("lock",), ("explain", "gpt2")], ids=" ".join)
def test_what_is_quick_shows_no_progress(
    project: Project, command: Command, arguments: tuple[str, ...]
) -> None:
    """Not one byte on a terminal either. On a busy machine it may not be quick, and then it says so."""
    assert command("lock").code == 0
    started = time.monotonic()
    with on_a_terminal(project, *arguments) as (child, terminal):
        out, _ = child.communicate(timeout=30)
        quick = time.monotonic() - started < SILENCE
        shown = read_until(terminal, "\0", longest=0.2)

    assert child.returncode == 0
    assert shown == "" or not quick
    assert out
