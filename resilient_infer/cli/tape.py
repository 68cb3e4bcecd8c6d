"""Tape: a stream of calls as lines that grow while it runs.

One mark is one call; when something changes, a new line begins. The cursor
never moves back, so a pipe or a log shows the same as a terminal.
"""

import time
from typing import Final

import click

from resilient_infer.cli.render import Colour, Ink
from resilient_infer.cli.story import Asked
from resilient_infer.cli.timeline import duration

_EVENT: Final = 37
_MARKS: Final = 20
"""Columns for what the primary does, and for the marks; an open circuit is worth 16 of them."""


class Tape:
    """Prints the calls of an outage as they end.

    Args:
        primary: Name of the server whose fate is told.
    """

    def __init__(self, ink: Ink, primary: str) -> None:
        self._ink = ink
        self._primary = primary
        self._started = time.monotonic()
        self._event = ""
        self._marks = 0
        self._slowest = 0.0
        heading = f"  {'at':>7}  {'the primary':<{_EVENT}}{'answers':<{_MARKS}}{'slowest':>8}"
        self._write(ink.paint(heading, dim=True) + "\n")

    def see(self, asked: Asked) -> None:
        """One more call."""
        event = self._told(asked)
        if event != self._event or self._marks == _MARKS - 1:
            self.cut()
            self._write(f"{self._now()}  {event:<{_EVENT}}")
        mark, colour = self._mark(asked)
        self._write(self._ink.paint(mark, colour))
        self._event = event
        self._marks += 1
        self._slowest = max(self._slowest, asked.elapsed)

    def note(self, event: str, colour: Colour) -> None:
        """Something that happens between two calls."""
        self.cut()
        self._write(f"{self._now()}  {self._ink.paint(event, colour)}\n")

    def cut(self) -> None:
        """End the line that is being written, if there is one."""
        if self._marks:
            self._write(" " * (_MARKS - self._marks) + f"{duration(self._slowest):>8}\n")
        self._event, self._marks, self._slowest = "", 0, 0.0

    def _now(self) -> str:
        return f"  {time.monotonic() - self._started:>5.1f} s"

    def _told(self, asked: Asked) -> str:
        """What the primary, or its circuit, did in a call."""
        tries = [
            record
            for record in asked.attempts
            if record.number and record.route.startswith(f"{self._primary}:")
        ]
        changed = asked.changes[-1].new if asked.changes else ""
        if changed == "closed":
            return "probe succeeds: circuit closes"
        if changed == "open":
            probe = len(asked.changes) > 1
            seconds = f"{asked.changes[-1].open_for:.1f} s"
            return f"probe fails: open for {seconds}" if probe else f"dead: circuit opens for {seconds}"
        if not tries:
            return "circuit open: not asked"
        if tries[-1].outcome == "success":
            return "answers"
        if any("retry bucket" in record.reason for record in asked.attempts):
            return "dead: 1 attempt, retry bucket empty"
        return f"dead: {len(tries)} attempts fail"

    def _mark(self, asked: Asked) -> tuple[str, Colour]:
        route = getattr(asked.ended, "route", None)
        if route is None:
            return self._ink.sign("✗", "x"), "red"
        if route.startswith(f"{self._primary}:"):
            return self._ink.sign("●", "P"), "green"
        return self._ink.sign("◆", "B"), "yellow"

    def _write(self, text: str) -> None:
        click.echo(text, nl=False, color=self._ink.colour)
