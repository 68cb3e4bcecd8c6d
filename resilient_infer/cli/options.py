"""Options: what several commands take, with one spelling and one meaning."""

from collections.abc import Callable
from functools import reduce
from typing import Any, Final, TypeVar

import click

from resilient_infer.cli.completion import aliases, environments

_F = TypeVar("_F", bound=Callable[..., Any])

_LONGEST: Final = 86_400.0
"""Seconds; no command waits longer than a day for one question."""


def _above_zero(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not 0 < value <= _LONGEST:
        raise click.BadParameter(f"{value:g} is not more than 0 and at most {_LONGEST:g} seconds")
    return value


def _zero_or_more(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not 0 <= value <= _LONGEST:
        raise click.BadParameter(f"{value:g} is not 0 or more and at most {_LONGEST:g} seconds")
    return value


alias_argument = click.argument("alias", shell_complete=aliases)

alias_arguments = click.argument("aliases", metavar="[ALIAS]...", nargs=-1, shell_complete=aliases)

lockfiles_option = click.option(
    "--lockfiles",
    metavar="DIR",
    type=click.Path(),
    help="Folder of models.yaml and models.lock.yaml. "
    "Default: RESILIENT_INFER_LOCKFILES, else the nearest lockfiles/ upwards.",
)

environment_option = click.option(
    "--env",
    "--environment",
    "environment",
    metavar="E",
    shell_complete=environments,
    help="Environment of the manifest. Default: RESILIENT_INFER_ENV, else none.",
)

all_envs_option = click.option(
    "--all-envs", is_flag=True, help="The default environment and every other of the manifest."
)

BOTH_ENVS: Final = "--env and --all-envs exclude each other"
"""What is said to who gives both."""

format_option = click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or one JSON object with all there is, also on failure.",
)

_HUB_OPTIONS: Final = (
    click.option(
        "--timeout",
        type=float,
        callback=_above_zero,
        default=10,
        show_default=True,
        metavar="S",
        help="Seconds for one request to the Hub. It is made three times at the most, and no more after "
        "8 in a row without an answer.",
    ),
    click.option(
        "--max-wait",
        type=float,
        callback=_zero_or_more,
        default=60,
        show_default=True,
        metavar="S",
        help="Seconds to wait in all where the Hub says how long, or its quota is used up. What is left "
        "over is not checked.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1, 32),
        default=32,
        show_default=True,
        metavar="N",
        help="Requests under way at a time, 1 to 32.",
    ),
)


def hub_options(command: _F) -> _F:
    """How patiently the Hub is asked: --timeout, --max-wait, --jobs."""
    return reduce(lambda decorated, option: option(decorated), reversed(_HUB_OPTIONS), command)
