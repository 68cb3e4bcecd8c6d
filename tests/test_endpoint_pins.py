"""Inference Endpoints: the API that manages them says which commit the replicas run, if it can be known."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resilient_infer import Client, ConfigError, PinMismatch, Result
from resilient_infer.core.target import Pin
from resilient_infer.testing.sandbox import CutJson, Fault, Garbage, Hang, Refused, Sandbox, Server, Status
from resilient_infer.testing.sandbox.hub import Hub
from resilient_infer.testing.sandbox.hub.deployment import Deployment
from resilient_infer.transport.reach import ENDPOINTS_VARIABLE

from .models import SENTIMENT

KEY, KEY_VARIABLE = "hf_0123456789abcdef", "PROD_KEY"
OTHER = "f" * 40
DECLARED, ATTESTED = (Pin.DECLARED, False), (Pin.ATTESTED, True)


class Stage:
    """An Inference Endpoint, the API that manages it, and a client of the alias "it"."""

    def __init__(self, sandbox: Sandbox, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.server: Server = sandbox.serve(
            "hf-endpoint", name="prod", models=[SENTIMENT], key=KEY, key_env=KEY_VARIABLE
        )
        commit = self.server.models[SENTIMENT]
        self.endpoint: Deployment = hub.deploy("acme/prod", model=SENTIMENT, revision=commit)
        hub.token(KEY)
        self._sandbox, self._folder = sandbox, folder

    def client(self, policy: str = "refuse") -> Client:
        """A client with gates of its own; the caller closes it."""
        folder = self._sandbox.write(self._folder, {"it": SENTIMENT}, {"on_pin_mismatch": policy})
        manifest = folder / "models.yaml"
        text = manifest.read_text()
        named = f'"key_env": "{KEY_VARIABLE}"'
        assert named in text
        manifest.write_text(text.replace(named, f'{named}, "endpoint": "acme/prod"'))
        return Client(lockfiles=folder, private_state=True)

    def call(self, policy: str = "refuse") -> Result:
        """One call of a new client."""
        with self.client(policy) as client:
            return client.call("it", "I love it")


@pytest.fixture
def stage(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    with Hub() as hub:
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        monkeypatch.setenv(ENDPOINTS_VARIABLE, hub.endpoints_url)
        yield Stage(sandbox, hub, tmp_path / "lockfiles")


def deploys(endpoint: Deployment, revision: str) -> None:
    """Something else, all the way."""
    endpoint.update(revision)
    endpoint.settle()


def wants(endpoint: Deployment, replicas: int) -> None:
    """Another number of replicas than are ready."""
    endpoint.target = replicas


STATES: dict[str, tuple[Callable[[Deployment], None], tuple[Pin, bool]]] = {
    "running what is locked": (lambda endpoint: None, ATTESTED),
    "updating to another commit": (lambda endpoint: endpoint.update(OTHER), DECLARED),
    "updated and settled on a branch": (lambda endpoint: deploys(endpoint, "main"), DECLARED),
    "updated and settled on a short commit": (lambda endpoint: deploys(endpoint, OTHER[:7]), DECLARED),
    "running, with a replica missing": (lambda endpoint: wants(endpoint, 2), DECLARED),
    "running, with none wanted": (lambda endpoint: wants(endpoint, 0), DECLARED),
    "starting": (lambda endpoint: endpoint.start(), DECLARED),
    "paused": (lambda endpoint: endpoint.pause(), DECLARED),
    "scaled to zero": (lambda endpoint: endpoint.scale_to_zero(), DECLARED),
    "failed": (lambda endpoint: endpoint.fail(), DECLARED),
}


@pytest.mark.parametrize("state", STATES)
def test_only_what_every_replica_runs_is_attested(state: str, stage: Stage) -> None:
    change, (pin, said) = STATES[state]
    change(stage.endpoint)
    result = stage.call()

    assert result.pin is pin
    assert result.served_revision == (result.revision if said else None)
    assert [asked.path for asked in stage.hub.requests] == ["/v2/endpoint/acme/prod"]
    assert len(stage.server.requests) == 1


def test_a_failed_update_attests_nothing_for_old_replicas_answer(stage: Stage) -> None:
    stage.endpoint.update(OTHER)
    stage.endpoint.fail()
    assert stage.call().pin is Pin.DECLARED


def test_an_endpoint_on_another_commit_never_sees_the_payload(stage: Stage) -> None:
    deploys(stage.endpoint, OTHER)
    with pytest.raises(PinMismatch, match="but the server runs @fffffff"):
        stage.call()

    assert stage.server.requests == ()


def test_an_endpoint_on_another_commit_is_let_pass_and_told(stage: Stage) -> None:
    deploys(stage.endpoint, OTHER)
    result = stage.call("warn")

    assert (result.pin, result.served_revision) == (Pin.FLOATING, OTHER)
    assert [warning[-41:] for warning in result.warnings] == ["@" + "f" * 40]


SILENCES: dict[str, Fault | Refused] = {
    "refuses connections": Refused(),
    "answers 503": Status(code=503),
    "does not know the key": Status(code=401),
    "does not know the endpoint": Status(code=404),
    "answers nonsense": Garbage(),
    "is cut off": CutJson(),
    "hangs": Hang(),
}


@pytest.mark.parametrize("silence", SILENCES)
def test_without_the_management_api_the_answer_comes_and_nothing_is_claimed(
    silence: str, stage: Stage
) -> None:
    """Its failures say nothing of the endpoint: neither of its credential nor of its circuit."""
    stage.hub.fail(SILENCES[silence])
    with stage.client() as client:
        first, second = client.call("it", "I love it"), client.call("it", "I love it")

    assert [result.pin for result in (first, second)] == [Pin.DECLARED] * 2
    assert [record.identity for record in first.attempts] == [True, False]
    assert [record.identity for record in second.attempts] == [False], "it is not asked with each call"
    assert first.elapsed < 4


def test_the_key_goes_to_no_other_machine_over_plain_http(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINTS_VARIABLE, "http://192.0.2.1/v2")
    with pytest.raises(ConfigError, match="over plain http to another machine") as raised:
        stage.call()

    assert ENDPOINTS_VARIABLE in str(raised.value)
    assert KEY not in str(raised.value)
    assert stage.server.requests == ()
