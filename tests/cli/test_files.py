"""Files: how paths are written for people, and for those who know only the repository."""

from pathlib import Path

import pytest

from resilient_infer.cli.files import in_repository, shown


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git work tree; the command runs in a folder of it."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo" / "deep" / "er")
    return tmp_path / "repo"


def test_paths_are_relative_within_a_repository(repository: Path) -> None:
    """To the folder the command runs in, so that they can be clicked; whole beyond the repository."""
    assert shown(repository / "deep" / "er" / "m.yaml") == "m.yaml"
    assert shown(repository / "lockfiles" / "m.yaml") == "../../lockfiles/m.yaml"
    assert shown(repository.parent / "m.yaml") == str(repository.parent / "m.yaml")


def test_without_a_repository_only_what_is_below_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing says that the folders above belong together."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert shown(tmp_path / "here" / "m.yaml") == "m.yaml"
    assert shown(tmp_path / "m.yaml") == str(tmp_path / "m.yaml")


def test_a_path_in_the_repository_counts_from_its_root(repository: Path) -> None:
    """As pull requests name it, wherever the command ran."""
    assert in_repository(shown(repository / "lockfiles" / "m.yaml"), {}) == "lockfiles/m.yaml"
    assert in_repository("m.yaml", {}) == "deep/er/m.yaml"
    assert in_repository(str(repository.parent / "m.yaml"), {}) is None


def test_the_work_tree_goes_before_githubs_workspace(repository: Path) -> None:
    """The workspace may hold several; where there is no .git, it is the root."""
    workspace = {"GITHUB_WORKSPACE": str(repository.parent)}

    assert in_repository("m.yaml", workspace) == "deep/er/m.yaml"
    (repository / ".git").rmdir()
    assert in_repository("m.yaml", workspace) == "repo/deep/er/m.yaml"
    assert in_repository("m.yaml", {}) == "m.yaml"
