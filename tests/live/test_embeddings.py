"""Sentence embeddings: all-MiniLM-L6-v2 behind the tests' own server and behind infinity."""

import math
from typing import Any

import pytest

from resilient_infer import Client
from resilient_infer.core.target import Pin
from resilient_infer.errors import AllTargetsFailed
from tests.live.conftest import MakeClient
from tests.live.lockfiles import ALIAS
from tests.live.serving import Server

pytestmark = pytest.mark.live

SEA = "The sea is calm today."
CLOSE = "There are hardly any waves on the water."
FAR = "Please send the invoice to our accountant."
WIDTH = 384
NEAR_ENOUGH = 1e-5
"""How far two numbers of one vector may be apart: a batch is padded, and adds up in another order."""


@pytest.fixture(params=["our_embeddings", "infinity"])
def server(request: pytest.FixtureRequest) -> Server:
    given = request.getfixturevalue(request.param)
    assert isinstance(given, Server)
    return given


def client_of(make_live: MakeClient, server: Server, dimension: int | None = WIDTH) -> Client:
    contract = {} if dimension is None else {"contract": {"dimension": dimension}}
    pinned = {"model": "acme/minilm", "revision": "c" * 40, **contract}
    return make_live(server, kind="openai", task="feature-extraction", locked=pinned)


def vectors(client: Client, payload: Any) -> list[list[float]]:
    output = client.call(ALIAS, payload).output
    assert isinstance(output, list)
    return output  # type: ignore[return-value]  # the shape of the task, which `apart` would trip over


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))


def apart(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_a_text_gives_the_vector_that_the_lock_foresees(server: Server, make_live: MakeClient) -> None:
    """The server proves no commit, so the pin is what the lock declares."""
    result = client_of(make_live, server).call(ALIAS, {"inputs": SEA})

    assert isinstance(result.output, list)
    assert len(result.output) == WIDTH
    assert all(type(number) is float for number in result.output)
    assert (result.pin, result.served_revision) == (Pin.DECLARED, None)
    assert result.served_model == "acme/minilm"


def test_vectors_of_another_length_than_the_locked_one_are_no_answer(
    server: Server, make_live: MakeClient
) -> None:
    with pytest.raises(AllTargetsFailed, match="384") as failed:
        client_of(make_live, server, 768).call(ALIAS, {"inputs": SEA})

    assert failed.value.last is not None
    assert failed.value.last.outcome == "wrong shape"


def test_base64_and_lists_are_the_same_numbers(server: Server, make_live: MakeClient) -> None:
    """Sent is base64 unless the payload says otherwise."""
    client = client_of(make_live, server)
    packed = client.call(ALIAS, {"inputs": SEA})
    plain = client.call(ALIAS, {"inputs": SEA, "parameters": {"encoding_format": "float"}})

    assert isinstance(packed.raw["data"][0]["embedding"], str)  # type: ignore[index,call-overload]  # JSON
    assert isinstance(plain.raw["data"][0]["embedding"], list)  # type: ignore[index,call-overload]  # JSON
    assert apart(packed.output, plain.output) < NEAR_ENOUGH  # type: ignore[arg-type]  # vectors


def test_a_list_of_texts_gives_their_vectors_in_order(server: Server, make_live: MakeClient) -> None:
    client = client_of(make_live, server)
    texts = [FAR, SEA, CLOSE, SEA]
    together = vectors(client, {"inputs": texts})
    alone = [client.call(ALIAS, {"inputs": text}).output for text in texts]

    for batched, single in zip(together, alone, strict=True):
        assert apart(batched, single) < NEAR_ENOUGH  # type: ignore[arg-type]  # a vector


def test_sentences_that_mean_the_same_lie_closer_than_others(server: Server, make_live: MakeClient) -> None:
    sea, close, far = vectors(client_of(make_live, server), {"inputs": [SEA, CLOSE, FAR]})

    assert cosine(sea, close) > cosine(sea, far) + 0.2


def test_normalize_gives_unit_length(server: Server, make_live: MakeClient) -> None:
    payload = {"inputs": [SEA, FAR], "parameters": {"normalize": True}}
    for vector in vectors(client_of(make_live, server), payload):
        assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-6)


def test_both_servers_agree(our_embeddings: Server, infinity: Server, make_live: MakeClient) -> None:
    """One model, two servers, one vector."""
    payload = {"inputs": [SEA], "parameters": {"normalize": True}}
    ours, theirs = (vectors(client_of(make_live, each), payload)[0] for each in (our_embeddings, infinity))

    assert cosine(ours, theirs) > 0.999
