"""Strict YAML: a small, predictable part of the language, read from parser events.

`yaml.safe_load` takes the last of two equal keys, reads commits as numbers and
`no` as False, expands merge bombs, and its C form dies on deep nesting. So the
events are read one by one, without recursion, and every scalar stays text.
Refused, with line and column: anchors, aliases, tags, `<<`, equal keys, keys
that are no scalar, a second document, control characters, and files that are
too deep, too long, not UTF-8, or in the middle of a merge.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal

from resilient_infer.lock.nodes import MappingNode, Node, kind_of
from resilient_infer.lock.problems import Problems, quote
from resilient_infer.lock.tree import CONTROL, Tree, place_of_mark

if TYPE_CHECKING:
    import yaml

MAX_BYTES: Final = 4 * 1024 * 1024

Parser = Literal["auto", "c", "pure"]
"""Which half of PyYAML reads: libyaml, pure Python, or the first that is there."""

MERGE_BY_HAND: Final = 'keep one of the two sides, then run "resilient-infer lock"'
MERGE_BY_LOCK: Final = 'run "resilient-infer lock"'

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
        notes.add(root or (0, 0), (), f"the file holds {_what(root)}, not a mapping of keys to values")
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


_LINE_END: Final = re.compile(r"\r\n?|\n")


def places_of(source: str, offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Line and column of each of these characters, none of them a line's end, in ascending order.

    In one pass: `place_of` begins at the top each time.
    """
    line, begin, seen = 1, 0, 0
    for offset in offsets:
        for end in _LINE_END.finditer(source, seen, offset):
            line, begin = line + 1, end.end()
        seen = offset
        yield line, offset - begin + 1


def _at(source: str, place: tuple[int, int]) -> str:
    """The character at a place, or "" where there is none."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line, column = place
    return lines[line - 1][column - 1 : column] if 0 < line <= len(lines) and column > 0 else ""


def _decoded(text: bytes, notes: Problems) -> str:
    if len(text) > MAX_BYTES:
        notes.add((0, 0), (), f"the file is {len(text)} bytes long; at most {MAX_BYTES} are read")
        raise notes.error()
    wrong_at = -1
    try:
        source = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong_at = error.start
        source = ""
    if wrong_at >= 0:
        place = place_of(text[:wrong_at].decode("utf-8-sig", errors="replace"), wrong_at)
        notes.add(place, (), "the file is not UTF-8 from here on; save it as UTF-8")
        raise notes.error()
    found = CONTROL.search(source)
    if found:
        what = f"control character U+{ord(found[0]):04X}, which an editor may not show; delete it"
        notes.add(place_of(source, found.start()), (), what)
        raise notes.error()
    return source


def _refuse_conflict(source: str, notes: Problems, remedy: str) -> None:
    # The plain search costs a tenth of the pattern's, and hardly a file has such a run.
    found = _CONFLICT.search(source) if any(sign * 7 in source for sign in "<|=>") else None
    if found:
        notes.add(place_of(source, found.start()), (), f"a merge conflict is not settled here; {remedy}")
        raise notes.error()


def _build(source: str, parser: Parser, notes: Problems) -> Node | None:
    import yaml

    tree = Tree(notes, escapes="\\" in source)
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = yaml.SafeLoader if parser == "pure" else fast
    put = _steps(tree)
    last: yaml.Event | None = None
    place, fault = (0, 0), None
    try:
        # As yaml.parse does it, without its generator: a third of the time.
        for event in iter(loader(source).get_event, None):
            last = event
            step = put.get(type(event))
            if step is not None:
                step(event)
    except yaml.MarkedYAMLError as error:
        place = place_of_mark(error.problem_mark or error.context_mark)
        fault = error.problem or error.context or ""
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # Pure Python gives a number to chr() that is no character: "\UFFFFFFFF".
        place = place_of_mark(last.end_mark if last else None)
        fault = f"{type(error).__name__} after this place"
    if fault is not None:
        # Raised here, not above: the parser's own error quotes the file, secrets included.
        if _at(source, place) == "\t":
            fault = "a tab stands here; use spaces"
        notes.add(place, (), f"this is no YAML: {quote(fault)[1:-1]}")
        raise notes.error()
    if tree.spoilt:
        raise notes.error()
    return tree.root


def _steps(tree: Tree) -> Mapping[type["yaml.Event"], Callable[..., None]]:
    """What each event does to the tree; the start and end of the stream do nothing."""
    import yaml

    return {
        yaml.ScalarEvent: tree.scalar,
        yaml.AliasEvent: tree.alias,
        yaml.SequenceStartEvent: tree.start_list,
        yaml.MappingStartEvent: tree.start_mapping,
        yaml.SequenceEndEvent: tree.end,
        yaml.MappingEndEvent: tree.end,
        yaml.DocumentStartEvent: tree.start_document,
    }
