"""Compatible: a later target stands in for the first one only if its answers mean the same."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resilient_infer.core.target import Pin
from resilient_infer.core.task import TASKS
from resilient_infer.lock.compatible import Side, answer_labels, incompatible, remedy, side_of
from resilient_infer.lock.entries import RouteEntry, TargetEntry
from resilient_infer.lock.lockfile import Contract, LockedModel, LockedName
from tests.lock.samples import COMMIT, OTHER_COMMIT

CLASSIFYING = (
    "text-classification",
    "image-classification",
    "audio-classification",
    "object-detection",
    "token-classification",
)
VECTORS = ("feature-extraction", "sentence-similarity")
OTHERS = tuple(sorted(set(TASKS) - set(CLASSIFYING) - set(VECTORS)))

words = st.sampled_from(["a", "b", "A", "B", "c", "O", "B-a", "I-a", "B-b", "", "no", "LABEL_0"])
label_sets = st.lists(words, min_size=1, max_size=5, unique=True).map(tuple)
maps = st.dictionaries(words, words, max_size=5).map(lambda found: tuple(found.items()))
sides = st.builds(
    Side,
    model=st.sampled_from([None, "org/a", "org/b"]),
    revision=st.sampled_from([None, COMMIT, OTHER_COMMIT]),
    labels=st.none() | label_sets,
    dimension=st.sampled_from([None, 384, 768]),
    map=maps,
)
targets = st.lists(sides, max_size=4)
tasks = st.sampled_from(sorted(TASKS))


@given(task=tasks, fallback=st.sampled_from(["contract", "any"]), sides=targets)
def test_the_first_target_is_what_the_others_are_compared_with(
    task: str, fallback: str, sides: list[Side]
) -> None:
    """It is never held against itself; of any other, one is judged as it is with the first alone."""
    found = incompatible(task, fallback, sides)

    assert set(found) <= set(range(1, len(sides)))
    assert all(reason and "\n" not in reason for reason in found.values())
    for number in range(1, len(sides)):
        alone = incompatible(task, fallback, [sides[0], sides[number]])
        assert alone.get(1) == found.get(number)
        assert remedy(task, sides[0], sides[number])


@given(task=tasks, sides=targets)
def test_any_lets_all_pass_but_a_broken_map(task: str, sides: list[Side]) -> None:
    """`fallback: any` never refuses more than the contract does, and nothing where no map is given."""
    free, strict = incompatible(task, "any", sides), incompatible(task, "contract", sides)

    assert free.items() <= strict.items()
    assert all(sides[number].map for number in free)


@given(task=tasks, side=sides)
def test_a_target_can_stand_in_for_itself(task: str, side: Side) -> None:
    """The same weights at the same commit, reached another way."""
    assume(side.model is not None and side.revision is not None)
    same = replace(side, map=())

    assert incompatible(task, "contract", [same, same]) == {}


@given(task=st.sampled_from(CLASSIFYING[:-1]), first=label_sets, own=label_sets)
def test_labels_that_the_first_target_never_answers_are_refused(
    task: str, first: tuple[str, ...], own: tuple[str, ...]
) -> None:
    """Fewer are well: whoever reads the answer knows all that can come."""
    given_ = [Side(model="org/a", labels=first), Side(model="org/b", labels=own)]

    assert bool(incompatible(task, "contract", given_)) == (not set(own) <= set(first))


@given(task=st.sampled_from(CLASSIFYING[:-1]), first=label_sets, own=label_sets, map_=maps)
def test_a_map_covers_its_model_and_ends_in_the_first_target_s_labels(
    task: str, first: tuple[str, ...], own: tuple[str, ...], map_: tuple[tuple[str, str], ...]
) -> None:
    """Both, whatever `fallback` says; then every label it can answer is one of the first target's."""
    assume(map_)
    given_ = [Side(model="org/a", labels=first), Side(model="org/b", labels=own, map=map_)]
    whole = set(own) <= {key for key, _ in map_} and {meant for _, meant in map_} <= set(first)

    for fallback in ("contract", "any"):
        assert bool(incompatible(task, fallback, given_)) == (not whole)
    if whole:
        assert {dict(answer_labels(task, map_))[label] for label in own} <= set(first)


