"""Apart: a syntax tree taken apart into a module.

One pass without recursion, as programs may be nested deeper than Python's stack.
Nothing is run. A name is followed only where it is written: no import is looked up.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from resilient_infer.lock.code.module import Binding, Module, Scope

_BRANCHES: Final = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.match_case)
_EMPTY: Final = (ast.Load, ast.Store, ast.Pass, ast.alias, ast.Import, ast.Break, ast.Continue)


def take_apart(tree: ast.Module) -> Module:
    """Read a tree."""
    return _Reader(tree).module


@dataclass(frozen=True, slots=True)
class _Where:
    """Where the reader is: the scope, whether on one way of several, whether inside a text."""

    scope: Scope
    maybe: bool = False
    in_text: bool = False


class _Reader:
    """Goes through a tree and fills a module."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Module(Scope(tree))
        self._scopes = [self.module.scope]
        self._waiting: list[tuple[ast.AST, _Where]] = [(tree, _Where(self.module.scope))]
        while self._waiting:
            node, where = self._waiting.pop()
            read = _READERS.get(type(node))
            if read is None:
                self._children(node, where)
            else:
                read(self, node, where)
        for bindings in (each for scope in self._scopes for each in scope.names.values() if len(each) > 1):
            bindings.sort(key=attrgetter("at"))

    def _children(self, node: ast.AST, where: _Where) -> None:
        waiting, kind = self._waiting, type(node)
        for name in _FIELDS.get(kind) or _fields_of(kind):
            value = getattr(node, name)
            if isinstance(value, list):
                waiting += [(item, where) for item in value if type(item) not in _LEAVES]
            elif type(value) not in _LEAVES:
                waiting.append((value, where))

    def branch(self, node: ast.AST, where: _Where) -> None:
        """What is in here may not come about."""
        if isinstance(node, ast.For | ast.AsyncFor):
            self._bind_each(node.target, node.iter, where)
        self._children(node, where if where.maybe else _Where(where.scope, True, where.in_text))

    def comprehension(self, node: ast.AST, where: _Where) -> None:
        """Its names are taken for names of the scope around it."""
        assert isinstance(node, ast.comprehension)
        self._bind_each(node.target, node.iter, where)
        self._children(node, where)

    def class_(self, node: ast.AST, where: _Where) -> None:
        """A class."""
        assert isinstance(node, ast.ClassDef)
        inner = Scope(node, where.scope)
        self._scopes.append(inner)
        self.module.classes.setdefault(node.name, inner)
        where.scope.bind(node.name, Binding(None, (node.lineno, node.col_offset)))
        self._waiting += [(each, where) for each in (*node.decorator_list, *node.bases, *node.keywords)]
        self._body(node.body, _Where(inner))

    def function(self, node: ast.AST, where: _Where) -> None:
        """A function: its parameters are names of its own."""
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        owner = where.scope if where.scope.is_class else where.scope.owner
        inner = Scope(node, where.scope, owner)
        self._scopes.append(inner)
        for parameter, default in _parameters(node.args):
            at = (parameter.lineno, parameter.col_offset)
            inner.bind(parameter.arg, Binding(default, at))
        self._waiting.append((node.args, where))
        if isinstance(node, ast.Lambda):
            self._waiting.append((node.body, _Where(inner)))
            return
        where.scope.bind(node.name, Binding(None, (node.lineno, node.col_offset)))
        self._waiting += [(each, where) for each in node.decorator_list]
        self._body(node.body, _Where(inner))

    def _body(self, body: list[ast.stmt], where: _Where) -> None:
        self._waiting += [(statement, where) for statement in body]

    def assign(self, node: ast.AST, where: _Where) -> None:
        """`a = b`, `a: T = b`, `(a := b)`."""
        assert isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            self._bind(target, node.value, where)
        if node.value is not None:
            self._waiting.append((node.value, where))
        self._waiting += [(target, where) for target in targets if not isinstance(target, ast.Name)]

    def augment(self, node: ast.AST, where: _Where) -> None:
        """`a += b`: no longer what it was, and not followed."""
        assert isinstance(node, ast.AugAssign)
        self._bind(node.target, None, where)
        self._waiting.append((node.value, where))

    def with_item(self, node: ast.AST, where: _Where) -> None:
        """`with a as b`: clients give themselves."""
        assert isinstance(node, ast.withitem)
        if node.optional_vars is not None:
            self._bind(node.optional_vars, node.context_expr, where)
        self._waiting.append((node.context_expr, where))

    def import_(self, node: ast.AST, where: _Where) -> None:
        """`import a.b as c`; wherever it stands, the whole module is taken to see it."""
        assert isinstance(node, ast.Import)
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self.module.imports[alias.asname or top] = alias.name if alias.asname else top

    def import_from(self, node: ast.AST, where: _Where) -> None:
        """`from a import b as c`."""
        assert isinstance(node, ast.ImportFrom)
        home = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.module.stars.add(home)
            else:
                self.module.imports[alias.asname or alias.name] = f"{home}.{alias.name}"

    def call(self, node: ast.AST, where: _Where) -> None:
        """A call, which may be a text: `"…{}".format(x)`."""
        assert isinstance(node, ast.Call)
        self.module.calls.append((node, where.scope))
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            self.text(node, where)
        else:
            self._children(node, where)

    def text(self, node: ast.AST, where: _Where) -> None:
        """A text in pieces; a piece of a larger one is no text of its own."""
        assert isinstance(node, ast.expr)
        if not where.in_text:
            self.module.texts.append((node, where.scope))
            where = _Where(where.scope, where.maybe, True)
        self._children(node, where)

    def binary(self, node: ast.AST, where: _Where) -> None:
        """`a + b` and `a % b` may be texts."""
        assert isinstance(node, ast.BinOp)
        if isinstance(node.op, ast.Add | ast.Mod):
            self.text(node, where)
        else:
            self._children(node, where)

    def constant(self, node: ast.AST, where: _Where) -> None:
        """A text in one piece."""
        assert isinstance(node, ast.Constant)
        if isinstance(node.value, str) and not where.in_text:
            self.module.texts.append((node, where.scope))

    def expression(self, node: ast.AST, where: _Where) -> None:
        """A statement that is nothing but a text is documentation."""
        assert isinstance(node, ast.Expr)
        if not isinstance(node.value, ast.Constant):
            self._waiting.append((node.value, where))

    def mapping(self, node: ast.AST, where: _Where) -> None:
        """A mapping, written out."""
        assert isinstance(node, ast.Dict)
        self.module.dicts.append((node, where.scope))
        self._children(node, where)

    def nothing(self, node: ast.AST, where: _Where) -> None:
        """Holds nothing of interest."""

    def _bind(self, target: ast.expr, value: ast.expr | None, where: _Where) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            matched = len(parts) == len(target.elts)
            for number, part in enumerate(target.elts):
                self._bind(part, parts[number] if matched else None, where)
            return
        if isinstance(target, ast.Name) and isinstance(value, ast.Name | ast.Attribute):
            other = value.id if isinstance(value, ast.Name) else value.attr
            self.module.renamed.setdefault(target.id, set()).add(other)
        binding = Binding(value, _behind(target if value is None else value), maybe=where.maybe)
        _bind_to(target, binding, where.scope)

    def _bind_each(
        self, target: ast.expr, items: ast.expr, where: _Where, part: tuple[int, ...] = ()
    ) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for number, inner in enumerate(target.elts):
                self._bind_each(inner, items, where, (*part, number))
            return
        binding = Binding(items, _behind(items), part, where.maybe)
        _bind_to(target, binding, where.scope)


