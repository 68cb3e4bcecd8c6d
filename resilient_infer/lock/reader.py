"""Strict YAML: a small, predictable part of the language, read from parser events.

`yaml.safe_load` takes the last of two equal keys, reads commits as numbers and
`no` as False, expands merge bombs, and its C form dies on deep nesting. So the
events are read one by one, without recursion, and every scalar stays text.
Refused, with line and column: anchors, aliases, tags, `<<`, equal keys, keys
that are no scalar, a second document, control characters, and files that are
too deep, too long, not UTF-8, or in the middle of a merge.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from resilient_infer.lock.nodes import MappingNode, Node, ScalarNode, SequenceNode, kind_of
from resilient_infer.lock.problems import Problems, quote

if TYPE_CHECKING:
    import yaml

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 32
MAX_NODES: Final = 200_000

Parser = Literal["auto", "c", "pure"]
"""Which half of PyYAML reads: libyaml, pure Python, or the first that is there."""

MERGE_BY_HAND: Final = 'keep one of the two sides, then run "resilient-infer lock"'
MERGE_BY_LOCK: Final = 'run "resilient-infer lock"'

_WRITE_OUT: Final = "write the value out where it is used"

# C0 but tab and line ends, DEL, C1; the line and paragraph separators, which end a line in YAML 1.1 only; the
# characters that reorder what an editor shows (CVE-2021-42574); and the two noncharacters of the first plane.
_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_CONTROL_OR_SURROGATE: Final = re.compile(_CONTROL.pattern[:-1] + "\ud800-\udfff]")
_CONFLICT: Final = re.compile(r"^(?:<{7}|\|{7}|={7}|>{7})(?=[ \r\n]|\Z)", re.MULTILINE)


def read_yaml(
    text: bytes,
    file: str,
    *,
    parser: Parser = "auto",
    on_conflict: str = MERGE_BY_HAND,
    problems: Problems | None = None,
) -> MappingNode:
    """The file's root mapping.

    Args:
        text: The whole file.
        file: Its path, for messages.
        parser: Which half of PyYAML to use; both give the same nodes.
        on_conflict: What to do about a merge conflict's markers, for the message.
        problems: Where to note what does not stop the reading (equal keys), so
            that it is told together with what the caller finds. None: it is raised.

    Raises:
        ConfigError: The file is refused; each problem has its line and column.
    """
    notes = Problems(file) if problems is None else problems
    source = _decoded(text, notes)
    _refuse_conflict(source, notes, on_conflict)
    root = _build(source, parser, notes)
    if not isinstance(root, MappingNode):
        notes.add(root or (0, 0), "", f"the file holds {_what(root)}, not a mapping of keys to values")
        raise notes.error()
    if problems is None:
        notes.raise_if_any()
    return root


def _what(root: Node | None) -> str:
    return "nothing" if root is None else kind_of(root)


def place_of(source: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character of `source`."""
    before = source[:offset].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _decoded(text: bytes, notes: Problems) -> str:
    if len(text) > MAX_BYTES:
        notes.add((0, 0), "", f"the file is {len(text)} bytes long; at most {MAX_BYTES} are read")
        raise notes.error()
    wrong_at = -1
    try:
        source = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong_at = error.start
        source = ""
    if wrong_at >= 0:
        place = place_of(text[:wrong_at].decode("utf-8-sig", errors="replace"), wrong_at)
        notes.add(place, "", "the file is not UTF-8 from here on; save it as UTF-8")
        raise notes.error()
    found = _CONTROL.search(source)
    if found:
        what = f"control character U+{ord(found[0]):04X}, which an editor may not show; delete it"
        notes.add(place_of(source, found.start()), "", what)
        raise notes.error()
    return source


