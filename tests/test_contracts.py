"""What falling back keeps, over real sockets: the words of labels, the space of vectors, their length."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resilient_infer import AllTargetsFailed, CallError, Client
from resilient_infer.events import Event, RouteSkipped
from resilient_infer.testing.sandbox import Model, Sandbox, Served, Server, Status

from .models import EMBEDDING, SENTIMENT

OTHER_WORDS = Model(name="acme/stars", task="text-classification", labels=("LABEL_0", "LABEL_1"))
OTHER_SPACE = Model(name="acme/embed", task="feature-extraction", dimension=384)
LOCKED_LABELS = 'labels: ["NEGATIVE", "POSITIVE"]'
OTHER_LABELS = 'labels: ["LABEL_0", "LABEL_1"]'

Contracts = dict[str, str]
MakeAlias = Callable[..., Client]


@pytest.fixture
def alias(sandbox: Sandbox, tmp_path: Path, bare_environment: Path) -> Any:
    """Make a client whose alias "it" is locked with contracts: `alias(targets, {model: contract}, …)`."""
    made: list[Client] = []

    def make(
        targets: list[Served],
        contracts: Contracts,
        *,
        changes: tuple[tuple[str, str], ...] = (),
        **arguments: Any,
    ) -> Client:
        folder = sandbox.write(tmp_path / "lockfiles", {"it": targets}, {"retries": 1})
        manifest, lock = folder / "models.yaml", folder / "models.lock.yaml"
        text = manifest.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        manifest.write_text(text)
        text = lock.read_text()
        for model, contract in contracts.items():
            start, found, rest = text.partition(f'- model: "{model}"')
            assert found
            revision = next(line for line in rest.splitlines() if "revision:" in line)
            rest = rest.replace(revision, f"{revision}\n        contract: {{{contract}}}", 1)
            text = start + found + rest
        lock.write_text(text)
        client = Client(lockfiles=folder, private_state=True, **arguments)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close(cancel=True)


def both(first: Server, second: Server) -> list[Served]:
    """A target of the one model of each."""
    return [Served(model=next(iter(server.models)), by=(server,)) for server in (first, second)]


@pytest.fixture
def classifiers(sandbox: Sandbox) -> tuple[Server, Server]:
    """A server that fails, and one with a model of other labels."""
    first = sandbox.serve("hf-inference", name="first", models=[SENTIMENT])
    second = sandbox.serve("tei", name="second", models=[OTHER_WORDS])
    first.fail(Status(code=500))
    return first, second


@pytest.fixture
def embedders(sandbox: Sandbox) -> tuple[Server, Server]:
    """A server that fails, and one with other weights of the same dimension."""
    first = sandbox.serve("tei", name="first", models=[EMBEDDING])
    second = sandbox.serve("tei", name="second", models=[OTHER_SPACE])
    first.fail(Status(code=500), model=EMBEDDING)
    return first, second


LOCKED = {SENTIMENT: LOCKED_LABELS, "acme/stars": OTHER_LABELS}
SAME_LENGTH = {EMBEDDING: "dimension: 384", "acme/embed": "dimension: 384"}


def mapped(mapping: str, model: str = "acme/stars") -> tuple[str, str]:
    """A label map at the target of a model."""
    return f'{{"model": "{model}"', f'{{"labels": {mapping}, "model": "{model}"'


ANYTHING = ('  "it":\n', '  "it":\n    fallback: any\n')
"""`fallback: any` at the alias."""


# Labels


@pytest.mark.parametrize("texts", ["I love it", ["I love it", "I hate it"]])
def test_a_fallback_s_labels_come_out_in_the_words_of_the_first_target(
    texts: Any, alias: MakeAlias, classifiers: tuple[Server, Server]
) -> None:
    client = alias(
        both(*classifiers), LOCKED, changes=(mapped('{"LABEL_0": "NEGATIVE", "LABEL_1": "POSITIVE"}'),)
    )
    result = client.call("it", texts)

    answers: Any = result.output if isinstance(texts, list) else [result.output]
    best = [answer[0]["label"] for answer in answers]
    assert best == ["POSITIVE", "NEGATIVE"][: len(best)]
    assert {item["label"] for answer in answers for item in answer} == {"NEGATIVE", "POSITIVE"}
    assert "LABEL_1" in str(result.raw), "what the server said stays as it was"
    assert (result.model, result.pin) == ("acme/stars", "attested")


def test_a_fallback_with_other_labels_and_no_map_is_passed_over(
    alias: MakeAlias, classifiers: tuple[Server, Server]
) -> None:
    events: list[Event] = []
    client = alias(both(*classifiers), LOCKED, listeners=[events.append])
    with pytest.raises(AllTargetsFailed) as raised:
        client.call("it", "I love it")

    assert classifiers[1].requests == ()
    told = 'it answers "LABEL_0", "LABEL_1", where the first target answers "NEGATIVE", "POSITIVE"'
    assert told in next(record.reason for record in raised.value.attempts if not record.number)
    assert any(isinstance(event, RouteSkipped) and told in event.reason for event in events)


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ('{"LABEL_0": "NEGATIVE"}', 'leaves out "LABEL_1"'),
        ('{"LABEL_0": "NEGATIVE", "LABEL_1": "POSITVE"}', 'ends in "POSITVE"'),
    ],
)
@pytest.mark.parametrize("any_way", [False, True])
def test_a_broken_map_passes_nobody(
    mapping: str, why: str, any_way: bool, alias: MakeAlias, classifiers: tuple[Server, Server]
) -> None:
    """Also not with `fallback: any`: whoever writes a map means it."""
    changes = (mapped(mapping), ANYTHING) if any_way else (mapped(mapping),)
    client = alias(both(*classifiers), LOCKED, changes=changes)
    with pytest.raises(AllTargetsFailed) as raised:
        client.call("it", "I love it")

    assert classifiers[1].requests == ()
    assert why in str([record.reason for record in raised.value.attempts])


def test_a_label_that_nobody_knew_of_is_no_answer(alias: MakeAlias, sandbox: Sandbox) -> None:
    """The lock names no labels, so the map could not be checked; the first answer shows that it is wrong."""
    first = sandbox.serve("hf-inference", name="first", models=[SENTIMENT])
    second = sandbox.serve("tei", name="second", models=[OTHER_WORDS])
    first.fail(Status(code=500))
    client = alias(
        both(first, second), {}, changes=(mapped('{"LABEL_0": "NEGATIVE", "Label_1": "POSITIVE"}'),)
    )
    with pytest.raises(AllTargetsFailed, match="a label that the alias's map does not know") as raised:
        client.call("it", "I love it")

    assert raised.value.attempts[-1].outcome == "wrong shape"


def test_any_lets_other_labels_pass_as_they_are(alias: MakeAlias, classifiers: tuple[Server, Server]) -> None:
    output: Any = alias(both(*classifiers), LOCKED, changes=(ANYTHING,)).call("it", "I love it").output
    assert [item["label"] for item in output] == ["LABEL_1", "LABEL_0"]


# Vectors


def test_vectors_are_never_made_by_another_model(alias: MakeAlias, embedders: tuple[Server, Server]) -> None:
    with pytest.raises(CallError) as raised:
        alias(both(*embedders), SAME_LENGTH).call("it", "Hello")

    assert embedders[1].requests == ()
    told = str([record.reason for record in raised.value.attempts])
    assert f"its vectors are of another model than the first target's, {EMBEDDING}" in told


def test_any_lets_vectors_of_another_model_pass(alias: MakeAlias, embedders: tuple[Server, Server]) -> None:
    result = alias(both(*embedders), SAME_LENGTH, changes=(ANYTHING,)).call("it", "Hello")

    assert (result.model, result.pin) == ("acme/embed", "attested")
    assert result.fallback is not None
    assert isinstance(result.output, list)
    assert len(result.output) == 384


@pytest.mark.parametrize("texts", ["Hello", ["Hello", "Goodbye"]])
def test_a_vector_of_another_length_than_the_locked_one_is_no_answer(
    texts: Any, alias: MakeAlias, sandbox: Sandbox
) -> None:
    server = sandbox.serve("hf-inference", name="first", models=[EMBEDDING])
    client = alias([Served(model=EMBEDDING, by=(server,))], {EMBEDDING: "dimension: 1024"})
    with pytest.raises(AllTargetsFailed, match="a vector of 384 numbers, where 1024 are locked") as raised:
        client.call("it", texts)

    assert {record.outcome for record in raised.value.attempts} == {"wrong shape"}


def test_another_server_of_the_same_model_answers_in_place_of_one_with_a_wrong_length(
    alias: MakeAlias, sandbox: Sandbox
) -> None:
    """One that has loaded something else under the same name, and says nothing of its commit."""
    short = Model(name=EMBEDDING, task="feature-extraction", dimension=64)
    wrong = sandbox.serve("tei", name="first", models=[short], reports=None)
    right = sandbox.serve("tei", name="second", models=[EMBEDDING])
    client = alias([Served(model=EMBEDDING, by=(wrong, right))], {EMBEDDING: "dimension: 384"})
    result = client.call("it", "Hello")

    assert (result.route, result.pin) == (f"second:{EMBEDDING}", "attested")
    assert [record.outcome for record in result.attempts if not record.identity] == ["wrong shape", "success"]
