"""Fold: what texts an expression may come to, as far as they are written in the same file.

Followed are constants, f-strings, `+`, `%`, `format`, names, attributes of
classes, defaults of parameters and of environment variables, mappings and lists
that are written out, and loops over them. What is not written is a hole in the
text (`HOLE`), so that "https://…/models/" + name is still known as an address.
"""

import ast
import re
from collections.abc import Iterable
from itertools import islice, product
from typing import Final

from resilient_infer.lock.code.addresses import HOLE
from resilient_infer.lock.code.module import Scope
from resilient_infer.lock.code.names import Names, last_name
from resilient_infer.lock.code.variables import reads_variable

_MOST: Final = 32
"""Texts that one expression may come to; a loop over more is not followed to its end."""

_LONGEST: Final = 1_024
"""Characters of such a text; names and addresses are shorter."""

_WRAPPERS: Final = frozenset(
    {"list", "tuple", "set", "sorted", "reversed", "tqdm", "iter", "dict", "frozenset"}
)
_PLACE: Final = re.compile(r"\{([A-Za-z0-9_]*)\}")
_PERCENT: Final = re.compile(r"%(?:\(([A-Za-z0-9_]+)\))?s")


class Fold:
    """Answers for one module."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def texts(self, expression: ast.expr | None, scope: Scope) -> tuple[str, ...]:
        """The texts it may come to, in the order of the file; none: it is None, or not there."""
        self._names.begin()
        return tuple(dict.fromkeys(self._texts(expression, scope, 0)))

    def expressions(self, expression: ast.expr, scope: Scope) -> tuple[tuple[ast.expr, Scope], ...]:
        """What a name stands for: the calls that may have made a thing."""
        self._names.begin()
        return tuple(self._names.followed(expression, scope, 0))

    def items(self, expression: ast.expr, scope: Scope) -> dict[str, ast.expr]:
        """The values of a mapping that is written out, by key."""
        found: dict[str, ast.expr] = {}
        for each, _ in self.expressions(expression, scope):
            if isinstance(each, ast.Dict):
                pairs = zip(each.keys, each.values, strict=True)
                found |= {text: value for key, value in pairs if (text := text_of(key)) is not None}
            elif isinstance(each, ast.Call) and last_name(each.func) == "dict":
                found |= {keyword.arg: keyword.value for keyword in each.keywords if keyword.arg}
        return found

    def _texts(self, node: ast.expr | None, scope: Scope, depth: int) -> Iterable[str]:
        if not self._names.step(depth):
            return (HOLE,)
        match node:
            case None | ast.Constant(value=None):
                return ()
            case ast.Constant(value=str() as text):
                return (text[:_LONGEST],)
            case ast.JoinedStr(values=parts):
                return self._joined([self._piece(part, scope, depth) for part in parts])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([self._texts(side, scope, depth + 1) for side in (left, right)])
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return self._percent(left, right, scope, depth + 1)
            case ast.IfExp(body=body, orelse=other):
                return [*self._texts(body, scope, depth + 1), *self._texts(other, scope, depth + 1)]
            case ast.BoolOp(values=parts):
                return [text for part in parts for text in self._texts(part, scope, depth + 1)]
            case ast.NamedExpr(value=value):
                return self._texts(value, scope, depth + 1)
            case ast.Call():
                return self._of_call(node, scope, depth + 1)
            case ast.Subscript(value=holder, slice=key):
                return self._picked(holder, key, scope, depth + 1)
            case ast.Name() | ast.Attribute():
                return self._bound(node, scope, depth + 1)
        return (HOLE,)

    def _piece(self, part: ast.expr, scope: Scope, depth: int) -> Iterable[str]:
        """A piece of an f-string."""
        if not isinstance(part, ast.FormattedValue):
            return self._texts(part, scope, depth + 1)
        if part.format_spec is not None or part.conversion not in (-1, ord("s")):
            return (HOLE,)
        value = part.value
        if isinstance(value, ast.Constant) and isinstance(value.value, int):
            return (str(value.value),)
        return self._texts(value, scope, depth + 1)

    def _joined(self, pieces: list[Iterable[str]]) -> list[str]:
        """Every way to put the pieces together."""
        found = [""]
        for piece in pieces:
            choices = list(dict.fromkeys(piece))[:_MOST] or [HOLE]
            found = [(one + other)[:_LONGEST] for one, other in product(found, choices)][:_MOST]
        return found

    def _percent(self, left: ast.expr, right: ast.expr, scope: Scope, depth: int) -> Iterable[str]:
        values = right.elts if isinstance(right, ast.Tuple) else [right]
        named = self.items(right, scope) if isinstance(right, ast.Dict) else {}
        for template in self._texts(left, scope, depth):
            fields = list(_PERCENT.finditer(template))
            chosen = [
                named.get(field[1]) if field[1] else (values[number] if number < len(values) else None)
                for number, field in enumerate(fields)
            ]
            yield from self._filled(template, fields, chosen, scope, depth)

    def _formatted(self, call: ast.Call, holder: ast.expr, scope: Scope, depth: int) -> Iterable[str]:
        named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        for template in self._texts(holder, scope, depth):
            fields = list(_PLACE.finditer(template))
            chosen: list[ast.expr | None] = []
            for number, field in enumerate(fields):
                place = field[1] or str(number)
                at = int(place) if place.isdecimal() and len(place) < 3 else -1
                chosen.append(call.args[at] if 0 <= at < len(call.args) else named.get(place))
            yield from self._filled(template, fields, chosen, scope, depth)

    def _filled(
        self,
        template: str,
        fields: list[re.Match[str]],
        chosen: list[ast.expr | None],
        scope: Scope,
        depth: int,
    ) -> Iterable[str]:
        """The template with each field's value in its place."""
        pieces: list[Iterable[str]] = []
        end = 0
        for field, value in zip(fields, chosen, strict=True):
            known = (HOLE,) if value is None else self._texts(value, scope, depth + 1)
            pieces += [(template[end : field.start()],), known]
            end = field.end()
        return self._joined([*pieces, (template[end:],)])

    def _of_call(self, call: ast.Call, scope: Scope, depth: int) -> Iterable[str]:
        last = last_name(call.func)
        if last in ("getenv", "get") and len(call.args) > 1 and reads_variable(call):
            return self._texts(call.args[1], scope, depth)
        if isinstance(call.func, ast.Attribute):
            holder = call.func.value
            if last == "format":
                return self._formatted(call, holder, scope, depth)
            if last == "get" and call.args:
                rest = self._texts(call.args[1], scope, depth) if len(call.args) > 1 else ()
                return [*self._picked(holder, call.args[0], scope, depth), *rest]
            if last in ("strip", "rstrip", "lstrip") and not call.keywords:
                return self._stripped(call, holder, last, scope, depth)
        if last == "str" and len(call.args) == 1:
            return self._texts(call.args[0], scope, depth)
        return (HOLE,)

    def _stripped(
        self, call: ast.Call, holder: ast.expr, how: str, scope: Scope, depth: int
    ) -> Iterable[str]:
        argument = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        what = argument if isinstance(argument, str) else None
        for text in self._texts(holder, scope, depth):
            if how == "strip":
                yield text.strip(what)
            else:
                yield text.rstrip(what) if how == "rstrip" else text.lstrip(what)

    def _picked(self, holder: ast.expr, key: ast.expr, scope: Scope, depth: int) -> list[str]:
        """`holder[key]`: the value of the key; of every key, where that is not known."""
        found: list[str] = []
        for each, home in self._names.followed(holder, scope, depth):
            if isinstance(each, ast.List | ast.Tuple):
                found += self._items_at(each, key, home, depth)
            elif isinstance(each, ast.Dict):
                keys = set(self._texts(key, scope, depth))
                any_key = HOLE in "".join(keys)
                pairs = zip(each.keys, each.values, strict=True)
                wanted = (value for name, value in pairs if any_key or text_of(name) in keys)
                for value in islice(wanted, _MOST):
                    found += self._texts(value, home, depth + 1)
        return found or [HOLE]

    def _items_at(self, each: ast.List | ast.Tuple, key: ast.expr, home: Scope, depth: int) -> list[str]:
        items = each.elts[:_MOST]
        if isinstance(key, ast.Constant) and isinstance(key.value, int):
            items = items[key.value : key.value + 1]
        return [text for item in items for text in self._texts(item, home, depth + 1)]

    def _bound(self, node: ast.Name | ast.Attribute, scope: Scope, depth: int) -> list[str]:
        found: list[str] = []
        for binding, home in self._names.bindings(node, scope):
            if binding.each is not None and binding.value is not None:
                found += self._looped(binding.value, binding.each, home, depth)
            elif binding.value is None:
                found.append(HOLE)
            else:
                found += self._texts(binding.value, home, depth)
        return found[:_MOST] or [HOLE]

    def _looped(self, items: ast.expr, part: tuple[int, ...], scope: Scope, depth: int) -> list[str]:
        """What a name stands for in a loop over `items`."""
        if isinstance(items, ast.Call):
            last = last_name(items.func)
            if last == "enumerate" and items.args and part[:1] == (1,):
                return self._looped(items.args[0], part[1:], scope, depth)
            if last in _WRAPPERS and items.args:
                return self._looped(items.args[0], part, scope, depth)
            if last in ("items", "values", "keys") and isinstance(items.func, ast.Attribute):
                return self._of_mapping(items.func.value, last, part, scope, depth)
            return [HOLE]
        found: list[str] = []
        for each, home in self._names.followed(items, scope, depth):
            if isinstance(each, ast.List | ast.Tuple | ast.Set):
                for item in each.elts[:_MOST]:
                    found += self._texts(_part_of(item, part), home, depth + 1)
            elif isinstance(each, ast.Dict) and not part:
                for key in each.keys[:_MOST]:
                    found += self._texts(key, home, depth + 1)
        return found or [HOLE]

    def _of_mapping(
        self, holder: ast.expr, how: str, part: tuple[int, ...], scope: Scope, depth: int
    ) -> list[str]:
        found: list[str] = []
        takes_keys = how == "keys" or (how == "items" and part[:1] == (0,))
        inner = part[1:] if how == "items" else part
        for each, home in self._names.followed(holder, scope, depth):
            if isinstance(each, ast.Dict):
                for item in (each.keys if takes_keys else each.values)[:_MOST]:
                    found += self._texts(None if item is None else _part_of(item, inner), home, depth + 1)
        return found or [HOLE]


def _part_of(item: ast.expr, part: tuple[int, ...]) -> ast.expr:
    for number in part:
        if not isinstance(item, ast.Tuple | ast.List) or number >= len(item.elts):
            return ast.Set(elts=[])  # which comes to no text that is known
        item = item.elts[number]
    return item


def text_of(node: ast.expr | None) -> str | None:
    """The text of a constant; None: it is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
