"""`resilient-infer init`: a manifest to begin with, or a draft from code; never over a file."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.start import START

from .conftest import Command, Ended, Project

MANIFEST = Path("lockfiles/models.yaml")
PROGRAM = """\
import os
import requests
from transformers import AutoModel, pipeline

API_URL = "https://api-inference.huggingface.co/models/acme/sentiment"
headers = {"Authorization": f"Bearer {os.environ['HF_API_TOKEN']}"}
requests.post(API_URL, headers=headers, json={"inputs": "x"})

AutoModel.from_pretrained("openai-community/gpt2", revision="main")
TOKEN = "hf_abcdEFGHijkl12345678"
pipeline("ner")
"""
DRAFT = """\
# What the code uses, as far as it says. Look it through, then run: resilient-infer lock
version: 1
providers:
  hf-inference: {kind: hf-inference, key_env: HF_API_TOKEN}
models:
  # src/app.py:9 AutoModel.from_pretrained
  gpt2: openai-community/gpt2@main
  # src/app.py:5 a URL
  sentiment: acme/sentiment
"""


@pytest.fixture
def here(tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and a program in the folder src of it."""
    root = tmp_path / "here"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.py").write_text(PROGRAM)
    monkeypatch.chdir(root)
    return root


def _files(root: Path) -> dict[str, bytes]:
    found = [path for path in root.rglob("*") if path.is_file() and path.name != ".models.lock"]
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def test_a_manifest_to_begin_with_is_made(here: Path, command: Command) -> None:
    """And what to do next is told."""
    ended = command("init")

    assert (ended.code, ended.err) == (0, "")
    assert MANIFEST.read_bytes() == START
    assert ended.out.startswith("made lockfiles/models.yaml\nnext: resilient-infer lock ")


