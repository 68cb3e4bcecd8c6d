"""Naming: names made of what they name, the same ones for the same things in any order."""

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeVar

from resilient_infer.core.secret import looks_like_secret

_OTHER: Final = re.compile(r"[^a-z0-9._-]+")
_LONGEST: Final = 120
"""Characters of a name; the Hub's own end at 96."""

Thing = TypeVar("Thing", bound=Hashable)


def named_apart(candidates: Mapping[Thing, Sequence[str]], *, taken: frozenset[str]) -> dict[Thing, str]:
    """A name for each: the shortest that nothing else could have, else its longest and a number.

    Args:
        candidates: Texts for each, the shortest first.
        taken: Names that mean something else already.
    """
    names: dict[Thing, str] = {}
    left = {thing: [_clean(text) for text in texts] for thing, texts in candidates.items()}
    depth = max((len(texts) for texts in left.values()), default=0)
    for level in range(depth):
        claims = {
            thing: texts[min(level, len(texts) - 1)] for thing, texts in left.items() if thing not in names
        }
        used = Counter([*claims.values(), *names.values(), *taken])
        names |= {thing: claim for thing, claim in claims.items() if used[claim] == 1}
    return names | _numbered(
        {thing: left[thing] for thing in left if thing not in names}, {*names.values(), *taken}
    )


def _numbered(left: Mapping[Thing, list[str]], used: set[str]) -> dict[Thing, str]:
    """The longest name of each with a number behind it, from 2."""
    names: dict[Thing, str] = {}
    numbers: dict[str, int] = {}
    for thing in sorted(left, key=lambda each: left[each]):
        name = left[thing][-1]
        number = numbers.get(name, 2)
        while f"{name}-{number}" in used:
            number += 1
        names[thing], numbers[name] = f"{name}-{number}", number + 1
        used.add(names[thing])
    return names


def _clean(text: str) -> str:
    """The text as a name: lower-case letters, digits, '.', '_' and '-', the first a letter or digit."""
    name = _OTHER.sub("-", text.lower())[:_LONGEST].strip("-._")
    return "model" if not name or looks_like_secret(name) else name
