"""tei: Text Embeddings Inference."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, FailureKind, Success, Usage
from resilient_infer.core.secret import Secret
from resilient_infer.core.testimony import Limits
from resilient_infer.providers.base import Attesting, Codec, Unfit
from resilient_infer.providers.tei import Tei
from tests.providers.codecs import ANSWERS, check_any_answer, check_no_secret
from tests.providers.family import LOCKED, NO_COMMIT, OTHER
from tests.providers.samples import LATIN, TOKEN, answer, order
from tests.providers.testimonies import FACTS, after_limits, check_any_facts

CODEC = Tei()
TASKS = sorted(CODEC.tasks)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)
SCORES = st.floats(0, 1, allow_nan=False)


def body_of(attempt: Attempt) -> dict[str, object]:
    """What is sent."""
    body = json.loads(CODEC.build(attempt).body)
    assert isinstance(body, dict)
    return body


def parsed(attempt: Attempt, body: object, **headers: str) -> Success:
    """What an answer is read as, which has to be a success."""
    outcome = CODEC.parse(attempt, answer(body, headers=headers))
    assert isinstance(outcome, Success), outcome
    return outcome


def classified(parameters: dict[str, object], inputs: object = "x") -> Attempt:
    """A classification with `parameters`."""
    return order("tei", "text-classification", {"inputs": inputs, "parameters": parameters})


@given(task=st.sampled_from(TASKS), response=ANSWERS)
def test_any_answer_is_an_outcome(task, response):
    """`parse` never raises."""
    check_any_answer(CODEC, task, response)


@given(header=LATIN, dimensions=st.integers(-1, 3), vector=st.lists(st.floats(-1, 1), max_size=3))
def test_any_vector_and_header_is_an_outcome(header, dimensions, vector):
    """A vector has the dimensions asked for, or it is no answer."""
    attempt = order("tei", "feature-extraction", {"inputs": "x", "dimensions": dimensions})
    outcome = CODEC.parse(attempt, answer([vector], headers={"x-compute-tokens": header}))

    assert isinstance(outcome, Success) is (len(vector) == dimensions and dimensions > 0)


@pytest.mark.parametrize("task", TASKS)
def test_no_secret_is_repeated(task):
    """Whatever the server echoes."""
    check_no_secret(CODEC, task)
    assert TOKEN not in repr(CODEC.identity(order("tei", task).route.endpoint, Secret(TOKEN)))


def test_it_is_a_codec_that_attests():
    """By the protocols."""
    assert isinstance(CODEC, Codec)
    assert isinstance(CODEC, Attesting)


@pytest.mark.parametrize("base", ["https://tei.test", "https://tei.test/v1"])
@pytest.mark.parametrize(
    ("task", "path"),
    [
        ("feature-extraction", "/embed"),
        ("text-classification", "/predict"),
        ("text-ranking", "/rerank"),
        ("sentence-similarity", "/similarity"),
    ],
)
def test_the_server_may_be_named_with_its_v1_or_without(base, task, path):
    """OpenAI's part of it is not used."""
    attempt = order("tei", task, url=base)
    asked = CODEC.identity(attempt.route.endpoint, None)

    assert CODEC.build(attempt).url == "https://tei.test" + path
    assert (asked.method, asked.url, asked.body) == ("GET", "https://tei.test/info", b"")


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_texts_are_classified_one_by_one(texts):
    """Two strings in one list would be one pair of sentences, and three an error."""
    attempt = order("tei", "text-classification", texts)
    labels = [{"label": "A", "score": 0.75}, {"label": "B", "score": 0.25}]

    assert body_of(attempt) == {"inputs": [[text] for text in texts]}
    assert parsed(attempt, [labels] * len(texts)).output == [labels] * len(texts)


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), size=st.integers(1, 4))
def test_embeddings_come_in_the_order_of_the_texts(texts, size):
    """As many as there are texts, and for one text alone one alone."""
    vectors = [[float(index)] * size for index in range(len(texts))]
    many = order("tei", "feature-extraction", texts)
    one = order("tei", "feature-extraction", texts[0])

    assert body_of(many) == {"inputs": texts}
    assert parsed(many, vectors).output == vectors
    assert body_of(one) == {"inputs": texts[0]}
    assert parsed(one, vectors[:1]).output == vectors[0]


@given(query=TEXTS, texts=st.lists(TEXTS, min_size=1, max_size=4), scores=st.data())
def test_texts_are_ranked_best_first(query, texts, scores):
    """By their places in the question."""
    attempt = order("tei", "text-ranking", {"inputs": {"query": query, "texts": texts}})
    ranks = [{"index": index, "score": scores.draw(SCORES)} for index in range(len(texts))]
    output = parsed(attempt, ranks).output

    assert body_of(attempt) == {"query": query, "texts": texts}
    assert sorted(output, key=lambda rank: rank["index"]) == ranks
    assert [rank["score"] for rank in output] == sorted((rank["score"] for rank in ranks), reverse=True)


