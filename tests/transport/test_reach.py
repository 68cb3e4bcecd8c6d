"""Reach: the address and the key of a provider. Variables and the token file are in `test_assembly.py`."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resilient_infer import AuthFailed, Client
from resilient_infer.core.secret import Secret
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.lock.entries import Provider
from resilient_infer.lock.hub import hub_token
from resilient_infer.testing.sandbox import Sandbox, Server
from resilient_infer.transport.credentials import Sources
from resilient_infer.transport.reach import Unset, key_of

from ..models import SENTIMENT

KEY, OTHER_KEY = "hf_0123456789abcdef", "hf_fedcba9876543210"
LOCAL = "http://127.0.0.1:8000"
ASKS_HUB = Provider(name="ours", kind="hf-inference", url=LOCAL, hub_token=True)


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])


@pytest.fixture
def folder(sandbox: Sandbox, server: Server, tmp_path: Path, bare_environment: Path) -> Path:
    """Lockfiles whose only provider asks huggingface_hub for its token."""
    made = sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT})
    text = (made / "models.yaml").read_text()
    (made / "models.yaml").write_text(
        text.replace(f'"url": "{server.url}"', f'"url": "{server.url}", "token": "hub"')
    )
    return made


def test_the_hub_s_token_is_sent_and_a_new_one_takes_effect_at_once(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`token: hub`: whatever huggingface_hub says at the moment of the call."""
    monkeypatch.setenv("HF_TOKEN", KEY)
    with Client(lockfiles=folder, private_state=True) as client:
        client.call("sentiment", "I love it")
        monkeypatch.setenv("HF_TOKEN", OTHER_KEY)
        client.call("sentiment", "I love it")

    seen = [request.headers.get("authorization") for request in server.requests]
    assert seen == [f"Bearer {KEY}", f"Bearer {OTHER_KEY}"]


def test_without_a_token_nothing_is_sent_until_there_is_one(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The route is unfit, as with a variable that is not set."""
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(folder / "nowhere"))
    with Client(lockfiles=folder, private_state=True) as client:
        with pytest.raises(AuthFailed, match="huggingface_hub has no token"):
            client.call("sentiment", "I love it")
        assert server.requests == ()
        monkeypatch.setenv("HF_TOKEN", KEY)
        client.call("sentiment", "I love it")

    assert len(server.requests) == 1


def test_a_login_that_hangs_or_fails_is_no_token_and_told_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """huggingface_hub may renew its token over the network: bounded, and nothing secret in the message."""
    released = threading.Event()
    monkeypatch.setattr("huggingface_hub.get_token", released.wait)
    with pytest.raises(ResilientInferError, match=r"no answer within 0\.05 s"):
        hub_token(0.05)
    released.set()

    def fail() -> str:
        raise OSError(f"the exchange of {KEY} failed")

    monkeypatch.setattr("huggingface_hub.get_token", fail)
    with pytest.raises(ResilientInferError, match="OSError: the exchange of") as caught:
        hub_token(5.0)
    assert KEY not in str(caught.value)


def test_only_who_asks_for_the_hub_s_token_loads_the_hub() -> None:
    """A provider with a variable, or without a key, does not pay for huggingface_hub."""
    program = """
import sys
from resilient_infer.lock.entries import Provider
from resilient_infer.transport.credentials import Sources
from resilient_infer.transport.reach import key_of
for provider in (
    Provider(name="a", kind="openai", url="https://x.test", key_env="A"),
    Provider(name="a", kind="openai", url="https://x.test"),
):
    key_of(provider, provider.url, Sources({"A": "b"}))
print("huggingface_hub" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert done.stdout == "False\n"


def test_a_token_that_cannot_be_told_makes_the_route_unusable_for_now() -> None:
    """The login failed, say: the next call asks again."""
    sources = Sources({})
    answers = iter(["", "", KEY])

    def ask() -> str | None:
        answer = next(answers)
        if not answer:
            raise ResilientInferError("no answer")
        return answer

    with pytest.raises(ResilientInferError, match="no answer"):
        sources.asked("the Hub", ask)
    assert sources.unchanged()
    assert not sources.unchanged()


def test_a_renewed_token_is_a_change() -> None:
    """What was made with the old one is made anew."""
    sources = Sources({})
    answers = iter([KEY, f" {KEY}\n", OTHER_KEY])

    assert sources.asked("the Hub", lambda: next(answers)) == Secret(KEY)
    assert sources.unchanged()
    assert not sources.unchanged()


def test_a_token_that_no_header_can_hold_is_not_shown() -> None:
    """The error names its source only."""
    with pytest.raises(ConfigError, match="the key in the Hub cannot be sent") as caught:
        Sources({}).asked("the Hub", lambda: f"{KEY}\nx")
    assert KEY not in str(caught.value)


def test_the_hub_s_token_does_not_travel_readable() -> None:
    """Over plain http to another machine only with `insecure: true`."""
    with pytest.raises(ConfigError, match="the Hub's token would be sent over plain http"):
        key_of(ASKS_HUB, "http://example.org", Sources({}))


def test_a_provider_without_a_key_takes_none() -> None:
    """Neither a variable nor the Hub's token is named."""
    assert key_of(Provider(name="a", kind="tei", url=LOCAL), LOCAL, Sources({})) is None
    with pytest.raises(Unset, match="the environment variable A"):
        key_of(Provider(name="a", kind="tei", url=LOCAL, key_env="A"), LOCAL, Sources({}))
