"""Values: a node and a row of the key table make a typed value, or a problem.

Every reader here answers None after noting a problem, or where the key is not
given; so reading goes on and all problems are told together.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple

from resilient_infer.lock.key import Rows
from resilient_infer.lock.keys import homes_of
from resilient_infer.lock.nodes import MappingNode, Node, ScalarNode, SequenceNode, kind_of, needs_quotes
from resilient_infer.lock.problems import Path, Problems, quote
from resilient_infer.lock.rules import Choice, Flag, Number, Text

# As JSON writes a number, without exponent: what every YAML reader takes for the same one.
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,12})?")


class Place(NamedTuple):
    """A node, the way to it, and where to note what is wrong with it. A tuple for the reason nodes are."""

    node: Node
    path: Path
    problems: Problems

    def wrong(self, what: str) -> None:
        """Note a problem here."""
        self.problems.add(self.node, self.path, what)


class Fields(NamedTuple):
    """A mapping's known keys, and the rows that describe them."""

    place: Place
    rows: Rows
    given: Mapping[str, Place]

    def at(self, name: str) -> Place | None:
        """Where the value of `name` stands, or None if the key is not given."""
        return self.given.get(name)

    def required(self, name: str, why: str) -> Place | None:
        """As `at`; that it is missing is a problem."""
        if name not in self.given and isinstance(self.place.node, MappingNode):
            self.place.wrong(f"{name} is missing; {why}")
        return self.given.get(name)


def fields(place: Place, rows: Rows) -> Fields:
    """The keys of a mapping; a key that is not in `rows` is a problem."""
    node = place.node
    if not isinstance(node, MappingNode):
        place.wrong(
            f"{kind_of(node)} where a mapping is expected, with keys such as {', '.join(list(rows)[:4])}"
        )
        return Fields(place, rows, {})
    given: dict[str, Place] = {}
    for key, value in node.items:
        if key.text in rows:
            given[key.text] = Place(value, (*place.path, key.text), place.problems)
        else:
            _unknown(place, key, rows)
    return Fields(place, rows, given)


_SECRET_KEYS: Final = re.compile(r"(?i)(?:api_?)?(?:key|token|secret|password)|authorization|bearer")


def _unknown(place: Place, key: ScalarNode, rows: Rows) -> None:
    problems, path = place.problems, (*place.path, key.text)
    if problems.tolerant:
        problems.warn(key, path, "unknown key, left unread; a newer release wrote it")
        return
    homes = " or ".join(level.value for level in homes_of(key.text))
    if homes:
        near = problems.near(key.text, rows)
        problems.add(key, path, f"this key has no meaning here; it belongs to {homes}{near}")
    elif "key_env" in rows and _SECRET_KEYS.fullmatch(key.text):
        problems.add(key, path, "a secret does not belong here; name its environment variable in key_env")
    else:
        problems.add(key, path, f"unknown key{problems.meant(key.text, rows)}")


def entries(place: Place, names: Text, what: str) -> Iterator[tuple[ScalarNode, Place]]:
    """The pairs of a mapping whose keys people choose; `what` is what a key names."""
    node = place.node
    if not isinstance(node, MappingNode):
        place.wrong(f"{kind_of(node)} where a mapping by {what} is expected")
        return
    for key, value in node.items:
        path = (*place.path, key.text)
        if text(Place(key, path, place.problems), names) is not None:
            yield key, Place(value, path, place.problems)


def items(place: Place, what: str) -> Iterator[Place]:
    """The items of a list that must not be empty; `what` is what it lists."""
    node = place.node
    if not isinstance(node, SequenceNode):
        place.wrong(f"{kind_of(node)} where a list of {what} is expected")
        return
    if not node.items:
        place.wrong(f"an empty list; name at least one of the {what}, or leave the key out")
    for number, item in enumerate(node.items):
        yield Place(item, (*place.path, number), place.problems)


def scalar(place: Place) -> ScalarNode | None:
    """The single value at a place."""
    if isinstance(place.node, ScalarNode):
        return place.node
    place.wrong(f"{kind_of(place.node)} where a single value is expected")
    return None


_compiled: Final = cache(re.compile)  # re.fullmatch looks its pattern up anew for each value


def text(place: Place, rule: Text) -> str | None:
    """Text that keeps `rule`, and that every YAML reader takes for text."""
    node = scalar(place)
    if node is None:
        return None
    if not _compiled(rule.pattern).fullmatch(node.text):
        shown = "this" if rule.private or not node.text else quote(node.text)
        place.wrong(f"{shown} is not {rule.rule}")
        return None
    if not node.quoted and needs_quotes(node.text):
        place.wrong(
            f"some YAML readers take {quote(node.text)} for something other than text; put it in quotes"
        )
        return None
    return node.text


def text_at(found: Fields, name: str) -> str | None:
    """The text or word of a key; None if it is not given or wrong."""
    place = found.given.get(name)
    if place is None:
        return None
    match found.rows[name].type:
        case Text() as rule:
            return text(place, rule)
        case Choice(words=words):
            return word(place, words)
    return None


def word(place: Place, words: tuple[str, ...]) -> str | None:
    """One of a few words."""
    node = scalar(place)
    if node is None or node.text in words:
        return None if node is None else node.text
    place.wrong(f"{quote(node.text)} is not known here{place.problems.meant(node.text, words)}")
    return None


def flag_at(found: Fields, name: str) -> bool | None:
    """The `true` or `false` of a key; None if it is not given or wrong."""
    place = found.given.get(name)
    if place is None or not isinstance(found.rows[name].type, Flag):
        return None
    node = scalar(place)
    if node is None:
        return None
    if not node.quoted and node.text in ("true", "false"):
        return node.text == "true"
    place.wrong(f"{quote(node.text)} is not true or false; write one of the two, without quotes")
    return None


def number_at(found: Fields, name: str) -> Decimal | None:
    """The number of a key, exact; None if it is not given or wrong."""
    place = found.given.get(name)
    rule = found.rows[name].type
    return _number(place, rule) if place is not None and isinstance(rule, Number) else None


def seconds_at(found: Fields, name: str) -> float | None:
    """The number of a key as a float; None if it is not given or wrong."""
    value = number_at(found, name)
    return None if value is None else float(value)


def whole_at(found: Fields, name: str) -> int | None:
    """The whole number of a key; None if it is not given or wrong."""
    value = number_at(found, name)
    return None if value is None else int(value)


def _number(place: Place, rule: Number) -> Decimal | None:
    node = scalar(place)
    if node is None:
        return None
    if node.quoted or not _NUMBER.fullmatch(node.text):
        unit = f" ({rule.unit})" if rule.unit else ""
        place.wrong(
            f"{quote(node.text)} is no plain number{unit}; write digits such as 20 or 0.5, without quotes"
        )
        return None
    value = Decimal(node.text)
    if rule.whole and "." in node.text:
        place.wrong(f"{quote(node.text)} is not a whole number")
        return None
    too_small = value <= Decimal(rule.least) if rule.above else value < Decimal(rule.least)
    if too_small or value > Decimal(rule.most):
        place.wrong(f"{quote(node.text)} is out of range; {_range(rule)}")
        return None
    return value


def _range(rule: Number) -> str:
    unit = f" {rule.unit}" if rule.unit else ""
    least = f"more than {rule.least:g}" if rule.above else f"{rule.least:g} or more"
    return f"it must be {least} and at most {rule.most:.15g}{unit}"
