"""Compatible: do the answers of an alias's later targets mean what the first one's mean?

Pure. `lock` and `verify` ask it of what is locked, and every call asks it of
what it is about to use. Nothing is held against a target that is not known of
it, with one exception: vectors, and scores made of them, are compared with those
stored before, so weights that nothing proves the same count as others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from resilient_infer.lock.contract import EMBEDDING, has_labels
from resilient_infer.lock.entries import TargetEntry
from resilient_infer.lock.lockfile import LockedModel, LockedName
from resilient_infer.lock.problems import near, quote

ANY: Final = "any"
"""The `fallback` of an alias whose targets may differ in what they answer."""

_TAGGING: Final = "token-classification"
_OUTSIDE: Final = "O"
_SHOWN: Final = 4
"""Labels that a message names; the rest it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is known of one target.

    Attributes:
        model: Hub repo; None: only a provider knows the model.
        revision: The commit it is locked to; where nothing is locked, what is asked for.
        labels: All it can answer with, or None: not known.
        dimension: Numbers in a vector, or None: not known.
        map: Pairs (its label, the first target's label); empty: no map is given.
    """

    model: str | None
    revision: str | None = None
    labels: tuple[str, ...] | None = None
    dimension: int | None = None
    map: tuple[tuple[str, str], ...] = ()


def side_of(entry: TargetEntry, locked: LockedModel | LockedName | None) -> Side:
    """A target of the manifest and what it is locked to; None: nothing."""
    if not isinstance(locked, LockedModel):
        return Side(model=entry.model, revision=entry.requested, map=entry.labels)
    return Side(
        model=entry.model,
        revision=locked.revision,
        labels=locked.contract.labels,
        dimension=locked.contract.dimension,
        map=entry.labels,
    )


def incompatible(task: str, fallback: str, targets: Sequence[Side]) -> Mapping[int, str]:
    """The targets that cannot stand in for the first one, by position from 0, each with the reason.

    Labels: with its map, if it has one, a target answers only with labels of the
    first target; a map names each label of its model.
    Vectors (feature-extraction): only the same model at the same commit gives
    vectors of the same space. sentence-similarity is judged alike: its scores are
    distances in that space, and a threshold found with one model means something
    else with another. A model that only a provider knows counts as another one.

    Args:
        fallback: "any" lets other labels, vectors and scores pass, and never a broken map.
    """
    reasons = {
        number: _reason(task, fallback, targets[0], side) for number, side in enumerate(targets) if number
    }
    return {number: reason for number, reason in reasons.items() if reason}


def remedy(task: str, first: Side, side: Side) -> str:
    """What to do about a target that is incompatible with the first one."""
    if task in EMBEDDING:
        what = "vectors" if task == "feature-extraction" else "scores"
        also = "leave labels out, and " if side.map else ""
        return f"{also}give other weights an alias of their own, or let {what} be mixed with fallback: any"
    if not side.map:
        return f"write labels: {_suggested(first, side)} at this target, or fallback: any at the alias"
    if has_labels(task):
        return "mend labels: each label of this target's model, and for each one of the first target's"
    return "leave labels out"


def answer_labels(task: str, labels: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """A label map, pair by pair, for all that an answer may hold.

    Tags come as the model has them (B-PER) or grouped (PER), as the payload asks; one map does for both.
    """
    given = dict(labels)
    if task != _TAGGING or not given:
        return tuple(given.items())
    known: dict[str, str] = {_OUTSIDE: _OUTSIDE}
    for own, meant in given.items():
        known |= {f"{tag}{_group(own)}": f"{tag}{_group(meant)}" for tag in ("", "B-", "I-")}
    return tuple((known | given).items())


def _reason(task: str, fallback: str, first: Side, side: Side) -> str:
    if side.map and not has_labels(task):
        return f"a label map means nothing to {task}"
    broken = next(_breaks(task, first, side), "")
    if broken or fallback == ANY:
        return broken
    if task in EMBEDDING:
        return _other_weights(task, first, side)
    return "" if side.map or not has_labels(task) else _other_labels(task, first, side)


def _breaks(task: str, first: Side, side: Side) -> Iterator[str]:
    """What is wrong with a label map, as far as the labels are known."""
    if not side.map:
        return
    meanings: dict[str, str] = {}
    for own, meant in side.map:
        before = meanings.setdefault(_word(task, own), _word(task, meant))
        if before != _word(task, meant):
            yield f"its label map gives {quote(_word(task, own))} two meanings"
    left_out = _words(task, side.labels or ()) - meanings.keys()
    if left_out:
        yield f"its label map leaves out {_listed(left_out)}"
    known = _words(task, meanings.values() if first.labels is None else first.labels)
    strange = _words(task, meanings.values()) - known
    if strange:
        ending = near(min(strange), known)
        yield f"its label map ends in {_listed(strange)}, which the first target never answers{ending}"


def _other_labels(task: str, first: Side, side: Side) -> str:
    if first.labels is None or side.labels is None:
        return ""
    known = _words(task, first.labels)
    strange = _words(task, side.labels) - known
    if not strange:
        return ""
    return f"it answers {_listed(strange)}, where the first target answers {_listed(known)}"


def _other_weights(task: str, first: Side, side: Side) -> str:
    what = "vectors" if task == "feature-extraction" else "scores"
    if first.model is None or side.model is None:
        whose = "its" if side.model is None else "the first target's"
        return f"only a provider knows {whose} weights, so its {what} may be of another space"
    if None in (first.dimension, side.dimension) or first.dimension == side.dimension:
        lengths = ""
    else:
        lengths = f" ({side.dimension} numbers instead of {first.dimension})"
    if side.model != first.model:
        return f"its {what} are of another model than the first target's, {first.model}{lengths}"
    if side.revision is None or side.revision != first.revision:
        return f"its {what} are of another commit of the first target's model{lengths}"
    return f"its {what} are of another length than the first target's{lengths}" if lengths else ""


def _suggested(first: Side, side: Side) -> str:
    """The map that the labels suggest, if they differ in capitals alone; else what one looks like."""
    own, known = sorted(side.labels or ()), {label.casefold(): label for label in first.labels or ()}
    if not 0 < len(own) <= _SHOWN or any(label.casefold() not in known for label in own):
        return "{its label: the first target's, …}"
    return "{" + ", ".join(f"{quote(label)}: {quote(known[label.casefold()])}" for label in own) + "}"


def _words(task: str, labels: Iterable[str]) -> set[str]:
    """What a caller sees of these labels."""
    words = {_word(task, label) for label in labels}
    return words - {_OUTSIDE} if task == _TAGGING else words


def _word(task: str, label: str) -> str:
    return _group(label) if task == _TAGGING else label


def _group(label: str) -> str:
    """A tag's group. Source: transformers, `TokenClassificationPipeline.get_tag`."""
    return label[2:] if label.startswith(("B-", "I-")) else label


def _listed(labels: Iterable[str]) -> str:
    ordered = sorted(labels)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(quote(label) for label in ordered[:_SHOWN]) + more
