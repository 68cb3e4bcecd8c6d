"""`resilient-infer call`: one call from the shell."""

import sys
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import click

from resilient_infer.cli.answer import explanation, failure_record, result_record
from resilient_infer.cli.options import alias_argument, environment_option, lockfiles_option
from resilient_infer.cli.payload import read_file, read_payload
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.render import ink_of, one_line, remark, to_json
from resilient_infer.cli.timeline import timeline
from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.events import AttemptStarted, Event, Listener
from resilient_infer.core.result import Result
from resilient_infer.core.task import Json, Task
from resilient_infer.errors import CallError, ResilientInferError

if TYPE_CHECKING:
    from resilient_infer.client import LockMode


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    alias: str
    payload: str | None
    text: bool
    deadline: float | None
    explain: bool
    format: Literal["output", "json"]
    compact: bool
    lockfiles: str | None
    environment: str | None
    lock_mode: "LockMode | None"


@click.command(short_help="Send a payload to a model.")
@alias_argument
@click.argument("payload", required=False)
@click.option("--text", is_flag=True, help="Take PAYLOAD or stdin as plain text, whatever it looks like.")
@click.option(
    "--deadline",
    type=float,
    metavar="S",
    help="Seconds for the whole call, waits included. Default: the alias's policy.",
)
@click.option("--explain", is_flag=True, help="Tell on stderr who answered, and every attempt.")
@click.option(
    "--format",
    type=click.Choice(["output", "json"]),
    default="output",
    show_default=True,
    help="Print the output only, or one JSON object with all there is, also on failure.",
)
@click.option("--compact", is_flag=True, help="JSON on one line.")
@lockfiles_option
@environment_option
@click.option(
    "--lock-mode",
    type=click.Choice(["locked", "frozen", "off"]),
    help="locked: the lock must match the manifest; frozen: only the lock is there; off: nothing is "
    "pinned. Default: RESILIENT_INFER_LOCK_MODE, else locked.",
)
def call(**options: Any) -> None:
    """Send PAYLOAD to the model locked as ALIAS and print the answer as JSON.

    PAYLOAD is JSON or plain text; @file reads a file, and - or nothing reads standard input. If the
    model takes a picture or a sound, PAYLOAD is @file or -, and the bytes are sent as they are.

    \b
    resilient-infer call sentiment "I love it"
    resilient-infer call chat '{"messages": [{"role": "user", "content": "Hi"}]}'
    resilient-infer call sentiment @review.txt --deadline 2 --explain
    resilient-infer call classifier @picture.png
    cat review.txt | resilient-infer call sentiment --text | jq '.[0].label'
    """
    asked = _Asked(**options)
    try:
        result = _call(asked)
    except ResilientInferError as error:
        if asked.format == "json":
            _print(failure_record(asked.alias, error), asked)
        if asked.explain and isinstance(error, CallError):
            _explain([], error.attempts)
        raise
    _print(result_record(result) if asked.format == "json" else result.output, asked)
    if asked.explain:
        _explain(explanation(result, ink_of(sys.stderr)), result.attempts)


def _call(asked: _Asked) -> Result:
    task = _task(asked)
    read = partial(read_file, task=task.name) if task.file else read_payload
    payload = read(asked.payload, as_text=asked.text)
    from resilient_infer.client import Client  # loads requests; a help page needs none of it

    with (
        Progress("waiting for an answer") as progress,
        Client(
            lockfiles=asked.lockfiles,
            environment=asked.environment,
            lock_mode=asked.lock_mode,
            listeners=[_teller(progress)],
        ) as client,
    ):
        return client.call(asked.alias, payload, deadline=asked.deadline)


def _teller(progress: Progress) -> Listener:
    """Says who is asked for the answer that is waited for."""

    def tell(event: Event) -> None:
        if isinstance(event, AttemptStarted):
            progress.say(one_line(f"{event.route}, attempt {event.number}"))

    return tell


def _task(asked: _Asked) -> Task:
    """What the alias is for: it decides how PAYLOAD is read, so it is looked up before anything is."""
    from resilient_infer.assembly import Assembly

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client says the same once more
        assembly = Assembly.load(
            lockfiles=asked.lockfiles,
            environment=asked.environment,
            lock_mode=asked.lock_mode,
            private_state=True,
        )
        return assembly.alias_spec(asked.alias).task


def _print(value: Json, asked: _Asked) -> None:
    click.echo(to_json(value, compact=asked.compact, stream=sys.stdout))


def _explain(lines: list[str], attempts: tuple[AttemptRecord, ...]) -> None:
    for line in lines + timeline(attempts, ink_of(sys.stderr)):
        remark(line)
