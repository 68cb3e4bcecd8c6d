"""The real huggingface_hub in a process of its own, asked from a test."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resilient_infer.testing.sandbox.hub import Hub

WEIGHTS = "model.safetensors"
NOT_FOUND = "RepositoryNotFoundError"

HUB1 = "RESILIENT_INFER_HUB1_PYTHON"
"""The variable that names the interpreter of an environment with huggingface_hub 1.x."""

_WORKER = Path(__file__).with_name("worker.py")


class Raised(Exception):
    """What the client raised there: the names of its class and of the classes above it."""

    def __init__(self, kinds: list[str], said: str) -> None:
        super().__init__(f"{kinds[0]}: {said}")
        self.kinds = kinds
        self.said = said


class Client:
    """A running interpreter with `hf` (the library) and `api` (its HfApi)."""

    def __init__(self, python: str, hub: Hub, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._running = subprocess.Popen(
            [python, str(_WORKER)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, expression: str, **values: object) -> Any:
        """The value of an expression there, in which `{name}` stands for a value."""
        code = expression.format(**{name: repr(value) for name, value in values.items()})
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._running.stdin.write(json.dumps(code) + "\n")
        self._running.stdin.flush()
        answer = json.loads(self._running.stdout.readline())
        if "raised" in answer:
            raise Raised(answer["raised"], answer["said"])
        return answer["value"]

    @contextmanager
    def raises(self, *kinds: str) -> Iterator[list[Raised]]:
        """The block ends in an error of the first of these classes, which is one of the others, too."""
        seen: list[Raised] = []
        with pytest.raises(Raised) as caught:
            yield seen
        seen.append(caught.value)
        assert caught.value.kinds[0] == kinds[0], str(caught.value)
        assert set(kinds) <= set(caught.value.kinds)

    def close(self) -> None:
        """End it."""
        self._running.communicate(timeout=10)


@dataclass(frozen=True, slots=True)
class Stage:
    """A Hub and a client that talks to it."""

    hub: Hub
    client: Client


def sha_of(client: Client, repo: str, revision: str | None = None) -> str:
    """The commit that the API names."""
    return str(client("api.model_info({repo}, revision={revision}).sha", repo=repo, revision=revision))


def downloaded(client: Client, repo: str, path: str, **more: object) -> bytes:
    """A file, through the library's cache."""
    options = "".join(f", {option}={value!r}" for option, value in more.items())
    code = "read(hf.hf_hub_download({repo}, {path}OPTIONS))".replace("OPTIONS", options)
    return str(client(code, repo=repo, path=path)).encode("latin-1")


def interpreters() -> list[Any]:
    """This one, and that of the environment with the other version, if there is one."""
    other = os.environ.get(HUB1, "")
    skipped = pytest.mark.skipif(not other, reason=f"{HUB1} names no interpreter")
    return [pytest.param(sys.executable, id="installed"), pytest.param(other, id="hub1", marks=skipped)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    hub: Hub,
    path: str,
    *,
    method: str = "GET",
    token: str = "",
    headers: Mapping[str, str] = {},
    body: str = "",
) -> Answer:
    """One request without the library; redirects are not followed."""
    host, _, port = hub.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, headers={**bearer, **headers}, body=body.encode() or None)
        response = connection.getresponse()
        lowered = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=lowered, body=response.read())
    finally:
        connection.close()