def test_it_can_be_locked_at_once(
    project: Project, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the commands that are told."""
    project.hub.model("distilbert/distilbert-base-uncased-finetuned-sst-2-english")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    assert [
        command(*line.split()).code for line in ("init", "lock", "lock --check", "add g acme/sentiment")
    ] == [0] * 4


def test_no_file_is_written_over(here: Path, command: Command) -> None:
    """Neither a manifest, nor what is no file of ours; nor is a lock left without its aliases."""
    MANIFEST.parent.mkdir()
    MANIFEST.write_text("# mine\n")
    before = _files(here)
    ended = command("init")
    drafted = command("init", "--from-code", "src", "--write")

    assert (ended.code, drafted.code) == (2, 2)
    assert "lockfiles/models.yaml is there already; nothing was changed" in ended.err
    assert 'add to it with "resilient-infer add ALIAS MODEL"' in ended.err
    assert drafted.err == ended.err
    assert _files(here) == before
    MANIFEST.rename(MANIFEST.with_name("models.lock.yaml"))
    assert "models.lock.yaml is there, and lockfiles/models.yaml is not" in command("init").err
    assert not MANIFEST.exists()


def test_a_link_is_no_place_for_a_manifest(here: Path, command: Command, tmp_path: Path) -> None:
    """Not even one that leads nowhere."""
    MANIFEST.parent.mkdir()
    MANIFEST.symlink_to(tmp_path / "elsewhere.yaml")

    assert command("init").code == 2
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_the_nearest_manifest_counts(here: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder below it, a second one is made only where it is asked for."""
    command("init")
    monkeypatch.chdir(here / "src")

    assert command("init").code == 2
    assert command("init", "--lockfiles", "own").code == 0
    assert Path("own/models.yaml").read_bytes() == START


def test_the_folder_of_the_variable_is_made(
    here: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is found afterwards."""
    monkeypatch.setenv("RESILIENT_INFER_LOCKFILES", "pins")

    assert command("init").code == 0
    assert Path("pins/models.yaml").read_bytes() == START


def test_a_folder_that_cannot_be_made_is_told(here: Path, command: Command) -> None:
    """Where a file is in the way, or the folder above it is missing."""
    Path("lockfiles").write_text("")

    assert "lockfiles cannot be made" in command("init").err
    assert "cannot be made" in command("init", "--lockfiles", "no/such").err


@pytest.mark.parametrize(
    ("ignored", "told"), [("", True), ("*.pyc\n", True), (".models.lock\n", False), (None, False)]
)
def test_what_git_should_not_see_is_told(
    here: Path, command: Command, ignored: str | None, told: bool
) -> None:
    """In a work tree that does not ignore it yet."""
    if ignored is not None:
        (here / ".git").mkdir()
        (here / ".gitignore").write_text(ignored)

    assert ("echo .models.lock >> .gitignore" in command("init").out) == told


def test_the_draft_goes_to_stdout_and_all_else_to_stderr(here: Path, command: Command) -> None:
    """Nothing is written, so that it can be looked at, or sent to a file."""
    before = _files(here)
    ended = command("init", "--from-code", ".")

    assert (ended.code, ended.out) == (0, DRAFT)
    assert "not told: src/app.py:11 pipeline: no model is named" in ended.err
    assert "warning: src/app.py:10: this looks like an access token; revoke it" in ended.err
    assert "2 aliases drafted; 1 place not told; 1 file" in ended.err
    assert "to keep it: resilient-infer init --from-code . --write" in ended.err
    assert not looks_like_secret(ended.out + ended.err)
    assert _files(here) == before


def test_the_draft_is_written_where_the_manifest_belongs(here: Path, command: Command) -> None:
    """Then stdout says what was made."""
    ended = command("init", "--from-code", "src", "--write")

    assert ended.code == 0
    assert MANIFEST.read_text() == DRAFT
    assert ended.out.startswith("made lockfiles/models.yaml\n")


def test_paths_are_those_from_here_if_that_is_above(
    here: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else those below the folder: no path of this machine gets into the manifest."""
    assert "# src/app.py:5 a URL" in command("init", "--from-code", str(here / "src")).out
    assert "# src/app.py:5 a URL" in command("init", "--from-code", "src/app.py").out
    (here / "other").mkdir()
    monkeypatch.chdir(here / "other")
    assert "# app.py:5 a URL" in command("init", "--from-code", "../src").out
    assert "# app.py:5 a URL" in command("init", "--from-code", "../src/app.py").out


def test_where_nothing_is_found_nothing_is_written(here: Path, command: Command) -> None:
    """And the exit code says no."""
    (here / "src" / "app.py").write_text("print(1)\n")
    ended = command("init", "--from-code", "src", "--write")

    assert (ended.code, ended.out) == (1, "")
    assert "error: no use of a model was found (1 file, " in ended.err
    assert not MANIFEST.exists()


def test_where_nothing_is_found_and_not_all_was_read_that_is_not_no(here: Path, command: Command) -> None:
    """What could not be read may hold what was looked for: 3."""
    (here / "src" / "app.py").write_text("pipeline(")
    ended = command("init", "--from-code", "src")

    assert (ended.code, ended.out) == (3, "")
    assert "not read: src/app.py: it is no Python in line 1" in ended.err
    assert "error: no use of a model was found, and 1 file or folder could not be read (1 file, " in ended.err
    assert json.loads(command("init", "--from-code", "src", "--format", "json").out)["exit_code"] == 3


def test_files_that_cannot_be_read_are_told_and_the_others_read(here: Path, command: Command) -> None:
    """A broken program, one that is nested too deeply, and one that is too large."""
    (here / "src" / "broken.py").write_text("def (transformers:\n    pipeline")
    (here / "src" / "deep.py").write_text(f"pipeline({'(' * 3_000}")
    (here / "src" / "large.py").write_bytes(b"#" * (5 * 2**20))
    ended = command("init", "--from-code", ".")

    assert (ended.code, ended.out) == (0, DRAFT)
    assert re.search(r"not read: src/broken.py: it is no Python in line 1: .+", ended.err)
    assert "not read: src/deep.py: " in ended.err
    assert "not read: src/large.py: it is larger than 4 MiB" in ended.err


def test_long_lists_are_cut_for_people_and_whole_in_json(here: Path, command: Command) -> None:
    """Forty lines of a kind."""
    (here / "src" / "many.py").write_text("pipeline('ner')\n" * 50 + "x = 'sk-abcdefgh12345678'\n" * 50)
    ended = command("init", "--from-code", "src")
    record = json.loads(command("init", "--from-code", "src", "--format", "json").out)

    assert ended.err.count("not told: src/") == 40
    assert "not told: 11 places more; --format json has them all" in ended.err
    assert "warning: 11 access tokens more; --format json has them all" in ended.err
    assert (len(record["not_told"]), len(record["tokens"])) == (51, 51)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--write"], "--write is for a draft: give --from-code DIR as well"),
        (["--from-code", "nowhere"], "nowhere does not exist"),
        (["extra"], "unexpected extra argument"),
    ],
)
def test_wrong_arguments_are_told(here: Path, command: Command, arguments: list[str], said: str) -> None:
    """Exit 2, and nothing is made."""
    ended = command("init", *arguments)

    assert ended.code == 2
    assert said in ended.err
    assert not MANIFEST.exists()


