"""indexed: items in the order of the inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.providers.indexed import by_index
from resilient_infer.providers.shapes import WrongShape
from tests.providers.samples import JSON


@given(st.permutations(range(6)))
def test_any_order_is_put_right(order):
    """By the index of each."""
    items = [{"index": index, "text": str(index)} for index in order]

    assert [item["text"] for item in by_index(items, due=6)] == [str(index) for index in range(6)]


@given(
    st.lists(st.dictionaries(st.just("index"), JSON | st.integers(0, 3), max_size=1), max_size=4),
    st.integers(1, 4),
)
def test_whatever_the_indexes_each_input_has_one_item_or_none_has(items, due):
    """Never an item twice, and never one for the wrong input."""
    try:
        placed = by_index(items, due=due)
    except WrongShape:
        return
    assert len(placed) == due
    assert [item.get("index") for item in placed] in (list(range(due)), [None] * due)


@pytest.mark.parametrize(
    "indexes", [[0, 0], [1, 2], [0, None], [0, True], [0.0, 1.0], ["0", "1"], [0], [0, 1, 2], []]
)
def test_indexes_that_do_not_fit_are_refused(indexes):
    """Twice, beyond, missing, or no whole numbers."""
    with pytest.raises(WrongShape):
        by_index([{"index": index} for index in indexes], due=2)
