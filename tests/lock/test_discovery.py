"""Discovery: which files, and what is said when there are none."""

import os
from pathlib import Path

import pytest

from resilient_infer.errors import ConfigError
from resilient_infer.lock.discovery import find, read_file
from resilient_infer.lock.reader import MAX_BYTES


def make(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("version: 1\n")
    return folder


def test_the_nearest_parent_folder_is_found(tmp_path: Path) -> None:
    """From anywhere inside a project, its own lockfiles are used."""
    make(tmp_path / "lockfiles", "models.yaml")
    folder = make(tmp_path / "a" / "lockfiles", "models.yaml", "models.lock.yaml")
    deep = make(tmp_path / "a" / "b" / "c")

    found = find(None, None, {}, deep)

    assert (found.folder, found.manifest, found.lock) == (
        folder,
        folder / "models.yaml",
        folder / "models.lock.yaml",
    )
    assert (found.environment, found.environment_lock) == (None, None)


def test_a_folder_that_only_has_the_name_is_passed_over(tmp_path: Path) -> None:
    """Other tools keep lockfiles as well."""
    folder = make(tmp_path / "lockfiles", "models.lock.yaml")
    make(tmp_path / "a" / "lockfiles", "requirements.lock")

    assert find(None, None, {}, tmp_path / "a").folder == folder


def test_the_search_ends_at_the_work_tree(tmp_path: Path) -> None:
    """Nothing outside the project is picked up; the message says where it looked and what to do."""
    make(tmp_path / "lockfiles", "models.yaml")
    make(tmp_path / "project" / ".git")
    deep = make(tmp_path / "project" / "src")

    with pytest.raises(ConfigError) as caught:
        find(None, None, {}, deep)

    assert f"from {deep} up to {tmp_path / 'project'}" in caught.value.message
    assert "RESILIENT_INFER_LOCKFILES" in caught.value.hint


def test_argument_before_variable_before_search(tmp_path: Path) -> None:
    """An explicit choice holds; an empty variable is no choice."""
    near = make(tmp_path / "lockfiles", "models.yaml")
    first, second = make(tmp_path / "first", "models.yaml"), make(tmp_path / "second", "models.yaml")
    variable = {"RESILIENT_INFER_LOCKFILES": str(second)}

    assert find("first", None, variable, tmp_path).folder == first
    assert find(first, None, variable, tmp_path).folder == first
    assert find(None, None, variable, tmp_path).folder == second
    assert find(None, None, {"RESILIENT_INFER_LOCKFILES": ""}, tmp_path).folder == near


@pytest.mark.parametrize(
    ("named", "what"),
    [
        ("nowhere", "does not exist"),
        ("empty", "holds neither"),
        ("f", "is a file"),
        ("a\0b", "does not exist"),
    ],
)
def test_a_named_folder_must_hold_the_files(named: str, what: str, tmp_path: Path) -> None:
    """A wrong name is an error, not a reason to search; the message says where the name came from."""
    make(tmp_path / "lockfiles", "models.yaml")
    make(tmp_path / "empty")
    make(tmp_path, "f")

    with pytest.raises(ConfigError, match=what):
        find(named, None, {}, tmp_path)
    with pytest.raises(ConfigError, match="from RESILIENT_INFER_LOCKFILES"):
        find(None, None, {"RESILIENT_INFER_LOCKFILES": named}, tmp_path)


def test_a_folder_that_is_no_path_is_refused(tmp_path: Path) -> None:
    """By name, not by what the path's arithmetic makes of it."""
    with pytest.raises(ConfigError, match="lockfiles is the path of a folder, not a value of type int"):
        find(5, None, {}, tmp_path)  # type: ignore[arg-type]  # what this is about


def test_an_environment_has_its_own_lock(tmp_path: Path) -> None:
    """Argument, else variable; its lock is models.E.lock.yaml."""
    folder = make(tmp_path / "lockfiles", "models.yaml", "models.lock.yaml", "models.prod.lock.yaml")

    by_argument = find(None, "prod", {"RESILIENT_INFER_ENV": "dev"}, tmp_path)
    by_variable = find(None, None, {"RESILIENT_INFER_ENV": "prod"}, tmp_path)

    assert by_argument == by_variable
    assert by_argument.environment_lock == folder / "models.prod.lock.yaml"
    assert find(None, "dev", {}, tmp_path).environment_lock is None


def test_without_a_manifest_the_locks_name_the_environments(tmp_path: Path) -> None:
    """Where only locks are shipped, a typo is told with the known ones."""
    make(tmp_path / "lockfiles", "models.prod.lock.yaml", "models.staging.lock.yaml")

    assert find(None, "prod", {}, tmp_path).lock is None
    with pytest.raises(ConfigError, match='did you mean "prod"'):
        find(None, "prd", {}, tmp_path)


@pytest.mark.parametrize("name", ["../x", "Prod", "a/b", "a b", "\n"])
def test_an_environment_is_a_plain_name(name: str, tmp_path: Path) -> None:
    """It becomes part of a file name."""
    make(tmp_path / "lockfiles", "models.yaml")

    with pytest.raises(ConfigError, match="cannot be an environment"):
        find(None, name, {}, tmp_path)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, a folder, a pipe, and a name no system has."""
    os.mkfifo(tmp_path / "pipe")

    for name, what in (("none", "does not exist"), (".", "no ordinary file"), ("pipe", "no ordinary file")):
        with pytest.raises(ConfigError, match=what):
            read_file(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_file(tmp_path / "a\0b")


def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    """As an ordinary user; the superuser may read everything."""
    path = tmp_path / "models.yaml"
    path.write_bytes(b"version: 1\n")
    path.chmod(0)

    if os.access(path, os.R_OK):
        assert read_file(path) == b"version: 1\n"
    else:
        with pytest.raises(ConfigError, match="may not be read"):
            read_file(path)


def test_an_endless_file_is_read_only_so_far(tmp_path: Path) -> None:
    """One byte more than may be parsed is enough to refuse it."""
    path = tmp_path / "models.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 100))

    assert len(read_file(path)) == MAX_BYTES + 1
