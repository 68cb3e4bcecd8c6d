"""Variables: which variable of the environment an expression is read from."""

import ast
from collections.abc import Iterator
from typing import Final

from resilient_infer.lock.code.module import Scope
from resilient_infer.lock.code.names import DEPTH, Names, last_name

_WRAPPERS: Final = ("str", "format", "SecretStr", "Secret", "strip")
"""Calls that give back the text that they are given."""


def variable_of(expression: ast.expr | None, scope: Scope, names: Names) -> str | None:
    """Its name; what is put around the value, such as "Bearer ", is no matter. None: it is read from none."""
    names.begin()
    return None if expression is None else _variable(expression, scope, names, 0)


def reads_variable(call: ast.Call) -> bool:
    """`os.getenv(…)`, `os.environ.get(…)`, `userdata.get(…)` of Colab, and what is named like them."""
    last = last_name(call.func)
    if last == "getenv":
        return True
    if last != "get" or not isinstance(call.func, ast.Attribute):
        return False
    return last_name(call.func.value) in ("environ", "userdata", "secrets")


def _variable(node: ast.expr, scope: Scope, names: Names, depth: int) -> str | None:
    for each, home in names.followed(node, scope, depth):
        name = _read_by(each)
        if name is not None:
            return name
        within = (_variable(piece, home, names, depth + 1) for piece in _pieces(each) if depth < DEPTH)
        found = next((name for name in within if name is not None), None)
        if found is not None:
            return found
    return None


def _read_by(node: ast.expr) -> str | None:
    """The variable that an expression itself reads."""
    match node:
        case ast.Subscript(value=holder, slice=ast.Constant(value=str() as name)):
            return name if last_name(holder) in ("environ", "secrets") else None
        case ast.Call(args=[ast.Constant(value=str() as name), *_]) if reads_variable(node):
            return name
    return None


def _pieces(node: ast.expr) -> Iterator[ast.expr]:
    """What a text is put together from."""
    match node:
        case ast.JoinedStr(values=parts) | ast.BoolOp(values=parts):
            yield from parts
        case ast.FormattedValue(value=value):
            yield value
        case ast.BinOp(left=left, right=right):
            yield from (left, right)
        case ast.Call() if last_name(node.func) in _WRAPPERS:
            yield from (*node.args, *(keyword.value for keyword in node.keywords))
            if isinstance(node.func, ast.Attribute):
                yield node.func.value
