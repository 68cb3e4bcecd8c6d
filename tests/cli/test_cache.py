"""`resilient-infer verify --offline`: caches that the real huggingface_hub filled, and nobody asked."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Ended, Project
from tests.testing.hub.client import interpreters

Fill = Callable[..., None]
DOWNLOAD = """
import huggingface_hub, sys
huggingface_hub.snapshot_download("acme/sentiment")
huggingface_hub.hf_hub_download("openai-community/gpt2", "model.safetensors")
huggingface_hub.hf_hub_download("openai-community/gpt2", "config.json")
"""
BOTH = pytest.mark.parametrize("python", interpreters())
LINKS = pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])


@pytest.fixture
def fill(project: Project, command: Command) -> Fill:
    """Lock, and let a version of huggingface_hub download one model whole and of the other two files."""
    assert command("lock").code == 0

    def download(python: str, *, links: bool = True) -> None:
        more = {"HF_ENDPOINT": project.hub.url, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        unlinked = {} if links else {"HF_HUB_DISABLE_SYMLINKS": "1"}
        subprocess.run([python, "-c", DOWNLOAD], env={**os.environ, **more, **unlinked}, check=True)
        project.hub.forget()

    return download


def cached(path: str) -> Path:
    """A file of a snapshot in the cache of this test."""
    (found,) = (Path(os.environ["HF_HOME"]) / "hub").glob(f"models--*/snapshots/*/{path}")
    return found


def rows(ended: Ended) -> list[list[str]]:
    return [line.split() for line in ended.out.splitlines() if line.startswith("  ")]


@BOTH
@LINKS
def test_what_was_downloaded_is_as_locked_and_nobody_is_asked(
    fill: Fill, project: Project, command: Command, python: str, links: bool
) -> None:
    fill(python, links=links)
    before = project.files()
    ended = command("verify", "--offline")

    assert (ended.code, ended.err) == (0, "")
    rest = "1 as downloaded" if links else "1 not compared"
    assert f"main  in the cache: 1 file as locked, {rest}\n" in ended.out
    assert "main  in the cache: 5 files as locked\n" in ended.out
    assert ended.out.splitlines()[-1].startswith("2 pins: 2 ok   ")
    assert ended.out.endswith(", 0 requests\n")
    assert project.hub.requests == ()
    assert project.files() == before


@BOTH
@LINKS
def test_ri104_flipped_bytes_are_found_and_no_flag_silences_it(
    fill: Fill, command: Command, python: str, links: bool
) -> None:
    fill(python, links=links)
    place = next(
        path for path in Path(os.environ["HF_HOME"]).rglob("model.safetensors") if "acme" in str(path)
    )
    content = place.read_bytes()
    place.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    ended = command("verify", "--offline", "--exit-zero", "--allow-unchecked")

    assert ended.code == 1
    assert [row[:2] for row in rows(ended)[:2]] == [["ok", "gpt2"], ["error", "sentiment"]]
    assert "error RI104 SECURITY lockfiles/models.lock.yaml:" in ended.out
    assert "model.safetensors: its bytes are sha256:" in " ".join(ended.out.split())


@BOTH
def test_ri104_a_config_that_was_edited_is_found(fill: Fill, command: Command, python: str) -> None:
    fill(python)
    cached("tokenizer.json").write_text('{"evil": true}')
    ended = command("verify", "--offline")

    assert ended.code == 1
    assert "tokenizer.json: its bytes are git:" in " ".join(ended.out.split())


def test_ri900_what_is_not_in_the_cache_is_not_checked(project: Project, command: Command) -> None:
    """Exit 3, with what to do; 0 only where that is allowed, and then it is said."""
    command("lock")
    ended = command("verify", "--offline")

    assert ended.code == 3
    assert [row[0] for row in rows(ended)[:2]] == ["unchecked", "unchecked"]
    assert ended.out.count("unchecked RI900 ") == 2
    told = " ".join(ended.out.split())
    assert f"hf download acme/sentiment --revision {project.sentiment.head}" in told
    allowed = command("verify", "--offline", "--allow-unchecked")
    assert (allowed.code, "2 not checked" in allowed.err) == (0, True)


def test_what_the_files_alone_tell_is_told_too(project: Project, command: Command) -> None:
    """RI101, RI102, RI105, as by `lock --check`."""
    command("lock")
    text = project.lock.read_text()
    project.lock.write_text(text.replace("license: apache-2.0", "license: mit", 1))
    project.manifest.write_text("version: 1\nmodels:\n  gpt2: openai-community/gpt2\n  third: acme/third\n")
    ended = command("verify", "--offline")

    assert ended.code == 1
    assert set(re.findall(r"RI\d+", ended.out)) == {"RI101", "RI102", "RI105", "RI900"}


@pytest.mark.parametrize("flags", [["--live"], ["--deep"], ["--base", "main"]], ids=" ".join)
def test_offline_excludes_what_asks(project: Project, command: Command, flags: list[str]) -> None:
    ended = command("verify", "--offline", *flags)

    assert ended.code == 2
    assert "--offline asks nobody" in ended.err
    assert project.hub.requests == ()


def test_json_tells_what_the_cache_holds(fill: Fill, command: Command) -> None:
    fill(sys.executable)
    record = json.loads(command("verify", "--offline", "--format", "json").out)

    assert [pin["note"] for pin in record["pins"]] == [
        "in the cache: 1 file as locked, 1 as downloaded",
        "in the cache: 5 files as locked",
    ]
    assert (record["exit_code"], record["requests"], record["routes"]) == (0, 0, [])


WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, _: event.startswith("socket.") and opened.append(event))
from resilient_infer.cli.main import run
code = run(["verify", "--offline"])
heavy = sorted({"huggingface_hub", "requests", "aiohttp"} & set(sys.modules))
print(code, opened, heavy)
"""


def test_no_socket_is_made_and_nothing_loaded_that_could(
    fill: Fill, project: Project, bare_environment: Path
) -> None:
    fill(sys.executable)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=project.root,
        env={
            "HOME": str(bare_environment),
            "HF_HOME": os.environ["HF_HOME"],
            "HF_TOKEN": "hf_0123456789abcd",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "0 [] []"
