"""TEI's tasks: what each of its routes takes and answers.

Source: text-embeddings-inference, `router/src/http` (`server.rs`, `types.rs`).
"""

from collections.abc import Mapping
from dataclasses import replace

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import (
    first_tokens,
    mood_of,
    sigmoid,
    softmax,
    tokens_of,
    vector_of,
)
from resilient_infer.testing.sandbox.checked import best_first
from resilient_infer.testing.sandbox.dialect import Refusal, whole_number
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.openai_answers import answer
from resilient_infer.testing.sandbox.openai_questions import Wrong
from resilient_infer.testing.sandbox.reading import relevance, similarities
from resilient_infer.testing.sandbox.tgi import unread

MAX_BATCH = 32
"""`max_client_batch_size`, as the server has it unless told otherwise."""

UNBOUNDED = 131072
"""`max_input_length` of a model that has no context of its own here."""

_RAW = 4.0
"""Length of a vector that is not to be normalized: any but one."""

_EMBEDDERS = ("feature-extraction", "sentence-similarity")


class Complaint(Exception):
    """What the server refuses in words of its own; `kind` is its `error_type`."""

    def __init__(self, status: int, message: str, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind


def embedded(model: Model, content: Json) -> Json:
    """/embed: a vector for each input."""
    asked = _content(content, "inputs")
    _check_use(model, _EMBEDDERS, "Model is not an embedding model")
    given = asked["inputs"]
    texts = _strings("inputs", given if isinstance(given, list) else [given])
    _check_batch(texts)
    size = _RAW if asked.get("normalize") is False else 1.0
    sized = replace(model, dimension=_dimension(model, asked.get("dimensions")))
    vectors = [vector_of(sized, _fitting(model, text, asked)) for text in texts]
    return [[size * part for part in vector] for vector in vectors]


def embedded_for_openai(model: Model, content: Json) -> Json:
    """/v1/embeddings: the same in OpenAI's form; errors are flat there."""
    asked = _content(content, "input")
    try:
        _check_use(model, _EMBEDDERS, "Model is not an embedding model")
        given = asked["input"]
        texts = _strings("input", given if isinstance(given, list) else [given])
        _check_batch(texts)
        for text in texts:
            _fitting(model, text, {})
        return answer("/embeddings", model, asked, 0, model.name)
    except Wrong as wrong:
        raise Refusal(unread(wrong.message)) from wrong


def predicted(model: Model, content: Json) -> Json:
    """/predict: the classes of a text or a pair, or of each in a list of lists."""
    asked = _content(content, "inputs")
    _check_use(model, ("text-classification",), "model is not a classifier model")
    given = asked["inputs"]
    if isinstance(given, list) and not given:
        raise Refusal(unread("invalid length 0, expected a string, a pair or a batch"))
    if not isinstance(given, list) or not isinstance(given[0], list):
        return _classes(model, _sequence(given), asked)
    _check_batch(given)
    return [_classes(model, _sequence(item), asked) for item in given if _is_list(item)]


def ranked(model: Model, content: Json) -> Json:
    """/rerank: the texts by what they have of the query, best first."""
    asked = _content(content, "query", "texts")
    (query,) = _strings("query", [asked["query"]])
    texts = _strings("texts", asked["texts"])
    _check_use(model, ("text-ranking",), "model is not a re-ranker model")
    _check_batch(texts)
    for text in texts:
        _fitting(model, f"{query} {text}", asked)
    logits = [relevance(model, query, text) for text in texts]
    scores = logits if asked.get("raw_scores") is True else sigmoid(logits)
    shown = asked.get("return_text") is True
    ranks: list[Json] = []
    for index in sorted(range(len(texts)), key=lambda place: -scores[place]):
        rank: dict[str, Json] = {"index": index, "score": scores[index]}
        ranks.append({**rank, "text": texts[index]} if shown else rank)
    return ranks


def compared(model: Model, content: Json) -> Json:
    """/similarity: how near each sentence is to the source."""
    inputs = _content(_content(content, "inputs")["inputs"], "source_sentence", "sentences")
    (source,) = _strings("source_sentence", [inputs["source_sentence"]])
    sentences = _strings("sentences", inputs["sentences"])
    _check_use(model, _EMBEDDERS, "Model is not an embedding model")
    _check_batch(sentences)
    parameters = content.get("parameters") if isinstance(content, dict) else None
    for text in (source, *sentences):
        _fitting(model, text, parameters if isinstance(parameters, dict) else {})
    return list(similarities(model, source, sentences))


def _content(content: Json, *fields: str) -> Mapping[str, Json]:
    if not isinstance(content, dict):
        raise Refusal(unread("expected a mapping"))
    for name in fields:
        if name not in content:
            raise Refusal(unread(f"missing field `{name}`"))
    return content


def _strings(name: str, value: Json) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Refusal(unread(f"{name}: invalid type, expected a string or a sequence of strings"))
    return [str(text) for text in value]


def _sequence(value: Json) -> str:
    """A text, or a pair as one."""
    parts = _strings("inputs", value if isinstance(value, list) else [value])
    if not 1 <= len(parts) <= 2:
        raise Refusal(unread(f"invalid length {len(parts)}, expected a string or a pair of strings"))
    return " ".join(parts)


def _is_list(item: Json) -> bool:
    if not isinstance(item, list):
        raise Refusal(unread("inputs: invalid type, expected a sequence"))
    return True


def _classes(model: Model, text: str, asked: Mapping[str, Json]) -> list[Json]:
    logits = mood_of(model, _fitting(model, text, asked))
    return best_first(model.labels, logits if asked.get("raw_scores") is True else softmax(logits))


def _check_use(model: Model, tasks: tuple[str, ...], message: str) -> None:
    if model.task not in tasks:
        raise Complaint(424, message, "Backend")


def _check_batch(items: list[str] | list[Json]) -> None:
    if not items:
        raise Complaint(400, "`inputs` cannot be empty", "Empty")
    if len(items) > MAX_BATCH:
        message = f"batch size {len(items)} > maximum allowed batch size {MAX_BATCH}"
        raise Complaint(413, message, "Validation")


def _fitting(model: Model, text: str, asked: Mapping[str, Json]) -> str:
    """The text, or as much of it as fits if it may be cut."""
    most = model.context or UNBOUNDED
    given = len(tokens_of(text))
    if given <= most:
        return text
    if asked.get("truncate") is not True:
        message = f"Input validation error: `inputs` must have less than {most} tokens. Given: {given}"
        raise Complaint(413, message, "Validation")
    return first_tokens(text, most)


def _dimension(model: Model, asked: Json) -> int:
    if asked is None:
        return model.dimension
    if not isinstance(asked, int) or not whole_number(asked) or asked < 0:
        raise Refusal(unread("dimensions: invalid type, expected usize"))
    if not 1 <= asked <= model.dimension:
        message = f"Input validation error: `dimensions` should be positive and at most {model.dimension}"
        raise Complaint(413, message, "Validation")
    return asked
