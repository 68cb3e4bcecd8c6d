"""`python -m resilient_infer` is the command `resilient-infer`."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The console script. Ctrl-C ends it without a traceback also while it is still being imported."""
    try:
        from resilient_infer.cli.main import main as command

        command()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("\ninterrupted\n")
        sys.exit(130)  # as cli/exit_codes.py has it, which may be what could not be imported


if __name__ == "__main__":
    main()
