"""A deep look at a pin: everything that can happen to it on a Hub, through the real huggingface_hub.

As in `test_hub.py`, the commands run with 1.x and 2.x. What only rules are about
is tested on a fake Hub (`test_verify.py`, `test_lineage.py`, `test_scans.py`).
"""

import re
import time
from collections.abc import Callable

import pytest

from resilient_infer.testing.sandbox import faults
from resilient_infer.testing.sandbox.hub import Quota, Repo

from .conftest import Project


def lock_at(project: Project, ref: str) -> None:
    """Ask for a ref, and lock it."""
    project.ask_for(ref)
    assert project.run("lock").code == 0


def deep(project: Project) -> tuple[int, set[str]]:
    """Exit code and findings of a deep look, which writes nothing."""
    before = project.lock.read_bytes()
    ended = project.run("verify", "--deep")
    assert project.lock.read_bytes() == before
    return ended.code, ended.codes


def test_a_pin_that_is_well_is_well_in_depth(locked: Project) -> None:
    """Two questions to the API: the repo, and the scans of its files."""
    assert deep(locked) == (0, set())
    assert (locked.hub.count("api"), locked.hub.count("resolvers")) == (2, 2)


def left_behind(repo: Repo) -> None:
    """Another branch has kept the commit that main had."""
    repo.branch("old")
    repo.squash()


def went_on(repo: Repo) -> None:
    """Over several pages of history."""
    for number in range(60):
        repo.push({"NOTES.md": f"{number}"})


FATES: dict[str, tuple[Callable[[Repo], object], int, set[str]]] = {
    "pushed to": (went_on, 0, {"RI301"}),
    "rewritten": (left_behind, 0, {"RI301", "RI304"}),
    "squashed": (lambda repo: repo.squash(), 1, {"RI201"}),
    "a file unsafe": (lambda repo: repo.flag("model.safetensors", "unsafe"), 1, {"RI402"}),
    "a file suspicious": (lambda repo: repo.flag("model.safetensors", "suspicious"), 0, {"RI402"}),
    "a file to be scanned": (lambda repo: repo.flag("model.safetensors", "queued"), 0, {"RI402"}),
    "a document unsafe": (lambda repo: repo.flag("README.md", "unsafe"), 0, set()),
    "relicensed": (lambda repo: repo.relicense("cc-by-nc-4.0"), 0, {"RI301", "RI404"}),
    "license taken away": (lambda repo: repo.relicense(None), 0, {"RI301", "RI404"}),
    "a pull request opened": (lambda repo: repo.open_pull_request({"x.py": "1"}), 0, set()),
    "a tag made": (lambda repo: repo.tag("v1"), 0, set()),
}


@pytest.mark.parametrize("fate", FATES)
def test_what_has_become_of_a_pin_is_told(locked: Project, fate: str) -> None:
    """With its code, and the exit code that its level means."""
    happens, code, codes = FATES[fate]
    happens(locked.repo)

    assert deep(locked) == (code, codes)


def test_the_level_of_a_scan_is_that_of_what_it_found(locked: Project) -> None:
    """Unsafe is an error, suspicious a warning, not scanned for information."""
    levels = []
    for verdict in ("unsafe", "suspicious", "caution", "unscanned"):
        locked.repo.flag("model.safetensors", verdict)
        told = locked.run("verify", "--deep").out
        found = re.search(r"^(error|warning) RI402", told, re.MULTILINE)
        levels.append(found[1] if found else "info")

    assert levels == ["error", "warning", "warning", "info"]


def test_ri401_a_commit_that_nobody_merged(project: Project) -> None:
    """Locked by its commit, as somebody copied it from the page of the pull request."""
    project.repo.push({"NOTES.md": "x"})
    opened = project.repo.open_pull_request({"modeling.py": "import os"})
    lock_at(project, opened.commit)

    code, codes = deep(project)
    assert (code, codes) == (1, {"RI401"})
    assert "only in refs/pr/1" in project.run("verify", "--deep").out
    lock_at(project, "refs/pr/1")
    assert deep(project) == (0, set())


