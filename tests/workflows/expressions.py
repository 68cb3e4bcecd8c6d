"""Expressions: what `${{ … }}` and `if:` of a workflow come to; as much of it as our own workflows use.

Source: https://docs.github.com/actions/reference/workflows-and-actions/expressions. What
is not known here is an error, so that no step is passed over by mistake.
"""

import re
from collections.abc import Mapping
from typing import Any

Contexts = Mapping[str, Any]

_HOLE = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_PATH = re.compile(r"[a-z_]+(?:\.[A-Za-z_][A-Za-z0-9_-]*)+")


def filled(text: str, contexts: Contexts) -> str:
    """A text with its expressions replaced."""
    return _HOLE.sub(lambda hole: _value(hole[1], contexts), text)


def holds(condition: str | None, contexts: Contexts) -> bool:
    """Whether the step or job of an `if:` is run; without one it is."""
    if condition is None:
        return True
    return any(
        all(_compared(part, contexts) for part in either.split("&&")) for either in condition.split("||")
    )


def _compared(part: str, contexts: Contexts) -> bool:
    for sign, equal in (("==", True), ("!=", False)):
        left, found, right = part.partition(sign)
        if found:
            return (_value(left.strip(), contexts) == _value(right.strip(), contexts)) is equal
    raise ValueError(f"no comparison: {part}")


def _value(expression: str, contexts: Contexts) -> str:
    if re.fullmatch(r"'[^']*'", expression):
        return expression[1:-1]
    if not _PATH.fullmatch(expression):
        raise ValueError(f"not understood: {expression}")
    found: Any = contexts
    for name in expression.split("."):
        found = found.get(name, "") if isinstance(found, Mapping) else ""
    return str(found)
