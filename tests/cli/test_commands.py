"""Commands: the table and the help pages."""

import json
import subprocess
import sys

import click
import pytest

from resilient_infer.cli.commands import commands

from .conftest import Command

NAMES = commands.list_commands(click.Context(commands))


def test_the_list_of_commands_names_each(command: Command) -> None:
    """Every entry of the table is on the page and can be loaded."""
    page = command("--help").out

    for name in NAMES:
        loaded = commands.get_command(click.Context(commands), name)
        assert loaded is not None
        assert loaded.name == name
        assert f"\n  {name} " in page
    assert commands.get_command(click.Context(commands), "xyzzy") is None


@pytest.mark.parametrize("name", NAMES)
def test_a_help_page_tells_every_option_and_shows_examples(command: Command, name: str) -> None:
    """Each option with a sentence of its own, and at least one line to copy."""
    page = command(name, "--help").out
    loaded = commands.get_command(click.Context(commands), name)

    assert loaded is not None
    for parameter in loaded.params:
        if isinstance(parameter, click.Option):
            assert all(option in page for option in parameter.opts)
            assert parameter.help
    assert f"\n  resilient-infer {name}" in page


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in NAMES)])
def test_help_pages_fit_every_terminal(command: Command, arguments: list[str]) -> None:
    """80 columns, ASCII, exit 0."""
    ended = command(*arguments)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.isascii()
    assert max(len(line) for line in ended.out.splitlines()) <= 80


def test_help_pages_load_nothing_heavy() -> None:
    """`--help` must not wait for requests, yaml or the Hub's client."""
    script = (
        "import sys, json\n"
        "from resilient_infer.cli.main import run\n"
        f"for arguments in ('--help', '--version', *(f'{{name}} --help' for name in {NAMES})):\n"
        "    run(arguments.split())\n"
        "print(json.dumps([name for name in ('requests', 'urllib3', 'yaml', 'pybreaker', 'huggingface_hub',"
        " 'asyncio') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)

    assert json.loads(done.stdout.splitlines()[-1]) == []
