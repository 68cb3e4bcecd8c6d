"""embeddings: vectors in either form."""

import json
import math
from array import array
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.embeddings import read_embeddings, write_embeddings
from resilient_infer.providers.hf_inference import HfInference
from tests.providers.family import BODIES
from tests.providers.samples import JSON, answer, order

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
MATRICES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(FLOAT32, min_size=width, max_size=width), min_size=1, max_size=4)
)


def base64_of(row: list[float]) -> str:
    """The vector as OpenAI sends it: little-endian float32."""
    numbers = array("f", row)
    if array("H", [1]).tobytes() == b"\0\1":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()


def body_of(*rows: object, **more: object) -> dict[str, object]:
    """An answer with these rows."""
    return {"data": [{"index": index, "embedding": row} for index, row in enumerate(rows)], **more}


def read(payload: object, body: object) -> Success | Failure:
    """What `body` means as an answer to `payload`."""
    attempt = order("openai", "feature-extraction", payload)
    return read_embeddings(attempt, answer({}), body)  # type: ignore[arg-type]  # any JSON


def output(payload: object, body: object) -> object:
    """The output of an answer that has to be a success."""
    outcome = read(payload, body)
    assert isinstance(outcome, Success), outcome
    return outcome.output


@given(BODIES | st.lists(JSON | st.text(), max_size=2).map(lambda rows: body_of(*rows)))
def test_any_body_is_an_outcome(body):
    """A success is one vector of finite floats, and nothing is raised."""
    outcome = read("a", body)

    if isinstance(outcome, Success):
        assert outcome.output
        assert all(type(number) is float and math.isfinite(number) for number in outcome.output)


@given(MATRICES, st.randoms())
def test_both_forms_and_every_order_give_what_hugging_face_gives(rows, chance):
    """One vector for each text, in the order of the texts."""
    texts = ["x"] * len(rows)
    lists, packed = body_of(*rows), body_of(*map(base64_of, rows))
    for body in (lists, packed):
        chance.shuffle(body["data"])
    theirs = HfInference().parse(order("hf-inference", "feature-extraction", texts), answer(rows))

    assert isinstance(theirs, Success)
    assert output(texts, lists) == output(texts, packed) == theirs.output == rows


def test_one_text_gives_one_vector_and_a_list_of_one_a_list():
    """However it is sent."""
    assert output("x", body_of([1, 2.5])) == [1.0, 2.5]
    assert output(["x"], body_of(base64_of([1.0, 2.5]))) == [[1.0, 2.5]]
    assert all(type(number) is float for number in output("x", body_of([1, 2])))


def test_the_output_is_nobody_elses():
    """Who changes it does not change the raw body."""
    body = body_of([1.0, 2.0])
    vector = output("x", body)
    assert isinstance(vector, list)
    vector.clear()

    assert body == body_of([1.0, 2.0])


@pytest.mark.parametrize(
    "body",
    [
        body_of([1.0]),
        body_of([1.0], [1.0], [1.0]),
        body_of([1.0], [1.0, 2.0]),
        body_of([1.0], [float("nan")]),
        body_of([1.0], [float("inf")]),
        body_of([1.0], [True]),
        body_of([1.0], ["1"]),
        body_of([1.0], [None]),
        body_of([1.0], [10**400]),
        body_of([1.0], [[1.0], [2.0]]),
        body_of([1.0], []),
        body_of([1.0], None),
        body_of([1.0], ""),
        body_of([1.0], "AAA="),
        body_of([1.0], "AACAPw"),
        body_of([1.0], "AACA Pw=="),
        body_of([1.0], "ÄÖÜ!"),
        body_of([1.0], base64_of([float("nan")])),
        body_of([1.0], base64_of([float("-inf")])),
        {"data": [[1.0], [1.0]]},
        {"data": {}},
        {"embeddings": [[1.0], [1.0]]},
        [[1.0], [1.0]],
        None,
    ],
)
def test_what_is_no_vector_for_each_text_is_a_wrong_shape(body):
    """Too many, too few, of several lengths, not finite, of tokens, no base64, cut base64."""
    outcome = read(["x", "y"], body)

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.WRONG_SHAPE


def test_large_numbers_whose_sum_is_beyond_all_bounds_are_numbers():
    """Finite is what each of them is."""
    assert output("x", body_of([1.7e308, 1.7e308])) == [1.7e308, 1.7e308]


def test_another_length_than_was_asked_for_is_a_wrong_shape():
    """Servers that do not know `dimensions` say nothing."""
    asked = {"inputs": "x", "dimensions": 2}

    assert output(asked, body_of([1.0, 2.0])) == [1.0, 2.0]
    outcome = read(asked, body_of([1.0, 2.0, 3.0]))
    assert isinstance(outcome, Failure)
    assert "a vector of 3 numbers, where 2 are asked for" in outcome.reason


@given(MATRICES)
def test_normalize_gives_the_unit_length_on_any_server(rows):
    """In the same direction; a vector without one stays as it is."""
    payload = {"inputs": ["x"] * len(rows), "normalize": True}
    units = output(payload, body_of(*rows))

    for row, unit in zip(rows, units, strict=True):
        if any(row):
            assert math.isclose(math.hypot(*unit), 1.0, rel_tol=1e-9)
            largest = max(map(abs, row))
            at = max(map(abs, unit)) / largest
            assert all(
                math.isclose(of_unit, number * at, rel_tol=1e-9, abs_tol=1e-300)
                for of_unit, number in zip(unit, row, strict=True)
            )
        else:
            assert unit == row


@pytest.mark.parametrize("size", [1e200, 1e-200, 5e-324])
def test_normalize_holds_where_squares_would_not(size):
    """The square of a large number is beyond all bounds, and that of a small one 0."""
    unit = output({"inputs": "x", "normalize": True}, body_of([size, -size]))

    assert unit == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)])


def test_normalize_is_not_sent_and_no_server_is_asked_for_raw_vectors():
    """OpenAI's have the unit length in any case."""
    wished = write_embeddings(order("openai", "feature-extraction", {"inputs": "x", "normalize": True}))
    unsaid = write_embeddings(order("openai", "feature-extraction", {"inputs": "x", "normalize": None}))

    assert wished == unsaid == {"input": "x"}
    for raw in (False, 0, "no"):
        with pytest.raises(Unfit, match="normalize"):
            write_embeddings(order("openai", "feature-extraction", {"inputs": "x", "normalize": raw}))


@pytest.mark.parametrize("name", ["truncate", "truncation_direction", "prompt_name"])
def test_what_only_hugging_face_has_makes_the_route_unfit(name):
    """Skipped and said."""
    with pytest.raises(Unfit, match=name):
        write_embeddings(order("openai", "feature-extraction", {"inputs": "x", name: "Right"}))


@given(st.text(min_size=1) | st.lists(st.text(min_size=1), min_size=1), st.integers(1, 4096))
def test_the_texts_are_sent_as_they_are(texts, dimensions):
    """With the length that is asked for."""
    payload = {"inputs": texts, "dimensions": dimensions}
    body = write_embeddings(order("openai", "feature-extraction", payload))

    assert json.loads(json.dumps(body)) == {"input": texts, "dimensions": dimensions}
