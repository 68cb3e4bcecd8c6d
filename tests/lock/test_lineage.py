"""Lineage: a pin that nobody merged is an error, one that was left behind a warning, the rest is well."""

import itertools
import re
from collections.abc import Callable

import pytest

from resilient_infer.lock.answers import MOST_COMMITS, HubFaultKind
from resilient_infer.lock.depth import everywhere
from resilient_infer.lock.findings import Level
from resilient_infer.lock.lineage import MOST_SEARCHED
from resilient_infer.lock.lockfile import survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.verify import Report, verify
from tests.lock.fake_hub import FakeHub, FakeRepo, fault
from tests.lock.locking import LOCK, locked, manifest_of

NAME = "acme/one"
FILES = {"README.md": b"# A model\n", "model.safetensors": b"weights"}
"""No configs, so that nothing is read to see what else it loads."""

CODE = {"modeling.py": b"import os"}


def asking_for(ref: str) -> str:
    return manifest_of(f'  a: "{NAME}@{ref}"\n')


def lock_at(hub: FakeHub, commit: str, requested: str = "main") -> str:
    """A lock that names a commit for a ref, sound but for that: as somebody writes it who knows how."""
    text = locked(asking_for(commit), None, hub)
    text = re.sub(r"(?<=requested: ).*", f'"{requested}"', text)
    return re.sub(r" +check: .*\n", "", text)


def deep(hub: FakeHub, text: str, requested: str = "main") -> Report:
    hub.asked.clear()
    manifest = parse_manifest(asking_for(requested).encode(), "lockfiles/models.yaml", None)
    return verify(manifest, survey_lock(text.encode(), LOCK), hub, file=LOCK, has_token=True, deep=everywhere)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def made() -> tuple[FakeHub, FakeRepo]:
    hub = FakeHub()
    return hub, hub.create(NAME, FILES)


def test_a_branch_that_went_on_is_no_other_history() -> None:
    """One further question."""
    hub, repo = made()
    text = lock_at(hub, repo.head)
    repo.push({"README.md": b"new"})

    assert codes(deep(hub, text)) == ["RI301"]
    assert (hub.asked_for("history"), hub.asked_for("refs")) == (1, 0)


def test_a_branch_that_is_where_it_was_is_not_asked_for_its_history() -> None:
    """The pin is its head."""
    hub, repo = made()

    assert codes(deep(hub, lock_at(hub, repo.head))) == []
    assert (hub.asked_for("history"), hub.asked_for("refs")) == (0, 0)


def test_ri304_a_commit_that_was_left_behind() -> None:
    """It can be downloaded still; nobody knows for how long."""
    hub, repo = made()
    text = lock_at(hub, repo.head)
    old, new = repo.head, repo.squash(forget=False)

    report = deep(hub, text)

    assert codes(report) == ["RI301", "RI304"]
    assert report.findings[1].level is Level.WARNING
    assert (
        report.findings[1].message == f"{old[:12]} is not in the history of main any more: it was rewritten"
    )
    assert report.rows[0].branch == new


def test_ri401_a_commit_that_nobody_merged() -> None:
    """The lock says that it was main; a stranger's pull request is all that has it."""
    hub, repo = made()
    commit = repo.request(CODE, number=7)

    report = deep(hub, lock_at(hub, commit))

    assert "RI401" in codes(report)
    finding = next(finding for finding in report.findings if finding.code == "RI401")
    assert finding.level is Level.ERROR
    assert f"{commit[:12]} is in no branch or tag of {NAME}, only in refs/pr/7" in finding.message
    assert "RI304" not in codes(report)


def test_ri401_the_commit_need_not_be_the_head_of_the_pull_request() -> None:
    """Of two commits the first; the newest pull requests are looked at first."""
    hub, repo = made()
    for number in range(1, 12):
        repo.request({"README.md": b"%d" % number}, number=number)
    commit = repo.refs["refs/pr/11"]
    repo.push({"README.md": b"more"}, branch="refs/pr/11")
    text = lock_at(hub, commit)

    assert "RI401" in codes(deep(hub, text))
    assert hub.asked_for("history") == 2


def test_ri401_also_where_the_commit_itself_is_asked_for() -> None:
    """Whoever copied it from a page of the Hub cannot tell."""
    hub, repo = made()
    commit = repo.request(CODE)

    assert codes(deep(hub, lock_at(hub, commit, commit), commit)) == ["RI401"]
    repo.refs["main"] = commit
    assert codes(deep(hub, lock_at(hub, commit, commit), commit)) == []


def test_a_pull_request_that_was_asked_for_is_what_is_wanted() -> None:
    """Where it is now, and where it was; if it was pushed by force, that is told."""
    hub, repo = made()
    commit, ref = repo.request(CODE), "refs/pr/1"
    text = lock_at(hub, commit, ref)
    assert codes(deep(hub, text, ref)) == []

    repo.push({"README.md": b"more"}, branch=ref)
    assert codes(deep(hub, text, ref)) == ["RI301"]

    repo.refs["refs/pr/2"] = commit
    repo.refs[ref] = repo.head
    repo.push({"README.md": b"other"}, branch=ref)
    assert codes(deep(hub, text, ref)) == ["RI302", "RI304"]


@pytest.mark.parametrize("requested", ["main", "commit"])
def test_a_commit_of_another_branch_is_the_owners(requested: str) -> None:
    """Not in the history of main, and no stranger's, though a pull request goes on from it."""
    hub, repo = made()
    repo.refs["dev"] = repo.head
    commit = repo.push(CODE, branch="dev")
    repo.push({"README.md": b"more"}, branch="dev")
    repo.refs["refs/pr/1"] = commit
    asked = commit if requested == "commit" else requested

    found = codes(deep(hub, lock_at(hub, commit, asked), asked))

    assert found == ([] if requested == "commit" else ["RI302", "RI304"])


