"""Shapes: from what servers answer to the one output of each task.

A single input gives one result and a list of n inputs a list of n, however
the server nests them. Everything else is a `WrongShape`. How one result is
read stands in `shape_items`, `shape_texts` and `shape_vectors`; the message of
a chat comes with an ending and is read in `chat`.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from resilient_infer.core.payload import Payload
from resilient_infer.core.task import Json
from resilient_infer.providers.shape_items import (
    answers,
    entities,
    fillings,
    is_parallel,
    judgement,
    labels,
    objects,
    ranks,
)
from resilient_infer.providers.shape_parts import WrongShape, named
from resilient_infer.providers.shape_texts import continuation, text_under, transcript
from resilient_infer.providers.shape_vectors import of_one_length, similarities, vector

__all__ = ["WrongShape", "read_output"]


class _Shape(NamedTuple):
    """How one task's answer is read.

    Attributes:
        is_result: Whether the first item of a list answers an input by itself, given how many inputs
            there were; if not, the list as a whole is one result.
        read: One input's result, from what the server sent for it and that input.
    """

    is_result: Callable[[Json, int], bool]
    read: Callable[[Json, Json], Json]


def read_output(task: str, body: Json, payload: Payload) -> Json:
    """The task's output: see the table in the README.

    Raises:
        WrongShape: The body is of another shape, or has another number of results than there were inputs.
    """
    shape = _SHAPES[task]
    inputs = payload.inputs
    if not isinstance(inputs, list):
        return shape.read(_split(body, 1, shape)[0], inputs)
    results = _split(body, len(inputs), shape)
    outputs = [shape.read(result, given) for result, given in zip(results, inputs, strict=True)]
    if shape.read is vector:
        of_one_length(outputs)
    return outputs


def _split(body: Json, due: int, shape: _Shape) -> list[Json]:
    """What the server sent for each of `due` inputs."""
    if isinstance(body, dict) and shape.read is vector and "embeddings" in body:
        body = body["embeddings"]  # sentence-transformers in Hugging Face's inference toolkit
    if isinstance(body, list) and body and shape.is_result(body[0], due):
        if len(body) != due:
            raise WrongShape(f"{len(body)} results for {due} input{'s' if due > 1 else ''}")
        return body
    if due == 1:
        return [body]
    raise WrongShape(f"{named(body)} where a list of {due} results belongs")


def _always(_first: Json, _due: int) -> bool:
    return True


def _if_nested(first: Json, _due: int) -> bool:
    return isinstance(first, list)


_SHAPES: Final[Mapping[str, _Shape]] = {
    # Without top_k a pipeline answers each of several inputs with one label, not nested.
    "text-classification": _Shape(lambda first, due: due > 1 or isinstance(first, list), labels),
    "zero-shot-classification": _Shape(
        lambda first, _due: isinstance(first, list) or is_parallel(first), judgement
    ),
    "token-classification": _Shape(_if_nested, entities),
    "question-answering": _Shape(_if_nested, answers),
    # Of one text a list of lists is one for each of its masks.
    "fill-mask": _Shape(lambda first, due: due > 1 and isinstance(first, list), fillings),
    "feature-extraction": _Shape(_if_nested, vector),
    "sentence-similarity": _Shape(_if_nested, similarities),
    "text-ranking": _Shape(_if_nested, ranks),
    "summarization": _Shape(_always, text_under("summary_text")),
    "translation": _Shape(_always, text_under("translation_text")),
    "text-generation": _Shape(_always, continuation),
    "image-classification": _Shape(_if_nested, labels),
    "object-detection": _Shape(_if_nested, objects),
    "image-to-text": _Shape(_always, text_under("generated_text")),
    "audio-classification": _Shape(_if_nested, labels),
    "automatic-speech-recognition": _Shape(_always, transcript),
}
