"""Insert: one more alias in a manifest that people wrote, and not a byte of theirs changed.

The line goes where a careful person would put it. Whether it did no harm is not
argued but looked at: the result is read again, and is given back only if it says
what the old text said, and the new alias.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.discovery import MANIFEST
from resilient_infer.lock.emit import quoted, scalar
from resilient_infer.lock.leaks import refuse_secrets
from resilient_infer.lock.nodes import MappingNode, Node, ScalarNode, SequenceNode
from resilient_infer.lock.problems import Problems, quote
from resilient_infer.lock.reader import read_yaml
from resilient_infer.lock.reference import ModelReference, parse_reference
from resilient_infer.lock.rules import NAME

_FIRST: Final = """\
# What can be called, by alias. After a change run: resilient-infer lock
version: 1
models:
"""
_STEP: Final = "  "
"""What an alias is indented by where no other alias shows it."""

_BOM: Final = b"\xef\xbb\xbf"
_ENDING: Final = re.compile(r"\r\n|\r|\n")
_NOTHING: Final = re.compile(r"\{ *\}(?= *(?:#|[\r\n]|\Z))")
_PLAIN_REF: Final = re.compile(r"[A-Za-z0-9_./-]+")


def first_manifest(alias: str, reference: str) -> bytes:
    """A manifest with one alias, for a folder that has none.

    Raises:
        ConfigError: `alias` is no name, or `reference` no model reference.
    """
    return f"{_FIRST}{_STEP}{_entry(alias, reference)}\n".encode()


def with_alias(text: bytes, alias: str, reference: str, *, file: str = MANIFEST) -> bytes:
    """A manifest with one more line, `alias: reference`, under `models`.

    In its sorted place if the aliases are sorted, else after the last one.
    Comments, style, indentation, line endings and a byte order mark stay as they are;
    only `models: {}` loses its braces.

    Args:
        reference: A model as people write or paste it; written as org/model@ref.
        file: The manifest's path, for messages.

    Raises:
        ConfigError: The alias is there already, it or the reference is not valid, the
            text cannot be read, or it is written in a way that is better edited by
            hand: then the message has the line to add.
    """
    entry = _entry(alias, reference)
    before = read_yaml(text, file)
    models = _models(before)
    for key, _ in _aliases(models):
        if key.text == alias:
            notes = Problems(file)
            notes.add(
                key, ("models", alias), "this alias is there already; edit its line, or choose another name"
            )
            raise notes.error()
    lines = text.decode("utf-8-sig").splitlines(keepends=True)
    gap = None if models is None else _gap(before, models, alias, lines)
    if gap is None:
        raise _by_hand(file, models, entry)
    result = _BOM * text.startswith(_BOM) + "".join(_filled(lines, gap, entry)).encode()
    if not _adds_only(result, before, alias, file):
        raise _by_hand(file, models, entry)
    return result


def reference_scalar(found: ModelReference) -> str:
    """A reference as a YAML scalar: plain where every reader takes it for this text, else quoted."""
    plain = scalar(found.model) == found.model and (not found.ref or _PLAIN_REF.fullmatch(found.ref))
    return str(found) if plain else quoted(str(found))


def _entry(alias: str, reference: str) -> str:
    """The line, without indentation and ending."""
    if not re.fullmatch(NAME.pattern, alias):
        raise ConfigError(f"{quote(alias)} cannot be an alias: it is not {NAME.rule}")
    try:
        found = parse_reference(reference)
    except ValueError as error:
        raise ConfigError(f"{alias}: {error}") from None
    return f"{scalar(alias)}: {reference_scalar(found)}"


_Pair = tuple[ScalarNode, Node]


def _models(root: MappingNode) -> _Pair | None:
    return next((pair for pair in root.items if pair[0].text == "models"), None)


def _aliases(models: _Pair | None) -> Sequence[_Pair]:
    return models[1].items if models and isinstance(models[1], MappingNode) else ()


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where the new line goes: after so many lines, behind these blanks."""

    after: int
    indent: str