KEYS = {
    *("schema_version", "command", "exit_code", "manifest", "written", "aliases", "not_told", "tokens"),
    *("unread", "files", "elapsed", "error"),
}


def test_json_is_one_object_with_the_same_keys_always(here: Path, command: Command) -> None:
    """A draft, a draft of nothing, a manifest, and a failure."""
    drafted = json.loads(command("init", "--from-code", ".", "--format", "json").out)
    (here / "none").mkdir()
    nothing = json.loads(command("init", "--from-code", "none", "--format", "json").out)
    made = json.loads(command("init", "--format", "json").out)
    wrong = json.loads(command("init", "--format", "json").out)

    assert all(set(record) == KEYS for record in (drafted, nothing, made, wrong))
    assert [record["exit_code"] for record in (drafted, nothing, made, wrong)] == [0, 1, 0, 2]
    assert drafted["manifest"] == DRAFT
    assert (drafted["written"], made["written"]) == (None, "lockfiles/models.yaml")
    assert drafted["aliases"][1] == {
        "alias": "sentiment",
        "model": "acme/sentiment",
        "ref": None,
        "task": None,
        "providers": [],
        "seen": [{"file": "src/app.py", "line": 5, "how": "a URL"}],
    }
    assert drafted["tokens"] == [{"file": "src/app.py", "line": 10}]
    assert not looks_like_secret(json.dumps(drafted))
    assert wrong["error"]["kind"] == "ConfigError"


def test_no_secret_gets_out_by_a_name(here: Path, command: Command) -> None:
    """Folders, files and variables that look like tokens."""
    secret = "sk-abcdefgh12345678"
    (here / secret).mkdir()
    (here / secret / f"{secret}.py").write_text(
        f"AutoModel.from_pretrained('org/m')\nAutoModel.from_pretrained({secret.replace('-', '_')})\n"
        f"# {secret}\nInferenceClient('org/n', token=os.environ['{secret}'])\n"
    )
    ended = command("init", "--from-code", ".")
    record = command("init", "--from-code", secret, "--format", "json").out

    assert ended.code == 0
    assert not looks_like_secret(ended.out + ended.err + record)
    assert set(parse_manifest(ended.out.encode(), "models.yaml", None).aliases) == {
        "gpt2",
        "m",
        "n",
        "sentiment",
    }


def test_the_draft_can_be_sent_into_a_file(here: Path, shell: Callable[[str], Ended]) -> None:
    """And is a manifest there."""
    ended = shell("mkdir lockfiles && ri init --from-code src > lockfiles/models.yaml && ri lock --check")

    assert ended.code == 1
    assert ended.out.count("RI101") == 2


def _many(root: Path) -> None:
    """Programs that take some seconds to read."""
    body = "AutoModel.from_pretrained('org/m')\n" + "x = [{'a': f(b, c=d)} for e in g]\n" * 400
    for number in range(1_500):
        (root / "src" / f"{number}.py").write_text(body)


def test_it_shows_how_far_it_is_and_ctrl_c_leaves_nothing_behind(here: Path) -> None:
    """File by file, on a terminal; then 130, at once, and no folder was made."""
    _many(here)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "resilient_infer", "init", "--from-code", "src", "--write"],
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as child:
        os.close(theirs)
        shown = b""
        while not re.search(rb"reading files: \d+ of 1501", shown):
            shown += os.read(ours, 1_024)
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, _ = child.communicate(timeout=10)
    shown += _rest(ours)

    assert (child.returncode, out) == (130, b"")
    assert shown.endswith(b"interrupted\r\n")
    assert b"Traceback" not in shown
    assert time.monotonic() - began < 5
    assert not Path("lockfiles").exists()


def _rest(ours: int) -> bytes:
    """What is left to be read of a terminal whose other side is closed."""
    read = b""
    try:
        while part := os.read(ours, 1_024):
            read += part
    except OSError:  # which is how Linux tells the end
        pass
    os.close(ours)
    return read
