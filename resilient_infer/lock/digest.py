"""Digest: eight digits by which a touched entry of a lock is known."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from resilient_infer.lock.nodes import MappingNode, Node, ScalarNode, SequenceNode

FieldTree = str | list["FieldTree"] | dict[str, "FieldTree"]
"""An entry's fields as text, lists and mappings: every scalar as the text it has after unquoting."""


# Made once: json.dumps makes one for each call with options.
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_of(entry: Mapping[str, FieldTree]) -> str:
    """What `check` must be for an entry: the first 8 hex digits of a sha256.

    The bytes hashed are the entry's fields without `check`, as JSON: keys sorted
    by code point at every level, lists in order, every scalar a string (512 is
    "512"), no blanks, everything beyond ASCII escaped as lower-case `\\uXXXX`
    (surrogate pairs beyond U+FFFF). Fields this release does not know count too.
    """
    fields_ = {key: value for key, value in entry.items() if key != "check"}
    return hashlib.sha256(_CANONICAL.encode(fields_).encode("ascii")).hexdigest()[:8]


def tree_of(node: Node) -> FieldTree:
    """A node's fields. Recursive: the reader bounds the depth."""
    match node:
        case ScalarNode(text=value):
            return value
        case SequenceNode(items=items_):
            return [tree_of(item) for item in items_]
        case MappingNode(items=pairs):
            return {key.text: tree_of(value) for key, value in pairs}
