"""`resilient-infer demo`: the story, told while it happens."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import click

from resilient_infer.cli.answer import explanation
from resilient_infer.cli.exit_codes import ExitCode
from resilient_infer.cli.render import PAGE, Ink, complain, ink_of
from resilient_infer.cli.timeline import duration, timeline

if TYPE_CHECKING:
    from resilient_infer.cli.story import Asked, Stage

Step = tuple[str, Callable[["Stage", Ink], None]]
"""A title, and what shows it; raises `NotShown`."""

_NEXT: Final = (
    ("resilient-infer add --help", "pin a model of yours to a commit"),
    ("resilient-infer init --from-code .", "draft a manifest from code that you have"),
    ("resilient-infer call --help", "ask a model of yours from the shell"),
    ("resilient_infer.call(alias, payload)", "ask it from Python; returns a Result"),
    ("resilient_infer.testing.sandbox", "these servers, for your own tests"),
)


@click.command(short_help="See an outage survived.")
@click.option("--plain", is_flag=True, help="ASCII without colour.")
@click.pass_context
def demo(context: click.Context, plain: bool) -> None:
    """See what calls and pins go through, and what you see of it, in about 10 seconds.

    Servers on this machine stand in for two providers and for the Hub. No
    network and no token are used, and nothing is left behind. Every request,
    failure and time is real. Exits 0 only if each step showed what it claims.

    \b
    resilient-infer demo
    resilient-infer demo --plain | tee demo.txt
    """
    from resilient_infer.cli import story  # loads requests; a help page needs none of it

    ink = ink_of(sys.stdout, plain=plain, width=PAGE)
    steps: tuple[Step, ...] = (
        ("A call", _a_call),
        ("The primary dies under a stream of calls", _an_outage),
        (f"Servers that never finish, and a deadline of {story.DEADLINE:g} s", _deadlines),
        ("A model is pinned, its pin is moved, and its Hub lets go of it", _pinning),
    )
    started = time.monotonic()
    _opening(ink)
    with story.stage() as stage:
        shown = tell(steps, stage, ink)
    if not shown:
        context.exit(ExitCode.NO)
    _closing(time.monotonic() - started, ink)


def tell(steps: Sequence[Step], stage: "Stage", ink: Ink) -> bool:
    """Show the steps one after another. False: one did not show what it claims, which has been said."""
    from resilient_infer.cli.story import NotShown

    for number, (title, show) in enumerate(steps, 1):
        _say(f"\n{ink.paint(f'{number}  {title}', bold=True)}\n", ink)
        try:
            show(stage, ink)
        except NotShown as missing:
            _say("", ink)
            complain(f"step {number} of the demo did not show that {missing}")
            return False
    return True


def _opening(ink: Ink) -> None:
    _say(ink.paint("resilient-infer demo", bold=True), ink)
    _say("", ink)
    _say("Two servers on this machine stand in for two providers. The models in them are", ink)
    _say("toys; every request, failure and time below is real.", ink)


def _a_call(stage: "Stage", ink: Ink) -> None:
    from resilient_infer.cli.story import PAYLOAD, one_call

    result = one_call(stage)
    prompt = ink.paint(">>>", dim=True)
    _say(f'  {prompt} result = call("sentiment", "{PAYLOAD}")', ink)
    _say(f"  {prompt} result.output[0]", ink)
    _say(f"  {result.output[0] if isinstance(result.output, list) else result.output}\n", ink)
    for line in explanation(result, ink):
        _say(line, ink)
    _shown("the locked model answered; the result names it, its commit and its pin", ink)


def _an_outage(stage: "Stage", ink: Ink) -> None:
    from resilient_infer.cli.story import outage
    from resilient_infer.cli.tape import Tape

    green, yellow = ink.paint(ink.sign("●", "P"), "green"), ink.paint(ink.sign("◆", "B"), "yellow")
    _say(
        f"  One mark is one answer: {green} by the primary, {yellow} by the backup, its fallback.\n",
        ink,
    )
    tape = Tape(ink, stage.primary.name)
    try:
        told = outage(
            stage,
            killed=lambda: tape.note("is killed: connections refused", "red"),
            back=lambda: tape.note("is back; its circuit is still open", "green"),
            saw=tape.see,
        )
    finally:
        tape.cut()
    _say("\n  The first call after the kill, attempt by attempt:\n", ink)
    for line in timeline(told.calls[told.broken].attempts, ink):
        _say(line, ink)
    slowest = max(call.elapsed for call in told.calls)
    _shown(f"{len(told.calls)} calls, {len(told.calls)} answers, the slowest after {duration(slowest)}", ink)


def _deadlines(stage: "Stage", ink: Ink) -> None:
    from resilient_infer.cli.story import deadlines

    def saw(what: str, asked: "Asked") -> None:
        ending = (
            "an answer from the backup" if asked.answered_by(stage.backup) else type(asked.ended).__name__
        )
        _say(f"  {what:<42} {duration(asked.elapsed):>8}  {ending}", ink)

    _say(ink.paint(f"  {'the primary':<42} {'ended at':>8}  with", dim=True), ink)
    deadlines(stage, saw)
    _shown("no call outlived its deadline", ink)


def _pinning(stage: "Stage", ink: Ink) -> None:
    from resilient_infer.cli.pinning import MODEL, Ran, pinning

    def happens(what: str) -> None:
        _say(f"\n  {ink.paint(what, 'yellow')}\n", ink)

    def saw(ran: "Ran") -> None:
        _say(f"  {ink.paint('$', dim=True)} {ink.paint(ran.line, 'cyan')}", ink)
        for line in ran.out.splitlines():
            for part in ink.wrap(line.strip(), first=f"  {line[: -len(line.lstrip())]}", indent=8):
                _say(part, ink)
        _say(ink.paint(f"  exit code {ran.code}", dim=True), ink)

    _say(f"  A third server is the Hub. The manifest says: sentiment: {MODEL}\n", ink)
    pinning(happens, saw)
    _shown("a pin that is gone and a Hub that is down are two things, to CI as well", ink)


def _closing(elapsed: float, ink: Ink) -> None:
    _say(f"\nAll of it shown in {elapsed:.1f} s. What next:\n", ink)
    for what, why in _NEXT:
        _say(f"  {ink.paint(f'{what:<38}', 'cyan')}{why}", ink)


def _shown(what: str, ink: Ink) -> None:
    _say(f"\n  {ink.paint(ink.sign('✓', 'ok:'), 'green', bold=True)} {what}", ink)


def _say(line: str, ink: Ink) -> None:
    click.echo(ink.text(line), color=ink.colour)
