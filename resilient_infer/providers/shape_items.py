"""Shape items: tasks whose answer is a list of scored things: labels, entities, boxes, answers, words, ranks.

Sources: the output specifications in huggingface.js (packages/tasks/src/tasks)
and the pipelines of transformers, which its servers put on the wire as they are.
"""

from resilient_infer.core.task import Json
from resilient_infer.providers.shape_parts import (
    WrongShape,
    best_first,
    fields,
    listed,
    named,
    number,
    text,
    whole,
)


def labels(result: Json, _given: Json) -> Json:
    """Classification: `[{label, score}]`, or one of them alone."""
    items = listed(result)
    if not items:
        raise WrongShape("a result without a label")
    return best_first([_label(item) for item in items])


def judgement(result: Json, given: Json) -> Json:
    """Zero-shot: today's `[{label, score}]`, or `{sequence, labels, scores}` as containers send it."""
    if not isinstance(result, dict) or not is_parallel(result):
        return labels(result, given)
    names, scores = result.get("labels"), result.get("scores")
    if not isinstance(names, list) or not isinstance(scores, list) or len(names) != len(scores):
        raise WrongShape("labels and scores that are no two lists of one length")
    return labels(
        [{"label": label, "score": score} for label, score in zip(names, scores, strict=True)], given
    )


def is_parallel(result: Json) -> bool:
    """Whether it is the older form of zero-shot answers: labels in one list, scores in another."""
    return isinstance(result, dict) and "labels" in result


def entities(result: Json, _given: Json) -> Json:
    """Token classification, in the text's order; a text may well name nothing."""
    if not isinstance(result, list):
        raise WrongShape(f"{named(result)} where a list of entities belongs")
    return [_entity(item) for item in result]


def objects(result: Json, _given: Json) -> Json:
    """Object detection; an image may well show nothing that the model knows."""
    if not isinstance(result, list):
        raise WrongShape(f"{named(result)} where a list of objects belongs")
    return best_first([{**_label(item), "box": _box(item)} for item in result])


def answers(result: Json, _given: Json) -> Json:
    """Question answering: `{answer, score, start, end}`, or a list of them where `top_k` asked for more."""
    items = listed(result)
    if not items:
        raise WrongShape("a result without an answer")
    return best_first([_answer(item) for item in items])


def fillings(result: Json, _given: Json) -> Json:
    """Fill-mask: what may stand for the mask.

    A text with several masks is answered by a list for each of them in turn, and so it stays: a
    server scores each mask by itself, so there is no one order, and no whole text, to be told.
    """
    while isinstance(result, list) and len(result) == 1 and isinstance(result[0], list):
        result = result[0]
    if isinstance(result, list) and result and isinstance(result[0], list):
        return [_words(mask) for mask in result]
    return _words(result)


def ranks(result: Json, given: Json) -> Json:
    """Text ranking: each text by its place in the question, under "scores" in HF's container."""
    if isinstance(result, dict) and "scores" in result:
        result = result["scores"]
    texts = given.get("texts") if isinstance(given, dict) else None
    due = len(texts) if isinstance(texts, list) else 0
    if not isinstance(result, list):
        raise WrongShape(f"{named(result)} where a list of {due} ranks belongs")
    items = [_rank(item) for item in result]
    if {whole(item, "index") for item in items} != set(range(due)) or len(items) != due:
        raise WrongShape(f"ranks that do not name each of {due} texts once")
    return best_first(items)


def _label(item: Json) -> dict[str, Json]:
    given = fields(item, "label and score")
    return {"label": text(given, "label"), "score": number(given.get("score"))}


def _entity(item: Json) -> dict[str, Json]:
    given = fields(item, "an entity")
    kind = "entity_group" if given.get("entity_group") is not None else "entity"
    return {
        kind: text(given, kind),
        "score": number(given.get("score")),
        "word": text(given, "word"),
        "start": whole(given, "start"),
        "end": whole(given, "end"),
    }


def _box(item: Json) -> Json:
    box = fields(fields(item, "an object").get("box"), "a box")
    corners: dict[str, Json] = {name: box.get(name) for name in ("xmin", "ymin", "xmax", "ymax")}
    for value in corners.values():
        number(value)
    return corners


def _answer(item: Json) -> dict[str, Json]:
    given = fields(item, "an answer")
    return {
        "answer": text(given, "answer"),
        "score": number(given.get("score")),
        "start": whole(given, "start"),
        "end": whole(given, "end"),
    }


def _words(result: Json) -> Json:
    items = listed(result)
    if not items:
        raise WrongShape("a result without a word for the mask")
    return best_first([_word(item) for item in items])


def _word(item: Json) -> dict[str, Json]:
    given = fields(item, "a word for the mask")
    return {
        "sequence": text(given, "sequence"),
        "score": number(given.get("score")),
        "token": whole(given, "token"),
        "token_str": text(given, "token_str"),
    }


def _rank(item: Json) -> dict[str, Json]:
    given = fields(item, "index and score")
    return {"index": whole(given, "index"), "score": number(given.get("score"))}
