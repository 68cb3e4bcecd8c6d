"""Shapes: from what servers answer to the one output of each task."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resilient_infer.core.payload import Payload
from resilient_infer.core.task import TASKS as TABLE
from resilient_infer.providers.payload import normalise
from resilient_infer.providers.shapes import WrongShape, read_output
from tests.providers.samples import JSON, PAYLOADS

TASKS = [task for task in PAYLOADS if task != "chat"]
A, B = {"label": "A", "score": 0.2}, {"label": "B", "score": 0.8}
OLD = {"sequence": "x", "labels": ["A", "B"], "scores": [0.2, 0.8]}
ONE, TWO = "one", ["one", "two"]
CLASSIFY, ZERO, GENERATE, EMBED = TASKS[:4]


NER = "token-classification"
ASK, FILL, ALIKE, RANK = "question-answering", "fill-mask", "sentence-similarity", "text-ranking"
SUM, TRANSLATE, CAPTION, HEAR = (
    "summarization",
    "translation",
    "image-to-text",
    "automatic-speech-recognition",
)
SEE, DETECT, LISTEN = "image-classification", "object-detection", "audio-classification"
QUESTION = {"question": "Who?", "context": "Ada"}
PAIR = {"source_sentence": "a", "sentences": ["b", "c"]}
QUERY = {"query": "a", "texts": ["b", "c"]}
PERSON = {"entity_group": "PER", "score": 0.9, "word": "Ada", "start": 0, "end": 3}
TOKEN = {"entity": "B-PER", "score": 0.9, "word": "Ada", "start": None, "end": None}
ADA = {"answer": "Ada", "score": 0.2, "start": 0, "end": 3}
BOB = {"answer": "Bob", "score": 0.8, "start": 4, "end": 7}
BLUE = {"sequence": "sky is blue", "score": 0.2, "token": 7, "token_str": "blue"}
RED = {"sequence": "sky is red", "score": 0.8, "token": 8, "token_str": "red"}
BOX = {"xmin": 1, "ymin": 2.5, "xmax": 3, "ymax": 4}
CAT = {"label": "cat", "score": 0.2, "box": BOX}
DOG = {"label": "dog", "score": 0.8, "box": BOX}
SAID = {
    "text": "a b",
    "chunks": [{"text": "a", "timestamp": [0, 1.5]}, {"text": "b", "timestamp": [1.5, None]}],
}


def read(task: str, body: object, inputs: object) -> object:
    """The output for `inputs`."""
    return read_output(task, body, Payload(inputs=inputs))  # type: ignore[arg-type]  # any JSON


@pytest.mark.parametrize(
    ("task", "body", "inputs", "output"),
    [
        (CLASSIFY, [[A, B]], ONE, [B, A]),
        (CLASSIFY, [A, B], ONE, [B, A]),
        (CLASSIFY, A, ONE, [A]),
        (CLASSIFY, [[A, B], [B, A]], TWO, [[B, A], [B, A]]),
        (CLASSIFY, [A, B], TWO, [[A], [B]]),
        (CLASSIFY, [A, B], [ONE], [[B, A]]),
        (CLASSIFY, [[A, B]], [ONE], [[B, A]]),
        (CLASSIFY, [{**A, "extra": 1}], ONE, [A]),
        (CLASSIFY, [{"label": "A", "score": 1}], ONE, [{"label": "A", "score": 1.0}]),
        (ZERO, [A, B], ONE, [B, A]),
        (ZERO, OLD, ONE, [B, A]),
        (ZERO, [OLD], ONE, [B, A]),
        (ZERO, [[A, B]], ONE, [B, A]),
        (ZERO, [OLD, OLD], TWO, [[B, A], [B, A]]),
        (ZERO, [[A, B], [A]], TWO, [[B, A], [A]]),
        (ZERO, OLD, [ONE], [[B, A]]),
        (ZERO, [OLD], [ONE], [[B, A]]),
        (ZERO, [A, B], [ONE], [[B, A]]),
        (GENERATE, [{"generated_text": " more"}], ONE, " more"),
        (GENERATE, {"generated_text": " more"}, ONE, " more"),
        (GENERATE, [[{"generated_text": " more"}]], ONE, " more"),
        (GENERATE, [{"generated_text": "one more"}], ONE, " more"),
        (GENERATE, [{"generated_text": "one a"}, {"generated_text": "two b"}], TWO, [" a", " b"]),
        (GENERATE, [[{"generated_text": "a"}], [{"generated_text": "b"}]], TWO, ["a", "b"]),
        (GENERATE, [{"generated_text": "a"}], [ONE], ["a"]),
        (EMBED, [0.5, 1], ONE, [0.5, 1.0]),
        (EMBED, [[0.5, 1.0]], ONE, [0.5, 1.0]),
        (EMBED, [[0.5], [1.0]], TWO, [[0.5], [1.0]]),
        (EMBED, [[0.5]], [ONE], [[0.5]]),
        (EMBED, [0.5], [ONE], [[0.5]]),
        (EMBED, {"embeddings": [0.5]}, ONE, [0.5]),
        (EMBED, {"embeddings": [[0.5], [1.0]]}, TWO, [[0.5], [1.0]]),
        (EMBED, [1e308, 1e308], ONE, [1e308, 1e308]),
        (NER, [PERSON, TOKEN], ONE, [PERSON, TOKEN]),
        (NER, [{**TOKEN, "index": 1}], ONE, [TOKEN]),
        (NER, [{**PERSON, "entity": None}], ONE, [PERSON]),
        (
            NER,
            [{"entity": "X", "score": 1, "word": "x"}],
            ONE,
            [{**TOKEN, "entity": "X", "score": 1.0, "word": "x"}],
        ),
        (NER, [[PERSON]], ONE, [PERSON]),
        (NER, [], ONE, []),
        (NER, [[]], ONE, []),
        (NER, [[PERSON], []], TWO, [[PERSON], []]),
        (NER, [PERSON, TOKEN], [ONE], [[PERSON, TOKEN]]),
        (NER, [], [ONE], [[]]),
        (ASK, ADA, QUESTION, [ADA]),
        (ASK, [ADA, BOB], QUESTION, [BOB, ADA]),
        (ASK, [{**ADA, "elected": True}], QUESTION, [ADA]),
        (ASK, [[ADA]], QUESTION, [ADA]),
        (FILL, [BLUE, RED], ONE, [RED, BLUE]),
        (FILL, BLUE, ONE, [BLUE]),
        (FILL, [[BLUE, RED]], ONE, [RED, BLUE]),
        (FILL, [[[BLUE, RED]]], ONE, [RED, BLUE]),
        (
            FILL,
            [{"sequence": "s", "score": 1, "token_str": "x"}],
            ONE,
            [{"sequence": "s", "score": 1.0, "token": None, "token_str": "x"}],
        ),
        (FILL, [[BLUE, RED], [RED]], ONE, [[RED, BLUE], [RED]]),
        (FILL, [[[BLUE, RED], [RED]]], ONE, [[RED, BLUE], [RED]]),
        (FILL, [[BLUE], [RED]], [ONE], [[[BLUE], [RED]]]),
        (FILL, [[BLUE], [RED]], TWO, [[BLUE], [RED]]),
        (FILL, [[[BLUE], [RED]], [RED]], TWO, [[[BLUE], [RED]], [RED]]),
        (FILL, [BLUE], [ONE], [[BLUE]]),
        (ALIKE, [0.5, 1], PAIR, [0.5, 1.0]),
        (ALIKE, [[0.5, 1]], PAIR, [0.5, 1.0]),
        (ALIKE, {"similarities": [0.5, 1]}, PAIR, [0.5, 1.0]),
        (
            RANK,
            [{"index": 0, "score": 0.2}, {"index": 1, "score": 0.8, "text": "c"}],
            QUERY,
            [{"index": 1, "score": 0.8}, {"index": 0, "score": 0.2}],
        ),
        (
            RANK,
            {"scores": [{"index": 1, "score": 1}, {"index": 0, "score": 1}]},
            QUERY,
            [{"index": 1, "score": 1.0}, {"index": 0, "score": 1.0}],
        ),
        (SUM, [{"summary_text": "s"}], ONE, "s"),
        (SUM, {"summary_text": "s"}, ONE, "s"),
        (SUM, [{"summary_text": "s"}, {"summary_text": "t"}], TWO, ["s", "t"]),
        (SUM, [[{"summary_text": "s"}], [{"summary_text": "t"}]], TWO, ["s", "t"]),
        (SUM, [{"summary_text": ""}], [ONE], [""]),
        (TRANSLATE, [{"translation_text": "t"}], ONE, "t"),
        (TRANSLATE, {"translation_text": "t"}, [ONE], ["t"]),
        (CAPTION, [{"generated_text": "a cat"}], None, "a cat"),
        (CAPTION, {"generated_text": "a cat"}, None, "a cat"),
        (SEE, [A, B], None, [B, A]),
        (SEE, [[A, B]], None, [B, A]),
        (LISTEN, [A, B], None, [B, A]),
        (DETECT, [CAT, DOG], None, [DOG, CAT]),
        (DETECT, [], None, []),
        (DETECT, [[{**CAT, "mask": None}]], None, [CAT]),
        (HEAR, {"text": "a b"}, None, {"text": "a b"}),
        (HEAR, {"text": "a b", "chunks": None}, None, {"text": "a b"}),
        (HEAR, [{"text": "a b", "language": "en"}], None, {"text": "a b"}),
        (HEAR, SAID, None, SAID),
    ],
)
def test_one_output_however_the_server_nests_it(task, body, inputs, output):
    """A single input gives one result and a list of n a list of n."""
    assert read(task, body, inputs) == output


@pytest.mark.parametrize(
    ("task", "body", "inputs", "word"),
    [
        (CLASSIFY, [], ONE, "label"),
        (CLASSIFY, [[]], ONE, "label"),
        (CLASSIFY, [[A], [B]], ONE, "2 results for 1 input"),
        (CLASSIFY, [[A]], TWO, "1 results for 2 inputs"),
        (CLASSIFY, [{"label": 1, "score": 0.5}], ONE, "string"),
        (CLASSIFY, [{"label": "A", "score": "0.5"}], ONE, "number"),
        (CLASSIFY, [{"label": "A", "score": True}], ONE, "boolean"),
        (CLASSIFY, [{"label": "A", "score": 10**400}], ONE, "bounds"),
        (CLASSIFY, {"generated_text": "x"}, ONE, "label"),
        (CLASSIFY, None, ONE, "null"),
        (ZERO, {"labels": ["A"], "scores": []}, ONE, "one length"),
        (ZERO, [A, B], TWO, "list of 2 results"),
        (GENERATE, [], ONE, "generated_text"),
        (GENERATE, [{"generated_text": None}], ONE, "generated_text"),
        (GENERATE, "text", ONE, "generated_text"),
        (GENERATE, [{"generated_text": "a"}], TWO, "1 results for 2 inputs"),
        (EMBED, [], ONE, "vector"),
        (EMBED, [[[0.5], [1.0]]], ONE, "tokens"),
        (EMBED, [[[0.5]], [[1.0]]], TWO, "tokens"),
        (EMBED, [[0.5], [1.0, 2.0]], TWO, "lengths"),
        (EMBED, [math.nan], ONE, "NaN"),
        (EMBED, [math.inf, 1], ONE, "NaN"),
        (EMBED, ["0.5"], ONE, "numbers"),
        (EMBED, [True], ONE, "numbers"),
        (EMBED, [10**400], ONE, "bounds"),
        (EMBED, [1e308, 1e308, math.inf], ONE, "NaN"),
        (EMBED, [math.inf, -math.inf], ONE, "NaN"),
        (EMBED, [None], ONE, "numbers"),
        (EMBED, {"embeddings": [[[0.5]]]}, ONE, "tokens"),
        (EMBED, {"vectors": [0.5]}, ONE, "a mapping where a vector belongs"),
        (NER, PERSON, ONE, "a mapping where a list of entities belongs"),
        (NER, [{"score": 1, "word": "x"}], ONE, "null as entity"),
        (NER, [{**PERSON, "start": 0.5}], ONE, "a number as start, which is a whole number"),
        (NER, [{**PERSON, "end": True}], ONE, "a boolean as end"),
        (NER, [{**PERSON, "word": None}], ONE, "null as word"),
        (NER, [], TWO, "a list of 0 where a list of 2"),
        (NER, [PERSON, PERSON], TWO, "a list of 2 where a list of 2 results"),
        (NER, [A], ONE, "null as entity"),
        (ASK, [], QUESTION, "without an answer"),
        (ASK, {**ADA, "answer": None}, QUESTION, "null as answer"),
        (ASK, {**ADA, "score": None}, QUESTION, "null where a number belongs"),
        (ASK, ["Ada"], QUESTION, "a string where an answer belongs"),
        (FILL, [], ONE, "without a word"),
        (FILL, [[]], ONE, "without a word"),
        (FILL, [[], [BLUE]], ONE, "without a word"),
        (FILL, [BLUE, [RED]], ONE, "a list of 1 where a word"),
        (FILL, [[[[BLUE]], [RED]]], ONE, "a list of 1 where a word"),
        (FILL, [BLUE, RED], TWO, "a list of 2 where a list of 2 results"),
        (FILL, [{**BLUE, "token": "7"}], ONE, "a string as token"),
        (ALIKE, [0.5], PAIR, "a list of 1 where a list of 2 numbers"),
        (ALIKE, [0.5, "1"], PAIR, "a string where a number"),
        (ALIKE, {"scores": [0.5, 1]}, PAIR, "null where a list of 2 numbers"),
        (ALIKE, [0.5, True], PAIR, "a boolean"),
        (RANK, [{"index": 0, "score": 1}], QUERY, "each of 2 texts once"),
        (RANK, [{"index": 0, "score": 1}, {"index": 0, "score": 1}], QUERY, "each of 2 texts once"),
        (RANK, [{"index": 0, "score": 1}] * 2 + [{"index": 1, "score": 1}], QUERY, "each of 2 texts once"),
        (RANK, [{"index": 0, "score": 1}, {"index": 2, "score": 1}], QUERY, "each of 2 texts once"),
        (RANK, [{"index": 0, "score": 1}, {"score": 1}], QUERY, "each of 2 texts once"),
        (RANK, [{"index": "0", "score": 1}, {"index": 1, "score": 1}], QUERY, "a string as index"),
        (RANK, {"scores": 5}, QUERY, "a number where a list of 2 ranks"),
        (RANK, [0.5, 0.2], QUERY, "a number where index and score belong"),
        (SUM, [{"generated_text": "s"}], ONE, "no summary_text"),
        (SUM, [{"summary_text": "s"}, {"summary_text": "t"}], ONE, "2 results for 1 input"),
        (SUM, [], ONE, "no summary_text"),
        (SUM, [[{"summary_text": "s"}, {"summary_text": "t"}]], ONE, "no summary_text"),
        (HEAR, [{"text": "a"}, {"text": "b"}], None, "2 results for 1 input"),
        (TRANSLATE, {"translation_text": ["t"]}, ONE, "no translation_text"),
        (CAPTION, {"text": "a cat"}, None, "no generated_text"),
        (SEE, [], None, "without a label"),
        (SEE, [[A], [B]], None, "2 results for 1 input"),
        (DETECT, A, None, "a mapping where a list of objects"),
        (DETECT, [A], None, "null where a box belongs"),
        (DETECT, [{**CAT, "box": {**BOX, "xmax": None}}], None, "null where a number"),
        (DETECT, [{**CAT, "box": [1, 2, 3, 4]}], None, "a list of 4 where a box"),
        (HEAR, "a b", None, "a string where a transcript belongs"),
        (HEAR, [], None, "a list of 0 where a transcript"),
        (HEAR, {"text": None}, None, "null as text"),
        (HEAR, {"text": "", "chunks": {}}, None, "a mapping as chunks"),
        (HEAR, {"text": "", "chunks": [{"text": "", "timestamp": [1]}]}, None, "a list of 1 as timestamp"),
        (
            HEAR,
            {"text": "", "chunks": [{"text": "", "timestamp": ["0", 1]}]},
            None,
            "a string where a number",
        ),
        (HEAR, {"text": "", "chunks": [{"timestamp": [0, 1]}]}, None, "null as text"),
    ],
)
def test_anything_else_is_a_wrong_shape_that_says_why(task, body, inputs, word):
    """Too few or too many results, token vectors, other tasks' answers."""
    with pytest.raises(WrongShape, match=word):
        read(task, body, inputs)


