"""Outdated: how far ahead, what differs, and that nothing is said that could not be told."""

import pytest

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.files import FileClass
from resilient_infer.lock.findings import exit_code
from resilient_infer.lock.locked import Lock, Survey
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.outdated import Age, Overview, outdated
from resilient_infer.lock.way import Course
from tests.lock.fake_hub import CLASSIFIER, FakeHub, FakeRepo, fault
from tests.lock.locking import LOCK, locked, manifest_of, said, surveyed

NAME = "acme/one"
ONE = manifest_of(f"  a: {NAME}\n")


def looked(manifest: str, text: str | None, hub: FakeHub, *, only: list[str] | None = None) -> Overview:
    survey = surveyed(text) or Survey(lock=Lock(version=(1, 0), entries={}, file=LOCK))
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", None)
    return outdated(parsed, survey, hub, has_token=True, only=only)


def one() -> tuple[FakeHub, FakeRepo, str]:
    """A Hub with a repo, and the lock of it."""
    hub = FakeHub()
    repo = hub.create(NAME)
    text = locked(ONE, None, hub)
    hub.asked.clear()
    return hub, repo, text


def test_a_pin_whose_branch_is_where_it_was_is_current() -> None:
    """One HEAD, however many aliases have it."""
    hub, repo, _ = one()
    many = manifest_of("".join(f"  a{number}: {NAME}\n" for number in range(9)))
    text = locked(many, None, hub)
    hub.asked.clear()

    found = looked(many, text, hub)

    assert [(each.age, each.head) for each in found.standings] == [(Age.CURRENT, repo.head)] * 9
    assert [method for method, *_ in hub.asked] == ["head"]


def test_a_branch_ahead_is_told_with_commits_and_files() -> None:
    """How many, which kinds, how much to fetch."""
    hub, repo, text = one()
    repo.push({"README.md": b"x"})
    repo.push({"model.safetensors": b"new weights"})

    (standing,) = looked(ONE, text, hub).standings

    assert (standing.age, standing.head) == (Age.BEHIND, repo.head)
    assert standing.way is not None
    assert standing.way.steps is not None
    assert standing.way.content is not None
    assert (standing.way.steps.course, len(standing.way.steps.commits)) == (Course.AHEAD, 2)
    assert standing.way.content.classes == (FileClass.WEIGHTS, FileClass.DOCUMENTS)
    assert standing.way.content.fetched == len(b"x") + len(b"new weights")


def test_a_commit_that_was_asked_for_is_never_behind() -> None:
    """Nothing is asked."""
    hub, repo, _ = one()
    manifest = manifest_of(f"  a: {NAME}@{repo.head}\n")
    text = locked(manifest, None, hub)
    repo.push({"README.md": b"x"})
    hub.asked.clear()

    assert [each.age for each in looked(manifest, text, hub).standings] == [Age.FIXED]
    assert hub.asked == []


def test_ri101_what_is_not_locked_is_told() -> None:
    """And the others are looked at."""
    hub, _, text = one()
    hub.create("acme/two")

    found = looked(manifest_of(f"  a: {NAME}\n  b: acme/two\n"), text, hub)

    assert said(found.findings) == [("RI101", "b")]
    assert [each.alias for each in found.standings] == ["a"]
    assert said(looked(ONE, None, hub).findings) == [("RI101", "a")]
    assert looked(ONE, text, hub, only=[]).standings == ()


def test_ri105_a_hand_edit_is_told() -> None:
    """What is locked is compared all the same."""
    hub, repo, text = one()
    new = repo.push({"README.md": b"x"})

    found = looked(ONE, text.replace(repo.parents[new], new), hub)

    assert said(found.findings) == [("RI105", "a")]
    assert [each.age for each in found.standings] == [Age.CURRENT]


def test_ri201_a_commit_that_is_gone_is_told_with_what_to_do() -> None:
    """The branch is elsewhere, and the same content may be there."""
    hub, repo, text = one()
    repo.squash()

    found = looked(ONE, text, hub)

    assert said(found.findings) == [("RI201", "a")]
    assert "--relocate" in found.findings[0].hint
    assert [each.age for each in found.standings] == [Age.BEHIND]
    assert exit_code(found.findings) == 1


def test_ri204_another_repo_is_not_compared() -> None:
    """Its commits say nothing of the pin."""
    hub, _, text = one()
    hub.create(NAME, {**CLASSIFIER, "model.safetensors": b"evil"}, hub_id="a-stranger")

    found = looked(ONE, text, hub)

    assert said(found.findings) == [("RI204", "a")]
    assert [(each.age, each.way) for each in found.standings] == [(Age.UNKNOWN, None)]


def test_ri303_a_ref_that_is_gone() -> None:
    """A warning."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.tag("v1", repo.head)
    manifest = manifest_of(f"  a: {NAME}@v1\n")
    text = locked(manifest, None, hub)
    del repo.refs["v1"]

    found = looked(manifest, text, hub)

    assert said(found.findings) == [("RI303", "a")]
    assert exit_code(found.findings) == 0


def test_ri303_a_tag_that_was_moved_is_told() -> None:
    """It is behind, and that is a warning: a tag should stay where it is. A branch is meant to move."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.tag("v1", repo.head)
    repo.refs["dev"] = repo.head
    manifest = manifest_of(f"  a: {NAME}@v1\n  b: {NAME}@dev\n")
    text = locked(manifest, None, hub)
    repo.tag("v1", repo.push({"README.md": b"x"}))
    repo.push({"README.md": b"y"}, branch="dev")

    found = looked(manifest, text, hub)

    assert [each.age for each in found.standings] == [Age.BEHIND, Age.BEHIND]
    assert said(found.findings) == [("RI303", "a")]


@pytest.mark.parametrize("method", ["head", "model", "history"])
@pytest.mark.parametrize("kind", [HubFaultKind.UNTOLD, HubFaultKind.DENIED])
def test_ri900_what_was_not_told_is_said(kind: HubFaultKind, method: str) -> None:
    """It is never taken for "current"."""
    hub, repo, text = one()
    repo.push({"README.md": b"x"})

    def trouble(asked: str, repo: str, revision: str | None) -> HubFault | None:
        return fault(kind) if asked == method else None

    hub.trouble = trouble
    found = looked(ONE, text, hub)

    assert {code for code, _ in said(found.findings)} == {"RI900"}
    assert [each.age for each in found.standings] != [Age.CURRENT]
    assert exit_code(found.findings) == 3