def _refuse_conflict(source: str, notes: Problems, remedy: str) -> None:
    found = _CONFLICT.search(source)
    if found:
        notes.add(place_of(source, found.start()), "", f"a merge conflict is not settled here; {remedy}")
        raise notes.error()


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet. `key` waits for its value."""

    line: int
    column: int
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[ScalarNode, Node]] = field(default_factory=list)
    first_line: dict[str, int] = field(default_factory=dict)
    key: ScalarNode | None = None

    def closed(self) -> Node:
        if self.is_mapping:
            return MappingNode(items=tuple(self.pairs), line=self.line, column=self.column)
        return SequenceNode(items=tuple(self.items), line=self.line, column=self.column)


def _build(source: str, parser: Parser, notes: Problems) -> Node | None:
    import yaml

    builder = _Builder(notes)
    for event in _events(source, parser, notes):
        match event:
            case yaml.ScalarEvent():
                builder.put(_scalar(event, builder))
            case yaml.AliasEvent():
                builder.put(_alias(event, builder))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                builder.open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                builder.close()
            case yaml.DocumentStartEvent():
                builder.start_document(event)
    if builder.spoilt:
        raise notes.error()
    return builder.root


def _events(source: str, parser: Parser, notes: Problems) -> Iterator["yaml.Event"]:
    """The parser's events; what it raises becomes a problem at its place."""
    import yaml

    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = yaml.SafeLoader if parser == "pure" else fast
    here = (1, 1)
    events = iter(yaml.parse(source, Loader=loader))
    while True:
        fault = None
        event = None
        try:
            event = next(events, None)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            here = _place(mark) if mark else here
            fault = error.problem or error.context or ""
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # Pure Python gives a number to chr() that is no character: "\UFFFFFFFF".
            fault = f"{type(error).__name__} after this place"
        if fault is not None:
            # Raised here, not above: the parser's own error quotes the file, secrets included.
            notes.add(here, "", f"this is no YAML: {quote(fault)[1:-1]}")
            raise notes.error()
        if event is None:
            return
        here = _place(event.end_mark)
        yield event


class _Mark(Protocol):
    """What both parsers' marks have in common; they count from 0."""

    line: int
    column: int


def _place(mark: _Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _scalar(event: "yaml.ScalarEvent", builder: "_Builder") -> ScalarNode:
    line, column = _place(event.start_mark)
    # libyaml gives '' as a plain scalar's style, pure Python gives None.
    node = ScalarNode(text=event.value, quoted=bool(event.style), line=line, column=column)
    builder.refuse_decoration(event)
    found = _CONTROL_OR_SURROGATE.search(event.value)
    if found:
        builder.refuse(
            node, f"an escape stands for U+{ord(found[0]):04X}, a control character or half of one"
        )
    return node


def _alias(event: "yaml.AliasEvent", builder: "_Builder") -> ScalarNode:
    """A stand-in, so that the rest of the file can still be looked through."""
    line, column = _place(event.start_mark)
    node = ScalarNode(text=f"*{event.anchor}", quoted=False, line=line, column=column)
    builder.refuse(node, f"alias {quote(node.text)}: {_WRITE_OUT}")
    return node


class _Builder:
    """Puts nodes together as events come. A stack, no recursion: depth costs nothing."""

    def __init__(self, notes: Problems) -> None:
        self.notes = notes
        self.root: Node | None = None
        self.spoilt = False
        self._stack: list[_Open] = []
        self._nodes = 0
        self._documents = 0

    def refuse(self, where: Node | tuple[int, int], what: str) -> None:
        """Note something the rest of the file can be read in spite of, but not used."""
        self.notes.add(where, "", what)
        self.spoilt = True

    def refuse_decoration(
        self, event: "yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent"
    ) -> None:
        if event.anchor is not None:
            self.refuse(_place(event.start_mark), f"anchor {quote('&' + event.anchor)}: {_WRITE_OUT}")
        if event.tag is not None:
            what = f"tag {quote(event.tag)}: leave it out; types follow from the keys"
            self.refuse(_place(event.start_mark), what)

    def start_document(self, event: "yaml.DocumentStartEvent") -> None:
        self._documents += 1
        place = _place(event.start_mark)
        if self._documents > 1:
            self._stop(place, "a second document begins here; a file holds one")
        if event.tags:
            self.refuse(place, "a %TAG directive: leave it out; types follow from the keys")

    def open(self, event: "yaml.MappingStartEvent | yaml.SequenceStartEvent") -> None:
        import yaml

        place = _place(event.start_mark)
        self.refuse_decoration(event)
        if len(self._stack) == MAX_DEPTH:
            self._stop(place, f"nested deeper than {MAX_DEPTH} levels")
        if self._stack and self._stack[-1].is_mapping and self._stack[-1].key is None:
            self._stop(place, "a key must be a single value, not a list or mapping")
        self._count(place)
        self._stack.append(_Open(*place, is_mapping=isinstance(event, yaml.MappingStartEvent)))

    def close(self) -> None:
        self._add(self._stack.pop().closed())

    def put(self, node: ScalarNode) -> None:
        self._count((node.line, node.column))
        self._add(node)

    def _add(self, node: Node) -> None:
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
            self.refuse(key, '"<<" merges nothing here: write the keys out')
        first = top.first_line.get(key.text)
        if first is not None:
            self.notes.add(key, "", f"key {quote(key.text)} appears twice, first at line {first}; keep one")
            return
        top.first_line[key.text] = key.line
        top.pairs.append((key, value))

    def _count(self, place: tuple[int, int]) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(place, f"more than {MAX_NODES} values in one file")

    def _stop(self, place: tuple[int, int], what: str) -> None:
        self.notes.add(place, "", what)
        raise self.notes.error()
