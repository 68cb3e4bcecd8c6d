"""The README does what it says: its examples run, its files parse, its tables are true."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import resilient_infer
from resilient_infer import errors
from resilient_infer.cli.commands import commands
from resilient_infer.lock.findings import CODES
from resilient_infer.lock.lockfile import parse_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.testing.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "resilient_infer"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

MODELS = {
    "sentiment": "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    "gpt2": "openai-community/gpt2",
}


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(README) if name == language]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_each_yaml_example_is_read(text: str) -> None:
    if "lock_version" in text:
        assert parse_lock(text.encode(), "models.lock.yaml").entries
    else:
        assert parse_manifest(text.encode(), "models.yaml", None).aliases


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the README's lockfiles, where the hosted service is a sandbox."""
    with Sandbox() as sandbox:
        server = sandbox.serve("hf-inference", key="hf_onlyInThisTest1")
        place = sandbox.write(tmp_path / "lockfiles", MODELS)
        server.move(MODELS["sentiment"], "714eb0fa89d2f80546fda750413ed43d93601a13")
        manifest = yaml.safe_load((place / "models.yaml").read_text())
        lock = next(text for text in blocks("yaml") if "lock_version" in text)
        example = next(text for text in blocks("yaml") if "task: text-classification" in text)
        (place / "models.lock.yaml").write_text(lock)
        url = next(iter(manifest["providers"].values()))["url"]
        provider = f"providers:\n  hf-inference: {{kind: hf-inference, url: '{url}', key_env: HF_TOKEN}}\n"
        (place / "models.yaml").write_text(example.replace("models:\n", f"{provider}models:\n", 1))
        yield tmp_path


def test_the_python_examples_run_in_order(folder: Path) -> None:
    """Each in a process of its own, as a newcomer would paste it, in a folder with the README's files."""
    environ = {name: value for name, value in os.environ.items() if "RESILIENT_INFER" not in name}
    environ |= {"HF_TOKEN": "hf_onlyInThisTest1"}
    said = []
    for example in blocks("python"):
        ran = subprocess.run(
            [sys.executable, "-c", example],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, f"{example}\n{ran.stderr}"
        said.append(ran.stdout)

    assert "POSITIVE" in said[0]
    assert said[0].splitlines()[-1] == "floating"
    assert said[1].splitlines() == ["714eb0fa89d2f80546fda750413ed43d93601a13", "declared"]
    assert "AttemptFinished" in said[2]


def test_the_command_table_names_every_command_and_no_other() -> None:
    told = set(re.findall(r"^\| `resilient-infer ([a-z-]+)` \|", README, re.MULTILINE))

    assert told == set(commands.list_commands(None))  # type: ignore[arg-type]  # the table needs no context


def test_the_error_table_names_every_public_error() -> None:
    told = set(re.findall(r"^\| `([A-Z]\w+)` \|", README, re.MULTILINE))
    public = {name for name in resilient_infer.__all__ if isinstance(getattr(errors, name, None), type)}

    assert told == public - {"ResilientInferError", "CallError", "LockError"}


def test_where_is_it_names_places_that_exist() -> None:
    table = README.split("## Where is it?", 1)[1].split("\n## ", 1)[0]
    places = re.findall(r"`([^`]+)`", table)

    assert len(places) == 10
    for place in places:
        path, _, name = place.partition("::")
        files = list(PACKAGE.glob(path.replace("<kind>", "*")))
        assert files, place
        if name:
            assert any(re.search(rf"^\s*def {name}\(", file.read_text(), re.MULTILINE) for file in files), (
                place
            )


def test_the_two_commands_are_marked_for_ci() -> None:
    for mark, word in (("demo", "resilient-infer demo"), ("test", "pytest")):
        block = README.split(f"<!-- command: {mark} -->\n", 1)[1]
        assert word in block.split("```", 2)[1]


LOCKFILES = (ROOT / "lockfiles" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [body for name, body in BLOCK.findall(LOCKFILES) if name == "yaml"])
def test_each_manifest_of_the_lockfiles_readme_is_read(text: str) -> None:
    assert parse_manifest(text.encode(), "models.yaml", None).aliases


def test_the_lockfiles_readme_says_what_to_do_on_each_finding() -> None:
    assert re.findall(r"^\| (RI\d+) \|", LOCKFILES, re.MULTILINE) == list(CODES)


def test_the_lockfiles_readme_names_commands_that_exist() -> None:
    named = set(re.findall(r"resilient-infer ([a-z]+)", LOCKFILES))

    assert named <= set(commands.list_commands(None))  # type: ignore[arg-type]  # the table needs no context
