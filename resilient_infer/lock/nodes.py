"""Node: one value of a YAML file, as text with its place.

Nothing here knows what a value means: numbers, booleans and names are told
apart by the key they stand under (`values.py`), never by how they look.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple


class ScalarNode(NamedTuple):
    """One scalar: its text after unquoting, and whether it was quoted. Line and column count from 1.

    A tuple, as a file has thousands of them and a frozen dataclass takes three times as long to make.
    """

    text: str
    quoted: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceNode:
    """A list. Line and column count from 1."""

    items: tuple["Node", ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode:
    """A mapping, in the order of the file; no key appears twice. Line and column count from 1."""

    items: tuple[tuple[ScalarNode, "Node"], ...]
    line: int
    column: int


Node = ScalarNode | SequenceNode | MappingNode


def kind_of(node: Node) -> str:
    """What a person would call the node."""
    match node:
        case MappingNode():
            return "a mapping"
        case SequenceNode():
            return "a list"
        case ScalarNode(text="", quoted=False):
            return "nothing"
        case ScalarNode():
            return "a single value"


# Plain scalars that some reader takes for something other than text: YAML 1.1 (https://yaml.org/type/),
# the YAML 1.2 core schema (section 10.3.2), JSON, and what single readers make of them: "+_1" is a number to
# ruamel.yaml, "1,000" to Ruby's Psych.
_OTHER_THAN_TEXT: Final = re.compile(
    r"""
      ~ | null | y | n | yes | no | on | off | true | false | = | <<
    | [-+]? \. (?: inf | nan )
    | [-+]? 0 (?: x [0-9a-f_]+ | b [01_]+ | o [0-7]+ )
    | [-+] _ [0-9_]*
    | [-+]? (?: [0-9][0-9_,]* (?: \.[0-9_]* )? | \.[0-9_]+ ) (?: e [-+]? [0-9]+ )?
    | [-+]? [0-9][0-9_]* (?: : [0-5]?[0-9] )+ (?: \.[0-9_]* )?
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} (?: [t\ ].* )?
    """,
    re.VERBOSE | re.IGNORECASE,
)


def needs_quotes(text: str) -> bool:
    """Whether some YAML reader takes the plain scalar `text` for a number, boolean, date or nothing."""
    return not text or _OTHER_THAN_TEXT.fullmatch(text) is not None
