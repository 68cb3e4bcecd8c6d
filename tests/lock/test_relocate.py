"""Relocate: only where the commit is gone and the content is there, and nothing but the commit changes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.relock import What
from tests.lock.fake_hub import CLASSIFIER, UNTOLD, FakeHub, FakeRepo, fault
from tests.lock.locking import checked, locked, manifest_of, pin_in, relocated, said
from tests.lock.samples import lock_of, pin

NAME = "acme/one"
ONE = manifest_of(f"  a: {NAME}\n")
TWO = manifest_of(f"  a: {NAME}\n  b: acme/two\n")


def one() -> tuple[FakeHub, FakeRepo, str]:
    """A Hub with a repo, and the lock of it."""
    hub = FakeHub()
    repo = hub.create(NAME)
    return hub, repo, locked(ONE, None, hub)


def test_the_same_content_under_another_commit_is_pinned_there() -> None:
    """Nothing else of the entry changes, and afterwards all is well."""
    hub, repo, text = one()
    old = repo.head
    new = repo.squash()

    done = relocated(ONE, text, hub)

    assert [(change.what, change.before) for change in done.changes] == [(What.RELOCATED, old)]
    after = lock_text(done.lock)
    assert pin_in(after, "a") == replace(pin_in(text, "a"), revision=new, check=pin_in(after, "a").check)
    assert done.lock.entries["a"].task == "text-classification"
    assert (done.faults, checked(ONE, after)) == ((), ())
    again = relocated(ONE, after, hub)
    assert (lock_text(again.lock), again.changes, again.faults) == (after, (), ())


def test_a_commit_that_is_there_stays_wherever_its_branch_is() -> None:
    """Relocating is no update."""
    hub, repo, text = one()
    repo.push({"README.md": b"more"})

    done = relocated(ONE, text, hub)

    assert (lock_text(done.lock), done.changes, done.faults) == (text, (), ())


@pytest.mark.parametrize(
    ("path", "said_of_weights"), [("model.safetensors", "other weights"), ("config.json", "the same weights")]
)
def test_ri201_other_content_is_refused(path: str, said_of_weights: str) -> None:
    """It says where the branch is, whether the weights differ, and what to do then."""
    hub, repo, text = one()
    repo.commits.clear()
    new = repo.push({**CLASSIFIER, path: b"{}"})

    done = relocated(ONE, text, hub)

    assert said(done.faults) == [("RI201", "a")]
    assert f"main is at {new[:12]} with other files ({said_of_weights})" in done.faults[0].message
    assert "resilient-infer update a" in done.faults[0].hint
    assert (done.faults[0].file, done.faults[0].line) == ("lockfiles/models.lock.yaml", 7)
    assert (lock_text(done.lock), done.changes) == (text, ())


def test_ri201_a_commit_that_the_manifest_asks_for_is_not_exchanged() -> None:
    """The manifest would ask for the old one all the same."""
    hub = FakeHub()
    repo = hub.create(NAME)
    manifest = manifest_of(f"  a: {NAME}@{repo.head}\n")
    text = locked(manifest, None, hub)
    repo.squash()

    done = relocated(manifest, text, hub)

    assert said(done.faults) == [("RI201", "a")]
    assert "the manifest asks for it" in done.faults[0].message
    assert "into the manifest" in done.faults[0].hint


def test_ri201_files_that_were_never_recorded_cannot_be_compared() -> None:
    """A lock written by hand."""
    hub, repo, _ = one()
    by_hand = lock_of(a=pin(NAME, "main", repo.head)).decode()
    repo.squash()

    done = relocated(ONE, by_hand, hub)

    assert said(done.faults) == [("RI201", "a")]
    assert "does not say which files" in done.faults[0].message


def test_ri201_the_branch_is_gone_too() -> None:
    """There is nothing to compare with."""
    hub, repo, text = one()
    repo.squash()
    repo.push({}, branch="dev")
    del repo.refs["main"]

    done = relocated(ONE, text, hub)

    assert {code for code, _ in said(done.faults)} == {"RI201"}
    assert lock_text(done.lock) == text


def test_ri204_a_strangers_copy_is_refused() -> None:
    """The same files under the same name, and another repo."""
    hub, _, text = one()
    hub.repos[NAME] = FakeHub().create(NAME, {**CLASSIFIER, "README.md": b"x"}, hub_id="a-stranger")
    hub.repos[NAME].push({"README.md": CLASSIFIER["README.md"]})

    done = relocated(ONE, text, hub)

    assert said(done.faults) == [("RI204", "a")]
    assert lock_text(done.lock) == text


@given(kind=st.sampled_from(HubFaultKind), after=st.integers(0, 6), squashed=st.booleans())
def test_a_hub_that_says_anything_else_moves_nothing(kind: HubFaultKind, after: int, squashed: bool) -> None:
    """Whatever it answered before: either the pin is where the same files are, or the lock is as it was."""
    hub, repo, text = one()
    head = repo.squash() if squashed else repo.push({"README.md": b"more"})
    asked = 0

    def trouble(method: str, name: str, revision: str | None) -> HubFault | None:
        nonlocal asked
        asked += 1
        return fault(kind) if asked > after else None

    hub.trouble = trouble

    done = relocated(ONE, text, hub)

    new = lock_text(done.lock)
    moved = pin_in(new, "a").revision != pin_in(text, "a").revision
    assert not moved or (squashed and pin_in(new, "a").revision == head)
    assert moved or new == text
    untold = kind in (HubFaultKind.UNTOLD, HubFaultKind.DENIED)
    assert not untold or {code for code, _ in said(done.faults)} <= {"RI900"}


def test_ri900_a_commit_that_could_not_be_asked_for_is_not_gone() -> None:
    """Even where the same files are at another commit."""
    hub, repo, text = one()
    old = repo.head
    repo.squash(forget=False)
    hub.trouble = lambda method, name, revision: UNTOLD if revision == old else None

    done = relocated(ONE, text, hub)

    assert said(done.faults) == [("RI900", "a")]
    assert lock_text(done.lock) == text


def test_only_the_named_aliases_are_looked_at() -> None:
    """The others keep their entries, and nothing is asked about them."""
    hub, repo, _ = one()
    other = hub.create("acme/two")
    text = locked(TWO, None, hub)
    repo.squash()
    other.squash()
    hub.asked.clear()

    done = relocated(TWO, text, hub, only=["b"])

    assert [change.alias for change in done.changes] == ["b"]
    assert pin_in(lock_text(done.lock), "a") == pin_in(text, "a")
    assert {asked[1] for asked in hub.asked} == {"acme/two"}


def test_one_pin_of_many_aliases_is_asked_about_once() -> None:
    """And moved in all of them."""
    hub, repo, _ = one()
    many = manifest_of("".join(f"  a{number}: {NAME}\n" for number in range(20)))
    text = locked(many, None, hub)
    repo.squash()
    hub.asked.clear()

    done = relocated(many, text, hub)

    assert len(done.changes) == 20
    assert len(hub.asked) < 10


@pytest.mark.parametrize("manifest", [ONE.replace(NAME, f"{NAME}@v2"), TWO])
def test_ri101_a_named_alias_that_is_not_locked_as_asked_is_told(manifest: str) -> None:
    """`lock` is what it needs."""
    hub, _, text = one()
    name = "b" if manifest is TWO else "a"

    done = relocated(manifest, text, hub, only=[name])

    assert said(done.faults) == [("RI101", name)]
    assert "resilient-infer lock" in done.faults[0].hint


def test_a_base_that_was_squashed_is_relocated_and_its_adapter_bound_to_it() -> None:
    """The adapter stays where it is, and names the new commit of what it needs."""
    hub, repo, _ = one()
    config = f'{{"base_model_name_or_path": "{NAME}"}}'.encode()
    hub.create("acme/adapter", {"adapter_config.json": config, "adapter_model.safetensors": b"small"})
    manifest = manifest_of("  a: acme/adapter\n")
    text = locked(manifest, None, hub)
    old, new = repo.head, repo.squash()

    done = relocated(manifest, text, hub)

    after = lock_text(done.lock)
    assert [(change.what, change.before) for change in done.changes] == [(What.RELOCATED, old)]
    assert [pin.revision for pin in done.lock.entries["a"].needed] == [new]
    assert [need.revision for need in pin_in(after, "a").needs] == [new]
    assert checked(manifest, after) == ()
    assert after == locked(manifest, None, hub)