_LEAVES: Final = frozenset({ast.Name, ast.arg, type(None)})
"""What holds nothing of interest, and is half of all there is."""

_WORDS: Final = frozenset(
    {
        *(
            "ctx",
            "op",
            "ops",
            "attr",
            "id",
            "arg",
            "name",
            "names",
            "module",
            "level",
            "kind",
            "type_comment",
        ),
        *("simple", "is_async", "conversion", "rest", "kwd_attrs", "tag", "lineno", "value_kind"),
    }
)
"""Fields of nodes that hold words, numbers and signs, and no expression or statement."""

_FIELDS: Final[dict[type[ast.AST], tuple[str, ...]]] = {}
"""The other fields, by class: found once, as going through all of them takes longer than all else."""


def _fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    return _FIELDS.setdefault(kind, tuple(name for name in kind._fields if name not in _WORDS))


def _bind_to(target: ast.expr, binding: Binding, scope: Scope) -> None:
    """A name, or an attribute of `self`, which belongs to the class."""
    if isinstance(target, ast.Name):
        scope.bind(target.id, binding)
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        owner = scope.owner if target.value.id in ("self", "cls") else None
        if owner is not None:
            owner.bind(target.attr, binding)


def _behind(node: ast.expr) -> tuple[int, int]:
    """Where a name has its new value: in `a = a + "b"` the second `a` has the old one."""
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def _parameters(given: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    ordered = [*given.posonlyargs, *given.args]
    none: list[ast.expr | None] = [None] * (len(ordered) - len(given.defaults))
    yield from zip(ordered, [*none, *given.defaults], strict=True)
    yield from zip(given.kwonlyargs, given.kw_defaults, strict=True)
    for rest in (given.vararg, given.kwarg):
        if rest is not None:
            yield rest, None


_READERS: Final = {
    **dict.fromkeys(_EMPTY, _Reader.nothing),
    **dict.fromkeys(_BRANCHES, _Reader.branch),
    ast.comprehension: _Reader.comprehension,
    ast.ClassDef: _Reader.class_,
    ast.FunctionDef: _Reader.function,
    ast.AsyncFunctionDef: _Reader.function,
    ast.Lambda: _Reader.function,
    ast.Assign: _Reader.assign,
    ast.AnnAssign: _Reader.assign,
    ast.NamedExpr: _Reader.assign,
    ast.AugAssign: _Reader.augment,
    ast.withitem: _Reader.with_item,
    ast.Import: _Reader.import_,
    ast.ImportFrom: _Reader.import_from,
    ast.Call: _Reader.call,
    ast.JoinedStr: _Reader.text,
    ast.BinOp: _Reader.binary,
    ast.Constant: _Reader.constant,
    ast.Expr: _Reader.expression,
    ast.Dict: _Reader.mapping,
    ast.Name: _Reader.nothing,
}
