"""Module: one Python source, taken apart: names with what they stand for, calls, and texts."""

import ast
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Binding:
    """One way in which a name gets a value.

    Attributes:
        value: What it stands for; None: that is not written here.
        at: Line and column behind which it holds.
        each: It stands for each item of `value` in turn; the numbers say which part of an item.
        maybe: Not on every way through the scope.
    """

    value: ast.expr | None
    at: tuple[int, int]
    each: tuple[int, ...] | None = None
    maybe: bool = False


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function: the names bound in it, each with its bindings in the order of the file."""

    node: ast.AST
    parent: "Scope | None" = None
    owner: "Scope | None" = None
    names: dict[str, list[Binding]] = field(default_factory=dict)

    @property
    def is_class(self) -> bool:
        """Whether its names are seen only through `self`, `cls` or its own name."""
        return isinstance(self.node, ast.ClassDef)

    def bind(self, name: str, binding: Binding) -> None:
        """Note one more value of a name."""
        self.names.setdefault(name, []).append(binding)


@dataclass(slots=True, eq=False)
class Module:
    """What a source holds.

    Attributes:
        imports: Names that imports bind, with their full names: "pipeline" → "transformers.pipeline".
        stars: Packages all of whose names may be there.
        classes: Classes by name.
        calls: Every call, with where it stands.
        texts: Every text that is written as one, whole: pieces that are put together are one text.
        dicts: Every mapping that is written out.
        renamed: Names that stand for something with a name of its own: the last parts of those.
    """

    scope: Scope
    imports: dict[str, str] = field(default_factory=dict)
    stars: set[str] = field(default_factory=set)
    classes: dict[str, Scope] = field(default_factory=dict)
    calls: list[tuple[ast.Call, Scope]] = field(default_factory=list)
    texts: list[tuple[ast.expr, Scope]] = field(default_factory=list)
    dicts: list[tuple[ast.Dict, Scope]] = field(default_factory=list)
    renamed: dict[str, set[str]] = field(default_factory=dict)

    def called(self, function: ast.expr) -> set[str]:
        """The last parts of the names that a function may have."""
        match function:
            case ast.Attribute(attr=name):
                return {name}
            case ast.Name(id=name):
                return {name, self.imports.get(name, name).rpartition(".")[2], *self.renamed.get(name, ())}
        return set()

    def binds(self, name: str) -> bool:
        """Whether the module itself gives the name a meaning."""
        return name in self.imports or name in self.classes or name in self.scope.names
