"""Parse: the text of a program as a syntax tree, or the reason why there is none."""

import ast
import warnings


class UnreadableCode(ValueError):
    """The text is no Python, or none that this Python can read; the message says why."""


def parse(source: bytes | str) -> ast.Module:
    """The tree of a program.

    Raises:
        UnreadableCode: Whatever is the matter with it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in an old program is none of our business
            return ast.parse(source)
    except SyntaxError as error:
        line = f" in line {error.lineno}" if error.lineno else ""
        raise UnreadableCode(f"it is no Python{line}: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise UnreadableCode("it is nested too deeply for Python's parser") from None
    except (ValueError, UnicodeError, OverflowError) as error:
        raise UnreadableCode(f"it cannot be read as Python: {error}") from None
