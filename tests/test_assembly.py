"""Manifest, lock, variables and arguments put together: what a client calls, and with which key."""

import math
import threading
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer import (
    AliasNotLocked,
    AllTargetsFailed,
    AuthFailed,
    Client,
    ConfigError,
    DeadlineExceeded,
    NotAdmitted,
    StaleLock,
)
from resilient_infer.assembly import LONGEST_DEADLINE, Assembly
from resilient_infer.core.secret import Secret
from resilient_infer.testing.sandbox import Hang, Sandbox, Server, Status

from .conftest import MakeClient
from .models import SENTIMENT, SENTIMENT_2

KEY, OTHER_KEY = "hf_0123456789abcdef", "hf_fedcba9876543210"


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    """A server that takes any key and none."""
    return sandbox.serve("hf-inference", name="ours", models=[SENTIMENT, SENTIMENT_2])


@pytest.fixture
def folder(sandbox: Sandbox, server: Server, tmp_path: Path, bare_environment: Path) -> Path:
    """Lockfiles of the alias "sentiment"."""
    return sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT})


def manifest_of(server: Server, *, extra: str = "", models: str = "") -> str:
    return (
        f"version: 1\nproviders:\n  ours: {{kind: hf-inference, url: {server.url!r}{extra}}}\nmodels:\n"
        + (models or f"  sentiment:\n    task: text-classification\n    targets: [{target_of(SENTIMENT)}]\n")
    )


def target_of(model: str) -> str:
    return f"{{model: {model}, routes: [ours]}}"


def keys_seen(server: Server) -> list[str | None]:
    return [request.headers.get("authorization") for request in server.requests]


# Lock modes


def test_locked_is_the_default_and_gives_the_locked_commit(folder: Path, server: Server) -> None:
    with Client(lockfiles=folder, private_state=True) as client:
        result = client.call("sentiment", "I love it")

    assert (result.revision, result.pin) == (server.models[SENTIMENT], "declared")


def test_locked_needs_a_lock_that_agrees(folder: Path, server: Server) -> None:
    lock = folder / "models.lock.yaml"
    text = lock.read_text()
    lock.write_text(text.replace("requested: main", "requested: v2"))
    with Client(lockfiles=folder) as client, pytest.raises(StaleLock, match=r"sentiment is stale"):
        client.call("sentiment", "I love it")
    lock.unlink()
    with Client(lockfiles=folder) as client, pytest.raises(AliasNotLocked, match="there is no lock file"):
        client.call("sentiment", "I love it")

    assert server.requests == ()


def test_frozen_calls_what_the_lock_alone_tells(folder: Path, bare_environment: Path) -> None:
    (folder / "models.yaml").unlink()

    spec = assembled(folder, "frozen", {"HF_TOKEN": KEY}).alias_spec("sentiment")

    (route,) = spec.targets[0].routes
    assert route.route.endpoint.url == "https://router.huggingface.co/hf-inference"
    assert (spec.targets[0].target.model, route.secret) == (SENTIMENT, Secret(KEY))
    with Client(lockfiles=folder) as client, pytest.raises(AliasNotLocked, match="the manifest is missing"):
        client.call("sentiment", "I love it")


def test_frozen_uses_the_manifest_if_it_is_there(folder: Path, server: Server) -> None:
    with Client(lockfiles=folder, lock_mode="frozen", private_state=True) as client:
        assert client.call("sentiment", "I love it").route == f"ours:{SENTIMENT}"


def test_off_pins_nothing_and_says_so_once_where_the_client_is_made(folder: Path, server: Server) -> None:
    (folder / "models.lock.yaml").write_text("this is no lock: [")

    with pytest.warns(UserWarning, match='lock_mode="off": nothing is pinned') as told:
        client = Client(lockfiles=folder, lock_mode="off", private_state=True)
    with client:
        results = [client.call("sentiment", "I love it") for _ in range(3)]

    assert [Path(warning.filename) for warning in told] == [Path(__file__)]
    assert {(result.revision, result.pin) for result in results} == {(None, "floating")}


def test_the_mode_may_come_from_a_variable_and_the_argument_goes_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESILIENT_INFER_LOCK_MODE", "off")
    with pytest.warns(UserWarning, match="nothing is pinned"):
        Client(lockfiles=folder).close()
    Client(lockfiles=folder, lock_mode="locked").close()

    monkeypatch.setenv("RESILIENT_INFER_LOCK_MODE", "of")
    with pytest.raises(
        ConfigError, match='RESILIENT_INFER_LOCK_MODE is one of locked, frozen, off, not "of"'
    ):
        Client(lockfiles=folder)
    mode: Any = "LOCKED"
    with pytest.raises(ConfigError, match='lock_mode is one of locked, frozen, off, not "LOCKED"'):
        Client(lockfiles=folder, lock_mode=mode)


