"""Names: what a name stands for where it is written, as far as the same file says."""

import ast
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from resilient_infer.lock.code.elsewhere import Imported, nowhere
from resilient_infer.lock.code.module import Binding, Module, Scope

STEPS: Final = 500
"""Expressions looked at for one answer: names that stand for each other twice would take for ever."""

ALL_STEPS: Final = 200_000
"""Expressions looked at for all answers about one file."""

DEPTH: Final = 60
"""Expressions within each other; Python's own stack ends at a thousand calls."""

_LAST: Final = (1 << 30, 0)
"""A place behind all others."""


class Names:
    """Answers for one module, each within its number of steps.

    Args:
        imported: What names stand for that the module imports.
    """

    def __init__(self, module: Module, imported: Imported = nowhere) -> None:
        self._module = module
        self._imported = imported
        self._steps = 0
        self._all = 0

    def begin(self) -> None:
        """A new question."""
        self._all += self._steps
        self._steps = 0

    def step(self, depth: int) -> bool:
        """Whether one more expression may be looked at."""
        self._steps += 1
        return self._steps <= STEPS and depth <= DEPTH and self._all < ALL_STEPS

    def followed(self, node: ast.expr, scope: Scope, depth: int) -> Iterator[tuple[ast.expr, Scope]]:
        """The expressions that a name or attribute stands for; any other expression is itself."""
        if not self.step(depth):
            return
        if isinstance(node, ast.Await | ast.NamedExpr):
            yield from self.followed(node.value, scope, depth + 1)
        elif isinstance(node, ast.IfExp):
            yield from self.followed(node.body, scope, depth + 1)
            yield from self.followed(node.orelse, scope, depth + 1)
        elif isinstance(node, ast.Name | ast.Attribute):
            for binding, home in self.bindings(node, scope):
                if binding.value is not None and binding.each is None:
                    yield from self.followed(binding.value, home, depth + 1)
        elif isinstance(node, ast.Subscript):
            yield from list(self._items(node, scope, depth)) or [(node, scope)]
        else:
            yield node, scope

    def _items(self, node: ast.Subscript, scope: Scope, depth: int) -> Iterator[tuple[ast.expr, Scope]]:
        """What `holder["key"]` stands for, where both are written out."""
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        for holder, home in self.followed(node.value, scope, depth + 1):
            for value in _values_of(holder, key):
                yield from self.followed(value, home, depth + 1)

    def bindings(self, node: ast.expr, scope: Scope) -> Iterator[tuple[Binding, Scope]]:
        """The values that a name or attribute may have where it stands."""
        match node:
            case ast.Name(id=name):
                found = list(self._named(name, scope, (node.lineno, node.col_offset)))
                yield from found or self._from_elsewhere(name, scope)
            case ast.Attribute(value=holder, attr="value") if isinstance(holder, ast.Attribute):
                yield from self.bindings(holder, scope)  # a member of an enum
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                owner = self._owner(name, scope)
                if owner is not None:
                    yield from ((binding, owner) for binding in owner.names.get(attribute, ()))
                else:
                    yield from self._from_elsewhere(name, scope, f".{attribute}")

    def _from_elsewhere(self, name: str, scope: Scope, rest: str = "") -> Sequence[tuple[Binding, Scope]]:
        """The values of a name that this module imports; what others import is their own business."""
        origin = self._module.imports.get(name)
        if origin is None or _outermost(scope) is not self._module.scope:
            return ()
        return self._imported(origin + rest)

    def _named(self, name: str, scope: Scope, at: tuple[int, int]) -> Iterator[tuple[Binding, Scope]]:
        here: Scope | None = scope
        while here is not None:
            if name in here.names and (not here.is_class or here is scope):
                found = here.names[name]
                reaching = _reaching(found, at) if here is scope else found
                yield from ((binding, here) for binding in reaching)
                return
            here = here.parent

    def _owner(self, name: str, scope: Scope) -> Scope | None:
        """The class whose attribute `name.x` is."""
        if name in ("self", "cls"):
            return scope.owner
        if name in self._module.classes:
            return self._module.classes[name]
        for binding, _ in self._named(name, scope, _LAST):
            if isinstance(binding.value, ast.Call):
                return self._module.classes.get(last_name(binding.value.func))
        return None


def last_name(node: ast.expr) -> str:
    """The last part of a dotted name; "": it is none."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _outermost(scope: Scope) -> Scope:
    while scope.parent is not None:
        scope = scope.parent
    return scope


def _values_of(holder: ast.expr, key: object) -> list[ast.expr]:
    """What a mapping that is written out has for a key; nothing, if it is none."""
    if not isinstance(holder, ast.Dict) or key is None:
        return []
    pairs = zip(holder.keys, holder.values, strict=True)
    return [value for name, value in pairs if isinstance(name, ast.Constant) and name.value == key]


def _reaching(bindings: list[Binding], at: tuple[int, int]) -> list[Binding]:
    """Those that can still hold at a place of the same scope: back to the last that always happens.

    They stand in the order of the file, as the module's reader leaves them.
    """
    before = bisect_left(bindings, at, key=attrgetter("at"))
    if not before:
        return bindings  # a loop comes round to it, or it is none of this file's business
    found: list[Binding] = []
    for each in reversed(bindings[max(0, before - STEPS) : before]):
        found.append(each)
        if not each.maybe:
            break
    return found[::-1]
