"""Bad input: each a clear error of its own, with nothing sent."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from resilient_infer import (
    AliasNotLocked,
    AllTargetsFailed,
    AuthFailed,
    Client,
    ConfigError,
    PayloadRefused,
    ResilientInferError,
    StaleLock,
)
from resilient_infer.testing.sandbox import Redirect, Sandbox, Server, Status

from .conftest import MakeClient
from .models import CHAT, EMBEDDING, GENERATION, SENTIMENT, SENTIMENT_2, ZERO_SHOT

KEY = "hf_0123456789abcdef"


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[Server]:
    """A server for most tasks, which must not be asked anything."""
    served = sandbox.serve("hf-inference", name="ours")
    yield served
    assert served.requests == ()


@pytest.fixture
def asked(sandbox: Sandbox) -> Server:
    """A server that may be asked."""
    return sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path, bare_environment: Path) -> Callable[..., Path]:
    """Write lockfiles of the alias "sentiment" and change their text: `folder(("url", "uri"), …)`."""

    def write(*changes: tuple[str, str], lock: tuple[str, str] = ("", "")) -> Path:
        place = sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT})
        for name, replaced in (("models.yaml", changes), ("models.lock.yaml", (lock,))):
            text = (place / name).read_text()
            for old, new in replaced:
                assert old in text
                text = text.replace(old, new, 1) if old else text
            (place / name).write_text(text)
        return place

    return write


def refusal(client: Client, payload: Any = "I love it", alias: str = "sentiment") -> ResilientInferError:
    """The error that a call of a client ends with."""
    with pytest.raises(ResilientInferError) as raised:
        client.call(alias, payload)
    return raised.value


# Files


def test_no_lockfiles_folder(tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        ConfigError, match=r"no folder lockfiles/ .*; make one with \"resilient-infer init\", or say where"
    ):
        Client()
    with pytest.raises(ConfigError, match=r"nowhere does not exist; name the folder"):
        Client(lockfiles="nowhere")
    with pytest.raises(ConfigError, match=r"holds neither models.yaml nor models.lock.yaml"):
        Client(lockfiles=tmp_path)


def test_all_problems_of_a_manifest_at_once_with_their_places(
    server: Server, folder: Callable[..., Path]
) -> None:
    place = folder(("version: 1", "version: 7"), ('"url"', '"uri"'), ("task:", "tusk:"))

    with pytest.raises(ConfigError) as raised:
        Client(lockfiles=place)

    told = [str(problem) for problem in raised.value.problems]
    assert len(told) >= 3
    assert all(
        f"models.yaml:{problem.line}:{problem.column}: " in str(problem) for problem in raised.value.problems
    )
    assert any('did you mean "url"' in each for each in told)
    assert any('did you mean "task"' in each for each in told)
    assert all(each in str(raised.value) for each in told)


def test_an_unknown_alias(server: Server, folder: Callable[..., Path]) -> None:
    with Client(lockfiles=folder()) as client:
        error = refusal(client, alias="sentimnet")

    assert type(error) is AliasNotLocked
    assert '"sentimnet" is no alias in' in str(error)
    assert 'did you mean "sentiment"?' in str(error)


def test_a_stale_alias(server: Server, folder: Callable[..., Path]) -> None:
    with Client(lockfiles=folder((SENTIMENT, SENTIMENT_2))) as client:
        error = refusal(client)

    assert type(error) is StaleLock
    assert f"the manifest asks for {SENTIMENT_2}@main, the lock holds {SENTIMENT}@main" in str(error)
    assert 'run "resilient-infer lock"' in str(error)


def test_a_stale_alias_stops_no_other(
    sandbox: Sandbox, asked: Server, tmp_path: Path, bare_environment: Path
) -> None:
    place = sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT, "other": SENTIMENT})
    lock = place / "models.lock.yaml"
    text = lock.read_text()
    lock.write_text(text[::-1].replace("requested: main"[::-1], "requested: v2"[::-1], 1)[::-1])

    with Client(lockfiles=place, private_state=True) as client:
        assert type(refusal(client)) is StaleLock
        assert client.call("other", "I love it").attempts[0].outcome == "success"


def test_an_unknown_task(server: Server, folder: Callable[..., Path]) -> None:
    change = ('"text-classification"', '"text-clasification"')

    with pytest.raises(ConfigError, match=r'text-clasification.*did you mean "text-classification"'):
        Client(lockfiles=folder(change))


def test_a_task_that_only_the_lock_names_and_that_cannot_be_called(
    server: Server, folder: Callable[..., Path]
) -> None:
    manifest = ('    task: "text-classification"\n', "")
    with Client(lockfiles=folder(manifest, lock=("text-classification", "text-to-speech"))) as client:
        error = refusal(client)

    assert type(error) is ConfigError
    assert 'sentiment: task "text-to-speech" cannot be called' in str(error)
    assert "text-classification" in error.hint


# Payloads


def cycle() -> dict[str, Any]:
    payload: dict[str, Any] = {"inputs": "I love it", "parameters": {}}
    payload["parameters"]["again"] = payload
    return payload


NO_JSON: dict[str, tuple[Any, str]] = {
    "nan": ({"inputs": "a", "parameters": {"top_k": math.nan}}, "parameters.top_k is NaN or infinite"),
    "infinity": ({"inputs": "a", "parameters": {"top_k": -math.inf}}, "parameters.top_k is NaN or infinite"),
    "set": ({"inputs": {"a", "b"}}, "inputs is of type set, which is no JSON"),
    "bytes": ({"inputs": b"a"}, "inputs is of type bytes, which is no JSON; decode it"),
    "an object": ({"inputs": ["a", object()]}, r"inputs\[1\] is of type object, which is no JSON"),
    "a cycle": (cycle(), "or contains itself"),
    "a key that is no string": ({"inputs": "a", "parameters": {1: 2}}, "has a key that is no string"),
    "half a surrogate": ({"inputs": "\ud83d"}, "inputs holds a lone surrogate"),
    "an endless integer": ({"inputs": "a", "parameters": {"top_k": 10**5000}}, "beyond 64 bits"),
    "nothing": (None, 'of type NoneType; pass {"inputs": …} or a string'),
    "an empty text": ("", '"inputs" is empty'),
    "an empty list": ([], '"inputs" is an empty list'),
    "an empty mapping": ({}, '"inputs" is missing'),
    "a number": ({"inputs": 7}, '"inputs" is a number'),
    "messages": ({"messages": []}, '"messages" is for chat'),
    "an unknown key": ({"input": "a"}, 'unknown key "input", and "inputs" is missing; call it "inputs"'),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_JSON)
def test_a_payload_that_cannot_be_sent(name: str, server: Server, make_client: MakeClient) -> None:
    payload, says = NO_JSON[name]

    error = refusal(make_client({"sentiment": SENTIMENT}), payload)

    assert type(error) is PayloadRefused
    assert error.alias == "sentiment"
    assert error.attempts == ()
    with pytest.raises(PayloadRefused, match=says):
        raise error
    assert str(error).startswith("sentiment: text-classification: ")


@pytest.mark.parametrize("parameter", ["topk", "top\nk", KEY, "x" * 5000], ids=lambda name: f"{name!r:.12}")
def test_a_parameter_that_no_route_can_say(parameter: str, server: Server, make_client: MakeClient) -> None:
    payload = {"inputs": "I love it", "parameters": {parameter: 1}}

    error = refusal(make_client({"sentiment": SENTIMENT}), payload)

    assert type(error) is PayloadRefused
    assert "no route can express the payload" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 600
    assert KEY not in str(error)


@pytest.mark.parametrize(
    ("model", "payload", "says"),
    [
        (ZERO_SHOT, "I love it", '"candidate_labels" is missing'),
        (GENERATION, ["a", 7], r'"inputs\[1\]" is a number'),
        (EMBEDDING, {"inputs": None}, '"inputs" is null'),
    ],
    ids=["zero-shot", "generation", "embedding"],
)
def test_a_payload_that_lacks_what_its_task_needs(
    model: str, payload: Any, says: str, server: Server, make_client: MakeClient
) -> None:
    with pytest.raises(PayloadRefused, match=says):
        make_client({"it": model}).call("it", payload)


def test_a_chat_without_messages(sandbox: Sandbox, make_client: MakeClient) -> None:
    chat = sandbox.serve("openai", models=[CHAT])
    client = make_client({"chat": CHAT})

    for payload in ([], {"messages": []}, {"messages": [{"role": "user"}]}, {"messages": "Hello"}):
        with pytest.raises(PayloadRefused, match="chat: "):
            client.call("chat", payload)

    assert chat.requests == ()


# Keys, URLs and headers


def test_a_missing_token_variable_is_named(
    sandbox: Sandbox, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sandbox.serve("hf-inference", models=[SENTIMENT], key=KEY, key_env="OUR_KEY")
    client = make_client({"sentiment": SENTIMENT})
    monkeypatch.delenv("OUR_KEY")

    error = refusal(client)

    assert type(error) is AuthFailed
    assert "the environment variable OUR_KEY (its key) is not set" in str(error)
    assert error.hint == "set the variable and call again"
    assert server.requests == ()


@pytest.mark.parametrize(
    "key", ["hf_01234567\n89abcdef", "hf_01234567\r\nX-Evil: 1", "hf_0123\x07abcdef", "hf_0123456€"]
)
def test_a_token_that_cannot_be_a_header(
    key: str, sandbox: Sandbox, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sandbox.serve("hf-inference", models=[SENTIMENT], key=KEY, key_env="OUR_KEY")
    client = make_client({"sentiment": SENTIMENT})
    monkeypatch.setenv("OUR_KEY", key)

    error = refusal(client)

    assert type(error) is ConfigError
    assert "the key in the environment variable OUR_KEY cannot be sent" in str(error)
    assert "hf_" not in str(error)
    assert server.requests == ()


def test_a_token_for_plain_http_to_another_machine(
    server: Server, folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_KEY", KEY)
    url = f'"url": "{server.url}"'
    elsewhere = '"url": "http://models.example/v1", "key_env": "OUR_KEY"'

    with pytest.raises(ConfigError, match="the key would travel readable over plain http"):
        Client(lockfiles=folder((url, elsewhere)))

    monkeypatch.setenv("OUR_URL", "http://models.example/v1")
    with Client(lockfiles=folder((url, '"url_env": "OUR_URL", "key_env": "OUR_KEY"'))) as client:
        error = refusal(client)
    assert type(error) is ConfigError
    assert "the key in OUR_KEY would be sent over plain http to another machine" in str(error)
    assert "insecure: true" in error.hint


@pytest.mark.parametrize("value", ["a\\nb", "a\\r\\nX-Evil: 1", " a", "a ", "caf\u00e9"])
def test_control_characters_in_a_header_value(
    value: str, server: Server, folder: Callable[..., Path]
) -> None:
    header = f'"url": "{server.url}", "headers": {{"X-Team": "{value}"}}'

    with pytest.raises(ConfigError, match=r"headers.X-Team.*a header's value"):
        Client(lockfiles=folder((f'"url": "{server.url}"', header)))


# What surrounds a request


def test_a_redirect_is_a_failure_that_names_where_to(
    sandbox: Sandbox, asked: Server, make_client: MakeClient
) -> None:
    elsewhere = sandbox.serve("hf-inference", name="elsewhere", models=[SENTIMENT_2])
    asked.fail(Redirect(location=f"{elsewhere.url}/models/{SENTIMENT_2}?token={KEY}"))

    error = refusal(make_client({"sentiment": SENTIMENT}, {"retries": 0}))

    assert type(error) is AllTargetsFailed
    assert f"HTTP 307 Temporary Redirect: to {elsewhere.url.rpartition('/')[0]}" in str(error)
    assert KEY not in str(error)
    assert elsewhere.requests == ()


def test_the_login_of_a_netrc_is_never_sent(
    sandbox: Sandbox, make_client: MakeClient, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = bare_environment / ".netrc"
    netrc.write_text("machine 127.0.0.1 login nobody password netrcsecret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with_key = sandbox.serve("hf-inference", name="keyed", models=[SENTIMENT], key=KEY, key_env="OUR_KEY")
    without = sandbox.serve("hf-inference", name="open", models=[SENTIMENT_2])
    client = make_client({"sentiment": SENTIMENT, "second": SENTIMENT_2})

    client.call("sentiment", "I love it")
    client.call("second", "I love it")

    assert [request.headers.get("authorization") for request in with_key.requests] == [f"Bearer {KEY}"]
    assert [request.headers.get("authorization") for request in without.requests] == [None]


def test_no_cookie_is_ever_sent_back(asked: Server, make_client: MakeClient) -> None:
    asked.fail(Status(code=503, headers=(("set-cookie", "session=1; Path=/"),)), attempts=1)
    client = make_client({"sentiment": SENTIMENT})

    client.call("sentiment", "I love it")
    client.call("sentiment", "I love it")

    assert [request.headers.get("cookie") for request in asked.requests] == [None] * 3


def test_proxy_variables_are_honoured(
    sandbox: Sandbox, asked: Server, folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forwarding proxy is asked for the whole URL. The one here knows no such path and says 404."""
    proxy = sandbox.serve("hf-inference", name="proxy", models=[SENTIMENT_2])
    place = folder()
    monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/hf-inference"))

    with Client(lockfiles=place, private_state=True) as client:
        assert "HTTP 404" in str(refusal(client))
    assert [request.path for request in proxy.requests] == [f"{asked.url}/models/{SENTIMENT}"]

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Client(lockfiles=place, private_state=True) as client:
        client.call("sentiment", "I love it")
    assert (len(asked.requests), len(proxy.requests)) == (1, 1)


def test_a_proxy_that_is_no_http_url(
    server: Server, folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://user:proxysecret@127.0.0.1:1080")
    with Client(lockfiles=folder(), private_state=True) as client:
        error = refusal(client)

    assert type(error) is ConfigError
    assert "HTTP_PROXY or ALL_PROXY names no http or https proxy" in str(error)
    assert "proxysecret" not in str(error)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "this is no certificate"], ids=["missing", "no certificate"])
def test_a_bad_ca_bundle_is_named_with_its_variable(
    content: str | None, variable: str, server: Server, folder: Callable[..., Path],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv(variable, str(bundle))
    place = folder((server.url, server.url.replace("http:", "https:")))
    with Client(lockfiles=place, private_state=True) as client:
        error = refusal(client)

    assert type(error) is ConfigError
    assert f"the CA bundle {variable}={bundle}" in str(error)
    assert ("cannot be read" if content is None else "holds no certificates") in str(error)