def assembled(folder: Path, mode: str, environ: Mapping[str, str]) -> Assembly:
    """An assembly whose variables are the test's own."""
    assembly = Assembly.load(lockfiles=folder, environment=None, lock_mode=mode, private_state=True)
    assembly._environ = environ
    return assembly


# Environments


@pytest.fixture
def prod(folder: Path, server: Server) -> Path:
    """The same folder with an environment in which "sentiment" is another model."""
    with open(folder / "models.yaml", "a") as manifest:
        manifest.write(
            "  other:\n    task: text-classification\n"
            f"    targets: [{target_of(SENTIMENT)}]\n"
            "environments:\n  prod:\n    sentiment:\n      task: text-classification\n"
            f"      targets: [{target_of(SENTIMENT_2)}]\n"
        )
    lock = (folder / "models.lock.yaml").read_text()
    entry = lock.partition('  "sentiment":')[2]
    (folder / "models.lock.yaml").write_text(f'{lock}  "other":{entry}')
    (folder / "models.prod.lock.yaml").write_text(
        lock.replace(SENTIMENT, SENTIMENT_2).replace(server.models[SENTIMENT], server.models[SENTIMENT_2])
    )
    return folder


def test_an_environment_replaces_its_aliases_and_falls_through_for_the_rest(
    prod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def models() -> list[str | None]:
        with Client(lockfiles=prod, private_state=True) as client:
            return [client.call(alias, "I love it").model for alias in ("sentiment", "other")]

    assert models() == [SENTIMENT, SENTIMENT]
    monkeypatch.setenv("RESILIENT_INFER_ENV", "prod")
    assert models() == [SENTIMENT_2, SENTIMENT]
    with Client(lockfiles=prod, environment="prod", private_state=True) as client:
        assert client.call("sentiment", "I love it").model == SENTIMENT_2


def test_an_environment_that_is_unknown_is_told_by_name(prod: Path) -> None:
    with pytest.raises(ConfigError, match=r'prd.*did you mean "prod"'):
        Client(lockfiles=prod, environment="prd")


# Keys


def test_the_token_of_the_hub_is_looked_for_where_the_hub_s_tools_do(
    folder: Path, server: Server, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token order: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the file at HF_TOKEN_PATH or `$HF_HOME/token`."""
    (folder / "models.yaml").write_text(manifest_of(server, extra=", key_env: HF_TOKEN"))
    hub, named = bare_environment / "hf" / "token", bare_environment / "named"
    hub.parent.mkdir()
    hub.write_text("hf_in_the_home_folder_1\n")
    named.write_text("hf_in_the_named_file_2\n")
    with Client(lockfiles=folder, private_state=True) as client:
        for name, value in (
            ("HF_TOKEN_PATH", str(named)),
            ("HUGGING_FACE_HUB_TOKEN", "hf_in_the_old_variable_3"),
            ("HF_TOKEN", " hf_in_the_variable_4\n"),
        ):
            client.call("sentiment", "I love it")
            monkeypatch.setenv(name, value)
        client.call("sentiment", "I love it")

    assert keys_seen(server) == [
        "Bearer hf_in_the_home_folder_1",
        "Bearer hf_in_the_named_file_2",
        "Bearer hf_in_the_old_variable_3",
        "Bearer hf_in_the_variable_4",
    ]


def test_a_token_file_that_changes_takes_effect_with_the_next_call(
    folder: Path, server: Server, bare_environment: Path
) -> None:
    (folder / "models.yaml").write_text(manifest_of(server, extra=", key_env: HF_TOKEN"))
    file = bare_environment / "hf" / "token"
    file.parent.mkdir()
    with Client(lockfiles=folder, private_state=True) as client:
        for key in (KEY, OTHER_KEY):
            file.write_text(key)
            client.call("sentiment", "I love it")
        file.unlink()
        with pytest.raises(
            AuthFailed, match=r'HF_TOKEN .* is not set, and "hf auth login" has left no token'
        ):
            client.call("sentiment", "I love it")

    assert keys_seen(server) == [f"Bearer {KEY}", f"Bearer {OTHER_KEY}"]


def test_another_variable_is_never_filled_from_the_hub_s(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "models.yaml").write_text(manifest_of(server, extra=", key_env: OUR_KEY"))
    monkeypatch.setenv("HF_TOKEN", KEY)

    with Client(lockfiles=folder, private_state=True) as client, pytest.raises(AuthFailed, match="OUR_KEY"):
        client.call("sentiment", "I love it")

    assert server.requests == ()


def test_a_key_that_is_set_later_takes_effect_at_once(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "models.yaml").write_text(manifest_of(server, extra=", key_env: OUR_KEY"))
    with Client(lockfiles=folder, private_state=True) as client:
        for blank in (None, "", "  \n"):
            if blank is not None:
                monkeypatch.setenv("OUR_KEY", blank)
            with pytest.raises(AuthFailed, match=r"OUR_KEY .*is not set"):
                client.call("sentiment", "I love it")
        monkeypatch.setenv("OUR_KEY", KEY)
        client.call("sentiment", "I love it")
        monkeypatch.delenv("OUR_KEY")
        with pytest.raises(AuthFailed):
            client.call("sentiment", "I love it")

    assert keys_seen(server) == [f"Bearer {KEY}"]


def test_a_rotated_key_is_another_credential(
    sandbox: Sandbox, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sandbox.serve("hf-inference", models=[SENTIMENT], key=KEY, key_env="OUR_KEY")
    client = make_client({"sentiment": SENTIMENT})
    monkeypatch.setenv("OUR_KEY", OTHER_KEY)

    with pytest.raises(AuthFailed, match="HTTP 401"):
        client.call("sentiment", "I love it")
    with pytest.raises(NotAdmitted, match="HTTP 401"):
        client.call("sentiment", "I love it")
    assert len(server.requests) == 1
    monkeypatch.setenv("OUR_KEY", KEY)
    assert client.call("sentiment", "I love it").attempts[0].outcome == "success"


def test_a_missing_key_only_takes_its_own_route_away(
    sandbox: Sandbox, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = sandbox.serve("hf-inference", models=[SENTIMENT], key=KEY, key_env="OUR_KEY")
    sandbox.serve("hf-inference", name="open", models=[SENTIMENT_2])
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]})
    monkeypatch.delenv("OUR_KEY")

    result = client.call("sentiment", "I love it")

    assert result.route.startswith("open:")
    assert result.fallback is not None
    assert "OUR_KEY" in result.fallback
    assert locked.requests == ()


def test_a_url_may_come_from_a_variable_and_change(
    sandbox: Sandbox, folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sandbox.serve("hf-inference", models=[SENTIMENT])
    text = manifest_of(server).replace(f"url: {server.url!r}", "url_env: OUR_URL")
    (folder / "models.yaml").write_text(text)
    with Client(lockfiles=folder, private_state=True) as client:
        with pytest.raises(AuthFailed, match=r"OUR_URL \(its URL\) is not set"):
            client.call("sentiment", "I love it")
        for place in (server.url, f"{other.url}/"):
            monkeypatch.setenv("OUR_URL", place)
            client.call("sentiment", "I love it")
        for bad in (
            "ftp://127.0.0.1",
            "127.0.0.1",
            "http://user:pw@127.0.0.1",
            "http://a b",
            "http://h/?q=1",
        ):
            monkeypatch.setenv("OUR_URL", bad)
            with pytest.raises(ConfigError, match="the URL in OUR_URL cannot be used"):
                client.call("sentiment", "I love it")

    assert (len(server.requests), len(other.requests)) == (1, 1)


# Deadlines


WRONG = [0, -1, -0.0, math.nan, math.inf, -math.inf, True, False, "2", b"2", [], {}, 1j, Decimal(2),
         Fraction(2), LONGEST_DEADLINE * 1.01, 10**400, 10**5000, KEY]  # fmt: skip


@pytest.mark.parametrize(
    "deadline",
    WRONG,
    ids=lambda value: f"{type(value).__name__} {value!s:.9}" if value != 10**5000 else "endless",
)
def test_a_deadline_that_is_no_length_is_refused_and_nothing_sent(
    deadline: Any, folder: Path, server: Server
) -> None:
    with (
        Client(lockfiles=folder, private_state=True) as client,
        pytest.raises(ConfigError, match="sentiment: deadline must be a number of seconds above 0") as raised,
    ):
        client.call("sentiment", "I love it", deadline=deadline)

    assert KEY not in str(raised.value)
    assert server.requests == ()


@pytest.mark.parametrize("deadline", [5, 5.0, LONGEST_DEADLINE])
def test_a_deadline_is_any_number_of_seconds(deadline: float, folder: Path, server: Server) -> None:
    with Client(lockfiles=folder, private_state=True) as client:
        assert client.call("sentiment", "I love it", deadline=deadline).attempts[0].outcome == "success"


def test_dl5_the_argument_holds_instead_of_the_policy_s_deadline(
    sandbox: Sandbox, server: Server, make_client: MakeClient
) -> None:
    """A smaller deadline passed in only shrinks."""
    server.fail(Hang())
    client = make_client({"sentiment": SENTIMENT}, {"deadline": 30, "attempt_timeout": 20})

    with pytest.raises(DeadlineExceeded) as raised:
        client.call("sentiment", "I love it", deadline=0.1)

    assert raised.value.elapsed < 1


@given(deadline=st.one_of(st.floats(allow_nan=True), st.integers(), st.text(), st.booleans(), st.none()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_deadline_is_taken_or_refused_in_words(folder: Path, deadline: Any) -> None:
    assembly = assembled(folder, "locked", {})
    try:
        spec = assembly.call_spec("sentiment", "I love it", deadline)
    except ConfigError as error:
        said = str(error)
    else:
        said = ""
        assert 0 < spec.deadline <= LONGEST_DEADLINE

    assert said == "" or (said.startswith("sentiment: deadline must be") and len(said) < 120)


@pytest.mark.parametrize("alias", [None, 7, ["sentiment"], b"sentiment"], ids=repr)
def test_an_alias_that_is_no_string_is_refused(alias: Any, folder: Path, server: Server) -> None:
    with Client(lockfiles=folder) as client, pytest.raises(ConfigError, match="an alias is a string, not a"):
        client.call(alias, "I love it")


# What is kept


def test_what_is_the_same_for_every_call_is_put_together_once(folder: Path) -> None:
    assembly = assembled(folder, "locked", {})

    assert assembly.alias_spec("sentiment") is assembly.alias_spec("sentiment")


def test_an_alias_with_a_missing_key_is_put_together_again_only_when_it_is_there(
    folder: Path, server: Server
) -> None:
    (folder / "models.yaml").write_text(manifest_of(server, extra=", key_env: HF_TOKEN"))
    environ = {"HF_TOKEN_PATH": str(folder / "token")}
    assembly = assembled(folder, "locked", environ)

    without = assembly.alias_spec("sentiment")
    assert assembly.alias_spec("sentiment") is without
    (folder / "token").write_text(KEY)
    by_file = assembly.alias_spec("sentiment")
    assert assembly.alias_spec("sentiment") is by_file
    environ["HF_TOKEN"] = OTHER_KEY
    by_variable = assembly.alias_spec("sentiment")

    specs = (without, by_file, by_variable)
    keys = [spec.targets[0].routes[0].secret for spec in specs]
    assert keys == [None, Secret(KEY), Secret(OTHER_KEY)]


def test_a_listener_of_circuits_is_told_once_however_often_an_alias_is_put_together(
    sandbox: Sandbox, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Ear:
        def state_change(self, breaker: object, old: Any, new: Any) -> None:
            told.append(new.name)

    server = sandbox.serve("hf-inference", models=[SENTIMENT], key_env="OUR_KEY")
    server.fail(Status(code=500))
    ear: Any = Ear()
    policy = {"retries": 0, "breaker": {"consecutive": 3, "open": 60, "max_open": 60}}
    client = make_client({"sentiment": SENTIMENT}, policy, listeners=[ear])
    for _ in range(3):
        client._assembly._remembered.clear()
        with pytest.raises(AllTargetsFailed):
            client.call("sentiment", "I love it")

    assert told == ["open"]


def test_closing_while_others_put_aliases_together_fails_nobody(folder: Path) -> None:
    ear: Any = type("Ear", (), {"state_change": lambda *_: None})()
    errors: list[BaseException] = []

    for _ in range(5):
        assembly = Assembly.load(
            lockfiles=folder, environment=None, lock_mode=None, circuit_listeners=(ear,), private_state=True
        )

        def put_together(assembly: Assembly = assembly) -> None:
            try:
                for _ in range(20):
                    assembly._remembered.clear()
                    assembly.alias_spec("sentiment")
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=put_together) for _ in range(4)]
        for thread in threads:
            thread.start()
        assembly.close()
        for thread in threads:
            thread.join()

    assert errors == []
