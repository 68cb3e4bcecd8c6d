"""Progress: on a terminal, after a second, and gone behind it."""

import io
import time

import pytest

from resilient_infer.cli.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def wait_for(terminal: Terminal, text: str) -> None:
    ends_at = time.monotonic() + 5
    while text not in terminal.getvalue() and time.monotonic() < ends_at:
        time.sleep(0.001)
    assert text in terminal.getvalue()


def test_what_takes_long_is_counted_and_cleared() -> None:
    """The line is overwritten, and blank in the end."""
    terminal = Terminal()
    with Progress("asking the Hub", stream=terminal, silence=0.01) as shown:
        wait_for(terminal, "\rasking the Hub")
        shown.tell(3, 12)
        wait_for(terminal, "\rasking the Hub: 3 of 12")

    assert terminal.getvalue().endswith(f"\r{' ' * len('asking the Hub: 3 of 12')}\r")
    assert "\n" not in terminal.getvalue()


def interrupted(terminal: Terminal) -> None:
    with Progress("asking the Hub", stream=terminal, silence=0.01):
        wait_for(terminal, "asking")
        raise KeyboardInterrupt


def test_it_is_cleared_before_an_error_is_told() -> None:
    """Also where the block ends in one."""
    terminal = Terminal()
    with pytest.raises(KeyboardInterrupt):
        interrupted(terminal)

    assert terminal.getvalue().endswith(f"\r{' ' * len('asking the Hub')}\r")


def test_what_is_quick_or_no_terminal_shows_nothing() -> None:
    """Not one byte."""
    terminal, pipe = Terminal(), io.StringIO()
    with Progress("asking the Hub", stream=terminal) as shown:
        shown.tell(1, 1)
    with Progress("asking the Hub", stream=pipe, silence=0.0):
        time.sleep(0.01)

    assert (terminal.getvalue(), pipe.getvalue()) == ("", "")


def test_sizes_and_words_are_told_too() -> None:
    """From any thread; sizes in the largest unit that fits."""
    terminal = Terminal()
    with Progress("hashing", stream=terminal, silence=0.01) as shown:
        shown.say("b.bin")
        shown.add(999)
        wait_for(terminal, "\rhashing: b.bin, 999 bytes")
        shown.add(2_500_000)
        wait_for(terminal, "\rhashing: b.bin, 2.5 MB")
        shown.add(7_100_000_000)
        wait_for(terminal, "\rhashing: b.bin, 7.1 GB")
