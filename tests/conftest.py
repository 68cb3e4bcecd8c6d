"""Settings of the whole suite, and what the tests of the whole library share."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from resilient_infer import Client
from resilient_infer.testing.sandbox import Sandbox

# No time limit for one example: the machine that runs the suite may be busy with something else. The same
# examples every time, so that a failure is the change's own; to look for new ones run the suite with
# --hypothesis-profile=explore.
settings.register_profile("house", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True, derandomize=False, max_examples=500)
settings.load_profile("house")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell ignores Ctrl-C for what it runs in the background, and so would every process the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_NETWORK = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle")
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "XDG_CACHE_HOME", "OPENAI_API_KEY")
_OURS = ("RESILIENT_INFER_LOCKFILES", "RESILIENT_INFER_ENV", "RESILIENT_INFER_LOCK_MODE")

_AROUND = ("GITHUB_BASE_REF", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""What a workflow, or git when it runs a hook, sets."""

MakeClient = Callable[..., Client]


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable of the developer's is set, and the home folder, given back, is empty."""
    for name in _NETWORK:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in (*_TOKENS, *_OURS, *_AROUND):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    return home


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Servers for one test, closed behind it."""
    with Sandbox() as made:
        yield made


@pytest.fixture
def make_client(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeClient]:
    """Make clients of the sandbox with gates of their own; its keys are set, and they are closed in the end.

    `make_client(aliases, policy, **arguments of Client)`.
    """
    made: list[Client] = []

    def make(aliases: Any, policy: Any = None, **arguments: Any) -> Client:
        for name, key in sandbox.environ.items():
            monkeypatch.setenv(name, key)
        folder = sandbox.write(tmp_path / "lockfiles", aliases, policy)
        client = Client(**{"lockfiles": folder, "private_state": True, **arguments})
        made.append(client)
        return client

    yield make
    for client in made:
        client.close(cancel=True)
