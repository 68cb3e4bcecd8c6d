"""A provider and a listener of somebody else's, installed and found."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest

from resilient_infer.providers.base import Attesting
from resilient_infer.providers.registry import GROUP, Registry
from resilient_infer.telemetry.installed import GROUP as LISTENERS
from resilient_infer.telemetry.installed import Installed

HERE = Path(__file__).parent
ACME = HERE / "acme"
PROJECT = HERE.parent.parent
COMMIT = "3f9c2ab1d4e5f60718293a4b5c6d7e8f90a1b2c3"
KEY = "acme-key-1"
PIP = ("pip", "install", "-q", "--no-deps", "--ignore-installed")


class Server(BaseHTTPRequestHandler):
    """Acme's protocol, as short as it can be."""

    def do_GET(self):
        """Which commit it runs."""
        self.say({"commit": COMMIT, "batch": 1})

    def do_POST(self):
        """The answer, which depends on the question."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        loved = 0.9 if "love" in asked["ask"] and asked["model"] == "org/model" else 0.2
        self.say({"marks": {"NEGATIVE": 1 - loved, "POSITIVE": loved}, "commit": COMMIT})

    def say(self, body):
        """One answer, to whoever has the key."""
        text = json.dumps(body).encode()
        self.send_response(200 if self.headers["Authorization"] == f"Bearer {KEY}" else 401)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def lockfiles(tmp_path: Path) -> Iterator[Path]:
    """A folder with a manifest of kind "acme" and its lock, while acme's server runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    folder = tmp_path / "lockfiles"
    folder.mkdir()
    (folder / "models.yaml").write_text(
        f"""\
version: 1
providers:
  ours: {{kind: acme, url: "http://127.0.0.1:{server.server_port}", key_env: ACME_KEY}}
models:
  sentiment:
    task: text-classification
    targets: [{{model: org/model, routes: [ours]}}]
"""
    )
    (folder / "models.lock.yaml").write_text(
        f"""\
lock_version: "1.0"
models:
  sentiment:
    task: text-classification
    pins:
      - model: org/model
        requested: main
        revision: "{COMMIT}"
"""
    )
    yield folder
    server.shutdown()
    server.server_close()


def call(python: Path | str, lockfiles: Path, *path: Path) -> dict[str, object]:
    """What the calling program says, run by this Python with these folders on its path."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environ |= {"PYTHONPATH": os.pathsep.join(map(str, path)), "ACME_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    ended = subprocess.run(
        [str(python), "-W", "error", str(HERE / "calling.py"), str(lockfiles)],
        env=environ,
        cwd=lockfiles,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, object] = json.loads(ended.stdout)
    return said


def assert_attested(said: dict[str, object]) -> None:
    """The provider answered, what it said of its commit was compared, and the listener heard all of it.

    One question for the commit, one attempt; the call of the client that is alone is not heard.
    """
    labels = [mark["label"] for mark in said["output"]]  # type: ignore[attr-defined]  # JSON
    assert labels == ["POSITIVE", "NEGATIVE"]
    assert (said["pin"], said["route"], said["attempts"]) == ("attested", "ours:org/model", 2)
    assert said["heard"] == len(["call started", "asked", "told", "attempt", "answer", "call finished"])


def test_the_entry_points_of_the_example_are_found_in_a_table(monkeypatch):
    """As the registry finds those of an installed distribution."""
    monkeypatch.syspath_prepend(str(ACME))
    codecs = Registry(lambda: [EntryPoint(name="acme", value="acme_provider:Acme", group=GROUP)])
    listeners = Installed(lambda: [EntryPoint(name="acme", value="acme_provider:Slow", group=LISTENERS)])

    codec = codecs.codec_for("acme", "text-classification")

    assert "acme" in codecs.kinds()
    assert isinstance(codec, Attesting)
    assert [listener.heard for listener in listeners.listeners()] == [0]


def test_a_provider_on_the_path_is_called_through_the_manifest(lockfiles, tmp_path):
    """What pip leaves behind is the module, and a folder that names its entry points."""
    told = tmp_path / "site" / "resilient_infer_acme-1.0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: resilient-infer-acme\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        f"[{GROUP}]\nacme = acme_provider:Acme\n[{LISTENERS}]\nacme = acme_provider:Slow\n"
    )

    assert_attested(call(sys.executable, lockfiles, told.parent, ACME, PROJECT))


@pytest.mark.slow
def test_a_provider_installed_in_a_fresh_environment_is_called_through_the_manifest(lockfiles, tmp_path):
    """Both distributions are built and installed by pip; what they depend on is borrowed from here."""
    here = Path(sysconfig.get_path("purelib"))
    offline = ["--no-index", "--no-build-isolation"] if find_spec("hatchling") else []
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh" / ("Scripts" if os.name == "nt" else "bin") / "python"

    installed = subprocess.run(
        [
            str(python),
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--ignore-installed",
            *offline,
            str(PROJECT),
            str(ACME),
        ],
        env={**os.environ, "PYTHONPATH": str(here) if offline else ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if not offline and "No matching distribution found for hatchling" in installed.stderr:
        pytest.skip("neither hatchling nor a package index is here")
    assert installed.returncode == 0, installed.stderr

    said = call(python, lockfiles, here)
    assert_attested(said)
    assert str(said["from"]).startswith(str(tmp_path))
