"""`resilient-infer add`: one line and one pin more, or nothing at all."""

import json
from pathlib import Path

import pytest
import yaml

from resilient_infer.testing.sandbox import Hang, Refused, Status

from .conftest import MANIFEST, Command, Project

QUICK = ("--timeout", "0.3", "--max-wait", "0.5")


def test_the_line_and_the_pin_are_added(project: Project, command: Command) -> None:
    """Not a byte of the other lines changes; other aliases are neither asked about nor locked."""
    project.hub.model("acme/new")
    ended = command("add", "middle", "https://huggingface.co/acme/new")

    assert (ended.code, ended.err) == (0, "")
    assert project.manifest.read_text() == MANIFEST.replace("  sentiment", "  middle: acme/new\n  sentiment")
    assert list(yaml.safe_load(project.lock.read_text())["models"]) == ["middle"]
    assert {asked.repo for asked in project.hub.requests} == {"acme/new"}
    assert "added  middle  acme/new  " in ended.out
    assert "lockfiles/models.yaml:5 and lockfiles/models.lock.yaml" in ended.out


def test_what_is_locked_stays_as_it_is(project: Project, command: Command) -> None:
    """Even where its branch has moved on."""
    command("lock")
    before = yaml.safe_load(project.lock.read_text())["models"]
    project.sentiment.push({"model.safetensors": b"new"})

    assert command("add", "again", "acme/sentiment@main").code == 0
    after = yaml.safe_load(project.lock.read_text())["models"]
    assert {name: after[name] for name in before} == before
    assert after["again"]["pins"][0]["revision"] == project.sentiment.head
    assert command("lock", "--check").code == 0


def test_where_there_is_nothing_a_folder_is_made(
    project: Project, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lockfiles/ right here; after it `lock --check` is content."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    assert command("add", "sentiment", "acme/sentiment").code == 0
    assert Path("lockfiles/models.yaml").read_text().endswith("models:\n  sentiment: acme/sentiment\n")
    assert command("lock", "--check").code == 0


def test_where_there_is_nothing_a_failure_leaves_nothing(
    project: Project, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder is left behind."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    assert command("add", "sentiment", "acme/nowhere").code == 1
    assert list(Path().iterdir()) == []


def test_a_folder_that_was_named_is_used(project: Project, command: Command, tmp_path: Path) -> None:
    """Also an empty one."""
    (tmp_path / "own").mkdir()
    assert command("add", "a", "acme/sentiment", "--lockfiles", str(tmp_path / "own")).code == 0
    assert (tmp_path / "own" / "models.lock.yaml").exists()
    assert command("add", "a", "acme/sentiment", "--lockfiles", "nowhere").code == 2


@pytest.mark.parametrize("fault", [Status(code=503), Refused(), Hang()], ids=["503", "refused", "hang"])
def test_ad1_if_the_hub_cannot_tell_nothing_is_written(
    project: Project, command: Command, fault: Status | Refused | Hang
) -> None:
    """Exit 3, manifest and lock as they were."""
    command("lock")
    before = project.files()
    project.hub.fail(fault)

    ended = command("add", "again", "acme/sentiment", *QUICK)

    assert ended.code == 3
    assert "unchecked RI900 lockfiles/models.yaml:4 again: " in ended.out
    assert ended.err == "error: nothing was written: 1 not checked\n"
    assert project.files() == before


@pytest.mark.parametrize(
    ("alias", "model", "code", "said"),
    [
        ("sentiment", "acme/sentiment", 2, "this alias is there already"),
        ("Shout", "acme/sentiment", 2, "cannot be an alias"),
        ("new", "acme/", 2, "new: "),
        ("new", "acme/nowhere", 1, "RI202"),
        ("new", "acme/sentiment@v9", 1, "RI201"),
        ("new", f"acme/sentiment@{'f' * 40}", 1, "RI201"),
    ],
)
def test_ad1_what_is_refused_writes_nothing(
    project: Project, command: Command, alias: str, model: str, code: int, said: str
) -> None:
    """Usage, a name that is taken, a model that is not there."""
    before = project.files()
    ended = command("add", alias, model)

    assert ended.code == code
    assert said in ended.out + ended.err
    assert project.files() == before


def test_ad1_if_one_file_cannot_be_written_neither_is(
    project: Project, command: Command, tmp_path: Path
) -> None:
    """The manifest is a symlink, which is not replaced: the lock is taken back."""
    command("lock")
    project.manifest.rename(tmp_path / "models.yaml")
    project.manifest.symlink_to(tmp_path / "models.yaml")
    before = project.files()

    ended = command("add", "again", "acme/sentiment")

    assert ended.code == 2
    assert "is a symlink" in ended.err
    assert project.files() == before


def test_a_lock_with_a_hand_edit_is_not_sealed(project: Project, command: Command) -> None:
    """Writing it would give the edited entry a right check; `lock` is to look at it first."""
    command("lock")
    project.lock.write_text(project.lock.read_text().replace(project.gpt2.head, "f" * 40))
    before = project.files()

    ended = command("add", "again", "acme/sentiment")

    assert ended.code == 2
    assert "RI105" in ended.err
    assert 'first run "resilient-infer lock"' in ended.err
    assert project.files() == before


def test_a_lock_without_its_manifest_gets_no_new_one(project: Project, command: Command) -> None:
    """The new manifest would name none of the aliases that are shipped."""
    command("lock")
    project.manifest.unlink()
    ended = command("add", "again", "acme/sentiment")

    assert ended.code == 2
    assert "lockfiles/models.lock.yaml is there, and lockfiles/models.yaml is not" in ended.err


KEYS = {
    "schema_version",
    "command",
    "exit_code",
    "alias",
    "written",
    "changes",
    "findings",
    "elapsed",
    "requests",
    "error",
}


def test_json_is_one_object_with_the_same_keys_always(project: Project, command: Command) -> None:
    """Added, refused by the Hub, refused before."""
    good = json.loads(command("add", "new", "acme/sentiment", "--format", "json").out)
    bad = json.loads(command("add", "other", "acme/nowhere", "--format", "json").out)
    wrong = json.loads(command("add", "new", "acme/sentiment", "--format", "json").out)

    assert all(set(record) == KEYS for record in (good, bad, wrong))
    assert [(record["exit_code"], record["written"]) for record in (good, bad, wrong)] == [
        (0, True),
        (1, False),
        (2, False),
    ]
    assert good["changes"][0]["revision"] == project.sentiment.head
    assert bad["findings"][0]["code"] == "RI202"
    assert wrong["error"]["kind"] == "ConfigError"
