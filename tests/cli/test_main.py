"""Main: however a command ends, it ends with a code, and without a traceback."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from resilient_infer.cli.commands import commands
from resilient_infer.testing.sandbox import Hang

from .conftest import Command, Ended, Place


def test_the_version_is_told(command: Command) -> None:
    """One line: name and version."""
    ended = command("--version")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("resilient-infer 0.")


def test_no_command_is_a_usage_error(command: Command) -> None:
    """The help page goes to stderr, since nothing was done."""
    ended = command()

    assert (ended.code, ended.out) == (2, "")
    assert "Commands:" in ended.err


def test_a_mistyped_command_is_corrected(command: Command) -> None:
    """Did you mean; otherwise, what there is."""
    assert 'did you mean "call"?' in command("cal").err
    assert f"there are {', '.join(commands.list_commands(click.Context(commands)))}" in command("xyzzy").err
    assert command("xyzzy").code == 2


def test_an_unknown_option_is_a_usage_error(command: Command) -> None:
    """With the command to run for help."""
    ended = command("call", "--frobnicate")

    assert ended.code == 2
    assert ended.err.endswith(" hint: resilient-infer call --help\n")


@pytest.mark.parametrize("page", ["--help", "call sentiment x"])
def test_a_reader_that_leaves_early_is_no_fault(
    place: Place, shell: Callable[[str], Ended], page: str
) -> None:
    """`| head -0`: no traceback, and the code that shells give to a program ended by SIGPIPE."""
    ended = shell(f"{{ sleep 0.2; ri {page}; }} | head -c 0")

    assert (ended.code, ended.err) == (141, "")


def test_a_full_disk_is_told(shell: Callable[[str], Ended]) -> None:
    """What could not be written was not told: 3."""
    ended = shell("ri --help > /dev/full")

    assert ended.code == 3
    assert ended.err == "error: the system refused: No space left on device\n"


def test_closed_streams_are_no_fault(place: Place, shell: Callable[[str], Ended]) -> None:
    """A shell may close stdin, stdout and stderr; the codes stay the same."""
    assert shell("ri call sentiment x <&- >&- 2>&-").code == 0
    assert shell("ri call nobody x 2>&-").code == 2
    assert shell("ri call sentiment <&-").code == 2


def test_ctrl_c_comes_through_at_once(place: Place) -> None:
    """While a server hangs: 130, quickly, and no traceback."""
    place.primary.fail(Hang())
    with subprocess.Popen(
        [sys.executable, "-m", "resilient_infer", "call", "alone", "x"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as child:
        _wait_for(lambda: len(place.primary.requests) > 0)
        interrupted = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)

    assert time.monotonic() - interrupted < 2
    assert (child.returncode, out) == (130, "")
    assert err == "\ninterrupted\n"


INTERRUPTED_AT_IMPORT = """
import runpy, signal, sys

module = sys.argv.pop(1)

class AtImport:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, AtImport())
runpy.run_module("resilient_infer", run_name="__main__")
"""


@pytest.mark.parametrize(
    "module",
    ["resilient_infer.cli.main", "click", "resilient_infer.cli.commands", "resilient_infer.cli.lock", "yaml"],
)
def test_ctrl_c_in_the_first_moments_shows_no_traceback(module: str, tmp_path: Path) -> None:
    """While the command is being imported: 130, and one word."""
    (tmp_path / "models.yaml").write_text("version: 1\nmodels: {a: org/model}\n")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            INTERRUPTED_AT_IMPORT,
            module,
            "lock",
            "--check",
            "--lockfiles",
            str(tmp_path),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\ninterrupted\n")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_honoured_on_a_terminal(place: Place, no_color: str, coloured: bool) -> None:
    """https://no-color.org: any value but the empty one turns colour off."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-m", "resilient_infer", "call", "nobody", "x"],
        stderr=theirs,
        env=environ,
        timeout=60,
        check=False,
    )
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)

    assert done.returncode == 2
    assert ("\x1b[" in shown) is coloured


def _wait_for(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.005)
