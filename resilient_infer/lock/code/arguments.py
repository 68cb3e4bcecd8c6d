"""Arguments: what a call is given, by keyword or by place, and what it is called."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from resilient_infer.lock.code.fold import Fold
from resilient_infer.lock.code.module import Module, Scope
from resilient_infer.lock.code.names import Names, last_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """A call whose name is known.

    Attributes:
        name: The name in full, through imports: "transformers.pipeline".
        given: Whether its first part is bound by nothing else in the file.
        places: Positional arguments.
        words: Arguments by keyword; unpacked mappings that are written out are among them.
        more: It is given more than can be seen: `*a`, `**b`.
    """

    node: ast.Call
    scope: Scope
    name: str
    given: bool
    places: tuple[ast.expr, ...]
    words: dict[str, ast.expr]
    more: bool

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def shown(self) -> str:
        """The name as people know it: its last two parts where the first is a class, else the last."""
        parts = self.name.split(".")
        return ".".join(parts[-2:] if len(parts) > 1 and parts[-2][:1].isupper() else parts[-1:])

    def argument(self, words: Iterable[str], place: int | None = None) -> ast.expr | None:
        """The argument by one of these keywords, else by its place."""
        for word in words:
            if word in self.words:
                return self.words[word]
        return self.places[place] if place is not None and place < len(self.places) else None


def invoked(call: ast.Call, scope: Scope, module: Module, names: Names, fold: Fold) -> Invoked | None:
    """What is called and with what; None: it has no name. `partial(f, a)` counts as `f(a)`."""
    function, places = call.func, call.args
    if last_name(function) == "partial" and places:
        function, places = places[0], places[1:]
    name, given = _full_name(function, scope, module, names)
    if not name:
        return None
    words = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    unpacked = [keyword.value for keyword in call.keywords if keyword.arg is None]
    more = any(isinstance(place, ast.Starred) for place in places)
    for mapping in unpacked:
        items = fold.items(mapping, scope)
        words, more = {**items, **words}, more or not items
    seen: list[ast.expr] = []
    for place in places:
        if isinstance(place, ast.Starred):
            break
        seen.append(place)
    return Invoked(node=call, scope=scope, name=name, given=given, places=tuple(seen), words=words, more=more)


def dotted(node: ast.expr) -> str:
    """A dotted name as written; what is no name in it is left out: "().chat.create"."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "()")
    return ".".join(reversed(parts))


def _full_name(function: ast.expr, scope: Scope, module: Module, names: Names) -> tuple[str, bool]:
    if not isinstance(function, ast.Name | ast.Attribute):
        return "", False
    written = dotted(function)
    first, dot, rest = written.partition(".")
    if first in module.imports:
        return module.imports[first] + dot + rest, True
    if isinstance(function, ast.Name) and first not in module.classes:
        names.begin()
        others = [binding.value for binding, _ in names.bindings(function, scope)]
        for other in others:
            if isinstance(other, ast.Name | ast.Attribute) and dotted(other) != written:
                return _known_as(other, module)
        return written, not others
    return written, not module.binds(first)


def _known_as(function: ast.expr, module: Module) -> tuple[str, bool]:
    """`load = AutoModel.from_pretrained`: the name behind another one."""
    first, dot, rest = dotted(function).partition(".")
    return module.imports.get(first, first) + dot + rest, first in module.imports or not module.binds(first)
