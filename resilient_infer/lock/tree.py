"""Tree: nodes put together from a parser's events. A stack, no recursion: depth costs nothing."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from resilient_infer.lock.nodes import MappingNode, Node, ScalarNode, SequenceNode
from resilient_infer.lock.problems import Problems, quote

if TYPE_CHECKING:
    import yaml

MAX_DEPTH: Final = 32
MAX_NODES: Final = 200_000

_WRITE_OUT: Final = "write the value out where it is used"

# C0 but tab and line ends, DEL, C1; the line and paragraph separators, which end a line in YAML 1.1 only; the
# characters that reorder what an editor shows (CVE-2021-42574); and the two noncharacters of the first plane.
CONTROL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_CONTROL_OR_SURROGATE: Final = re.compile(CONTROL.pattern[:-1] + "\ud800-\udfff]")


class _Mark(Protocol):
    """What both parsers' marks have in common; they count from 0."""

    line: int
    column: int


def place_of_mark(mark: _Mark | None) -> tuple[int, int]:
    """Line and column from 1; (0, 0) where the parser names no place."""
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet. `key` waits for its value."""

    line: int
    column: int
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    pairs: dict[str, tuple[ScalarNode, Node]] = field(default_factory=dict)
    key: ScalarNode | None = None

    def closed(self) -> Node:
        if self.is_mapping:
            return MappingNode(items=tuple(self.pairs.values()), line=self.line, column=self.column)
        return SequenceNode(items=tuple(self.items), line=self.line, column=self.column)


class Tree:
    """The document so far.

    Attributes:
        root: The whole of it, once the last collection has ended.
        spoilt: Something was refused that could be read over, so that the rest was looked through too.
    """

    def __init__(self, notes: Problems, *, escapes: bool) -> None:
        """`escapes`: the source has backslashes, so a scalar may hold what the source does not."""
        self.root: Node | None = None
        self.spoilt = False
        self._notes = notes
        self._escapes = escapes
        self._stack: list[_Open] = []
        self._nodes = 0
        self._documents = 0

    def scalar(self, event: "yaml.ScalarEvent") -> None:
        """A single value."""
        # libyaml gives '' as a plain scalar's style, pure Python gives None.
        node = ScalarNode(event.value, bool(event.style), *place_of_mark(event.start_mark))
        if event.anchor is not None or event.tag is not None:
            self._refuse_decoration(event)
        if self._escapes:
            self._refuse_control(node)
        self._add(node)

    def alias(self, event: "yaml.AliasEvent") -> None:
        """A reference to an anchor: refused, and kept as its text."""
        line, column = place_of_mark(event.start_mark)
        node = ScalarNode(text=f"*{event.anchor}", quoted=False, line=line, column=column)
        self._refuse(node, f"alias {quote(node.text)}: {_WRITE_OUT}")
        self._add(node)

    def start_document(self, event: "yaml.DocumentStartEvent") -> None:
        """A document begins; only one may."""
        self._documents += 1
        place = place_of_mark(event.start_mark)
        if self._documents > 1:
            self._stop(place, "a second document begins here; a file holds one")
        if event.tags:
            self._refuse(place, "a %TAG directive: leave it out; types follow from the keys")

    def start_list(self, event: "yaml.SequenceStartEvent") -> None:
        """A list begins."""
        self._start(event, is_mapping=False)

    def start_mapping(self, event: "yaml.MappingStartEvent") -> None:
        """A mapping begins."""
        self._start(event, is_mapping=True)

    def end(self, _: "yaml.Event") -> None:
        """The innermost list or mapping ends."""
        self._add(self._stack.pop().closed())

    def _start(self, event: "yaml.MappingStartEvent | yaml.SequenceStartEvent", *, is_mapping: bool) -> None:
        place = place_of_mark(event.start_mark)
        self._refuse_decoration(event)
        if len(self._stack) == MAX_DEPTH:
            self._stop(place, f"nested deeper than {MAX_DEPTH} levels")
        if self._stack and self._stack[-1].is_mapping and self._stack[-1].key is None:
            self._stop(place, "a key must be a single value, not a list or mapping")
        self._stack.append(_Open(*place, is_mapping=is_mapping))

    def _add(self, node: Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(node, f"more than {MAX_NODES} values in one file")
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if not top.is_mapping:
            top.items.append(node)
        elif top.key is not None:
            self._add_pair(top, top.key, node)
        elif isinstance(node, ScalarNode):
            top.key = node

    def _add_pair(self, top: _Open, key: ScalarNode, value: Node) -> None:
        top.key = None
        if key.text == "<<":
            self._refuse(key, '"<<" merges nothing here: write the keys out')
        if key.text in top.pairs:
            first = top.pairs[key.text][0].line
            what = f"key {quote(key.text)} appears twice, first at line {first}; keep one"
            self._notes.add(key, (), what)
            return
        top.pairs[key.text] = (key, value)

    def _refuse(self, where: Node | tuple[int, int], what: str) -> None:
        """Note something the rest of the file can be read in spite of, but not used."""
        self._notes.add(where, (), what)
        self.spoilt = True

    def _refuse_decoration(
        self, event: "yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent"
    ) -> None:
        place = place_of_mark(event.start_mark)
        if event.anchor is not None:
            self._refuse(place, f"anchor {quote('&' + event.anchor)}: {_WRITE_OUT}")
        if event.tag is not None:
            self._refuse(place, f"tag {quote(event.tag)}: leave it out; types follow from the keys")

    def _refuse_control(self, node: ScalarNode) -> None:
        found = _CONTROL_OR_SURROGATE.search(node.text)
        if found:
            what = f"an escape stands for U+{ord(found[0]):04X}, a control character or half of one"
            self._refuse(node, what)

    def _stop(self, place: Node | tuple[int, int], what: str) -> None:
        self._notes.add(place, (), what)
        raise self._notes.error()
