"""One Hub and one client of each version for all tests of this folder; each test has repos of its own."""

from collections.abc import Iterator
from itertools import count

import pytest

from resilient_infer.testing.sandbox.hub import ANONYMOUS, Hub, Look, Repo
from tests.testing.hub.client import Client, Stage, interpreters

_NUMBERS = count(1)


@pytest.fixture(scope="session", params=interpreters())
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Hub(page=3) as hub:
        client = Client(request.param, hub, tmp_path_factory.mktemp("home"))
        yield Stage(hub, client)
        client.close()


@pytest.fixture
def hub(stage: Stage) -> Iterator[Hub]:
    stage.hub.forget()
    yield stage.hub
    stage.hub.heal()
    stage.hub.limit(ANONYMOUS)


@pytest.fixture
def client(stage: Stage) -> Client:
    return stage.client


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name no other test uses."""
    return f"acme/{next(_NUMBERS)}-{request.node.originalname.removeprefix('test_')[:60]}"


@pytest.fixture
def repo(hub: Hub, name: str) -> Repo:
    return hub.model(name, Look(labels=("BAD", "GOOD")))


@pytest.fixture
def bare() -> Iterator[Hub]:
    """A Hub of the test's own, without a client."""
    with Hub() as made:
        yield made