SCORED = {
    CLASSIFY: (lambda score: {"label": "A", "score": score}, ONE),
    ZERO: (lambda score: {"label": "A", "score": score}, ONE),
    ASK: (lambda score: {**ADA, "score": score}, QUESTION),
    FILL: (lambda score: {**BLUE, "score": score}, ONE),
    SEE: (lambda score: {"label": "A", "score": score}, None),
    LISTEN: (lambda score: {"label": "A", "score": score}, None),
    DETECT: (lambda score: {**CAT, "score": score}, None),
}


@given(task=st.sampled_from(sorted(SCORED)), scores=st.lists(st.floats(), min_size=1, max_size=20))
@example(task=LISTEN, scores=[math.nan, -math.inf])
def test_what_is_scored_comes_best_first(task, scores):
    """Whatever is scored; a NaN is read and goes last."""
    scored, inputs = SCORED[task]
    output = read(task, [scored(score) for score in scores], inputs)

    assert isinstance(output, list)
    assert len(output) == len(scores)
    numbers = [item["score"] for item in output if not math.isnan(item["score"])]
    assert numbers == sorted(numbers, reverse=True)
    assert all(math.isnan(item["score"]) for item in output[len(numbers) :])


def test_a_vector_is_not_the_raw_one():
    """What the caller changes in the output stays as it was in `Result.raw`."""
    for body in ([0.5, 1.0], [0.5, 1]):
        output = read(EMBED, body, ONE)
        assert isinstance(output, list)
        output.append(2.0)
        assert len(body) == 2


