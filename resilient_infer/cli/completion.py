"""Completion: what a shell offers behind the Tab key. click's own, and the names of the manifest at hand.

A shell asks by running the command with a variable set; nothing else is done
then, and nothing that is wrong with the files is said in the middle of a line.
"""

import os
from collections.abc import Collection
from typing import Final

import click

from resilient_infer.errors import ResilientInferError

COMMAND: Final = "resilient-infer"
VARIABLE: Final = "_RESILIENT_INFER_COMPLETE"
"""click's name for it: the command's, in capitals."""


def completed(group: click.Command) -> int | None:
    """The exit code, if a shell wants to know how to complete a line, or its script; else None."""
    instruction = os.environ.get(VARIABLE)
    if not instruction:
        return None
    from click.shell_completion import shell_complete

    return shell_complete(group, {}, COMMAND, VARIABLE, instruction)


def aliases(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The aliases of the manifest that are not on the line yet."""
    named = context.params.get(parameter.name or "") or ()
    rest = (name for name in _names(context, environments=False) if name not in named)
    return sorted(name for name in rest if name.startswith(incomplete))


def environments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The environments of the manifest."""
    return sorted(name for name in _names(context, environments=True) if name.startswith(incomplete))


def _names(context: click.Context, *, environments: bool) -> Collection[str]:
    # A help page and every other command need none of it.
    from resilient_infer.cli.files import find_files, manifest_bytes, read_manifest

    given = context.params
    try:
        found = find_files(given.get("lockfiles"), None if environments else given.get("environment"))
        manifest = read_manifest(*manifest_bytes(found), None if environments else found.environment)
    except ResilientInferError:
        return ()
    return manifest.environments if environments else manifest.aliases
