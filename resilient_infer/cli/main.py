"""Main: runs one command and turns whatever ends it into an exit code.

Nothing is imported up here that takes long: Ctrl-C in the first moments of a
command must not end in a traceback either.
"""

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from resilient_infer.cli.exit_codes import ExitCode, exit_code


def main() -> NoReturn:
    """The console script: run with the arguments of the process, and exit."""
    with open(os.devnull, "w") as nowhere:
        # The shell may have closed them: >&- and 2>&-.
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
        code = run(sys.argv[1:])
    if code == ExitCode.INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing left to interrupt
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; all that is to be said has been said."""
    try:
        code = _reported(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _last_words("\ninterrupted\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return ExitCode.OUTPUT_CLOSED
    except OSError as error:
        _discard_output()
        _last_words(f"error: the system refused: {error.strerror or error}\n")
        return ExitCode.UNKNOWN


def _reported(arguments: Sequence[str]) -> int:
    """Run one command; errors of ours are told on stderr, not raised."""
    import click

    from resilient_infer.cli import render
    from resilient_infer.cli.commands import commands
    from resilient_infer.cli.completion import completed
    from resilient_infer.errors import ResilientInferError

    code = completed(commands)
    if code is not None:
        return code

    def show_warning(message: Warning | str, *_: object, **__: object) -> None:
        render.warn(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show_warning
        try:
            with commands.make_context("resilient-infer", list(arguments)) as context:
                commands.invoke(context)
        except click.exceptions.Exit as done:
            return done.exit_code
        except click.UsageError as error:
            render.complain(error.format_message())
            where = error.ctx.command_path if error.ctx else "resilient-infer"
            render.advise(f"{where} --help")
            return ExitCode.UNUSABLE
        except ResilientInferError as error:
            render.show_error(error)
            return exit_code(error)
    return ExitCode.OK


def _discard_output() -> None:
    """Let go of what is still buffered: the interpreter would try once more to write it at exit.

    Source: the note on SIGPIPE in the documentation of Python's `signal`.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _last_words(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard_output()