@given(task=st.sampled_from(CLASSIFYING), sides=targets)
def test_what_is_not_known_of_labels_is_not_held_against_a_target(task: str, sides: list[Side]) -> None:
    """A provider's own model, a lock written by hand, a config that names no labels."""
    unknown = [replace(side, labels=None, map=()) for side in sides]

    assert incompatible(task, "contract", unknown) == {}


@given(task=st.sampled_from(VECTORS), first=sides, other=sides)
def test_vectors_of_weights_that_nothing_proves_the_same_are_refused(
    task: str, first: Side, other: Side
) -> None:
    """Another model, another commit, another length, or a model that only a provider knows."""
    first, other = replace(first, map=()), replace(other, map=())
    same = first.model is not None and first.revision is not None
    same = same and (first.model, first.revision) == (other.model, other.revision)
    fits = None in (first.dimension, other.dimension) or first.dimension == other.dimension

    assert bool(incompatible(task, "contract", [first, other])) == (not (same and fits))
    assert incompatible(task, "any", [first, other]) == {}


@given(task=st.sampled_from(OTHERS), sides=targets)
def test_other_tasks_have_no_contract(task: str, sides: list[Side]) -> None:
    """Text is text; but a label map there is a mistake."""
    assert set(incompatible(task, "contract", sides)) == {
        number for number, side in enumerate(sides) if number and side.map
    }


@given(tags=st.lists(st.sampled_from(["PER", "LOC", "ORG"]), min_size=1, unique=True), grouped=st.booleans())
def test_one_map_does_for_tags_and_for_groups(tags: list[str], grouped: bool) -> None:
    """However a payload asks for entities, its labels are found in the map; what is outside stays so."""
    raw = ("O", *(f"{prefix}-{tag}" for tag in tags for prefix in "BI"))
    first = Side(model="org/a", labels=tuple(f"{label[:2]}{label[2:].lower()}" for label in raw))
    prefix = "" if grouped else "I-"
    map_ = tuple((f"{prefix}{tag}", f"{prefix}{tag.lower()}") for tag in tags)
    side = Side(model="org/b", labels=raw, map=map_)

    assert incompatible("token-classification", "contract", [first, side]) == {}
    assert incompatible("token-classification", "contract", [first, replace(side, map=())])
    found = dict(answer_labels("token-classification", map_))
    for tag in tags:
        assert (found[tag], found[f"B-{tag}"], found[f"I-{tag}"]) == (
            tag.lower(),
            f"B-{tag.lower()}",
            f"I-{tag.lower()}",
        )
    assert found["O"] == "O"
    left_out = replace(side, map=map_[1:])
    assert bool(incompatible("token-classification", "any", [first, left_out])) == (len(tags) > 1)


@given(task=tasks, map_=maps)
def test_what_a_map_says_is_never_said_otherwise(task: str, map_: tuple[tuple[str, str], ...]) -> None:
    """What is added for other spellings of tags takes the place of nothing."""
    assert dict(map_).items() <= dict(answer_labels(task, map_)).items()
    assert map_ or answer_labels(task, map_) == ()


def test_tags_that_begin_otherwise_are_the_same_groups() -> None:
    """One tagger marks beginnings and the other does not; grouped, as by default, they answer alike."""
    first = Side(model="org/a", labels=("O", "B-PER", "I-PER"))
    other = Side(model="org/b", labels=("I-PER", "O"))

    assert incompatible("token-classification", "contract", [first, other]) == {}
    assert incompatible("token-classification", "contract", [other, first]) == {}


