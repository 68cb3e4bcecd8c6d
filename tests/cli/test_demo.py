"""`resilient-infer demo`: shows what it claims, or says that it does not."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from resilient_infer.cli.demo import tell
from resilient_infer.cli.pinning import Ran, pinning
from resilient_infer.cli.render import Ink
from resilient_infer.cli.story import NotShown, Stage, deadlines, one_call, outage, stage
from resilient_infer.testing.sandbox import Refused, Status

from .conftest import KEY

PLAIN = Ink(colour=False, unicode=False, width=80)
COMMAND = [sys.executable, "-m", "resilient_infer", "demo", "--plain"]


def test_the_demo_shows_everything_and_leaves_nothing(tmp_path: Path) -> None:
    """Exit 0, each step shown, 80 columns of ASCII, no token used or printed, no file left.

    The environment holds all that could lead a client astray.
    """
    environ = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "HF_TOKEN": KEY,
        "RESILIENT_INFER_LOCKFILES": "/nowhere",
        "RESILIENT_INFER_ENV": "prod",
        "RESILIENT_INFER_LOCK_MODE": "off",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_OFFLINE": "1",
        "SSL_CERT_FILE": "/nowhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "REQUESTS_CA_BUNDLE": "/nowhere",
    }
    started = time.monotonic()
    done = subprocess.run(
        COMMAND, capture_output=True, encoding="utf-8", env=environ, timeout=60, check=False, cwd=tmp_path
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - started < 30
    assert done.stdout.count("\n  ok: ") == 4
    for event in (
        "is killed",
        "circuit opens",
        "probe fails",
        "is back",
        "probe succeeds",
        "DeadlineExceeded",
        "$ resilient-infer lock",
        "weights  RI302",
        "$ resilient-infer update",
        "error RI201",
        "exit code 1",
        "unchecked RI900",
        "exit code 3",
    ):
        assert event in done.stdout
    assert re.search(r"(\d+) calls, \1 answers", done.stdout)
    assert done.stdout.rstrip().count("\n", done.stdout.index("What next")) == 6
    assert done.stdout.isascii()
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert KEY not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_demo_at_once(tmp_path: Path) -> None:
    """130, no traceback, and the temporary folder is gone."""
    with subprocess.Popen(
        COMMAND,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    ) as child:
        assert child.stdout is not None
        while "is killed" not in child.stdout.readline():
            pass
        assert len(list(tmp_path.iterdir())) == 1
        interrupted = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=10)

    assert time.monotonic() - interrupted < 2
    assert (child.returncode, err) == (130, "\ninterrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_the_stage_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server thread, no file and no variable outlives the story."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    threads, environ = set(threading.enumerate()), dict(os.environ)

    with stage() as on:
        one_call(on)
        assert len(list(tmp_path.iterdir())) == 1

    left = [each for each in threading.enumerate() if each not in threads and each.name.startswith("sandbox")]
    assert left == []
    assert dict(os.environ) == environ
    assert list(tmp_path.iterdir()) == []


def test_a_first_step_that_shows_something_else_is_told() -> None:
    """The answer of another server does not pass for the primary's."""
    with stage() as on:
        on.primary.fail(Status(code=500))
        with pytest.raises(NotShown, match="the first target answers"):
            one_call(on)


def test_an_outage_that_callers_notice_is_told() -> None:
    """If the backup is down as well, the story does not say that every call was answered."""
    with stage() as on:
        on.backup.fail(Refused())
        with pytest.raises(NotShown, match="every call is answered"):
            outage(on, lambda: None, lambda: None, lambda _: None)


def test_a_deadline_without_the_backup_is_told() -> None:
    """If nobody answers in time, the story does not say that the backup did."""
    with stage() as on:
        on.backup.fail(Refused())
        with pytest.raises(NotShown, match="the backup answers"):
            deadlines(on, lambda *_: None)


def test_a_command_that_does_something_else_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Python that does not start locks nothing, and the story does not go on."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    seen: list[Ran] = []
    with pytest.raises(NotShown, match='"resilient-infer lock" ends with 0 and says "added"'):
        pinning(lambda _: None, seen.append)

    assert [ran.line for ran in seen] == ["resilient-infer lock"]
    assert list(tmp_path.iterdir()) == []


def test_the_step_that_showed_nothing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The steps after it are not shown, and the error says which it was."""
    seen: list[str] = []

    def good(on: Stage, ink: Ink) -> None:
        seen.append("good")

    def bad(on: Stage, ink: Ink) -> None:
        raise NotShown("pigs fly")

    with stage() as on:
        assert not tell((("One", good), ("Two", bad), ("Three", good)), on, PLAIN)

    told = capsys.readouterr()
    assert seen == ["good"]
    assert told.err == "error: step 2 of the demo did not show that pigs fly\n"
    assert "2  Two" in told.out
    assert "Three" not in told.out
