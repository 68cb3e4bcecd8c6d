"""Leaks: access tokens that were written into a file, found before anything of it is used."""

from collections.abc import Iterator
from typing import Final

from resilient_infer.core.secret import SHAPES, looks_like_secret
from resilient_infer.lock.nodes import MappingNode, Node, ScalarNode, SequenceNode
from resilient_infer.lock.problems import Path, Problems
from resilient_infer.lock.reader import places_of

_WHAT: Final = "this looks like an access token; take it out, revoke it, and name its variable in key_env"


def refuse_secrets(root: Node, text: bytes, problems: Problems) -> None:
    """Note everything shaped like an access token, in values, keys and comments, without quoting it."""
    source = text.decode("utf-8-sig")
    if "\\" not in source and not looks_like_secret(source):
        return
    lines: set[int] = set()
    for node, path in _scalars(root):
        if looks_like_secret(node.text):
            problems.add(node, path, _WHAT)
            lines.add(node.line)
    for place in places_of(source, (found.start() for found in SHAPES.finditer(source))):
        if place[0] not in lines:
            problems.add(place, (), _WHAT)


def _scalars(root: Node) -> Iterator[tuple[ScalarNode, Path]]:
    """Every scalar with the way to it, keys included; without recursion."""
    stack: list[tuple[Node, Path]] = [(root, ())]
    while stack:
        node, path = stack.pop()
        match node:
            case ScalarNode():
                yield node, path
            case SequenceNode(items=items):
                stack.extend((item, (*path, number)) for number, item in enumerate(items))
            case MappingNode(items=pairs):
                stack.extend((part, (*path, key.text)) for key, value in pairs for part in (key, value))
