"""Embeddings: `POST {base}/embeddings`, a vector for each text.

Sent is `encoding_format: base64`, which OpenAI's own client libraries send
too: less than half of the bytes, and less work to decode. Servers that do not
know it answer with lists (SGLang, LM Studio, infinity and text-embeddings-inference
of 2024), so both are read.
"""

import sys
from array import array
from binascii import a2b_base64
from math import isfinite, sqrt
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import FailureKind, Outcome
from resilient_infer.core.payload import Payload
from resilient_infer.core.task import Json
from resilient_infer.providers import shape_vectors
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.choices import answered, fields_of
from resilient_infer.providers.failure import failed
from resilient_infer.providers.foreign import native
from resilient_infer.providers.indexed import by_index
from resilient_infer.providers.parameters import FEATURES
from resilient_infer.providers.shape_vectors import of_one_length
from resilient_infer.providers.shapes import WrongShape

PATH: Final = "/embeddings"

_FLOAT32: Final = 4
"""Bytes of one number in base64."""


def write_embeddings(attempt: Attempt) -> dict[str, Json]:
    """The body but for the model's name.

    `normalize: true` is not sent but done when the answer is read: some servers give vectors of
    unit length (OpenAI, llama.cpp), some as the model's configuration says (vLLM, SGLang).

    Raises:
        Unfit: The payload has a parameter that embeddings have not, or asks for raw vectors,
            which no server of the protocol promises.
    """
    given = native(FEATURES, attempt.payload.parameters)
    wish = given.pop("normalize", None)
    if wish is not None and wish is not True:
        raise Unfit("OpenAI's embeddings cannot be asked for without normalize")
    return {"input": attempt.payload.inputs, **given}


def read_embeddings(attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
    """The vectors in the order of the inputs, all of one length, and of the length that was asked for."""
    try:
        output = _vectors(attempt.payload, body)
    except WrongShape as error:
        reason = f"the answer is no {FEATURES}: {error}"
        return failed(FailureKind.WRONG_SHAPE, reason, response, attempt.secret)
    return answered(attempt, response, body, output)


def _vectors(payload: Payload, body: Json) -> Json:
    items = fields_of(body).get("data")
    if not isinstance(items, list):
        raise WrongShape("it has no data")
    inputs = payload.inputs
    due = len(inputs) if isinstance(inputs, list) else 1
    vectors = [_vector(item.get("embedding")) for item in by_index(list(map(fields_of, items)), due=due)]
    of_one_length(vectors)
    asked = payload.parameters.get("dimensions")
    if type(asked) is int:
        _check_length(vectors, asked)
    if payload.parameters.get("normalize"):
        vectors = [_unit(vector) for vector in vectors]
    return vectors if isinstance(inputs, list) else vectors[0]


def _vector(row: Json) -> Json:
    """One vector, in whichever form it was sent, as a list that is nobody else's.

    What comes out of base64 is floats and needs no look at the types; the sum shows a NaN or Infinity.
    """
    if not isinstance(row, str):
        return shape_vectors.vector(row)
    numbers = _decoded(row)
    return list[Json](numbers) if numbers and isfinite(sum(numbers)) else shape_vectors.vector([*numbers])


def _decoded(text: str) -> list[float]:
    """The little-endian float32 numbers in a base64 text."""
    try:
        raw = a2b_base64(text, strict_mode=True)
    except ValueError:
        raise WrongShape("a text that is no base64 where a vector belongs") from None
    if len(raw) % _FLOAT32:
        raise WrongShape(f"{len(raw)} bytes where numbers of {_FLOAT32} bytes belong")
    numbers = array("f", raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _check_length(vectors: list[Json], asked: int) -> None:
    """Refuse vectors of another length than was asked for: some servers do not know `dimensions`."""
    for vector in vectors:
        if isinstance(vector, list) and len(vector) != asked:
            raise WrongShape(f"a vector of {len(vector)} numbers, where {asked} are asked for")


def _unit(vector: Json) -> Json:
    """The vector at unit length; one without a direction stays as it is."""
    numbers = [number for number in vector if isinstance(number, float)] if isinstance(vector, list) else []
    # By the largest first: the square of a large number is beyond all bounds, of a small one 0.
    largest = max(map(abs, numbers), default=0.0)
    if not largest:
        return vector
    scaled = [number / largest for number in numbers]
    length = sqrt(sum(number * number for number in scaled))
    return [number / length for number in scaled]
