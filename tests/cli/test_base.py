"""The base of a change: which pins it brings, read from git and from nothing else."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from resilient_infer.cli import base
from resilient_infer.cli.base import changed_since_base
from resilient_infer.errors import ConfigError
from resilient_infer.lock.lockfile import LockedModel, survey_lock
from tests.lock.samples import COMMIT, OTHER_COMMIT, lock_of, pin

from .conftest import Command, Project

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    """A git repository with a lock in `lockfiles/`, its first commit on main."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / "lockfiles" / "models.lock.yaml"
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main")

    def __call__(self, *arguments: str) -> str:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.root), *who, *arguments], capture_output=True, check=True, text=True
        )
        return done.stdout.strip()

    def commit(self, text: bytes | None = None) -> str:
        """The lock with this content, committed."""
        if text is not None:
            self.lock.write_bytes(text)
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", "x")
        return self("rev-parse", "HEAD")

    def changed(self, ref: str | None) -> list[str]:
        """The aliases of the lock as it stands there that are new."""
        depth = changed_since_base(ref, [self.lock])
        entries = survey_lock(self.lock.read_bytes(), "lock").lock.entries.values()
        return [
            entry.alias
            for entry in entries
            if any(isinstance(each, LockedModel) and depth(entry, each) for each in entry.pins)
        ]


OLD = lock_of(a=pin("acme/a", "main", COMMIT), b=pin("acme/b", "main", COMMIT))
NEW = lock_of(a=pin("acme/a", "main", COMMIT), b=pin("acme/b", "main", OTHER_COMMIT))


