"""Contract: labels in the words of the first target, and vectors of the locked length only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.payload import Payload
from resilient_infer.core.target import Pin, Target
from resilient_infer.core.task import Json
from resilient_infer.policies.contract import Broken, keep

MAP = {"negative": "NEGATIVE", "positive": "POSITIVE"}
VECTORS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8)


def target(labels: dict[str, str] | None = None, dimension: int | None = None) -> Target:
    return Target(
        model="org/m",
        revision="0" * 40,
        pin=Pin.DECLARED,
        labels=tuple((labels or {}).items()),
        dimension=dimension,
    )


@given(
    items=st.lists(
        st.fixed_dictionaries({"label": st.sampled_from(sorted(MAP)), "score": st.floats(0, 1)}), max_size=5
    ),
    nested=st.booleans(),
)
def test_every_label_is_put_into_the_first_targets_words(items: list[dict[str, Json]], nested: bool) -> None:
    output: list[Json] = [list[Json](items)] if nested else list[Json](items)

    kept = keep("text-classification", target(MAP), Payload(inputs="x"), output)

    row = kept[0] if nested and isinstance(kept, list) else kept
    assert row == [{"label": MAP[str(item["label"])], "score": item["score"]} for item in items]


def test_a_tagged_entity_is_relabelled_and_its_word_is_not() -> None:
    output: Json = [{"entity_group": "positive", "word": "positive", "score": 0.5, "start": 0, "end": 8}]
    kept = keep("token-classification", target(MAP), Payload(inputs="x"), output)
    assert kept == [{"entity_group": "POSITIVE", "word": "positive", "score": 0.5, "start": 0, "end": 8}]


@pytest.mark.parametrize("label", ["NEUTRAL", "POSITIVE", None, 3])
def test_a_label_that_the_map_does_not_know_breaks_the_contract(label: Json) -> None:
    with pytest.raises(Broken, match="label"):
        keep("text-classification", target(MAP), Payload(inputs="x"), [{"label": label, "score": 1.0}])


@given(rows=st.lists(VECTORS, min_size=1, max_size=3), locked=st.integers(1, 8), many=st.booleans())
def test_a_vector_of_another_length_than_the_locked_one_is_no_answer(
    rows: list[list[float]], locked: int, many: bool
) -> None:
    output: Json = [list[Json](row) for row in rows] if many else list[Json](rows[0])
    seen = rows if many else rows[:1]

    try:
        kept = keep("feature-extraction", target(dimension=locked), Payload(inputs="x"), output)
    except Broken:
        assert any(len(row) != locked for row in seen)
    else:
        assert kept is output
        assert all(len(row) == locked for row in seen)


def test_a_length_that_the_payload_asks_for_takes_the_place_of_the_locked_one() -> None:
    payload = Payload(inputs="x", parameters={"dimensions": 2})
    assert keep("feature-extraction", target(dimension=3), payload, [0.0, 1.0]) == [0.0, 1.0]
    with pytest.raises(Broken, match="3 numbers, where 2 are asked for"):
        keep("feature-extraction", target(dimension=3), payload, [0.0, 1.0, 2.0])


@given(output=st.recursive(st.none() | st.text() | st.floats(), lambda inner: st.lists(inner, max_size=3)))
def test_without_a_map_or_a_length_nothing_is_touched(output: Json) -> None:
    for task in ("chat", "text-classification", "feature-extraction"):
        assert keep(task, target(), Payload(inputs="x"), output) is output
