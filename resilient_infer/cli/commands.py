"""Commands: the group, and the table of what it holds. A command's module is loaded when it is run."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Final

import click


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a command is (`module:name`), and what the list of commands says about it.

    The rest is for the end of its page: what its exit codes 0, 1 and 3 mean; "" where it never ends so.
    """

    home: str
    summary: str
    done: str = "done"
    no: str = ""
    unknown: str = ""


_COMMANDS: Final[Mapping[str, _Entry]] = {
    "call": _Entry(
        "resilient_infer.cli.call:call",
        "Send a payload to a model and print the answer as JSON.",
        done="answered",
        no="servers were asked, and refused or failed",
        unknown="nobody was reached, or time ran out",
    ),
    "init": _Entry(
        "resilient_infer.cli.init:init",
        "Make a manifest, or draft one from the code that uses models.",
        done="the manifest, or the draft, is made",
        no="the code names no model",
        unknown="no model was found, and not all of the code could be read",
    ),
    "add": _Entry(
        "resilient_infer.cli.add:add",
        "Add an alias to the manifest, and pin it in the lock.",
        done="added and pinned",
        no="the model cannot be pinned",
        unknown="the Hub was not reached, or limits its answers",
    ),
    "lock": _Entry(
        "resilient_infer.cli.lock:lock",
        "Pin each model of the manifest to a commit of the Hub.",
        done="each model is pinned; with --check: the lock fits",
        no="one cannot be pinned; with --check: it does not fit",
        unknown="the Hub was not reached, or limits its answers",
    ),
    "update": _Entry(
        "resilient_infer.cli.update:update",
        "Move pins to where their branches and tags are now.",
        done="moved, or there was nothing to move",
        no="a pin cannot be moved",
        unknown="the Hub was not reached, or limits its answers",
    ),
    "outdated": _Entry(
        "resilient_infer.cli.outdated:outdated",
        "Tell how far branches and tags are ahead of the pins.",
        done="told",
        no="a pin is not there; with --exit-code: a branch is ahead",
        unknown="the Hub was not reached, or limits its answers",
    ),
    "diff": _Entry(
        "resilient_infer.cli.diff:diff",
        "Tell file by file what differs between two locked states.",
        done="told",
        no="an alias cannot move; with --exit-code: something differs",
        unknown="the Hub was not reached, or limits its answers",
    ),
    "verify": _Entry(
        "resilient_infer.cli.verify:verify",
        "Tell whether every pin still exists and is unchanged.",
        done="every pin holds",
        no="findings, as --fail-on has it",
        unknown="something could not be checked, and no error was found",
    ),
    "explain": _Entry(
        "resilient_infer.cli.explain:explain",
        "Tell what a call would go through, and from where.",
        done="told",
    ),
    "demo": _Entry(
        "resilient_infer.cli.demo:demo",
        "See an outage survived: no network, no token, 10 s.",
        done="shown",
        no="a step did not show what it claims",
    ),
}


class _Lazy(click.Group):
    """A group whose help page needs none of its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].home.partition(":")
        command: click.Command = getattr(import_module(module), name)
        command.epilog = _codes(_COMMANDS[cmd_name])
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            near = get_close_matches(name, _COMMANDS, 1)
            ctx.fail(f'no command "{name}"; ' + (f'did you mean "{near[0]}"?' if near else _known()))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in _COMMANDS.items()])


@click.command(
    cls=_Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="""\b
Exit codes:
  0    done
  1    the answer is no: servers refused or failed, or a pin does not hold
  2    the arguments, the manifest, the lock or the payload cannot be used
  3    it could not be told: nobody was reached, or time ran out
  130  interrupted

\b
resilient-infer COMMAND --help tells all of a command. The Tab key completes
commands, options and aliases once the shell has been told how:
  eval "$(_RESILIENT_INFER_COMPLETE=bash_source resilient-infer)"
""",
)
@click.version_option(package_name="resilient-infer", message="resilient-infer %(version)s")
@click.pass_context
def commands(context: click.Context) -> None:
    """Call machine-learning models by the version that was tested, through providers that fail.

    \b
    resilient-infer demo
    resilient-infer add sentiment siebert/sentiment-roberta-large-english
    resilient-infer verify
    resilient-infer call sentiment "I love it"
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def _codes(entry: _Entry) -> str:
    """The exit codes of one command, for the end of its page."""
    unusable = "the arguments or a file cannot be used"
    told = {"0": entry.done, "1": entry.no, "2": unusable, "3": entry.unknown, "130": "interrupted"}
    lines = [f"  {code:<5}{meaning}" for code, meaning in told.items() if meaning]
    return "\n".join(("\b", "Exit codes:", *lines))


def _known() -> str:
    return f"there are {', '.join(_COMMANDS)}"