FIRST = Side(model="org/a", revision=COMMIT, labels=("NEGATIVE", "POSITIVE"), dimension=384)
REASONS = {
    "labels": (
        "text-classification",
        Side(model="org/b", labels=("negative", "positive")),
        'it answers "negative", "positive", where the first target answers "NEGATIVE", "POSITIVE"',
        'write labels: {"negative": "NEGATIVE", "positive": "POSITIVE"} at this target',
    ),
    "many labels": (
        "text-classification",
        Side(model="org/b", labels=tuple(f"{stars} stars" for stars in range(1, 6))),
        'it answers "1 stars", "2 stars", "3 stars", "4 stars" and 1 more, where',
        "write labels: {its label: the first target's, …} at this target, or fallback: any",
    ),
    "a map with a hole": (
        "text-classification",
        Side(model="org/b", labels=("neg", "neutral", "pos"), map=(("neg", "NEGATIVE"), ("pos", "POSITIVE"))),
        'its label map leaves out "neutral"',
        "mend labels",
    ),
    "a map that ends elsewhere": (
        "text-classification",
        Side(model="org/b", map=(("neg", "NEGATIV"), ("pos", "POSITIVE"))),
        'its label map ends in "NEGATIV", which the first target never answers; did you mean "NEGATIVE"?',
        "mend labels",
    ),
    "a map with two meanings": (
        "token-classification",
        Side(model="org/b", map=(("B-PER", "B-X"), ("I-PER", "I-Y"))),
        'its label map gives "PER" two meanings',
        "mend labels",
    ),
    "a map of text": (
        "chat",
        Side(model="org/b", map=(("a", "b"),)),
        "a label map means nothing to chat",
        "leave labels out",
    ),
    "other vectors": (
        "feature-extraction",
        Side(model="org/b", revision=COMMIT, dimension=768),
        "its vectors are of another model than the first target's, org/a (768 numbers instead of 384)",
        "give other weights an alias of their own, or let vectors be mixed with fallback: any",
    ),
    "vectors of another commit": (
        "feature-extraction",
        Side(model="org/a", revision=OTHER_COMMIT, dimension=384),
        "its vectors are of another commit of the first target's model",
        "fallback: any",
    ),
    "vectors of another length": (
        "feature-extraction",
        Side(model="org/a", revision=COMMIT, dimension=768),
        "its vectors are of another length than the first target's (768 numbers instead of 384)",
        "fallback: any",
    ),
    "other scores": (
        "sentence-similarity",
        Side(model="org/b", revision=COMMIT),
        "its scores are of another model than the first target's, org/a",
        "let scores be mixed with fallback: any",
    ),
    "a provider's vectors": (
        "feature-extraction",
        Side(model=None),
        "only a provider knows its weights, so its vectors may be of another space",
        "fallback: any",
    ),
    "vectors with a map": (
        "feature-extraction",
        Side(model="org/a", revision=COMMIT, map=(("a", "b"),)),
        "a label map means nothing to feature-extraction",
        "leave labels out",
    ),
}


@pytest.mark.parametrize(("task", "side", "reason", "advice"), REASONS.values(), ids=REASONS.keys())
def test_the_reason_and_what_to_do_are_told(task: str, side: Side, reason: str, advice: str) -> None:
    """What differs, with the values that do."""
    told = incompatible(task, "contract", [FIRST, side])[1]

    assert told.startswith(reason)
    assert advice in remedy(task, FIRST, side)


def test_the_provider_of_the_first_target_may_be_the_only_one_to_know_its_weights() -> None:
    """Then no vector of another target is known to be of its space."""
    found = incompatible("feature-extraction", "contract", [Side(model=None), FIRST])

    assert found == {
        1: "only a provider knows the first target's weights, so its vectors may be of another space"
    }


def test_a_side_is_made_of_what_the_manifest_and_the_lock_say() -> None:
    """Where nothing is locked, the ref that was asked for tells one state of a model from another."""
    route = RouteEntry(provider="openai", name="m")
    map_ = (("a", "b"),)
    entry = TargetEntry(model="org/a", ref=None, routes=(route,), labels=map_)
    contract = Contract(labels=("a",), dimension=3)
    locked = LockedModel(model="org/a", requested="main", revision=COMMIT, contract=contract)
    named = LockedName(provider="openai", name="m", pin=Pin.FLOATING)

    assert side_of(entry, locked) == Side(
        model="org/a", revision=COMMIT, labels=("a",), dimension=3, map=map_
    )
    assert side_of(entry, None) == Side(model="org/a", revision="main", map=map_)
    assert side_of(replace(entry, model=None), named) == Side(model=None, map=map_)
