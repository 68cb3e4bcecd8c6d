"""Contract: does an answer keep what falling back between models depends on?

Pure. Labels are put into the words of the first target, and a vector of
another length than the locked one is no answer: it would be compared with
vectors of another space.
"""

from collections.abc import Mapping
from typing import Final

from resilient_infer.core.payload import Payload
from resilient_infer.core.target import Target
from resilient_infer.core.task import Json

_NAMES: Final = ("label", "entity_group", "entity")
"""Where an item of a classification, detection or tagging holds its label."""

_VECTORS: Final = "feature-extraction"


class Broken(Exception):
    """The answer breaks the contract; the message says in what way."""


def keep(task: str, target: Target, payload: Payload, output: Json) -> Json:
    """The output in the words of the alias.

    Raises:
        Broken: A label that the map does not know, or a vector of another length.
    """
    if target.labels:
        return _relabelled(output, dict(target.labels))
    if task == _VECTORS and target.dimension is not None:
        _check_length(output, payload, target.dimension)
    return output


def _relabelled(output: Json, labels: Mapping[str, str]) -> Json:
    if isinstance(output, list):
        return [_relabelled(item, labels) for item in output]
    if not isinstance(output, dict):
        return output
    return {name: _renamed(value, labels) if name in _NAMES else value for name, value in output.items()}


def _renamed(label: Json, labels: Mapping[str, str]) -> Json:
    if isinstance(label, str) and label in labels:
        return labels[label]
    raise Broken("a label that the alias's map does not know")


def _check_length(output: Json, payload: Payload, locked: int) -> None:
    asked = payload.parameters.get("dimensions")
    due = locked if asked is None else asked
    for row in _rows(output):
        if len(row) != due:
            told = "locked" if asked is None else "asked for"
            raise Broken(f"a vector of {len(row)} numbers, where {due} are {told}")


def _rows(output: Json) -> list[list[Json]]:
    if not isinstance(output, list):
        return []
    rows = [row for row in output if isinstance(row, list)]
    return rows or [output]
