"""Exact: a commit that somebody names is locked in full, if the repo's owner stands behind it."""

import pytest

from resilient_infer.errors import ConfigError
from resilient_infer.lock.answers import HubFault, HubFaultKind, HubModel
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.findings import Level
from resilient_infer.lock.relock import What
from tests.lock.fake_hub import FakeHub, FakeRepo, fault
from tests.lock.locking import checked, locked, manifest_of, pin_in, said, updated_to

NAME = "acme/one"
ONE = manifest_of(f"  a: {NAME}\n  b: {NAME}\n")


class ShortHub(FakeHub):
    """A Hub whose API takes commits in short, as the real one does."""

    def model(self, repo: str, revision: str | None) -> HubModel | HubFault:
        found = self.repos.get(repo)
        matching = (
            [commit for commit in found.commits if commit.startswith(revision or "main")] if found else []
        )
        return super().model(repo, matching[0] if len(matching) == 1 else revision)


def one() -> tuple[FakeHub, FakeRepo, str]:
    """A Hub with a repo of three commits on main, locked at the first one."""
    hub = ShortHub()
    repo = hub.create(NAME)
    text = locked(ONE, None, hub)
    repo.push({"README.md": b"2"})
    repo.push({"README.md": b"3"})
    return hub, repo, text


@pytest.mark.parametrize("digits", [7, 12, 40])
def test_a_commit_in_short_is_locked_in_full(digits: int) -> None:
    """Of the alias that was named, and of no other one."""
    hub, repo, text = one()
    second = repo.parents[repo.head]

    done = updated_to(ONE, text, hub, "a", second[:digits])

    after = lock_text(done.relocked.lock)
    assert pin_in(after, "a").revision == second
    assert pin_in(after, "b") == pin_in(text, "b")
    assert [(each.alias, each.what) for each in done.relocked.changes] == [("a", What.MOVED)]
    assert done.relocked.changes[0].notes == ()
    assert checked(ONE, after) == ()


def test_back_to_an_older_commit_and_to_the_same_one() -> None:
    """What was locked once can be locked again."""
    hub, repo, text = one()
    first = pin_in(text, "a").revision
    ahead = lock_text(updated_to(ONE, text, hub, "a", repo.head).relocked.lock)

    back = updated_to(ONE, ahead, hub, "a", first)
    again = updated_to(ONE, text, hub, "a", first)

    assert lock_text(back.relocked.lock) == text
    assert (lock_text(again.relocked.lock), again.relocked.changes) == (text, ())


def test_ri401_a_commit_that_only_a_pull_request_has_is_refused() -> None:
    """Whether it is its newest one or not; unless the pull request is what was asked for."""
    hub, repo, text = one()
    first = repo.request({"model.safetensors": b"evil"})
    second = repo.push({"README.md": b"evil"}, branch="refs/pr/1")

    for commit in (first, second):
        done = updated_to(ONE, text, hub, "a", commit)
        assert said(done.relocked.faults) == [("RI401", "a")]
        assert lock_text(done.relocked.lock) == text
    asked = manifest_of(f"  a: {NAME}@refs/pr/1\n")
    before = locked(asked, None, hub)
    assert pin_in(lock_text(updated_to(asked, before, hub, "a", first).relocked.lock), "a").revision == first


def test_a_commit_of_another_branch_is_taken_and_told() -> None:
    """It is the owner's all the same."""
    hub, repo, text = one()
    repo.refs["dev"] = repo.head
    dev = repo.push({"README.md": b"dev"}, branch="dev")

    done = updated_to(ONE, text, hub, "a", dev)

    assert pin_in(lock_text(done.relocked.lock), "a").revision == dev
    assert "not in the history of main" in done.relocked.changes[0].notes[0]


def test_ri304_a_commit_that_nothing_leads_to_is_refused() -> None:
    """The Hub may delete it at any time."""
    hub, repo, text = one()
    lost = repo.head
    repo.squash(forget=False)

    done = updated_to(ONE, text, hub, "a", lost)

    assert said(done.relocked.faults) == [("RI304", "a")]
    assert done.relocked.faults[0].level is Level.ERROR
    assert lock_text(done.relocked.lock) == text


@pytest.mark.parametrize("commit", ["0123456", "0" * 40, "main"])
def test_ri201_a_commit_that_is_not_there(commit: str) -> None:
    """Nor is the name of a branch one."""
    hub, _, text = one()

    done = updated_to(ONE, text, hub, "a", commit)

    assert said(done.relocked.faults) == [("RI201", "a")]


def test_of_several_models_the_one_that_has_the_commit_moves() -> None:
    """The same model at two refs: the one whose history has it; if both do, the manifest must say it."""
    hub = ShortHub()
    repo, other = hub.create(NAME), hub.create("acme/two")
    repo.tag("v1", repo.head)
    manifest = manifest_of(
        f"  a:\n    targets:\n      - model: {NAME}\n      - model: {NAME}@v1\n      - model: acme/two\n"
    )
    text = locked(manifest, None, hub)
    first, new, theirs = repo.head, repo.push({"README.md": b"x"}), other.push({"README.md": b"x"})

    moved = lock_text(updated_to(manifest, text, hub, "a", theirs).relocked.lock)
    assert [pin_in(moved, "a", number).revision for number in range(3)] == [first, first, theirs]
    moved = lock_text(updated_to(manifest, text, hub, "a", new).relocked.lock)
    assert [pin_in(moved, "a", number).revision for number in range(2)] == [new, first]
    with pytest.raises(ConfigError, match="several have that commit"):
        updated_to(manifest, text, hub, "a", first)


NOWHERE = {f"{NAME}@{'0' * 40}": "asks for commits", "{provider: openai, name: x, pin: floating}": "names no"}


@pytest.mark.parametrize(("target", "why"), NOWHERE.items(), ids=["a commit", "a name"])
def test_what_cannot_move_is_said(target: str, why: str) -> None:
    """A commit in the manifest is exchanged there."""
    line = target if target.startswith(NAME) else f"{{task: chat, targets: [{target}]}}"

    with pytest.raises(ConfigError, match=why):
        updated_to(manifest_of(f"  a: {line}\n"), None, one()[0], "a", "0" * 40)


@pytest.mark.parametrize("kind", [kind for kind in HubFaultKind if kind is not HubFaultKind.FILE_GONE])
@pytest.mark.parametrize("method", ["model", "history", "head"])
def test_what_the_hub_does_not_tell_is_not_locked(method: str, kind: HubFaultKind) -> None:
    """Nothing is taken for allowed because nobody said otherwise."""
    hub, repo, text = one()

    def trouble(asked: str, repo: str, revision: str | None) -> HubFault | None:
        return fault(kind) if asked == method else None

    hub.trouble = trouble
    done = updated_to(ONE, text, hub, "a", repo.head)

    assert done.relocked.faults
    assert lock_text(done.relocked.lock) == text


def test_a_commit_that_cannot_be_downloaded_is_not_locked() -> None:
    """The API goes on listing what is gone after a push by force."""
    hub, repo, text = one()
    dead = repo.head
    repo.stale[dead], repo.listings[dead] = dead, dict(repo.commits[dead])
    del repo.commits[dead]

    done = updated_to(ONE, text, hub, "a", dead)

    assert done.relocked.faults
    assert lock_text(done.relocked.lock) == text