@given(st.lists(st.tuples(st.text(max_size=3), st.floats()), min_size=1, max_size=20))
def test_labels_come_best_first_and_equals_as_they_came(pairs):
    """Sorted by score, stable; a NaN is read and goes last."""
    body = [{"label": label, "score": score} for label, score in pairs]
    output = read(CLASSIFY, body, ONE)

    assert isinstance(output, list)
    scores = [item["score"] for item in output if not math.isnan(item["score"])]
    assert scores == sorted(scores, reverse=True)
    assert all(math.isnan(item["score"]) for item in output[len(scores) :])
    for score in set(scores):
        ours = [item["label"] for item in output if item["score"] == score]
        assert ours == [label for label, given_score in pairs if given_score == score]


@given(task=st.sampled_from(TASKS), body=JSON, many=st.integers(0, 3))
def test_any_json_is_an_output_or_a_wrong_shape(task, body, many):
    """Nothing else is raised, and a list of n inputs never gives another number of results."""
    inputs = normalise(TABLE[task], PAYLOADS[task]).inputs
    if many and isinstance(inputs, str):
        inputs = [ONE] * many
    said, output = "", None
    try:
        output = read(task, body, inputs)
    except WrongShape as error:
        said = str(error)

    if said:
        assert said.isprintable()
        assert len(said) < 100
    elif isinstance(inputs, list):
        assert isinstance(output, list)
        assert len(output) == len(inputs)