@given(sentence=TEXTS, sentences=st.lists(TEXTS, min_size=1, max_size=4), truncate=st.booleans())
def test_sentences_are_compared_in_their_order(sentence, sentences, truncate):
    """A number for each."""
    inputs = {"source_sentence": sentence, "sentences": sentences}
    payload = {"inputs": inputs, "parameters": {"truncate": truncate}}
    attempt = order("tei", "sentence-similarity", payload)
    numbers = [index / 8 for index in range(len(sentences))]

    assert body_of(attempt) == payload
    assert parsed(attempt, numbers).output == numbers


@given(top_k=st.integers(1, 5), many=st.booleans())
def test_top_k_is_done_here_for_the_server_sends_all(top_k, many):
    """The best of them, for each text."""
    labels = [{"label": str(index), "score": 1 / (index + 1)} for index in range(4)]
    attempt = classified({"top_k": top_k}, ["x", "y"] if many else "x")
    output = parsed(attempt, [labels, labels] if many else labels).output

    assert "top_k" not in body_of(attempt)
    assert output == ([labels[:top_k]] * 2 if many else labels[:top_k])


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "2", True, [1]])
def test_a_top_k_that_is_none_makes_the_route_unfit(top_k):
    """A null is as good as nothing."""
    with pytest.raises(Unfit, match="top_k"):
        CODEC.build(classified({"top_k": top_k}))
    assert body_of(classified({"top_k": None})) == {"inputs": "x"}


def test_only_raw_scores_can_be_asked_for():
    """Softmax or sigmoid is chosen by the number of classes."""
    assert body_of(classified({"function_to_apply": "none"})) == {"inputs": "x", "raw_scores": True}
    for function in ("softmax", "sigmoid", 1, []):
        with pytest.raises(Unfit, match="function_to_apply"):
            CODEC.build(classified({"function_to_apply": function}))


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("feature-extraction", "encoding_format"),
        ("feature-extraction", "raw_scores"),
        ("text-classification", "prompt_name"),
        ("text-classification", "hypothesis_template"),
        ("text-ranking", "top_k"),
        ("sentence-similarity", "normalize"),
    ],
)
def test_what_tei_would_ignore_makes_the_route_unfit(task, name):
    """It says nothing of fields that it does not know."""
    inputs = order("tei", task).payload.inputs
    with pytest.raises(Unfit, match=name):
        CODEC.build(order("tei", task, {"inputs": inputs, "parameters": {name: "x"}}))


@pytest.mark.parametrize(
    ("direction", "sent"), [("left", "Left"), ("Left", "Left"), ("RIGHT", "Right"), (1, 1)]
)
def test_a_direction_is_written_as_every_version_reads_it(direction, sent):
    """Older ones know it with its capital only."""
    payload = {"inputs": "x", "truncation_direction": direction, "normalize": None}

    assert body_of(order("tei", "feature-extraction", payload)) == {
        "inputs": "x",
        "truncation_direction": sent,
    }


def test_a_version_without_dimensions_is_seen_by_its_vectors():
    """It would ignore the field, and answer in a space of another size."""
    attempt = order("tei", "feature-extraction", {"inputs": ["a", "b"], "dimensions": 2})
    outcome = CODEC.parse(attempt, answer([[1, 2, 3], [1, 2, 3]]))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.UNSUPPORTED
    assert parsed(attempt, [[1, 2], [3, 4]]).output == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(("most", "fits"), [(None, True), (3, True), (2, False)])
@pytest.mark.parametrize(
    ("task", "inputs"),
    [
        ("text-ranking", {"query": "q", "texts": ["a", "b", "c"]}),
        ("sentence-similarity", {"source_sentence": "s", "sentences": ["a", "b"]}),
    ],
)
def test_what_the_server_said_is_too_much_is_not_sent(task, inputs, most, fits):
    """It counts the sentence that others are compared with, but not the query."""
    attempt = after_limits(order("tei", task, {"inputs": inputs}), inputs=most)

    if fits:
        assert CODEC.build(attempt).method == "POST"
    else:
        with pytest.raises(Unfit, match="3 texts, where the server takes 2"):
            CODEC.build(attempt)


