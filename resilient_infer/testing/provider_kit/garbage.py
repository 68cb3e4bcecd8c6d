"""Garbage: what callers and servers may send, for Hypothesis to draw from.

Random JSON hardly ever gets past a codec's first question, so most answers are
golden ones with one place bent.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from hypothesis import strategies as st

from resilient_infer.core.http import HttpResponse
from resilient_infer.core.payload import Payload
from resilient_infer.core.task import TASKS, Json
from resilient_infer.errors import PayloadRefused
from resilient_infer.providers.payload import normalise
from resilient_infer.testing.provider_kit.goldens import RECEIVED_AT, Golden

_Path = tuple[str | int, ...]

_STATUSES: Final = (200, 200, 200, 201, 204, 302, 400, 401, 402, 403, 404, 413, 422, 424, 429, 500, 503, 529)
_HEADERS: Final = (
    "content-type",
    "date",
    "location",
    "ratelimit",
    "retry-after",
    "retry-after-ms",
    "x-error-code",
    "x-inference-provider",
    "x-ratelimit-reset-tokens",
    "x-request-id",
    "x-should-retry",
)
_PARAMETERS: Final = (
    "aggregation_strategy",
    "candidate_labels",
    "dimensions",
    "do_sample",
    "encoding_format",
    "function_to_apply",
    "logprobs",
    "max_length",
    "max_new_tokens",
    "max_tokens",
    "normalize",
    "prompt_name",
    "raw_scores",
    "response_format",
    "return_full_text",
    "return_timestamps",
    "seed",
    "stop",
    "temperature",
    "tools",
    "top_k",
    "top_p",
    "truncate",
)

_TYPICAL: Final[tuple[Json, ...]] = (None, True, -1, 0.5, 3, "text", ["a", "b"], {"a": 1}, [None], [[]])

_ODD: Final[tuple[Json, ...]] = (float("nan"), float("inf"), 0, 10**400, "", "\ud800", [], {})

_numbers = st.integers() | st.just(10**400) | st.floats(allow_nan=False, allow_infinity=False)
_latin = st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))
PLAIN = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON value."""

LENIENT = PLAIN | st.sampled_from([float("nan"), float("inf"), float("-inf")])
"""Any JSON value as Python's servers send it."""


def payloads(golden: Golden) -> "st.SearchStrategy[Payload | None]":
    """Payloads like a golden one with any inputs and parameters; None where no call lets them through."""
    names = st.sampled_from(_PARAMETERS) | st.text(max_size=12)
    parameters = st.dictionaries(names, PLAIN, max_size=3)
    return st.builds(_payload, st.just(golden), st.none() | _inputs(golden.payload), parameters)


def single_parameters(golden: Golden) -> "Iterator[Payload | None]":
    """A golden payload with each well-known parameter set to each type of value."""
    for name, value in product(_PARAMETERS, _TYPICAL):
        yield _payload(golden, None, {name: value})


def answers(body: Json | bytes) -> "st.SearchStrategy[HttpResponse]":
    """Whatever a server may send where a golden answer was expected."""
    whole = body if isinstance(body, bytes) else json.dumps(body).encode()
    bodies = st.binary(max_size=60) | LENIENT.map(_encoded)
    bodies |= st.integers(0, len(whole)).map(lambda end: whole[:end])
    if not isinstance(body, bytes):
        bodies = st.one_of(bent(body).map(_encoded), bent(body).map(_encoded), bodies)
    return st.builds(
        HttpResponse,
        status=st.sampled_from(_STATUSES) | st.integers(100, 599),
        headers=st.dictionaries(st.sampled_from(_HEADERS), _latin | st.integers().map(str), max_size=3),
        body=bodies,
        framed=st.booleans(),
        received_at=st.just(RECEIVED_AT),
    )


def bent(body: Json) -> "st.SearchStrategy[Json]":
    """The same JSON with one place replaced or taken out."""
    paths = st.sampled_from(list(_paths(body)))
    changed = st.builds(replaced, st.just(body), paths, LENIENT)
    return changed | paths.map(lambda path: _without(body, path))


def each_bent(body: Json) -> Iterator[Json]:
    """The same JSON with each place taken out, and with each type of value in its stead."""
    for path in _paths(body):
        yield _without(body, path)
        yield from (replaced(body, path, value) for value in (*_TYPICAL, *_ODD))


def leaves(body: Json) -> Iterator[tuple[_Path, str]]:
    """Each string in it, with the way there."""
    for path in _paths(body):
        value = _at(body, path)
        if isinstance(value, str):
            yield path, value


def replaced(body: Json, path: _Path, value: Json) -> Json:
    """A copy with another value in one place."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(body, list):
        return [replaced(each, rest, value) if at == first else each for at, each in enumerate(body)]
    assert isinstance(body, dict)
    return {key: replaced(each, rest, value) if key == first else each for key, each in body.items()}


def _without(body: Json, path: _Path) -> Json:
    """A copy with one place taken out; null if it was all there is."""
    if not path:
        return None
    holder = _at(body, path[:-1])
    if isinstance(holder, list):
        return replaced(body, path[:-1], [each for at, each in enumerate(holder) if at != path[-1]])
    assert isinstance(holder, dict)
    return replaced(body, path[:-1], {key: each for key, each in holder.items() if key != path[-1]})


def _paths(body: Json) -> Iterator[_Path]:
    """The way to each place, from the outside in."""
    yield ()
    if isinstance(body, dict):
        for key, value in body.items():
            yield from ((key, *rest) for rest in _paths(value))
    elif isinstance(body, list):
        for at, value in enumerate(body[:20]):
            yield from ((at, *rest) for rest in _paths(value))


def _at(body: Json, path: _Path) -> Json:
    for key in path:
        body = body[key]  # type: ignore[index]  # the path was found in this body
    return body


def _encoded(body: Json) -> bytes:
    return json.dumps(body).encode()


def _inputs(payload: object) -> "st.SearchStrategy[object]":
    given = payload.get("inputs") if isinstance(payload, Mapping) else payload
    match given:
        case str() | list():
            return st.text(max_size=20) | st.lists(st.text(max_size=10), min_size=1, max_size=3)
        case bytes():
            return st.binary(min_size=1, max_size=40)
        case _:
            return st.none()


def _payload(golden: Golden, inputs: object, parameters: Mapping[str, Json]) -> Payload | None:
    given: dict[str, object]
    given = dict(golden.payload) if isinstance(golden.payload, Mapping) else {"inputs": golden.payload}
    if inputs is not None:
        given["inputs"] = inputs
    own = given.get("parameters")
    given["parameters"] = {**(own if isinstance(own, Mapping) else {}), **parameters}
    try:
        return normalise(TASKS[golden.task], given)
    except PayloadRefused:
        return None