@pytest.fixture
def repository(tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """On a branch that changes the pin of b."""
    made = Repository(tmp_path / "repository")
    made.commit(OLD)
    made("checkout", "-q", "-b", "proposal")
    made.commit(NEW)
    monkeypatch.chdir(made.root)
    return made


def test_pins_that_differ_from_those_of_the_base_are_the_changed_ones(repository: Repository) -> None:
    """By branch, tag or commit."""
    repository("tag", "v1", "main")

    for ref in ("main", "v1", "HEAD~1", repository("rev-parse", "main")):
        assert repository.changed(ref) == ["b"]
    assert repository.changed("proposal") == []


def test_a_branch_that_only_the_remote_has_is_found_there(repository: Repository) -> None:
    """As in a checkout of CI."""
    repository("update-ref", "refs/remotes/origin/release", "main")

    assert repository.changed("release") == ["b"]


def test_the_variable_names_the_branch_of_the_remote(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a local branch of that name, which may be old; the command line comes before both."""
    repository("update-ref", "refs/remotes/origin/main", "proposal")
    monkeypatch.setenv(base.VARIABLE, "main")

    assert repository.changed(None) == []
    assert repository.changed("") == []
    assert repository.changed("main") == ["b"]


def test_without_a_base_no_pin_is_called_changed(repository: Repository) -> None:
    """Nor is git asked: the variable is empty in workflows that are for no pull request."""
    assert repository.changed(None) == []


def test_a_lock_that_was_not_there_has_changed_as_a_whole(repository: Repository) -> None:
    """The first pull request."""
    repository("checkout", "-q", "--orphan", "empty")
    repository("rm", "-q", "-r", "-f", ".")
    repository("commit", "-q", "--allow-empty", "-m", "x")
    repository("checkout", "-q", "proposal")

    assert repository.changed("empty") == ["a", "b"]


BROKEN = {
    "no version": b"models: {}\n",
    "no text": b"\xff\xfe",
    "a conflict": b"<<<<<<< a\n",
    "of a later version": b'lock_version: "9.0"\nmodels: {}\n',
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_lock_that_cannot_be_read_hides_nothing(
    repository: Repository, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every pin counts as changed, and that is said."""
    repository("checkout", "-q", "-b", "broken")
    repository.commit(BROKEN[what])
    repository("checkout", "-q", "proposal")

    assert repository.changed("broken") == ["a", "b"]
    assert (
        "warning: the lock of broken cannot be read, so every pin counts as changed"
        in capsys.readouterr().err
    )


def test_a_folder_in_its_place_hides_nothing(repository: Repository) -> None:
    """It is no lock."""
    repository("checkout", "-q", "-b", "folder")
    repository.lock.unlink()
    repository.lock.mkdir()
    (repository.lock / "a").write_text("x")
    repository.commit()
    repository("checkout", "-q", "-f", "proposal")

    assert repository.changed("folder") == ["a", "b"]


@pytest.mark.parametrize(
    "ref", ["nowhere", "-n", "--help", "main:lockfiles", "a b", "main\n", "mäin", "--output=x"], ids=repr
)
def test_a_base_that_is_not_there_is_an_error_if_it_was_named(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ref: str
) -> None:
    """For the variable it is a warning, and the look is no deeper than without."""
    before = sorted(path.name for path in repository.root.iterdir())
    with pytest.raises(ConfigError) as caught:
        changed_since_base(ref, [repository.lock])
    assert caught.value.hint

    monkeypatch.setenv(base.VARIABLE, ref)
    assert repository.changed(None) == []
    assert capsys.readouterr().err.startswith(f"warning: {base.VARIABLE} is ")
    assert sorted(path.name for path in repository.root.iterdir()) == before


def test_outside_of_a_repository_git_says_so(tmp_path: Path, bare_environment: Path) -> None:
    """In its words."""
    with pytest.raises(ConfigError, match="not a git repository"):
        changed_since_base("main", [tmp_path / "models.lock.yaml"])


def test_without_git_nothing_is_asked(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is missing."""
    monkeypatch.setenv("PATH", str(repository.root))

    with pytest.raises(ConfigError, match="git is not installed"):
        changed_since_base("main", [repository.lock])


def test_nothing_that_the_repository_configures_is_run(repository: Repository) -> None:
    """Neither a filter for the lock's content, nor a pager, nor what replaces an object."""
    trap = repository.root / "trapped"
    repository("config", "filter.trap.smudge", f"touch {trap}")
    repository("config", "diff.trap.textconv", f"touch {trap}; cat")
    repository("config", "core.pager", f"touch {trap}")
    (repository.root / ".gitattributes").write_text("*.yaml filter=trap diff=trap\n")
    blob = repository("rev-parse", "main:lockfiles/models.lock.yaml")
    other = repository("rev-parse", "proposal:lockfiles/models.lock.yaml")
    repository("replace", blob, other)
    trap.unlink(missing_ok=True)

    assert repository.changed("main") == ["b"]
    assert not trap.exists()


def test_nothing_is_fetched(repository: Repository, tmp_path: Path) -> None:
    """A partial clone lacks the lock of its base: that is told, not mended over the network."""
    repository("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    where = repository.root.as_uri()
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", "-b", "proposal", where, str(clone)],
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_ALLOW_PROTOCOL": "file"},
    )
    partial = Repository(clone)

    assert partial.changed("main") == ["a", "b"]
    blob = partial("rev-parse", "origin/main:lockfiles/models.lock.yaml")
    assert f"?{blob}" in partial("rev-list", "--objects", "--missing=print", "origin/main")


@pytest.fixture
def proposed(project: Project, command: Command, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project under git: main has the lock of gpt2, the branch adds that of sentiment."""
    repository = Repository(project.root)
    text = project.manifest.read_text()
    project.manifest.write_text(text.replace("  sentiment: acme/sentiment\n", ""))
    assert command("lock").code == 0
    repository.commit()
    repository("checkout", "-q", "-b", "proposal")
    project.manifest.write_text(text)
    assert command("lock").code == 0
    project.hub.forget()
    return project


def test_verify_looks_closely_at_what_a_change_brings(proposed: Project, command: Command) -> None:
    """Without a token the API is asked about the new pin alone."""
    assert command("verify").code == 0
    assert proposed.hub.count("api") == 0

    assert command("verify", "--base", "main").code == 0

    asked = {asked.repo for asked in proposed.hub.requests if asked.kind == "api"}
    assert asked == {"acme/sentiment"}


def test_verify_takes_the_base_of_a_pull_request(
    proposed: Project, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GITHUB_BASE_REF; if that is not there, it warns and looks no closer. A wrong --base: exit 2."""
    proposed.sentiment.flag("model.safetensors", "unsafe")
    monkeypatch.setenv(base.VARIABLE, "main")
    ended = command("verify")
    assert ended.code == 1
    assert "error RI402" in ended.out

    monkeypatch.setenv(base.VARIABLE, "elsewhere")
    ended = command("verify")
    assert ended.code == 0
    assert "warning: GITHUB_BASE_REF is elsewhere, and git knows neither origin/elsewhere" in ended.err
    assert ended.err.count("git fetch") == 1
    named = command("verify", "--base", "elsewhere", "--deep")
    assert (named.code, named.out) == (2, "")
    assert "git knows neither elsewhere nor origin/elsewhere in the repository of lockfiles" in named.err
