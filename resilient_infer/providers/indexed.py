"""Indexed: the items of an answer that say which input they belong to, in the order of the inputs."""

from collections.abc import Mapping, Sequence

from resilient_infer.core.task import Json
from resilient_infer.providers.shapes import WrongShape


def by_index(items: Sequence[Mapping[str, Json]], *, due: int) -> Sequence[Mapping[str, Json]]:
    """One item for each of `due` inputs, by `index`; where no item has one, in the server's order.

    Raises:
        WrongShape: Another number of items, or indexes that are not 0 to `due` - 1, each once.
    """
    if len(items) != due:
        raise WrongShape(f"{len(items)} results for {due} input{'s' if due > 1 else ''}")
    indexes = [item.get("index") for item in items]
    if all(type(index) is int for index in indexes):
        if indexes == list(range(due)):
            return items
        placed = {index: item for index, item in zip(indexes, items, strict=True) if type(index) is int}
        if placed.keys() == set(range(due)):
            return [placed[index] for index in range(due)]
    elif all(index is None for index in indexes):
        return items
    raise WrongShape("results that do not say, each once, which input they belong to")
