"""Merging: the fragments of a JSON value, as chunks of a stream bring them, put together again."""

from collections.abc import Mapping
from typing import Final

from resilient_infer.core.task import Json

ONCE: Final = frozenset({"format", "id", "index", "name", "object", "role", "type"})
"""Fields that some servers send once and some with every chunk: they are whole each time."""

_DEPTH: Final = 8
"""Levels that are put together (a tool call's arguments lie at 5); of what lies deeper the last stands."""


def merge_into(kept: dict[str, Json], more: Mapping[str, Json], depth: int = _DEPTH) -> None:
    """Add a fragment: texts and lists grow, and any other value that is not null replaces the one before.

    Items of a list that have an `index` grow by themselves. `more` is neither changed nor held on to.
    """
    for name, value in more.items():
        if value is None:
            kept.setdefault(name, None)
        elif name not in ONCE or not kept.get(name):
            kept[name] = _grown(kept.get(name), value, depth - 1)


def _grown(kept: Json, more: Json, depth: int) -> Json:
    if depth <= 0:
        return more
    match kept, more:
        case str(), str():
            return kept + more
        case dict(), dict():
            merge_into(kept, more, depth)
            return kept
        case list(), list():
            _extend(kept, more, depth)
            return kept
        case _, dict():
            own: dict[str, Json] = {}
            merge_into(own, more, depth)
            return own
        case _, list():
            items: list[Json] = []
            _extend(items, more, depth)
            return items
    return more


def _extend(kept: list[Json], more: list[Json], depth: int) -> None:
    for item in more:
        index = item.get("index") if isinstance(item, dict) else None
        place = None if type(index) is not int else _place_of(kept, index)
        if place is None:
            kept.append(_grown(None, item, depth - 1))
        else:
            kept[place] = _grown(kept[place], item, depth - 1)


def _place_of(items: list[Json], index: int) -> int | None:
    # From the end: it is nearly always the last one that grows.
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if isinstance(item, dict) and item.get("index") == index:
            return place
    return None