def _gap(root: MappingNode, models: _Pair, alias: str, lines: list[str]) -> _Gap | None:
    """The place for a new alias; None: there is none, or not surely."""
    key, value = models
    pairs = _aliases(models)
    if not pairs:
        return _first_gap(key, value, lines)
    indent = " " * (value.column - 1)
    if any(not _begins_line(name, value.column, lines) for name, _ in pairs):
        return None
    names = [name.text for name, _ in pairs]
    later = next((name for name, _ in pairs if name.text > alias), None) if names == sorted(names) else None
    if later is not None:
        after = later.line - 1
        while lines[after - 1].startswith(f"{indent}#"):  # a comment belongs to the alias below it
            after -= 1
        return _Gap(after, indent)
    after = min((name.line - 1 for name, _ in root.items if name.line > key.line), default=len(lines))
    while (
        not lines[after - 1].startswith(indent) or not lines[after - 1].strip()
    ):  # what belongs to the next key
        after -= 1
    return _Gap(after, indent)


def _first_gap(key: ScalarNode, value: Node, lines: list[str]) -> _Gap | None:
    """The place under a key `models` that holds nothing yet. `{}` is taken out of `lines`."""
    indent = " " * (key.column - 1) + _STEP
    if isinstance(value, ScalarNode) and not value.text and not value.quoted:
        return _Gap(key.line, indent)
    line = lines[value.line - 1]
    braces = _NOTHING.match(line, value.column - 1)
    if not isinstance(value, MappingNode) or braces is None or value.line != key.line:
        return None
    lines[value.line - 1] = line[: braces.start()].rstrip() + line[braces.end() :]
    return _Gap(key.line, indent)


def _begins_line(name: ScalarNode, column: int, lines: list[str]) -> bool:
    """Whether a key is the first thing on its line, and in this column: block style, and no `? key`."""
    return name.column == column and not lines[name.line - 1][: column - 1].strip(" ")


def _filled(lines: list[str], gap: _Gap, entry: str) -> list[str]:
    above = lines[gap.after - 1]
    ending = _ENDING.search(above)
    if ending:
        return [*lines[: gap.after], f"{gap.indent}{entry}{ending[0]}", *lines[gap.after :]]
    # The last line of a file that ends without a line's end, and goes on doing so.
    usual = _ENDING.search("".join(lines))
    return [*lines, usual[0] if usual else "\n", f"{gap.indent}{entry}"]


def _adds_only(result: bytes, before: MappingNode, alias: str, file: str) -> bool:
    """Whether the result says what was said before, and one alias more."""
    notes = Problems(file)
    try:
        after = read_yaml(result, file)
    except ConfigError:
        return False
    refuse_secrets(after, result, notes)
    notes.raise_if_any()
    models = _models(after)
    added = [value for key, value in _aliases(models) if key.text == alias]
    rest = [(key, value) for key, value in _aliases(models) if key.text != alias]
    if len(added) != 1 or not isinstance(added[0], ScalarNode):
        return False
    return _others(before) == _others(after) and _said(_aliases(_models(before))) == _said(rest)


def _others(root: MappingNode) -> object:
    return [pair if pair[0][0] != "models" else pair[0] for pair in _said(root.items)]


def _said(pairs: Sequence[_Pair]) -> list[tuple[tuple[str, bool], object]]:
    return [((key.text, key.quoted), _content(value)) for key, value in pairs]


def _content(node: Node) -> object:
    """What a node says, wherever it stands. Recursive: the reader bounds the depth."""
    match node:
        case ScalarNode():
            return node.text, node.quoted
        case SequenceNode():
            return [_content(item) for item in node.items]
        case MappingNode():
            return dict(_said(node.items))


def _by_hand(file: str, models: _Pair | None, entry: str) -> ConfigError:
    notes = Problems(file)
    where: Node | tuple[int, int] = (0, 0) if models is None else models[0]
    why = (
        "the file has no key models"
        if models is None
        else "a line cannot be added safely to what is written here"
    )
    notes.add(where, (), f"{why}; add this under models by hand: {entry}")
    return notes.error()