def test_ri401_a_lock_that_says_the_commit_was_main(project: Project) -> None:
    """A sound entry but for who wrote the commit."""
    opened = project.repo.open_pull_request({"modeling.py": "import os"})
    lock_at(project, opened.commit)
    text = re.sub(r"(?<=requested: ).*", "main", project.lock.read_text())
    project.lock.write_text(re.sub(r" +check: .*\n", "", text))
    project.ask_for("main")

    code, codes = deep(project)

    assert code == 1
    assert "RI401" in codes


def test_ri303_a_tag_that_moved(project: Project) -> None:
    """Also without a deep look, as a branch that moves is no news and a tag is."""
    project.repo.tag("v1")
    lock_at(project, "v1")
    assert deep(project) == (0, set())
    project.repo.push({"model.safetensors": b"new"})
    assert deep(project) == (0, set())
    project.repo.tag("v1")

    assert deep(project) == (0, {"RI302", "RI303"})
    ended = project.run("verify")
    assert ended.codes == {"RI302", "RI303"}
    assert "warning RI303" in ended.out
    assert project.run("verify", "--fail-on", "drift").code == 1
    project.repo.delete_ref("v1")
    assert project.run("verify").codes == {"RI303"}


def test_a_branch_with_the_name_of_a_tag_is_a_branch(project: Project) -> None:
    """As it is what downloads come from."""
    project.repo.tag("v1")
    project.repo.branch("v1")
    lock_at(project, "v1")
    project.repo.push({"model.safetensors": b"new"}, branch="v1")

    assert project.run("verify").codes == {"RI302"}


def test_ri403_only_pickled_weights(project: Project) -> None:
    """Told from the lock alone, in any case."""
    project.repo.push({"pytorch_model.bin": project.repo.at("main").files["model.safetensors"].content})
    project.repo.push({"model.safetensors": None})
    lock_at(project, "main")

    ended = project.run("verify")

    assert (ended.code, ended.codes) == (0, {"RI403"})
    assert deep(project) == (0, {"RI403"})
    assert "pytorch_model.bin" in ended.out


def test_ri404_is_told_of_a_pin_by_commit_too(project: Project) -> None:
    """The license of that commit stays what it was; what the repo says now is worth knowing."""
    lock_at(project, project.repo.head)
    assert deep(project) == (0, set())

    project.repo.relicense("cc-by-nc-4.0")

    assert deep(project) == (0, {"RI404"})
    assert "was licensed apache-2.0" in project.run("verify", "--deep").out


def test_ri203_a_renamed_repo_is_looked_at_in_depth_under_its_old_name(locked: Project) -> None:
    """Every question follows the redirect, the one that is posted, too."""
    locked.hub.rename(locked.repo.name, f"{locked.repo.name}-renamed")
    locked.repo.flag("model.safetensors", "unsafe")

    assert deep(locked) == (1, {"RI203", "RI402"})


TROUBLES: dict[str, faults.Fault] = {
    "503": faults.Status(code=503),
    "404 of a proxy": faults.Status(code=404),
    "429": faults.Status(code=429),
    "HTML": faults.Page(),
    "reset": faults.Reset(),
    "a hang": faults.Hang(),
}


@pytest.mark.parametrize("question", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_at_any_question_is_not_checked(locked: Project, trouble: str, question: int) -> None:
    """From the first, the second, … question to the API on: what was told before stands, no more is said."""
    left_behind(locked.repo)
    locked.hub.fail(TROUBLES[trouble], kind="api", repo=locked.repo.name, attempts=range(question, 1_000))

    code, codes = deep(locked)

    assert code == 3
    assert "RI900" in codes
    assert codes <= {"RI900", "RI301", "RI302"}


def test_a_429_with_a_window_is_waited_for_in_depth(locked: Project) -> None:
    """One request of the API in each window: nothing is asked before it ends, and all is told in the end."""
    locked.hub.limit(Quota(api=1, resolvers=100, window=0.3))
    started = time.monotonic()

    ended = locked.shell("verify", "--deep", "--max-wait", "10", folder=locked.root, environ={})

    assert (ended.code, ended.codes) == (0, set())
    assert locked.hub.count("api") == 2
    assert 0.3 < time.monotonic() - started < 10