def test_a_commit_on_the_way_to_a_tag_is_the_owners() -> None:
    """Some release from commits that no branch keeps."""
    hub, repo = made()
    repo.refs["release"] = repo.head
    commit = repo.push(CODE, branch="release")
    repo.tag("v1", repo.push({"README.md": b"v1"}, branch="release"))
    del repo.refs["release"]
    repo.request({"README.md": b"a stranger's"})

    assert codes(deep(hub, lock_at(hub, commit, commit), commit)) == []


def test_ri304_a_commit_that_is_asked_for_and_in_no_history() -> None:
    """Neither a branch nor a pull request has it any more."""
    hub, repo = made()
    commit = repo.head
    repo.squash(forget=False)

    report = deep(hub, lock_at(hub, commit, commit), commit)

    assert codes(report) == ["RI304"]
    assert "any branch or tag" in report.findings[0].message


def test_ri303_a_tag_that_moved_and_what_changed_with_it() -> None:
    """A warning, and the drift that `--fail-on drift` looks at."""
    hub, repo = made()
    repo.tag("v1", repo.head)
    text = lock_at(hub, repo.head, "v1")
    assert codes(deep(hub, text, "v1")) == []
    old, new = repo.head, repo.push({"config.json": b"{}"})
    repo.tag("v1", new)

    report = deep(hub, text, "v1")

    assert codes(report) == ["RI302", "RI303"]
    told = report.findings[1]
    assert (told.level, told.message) == (
        Level.WARNING,
        f"the tag v1 of {NAME} was moved from {old[:12]} to {new[:12]}",
    )


def test_ri303_a_branch_that_is_gone_leaves_a_commit_of_main() -> None:
    """Or one that nothing has."""
    hub, repo = made()
    repo.refs["dev"] = repo.head
    text = lock_at(hub, repo.head, "dev")
    del repo.refs["dev"]
    assert codes(deep(hub, text, "dev")) == ["RI303"]
    repo.squash(forget=False)
    assert codes(deep(hub, text, "dev")) == ["RI303", "RI304"]


def test_a_history_that_is_too_long_says_nothing() -> None:
    """Neither that the pin is in it, nor that it is not."""
    hub, repo = made()
    text = lock_at(hub, repo.head)
    for number in range(MOST_COMMITS):
        repo.push({"README.md": b"%d" % number})

    report = deep(hub, text)

    assert codes(report) == ["RI301", "RI900"]
    assert "it is not in the last 1,000 commits" in report.findings[1].message


def test_too_many_branches_are_not_searched_for_ever() -> None:
    """What that leaves open is not checked."""
    hub, repo = made()
    commit = repo.request(CODE)
    repo.push({"README.md": b"more"}, branch="refs/pr/1")
    for number in range(MOST_SEARCHED + 10):
        repo.refs[f"step{number}"] = repo.head
        repo.push({"README.md": b"%d" % number}, branch=f"step{number}")

    report = deep(hub, lock_at(hub, commit, commit), commit)

    assert codes(report) == ["RI900"]
    assert hub.asked_for("history") == MOST_SEARCHED + 1


def test_branches_and_tags_of_one_history_are_read_once() -> None:
    """A hundred tags of main cost nothing."""
    hub, repo = made()
    for number in range(100):
        repo.tag(f"v{number}", repo.push({"README.md": b"%d" % number}))
    commit = repo.request(CODE)

    assert codes(deep(hub, lock_at(hub, commit, commit), commit)) == ["RI401"]
    assert hub.asked_for("history") == 1


def left_behind(repo: FakeRepo) -> str:
    commit = repo.head
    repo.refs["dev"] = commit
    repo.push({"README.md": b"x"}, branch="dev")
    repo.request({"README.md": b"y"})
    repo.squash(forget=False)
    return commit


def a_strangers(repo: FakeRepo) -> str:
    commit = repo.request(CODE)
    repo.push({"README.md": b"x"}, branch="refs/pr/1")
    repo.refs["dev"] = repo.head
    repo.push({"README.md": b"y"}, branch="dev")
    return commit


def an_old_one(repo: FakeRepo) -> str:
    commit = repo.head
    repo.push({"README.md": b"x"})
    repo.request(CODE)
    return commit


HISTORIES: dict[str, tuple[Callable[[FakeRepo], str], set[str]]] = {
    "left behind": (left_behind, {"RI301", "RI304"}),
    "a stranger's": (a_strangers, {"RI302", "RI401"}),
    "an old one": (an_old_one, {"RI301"}),
}
QUESTIONS = 9
"""More than is asked about one pin here."""


@pytest.mark.parametrize("name", HISTORIES)
def test_whichever_answers_are_lost_nothing_wrong_is_said(name: str) -> None:
    """What is said is right, what is missing is told as not checked: no combination passes as well."""
    happen, expected = HISTORIES[name]
    for lost in itertools.product([False, True], repeat=QUESTIONS):
        hub, repo = made()
        commit = happen(repo)
        text = lock_at(hub, commit)
        left = iter(lost)
        hub.trouble = lambda method, repo, revision, left=left: (  # type: ignore[misc]  # binds the loop's value
            fault(HubFaultKind.UNTOLD) if next(left) else None
        )

        found = set(codes(deep(hub, text)))

        assert found - expected <= {"RI900"}, (lost, found)
        assert found == expected or "RI900" in found, (lost, found)
        assert found == expected or any(lost), (lost, found)