@pytest.mark.parametrize(("header", "usage"), [("12", Usage(input=12, output=0)), ("", None), ("-1", None)])
def test_tokens_are_known_or_unknown_never_guessed(header, usage):
    """They stand in a header."""
    attempt = order("tei", "feature-extraction")

    assert parsed(attempt, [[0.5]], **{"x-compute-tokens": header}).usage == usage


def said(message: str, kind: str) -> dict[str, object]:
    """An error as TEI writes it."""
    return {"error": message, "error_type": kind}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (413, said("batch size 33 > maximum allowed batch size 32", "Validation"), FailureKind.UNSUPPORTED),
        (
            413,
            said("Input validation error: `inputs` must have less than 512 tokens. Given: 900", "Validation"),
            FailureKind.TOO_LONG,
        ),
        (
            413,
            said(
                "Input validation error: `inputs` must have less than 128000 characters. Given: 200000",
                "Validation",
            ),
            FailureKind.TOO_LONG,
        ),
        (
            413,
            said("`default-prompt-name` is set to `x` but no prompts were found", "Validation"),
            FailureKind.UNSUPPORTED,
        ),
        (413, b"Failed to buffer the request body: length limit exceeded", FailureKind.UNSUPPORTED),
        (413, b"<html><h1>413 Request Entity Too Large</h1></html>", FailureKind.UNSUPPORTED),
        (400, said("`inputs` cannot be empty", "Empty"), FailureKind.BAD_REQUEST),
        (422, said("tokenizer error: no", "Tokenizer"), FailureKind.BAD_REQUEST),
        (422, b"Failed to deserialize the JSON body: missing field `inputs`", FailureKind.BAD_REQUEST),
        (424, said("Inference error: CUDA error", "Backend"), FailureKind.SERVER_ERROR),
        (424, said("Inference error: Model is not an embedding model", "Backend"), FailureKind.UNSUPPORTED),
        (424, said("Inference error: Model is not a classifier model", "Backend"), FailureKind.UNSUPPORTED),
        (424, said("Inference error: model is not a re-ranker model", "Backend"), FailureKind.UNSUPPORTED),
        (
            424,
            said("Inference error: `normalize` is not available for SPLADE models", "Backend"),
            FailureKind.UNSUPPORTED,
        ),
        (429, said("Model is overloaded", "Overloaded"), FailureKind.THROTTLED),
        (503, said("unhealthy", "Unhealthy"), FailureKind.SERVER_ERROR),
        (401, b"", FailureKind.UNAUTHORIZED),
        (404, b"", FailureKind.GONE),
    ],
)
@pytest.mark.parametrize("task", TASKS)
def test_a_refusal_is_the_requests_the_moments_or_this_servers_alone(task, status, body, kind):
    """By TEI's statuses and, where they say too little, by its words."""
    assert CODEC.parse(order("tei", task), answer(body, status)).kind is kind


@pytest.mark.parametrize(
    ("reported", "commit"),
    [(LOCKED, LOCKED), (OTHER, OTHER), (OTHER.upper(), OTHER), *((nothing, None) for nothing in NO_COMMIT)],
)
def test_only_a_full_commit_is_attested(reported, commit):
    """It is the text of --revision, whatever that was."""
    facts = {"model_id": "org/model", "model_sha": reported, "sha": OTHER}

    assert CODEC.reported_commit(order("tei", "text-ranking"), facts) == commit


@pytest.mark.parametrize(
    ("facts", "commit"),
    [
        ({"sha": LOCKED}, None),
        ({"model_sha": LOCKED}, LOCKED),
        ({"model_id": "other/model", "model_sha": OTHER}, OTHER),
        ({"model_id": "/data/model", "model_sha": LOCKED}, None),
        ({"model_id": "./model", "model_sha": LOCKED}, None),
        ({"model_id": ["/data"], "model_sha": LOCKED}, LOCKED),
        ([LOCKED], None),
        (LOCKED, None),
        (None, None),
    ],
)
def test_a_folder_has_no_commit_whatever_revision_says(facts, commit):
    """TEI reads it from disk, and repeats --revision all the same."""
    assert CODEC.reported_commit(order("tei", "text-ranking"), facts) == commit


def test_limits_are_those_of_one_request():
    """Nothing is generated: what it reads is all."""
    facts = {"max_client_batch_size": 32, "max_input_length": 512, "max_batch_tokens": 16384}

    assert CODEC.limits(facts) == Limits(inputs=32, context=512)
    assert CODEC.limits({"max_client_batch_size": True, "max_input_length": -1}) == Limits()


@given(task=st.sampled_from(TASKS), facts=FACTS)
def test_any_facts_are_a_commit_or_nothing(task, facts):
    """Never raises."""
    check_any_facts(CODEC, "tei", task, facts)
