"""Resolve: what is pinned can be downloaded, and is what the Hub said."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.files import files_digest
from resilient_infer.lock.lockfile import Contract
from resilient_infer.lock.read_configs import MOST_CONFIG
from resilient_infer.lock.resolve import Resolved, resolve
from tests.lock.fake_hub import CLASSIFIER, UNTOLD, FakeHub, fault, file_of
from tests.lock.samples import OTHER_COMMIT

NAME = "acme/sentiment"


def resolved(answer: Resolved | HubFault) -> Resolved:
    assert isinstance(answer, Resolved), answer
    return answer


def refused(answer: Resolved | HubFault) -> HubFault:
    assert isinstance(answer, HubFault), answer
    return answer


def test_a_pin_holds_all_that_is_known() -> None:
    """Commit, identity, access, license, contract, weights, the whole tree, and the task with its reason."""
    hub = FakeHub()
    repo = hub.create(NAME)

    found = resolved(resolve(hub, NAME, "main"))

    pin = found.pin
    assert (pin.model, pin.requested, pin.revision) == (NAME, "main", repo.head)
    assert (pin.hub_id, pin.access, pin.license) == (repo.hub_id, "public", "apache-2.0")
    assert pin.contract == Contract(labels=("NEGATIVE", "POSITIVE"), max_length=512)
    assert pin.weights == {"model.safetensors": f"sha256:{hashlib.sha256(b'weights').hexdigest()}"}
    assert pin.files == files_digest([file_of(path, content) for path, content in CLASSIFIER.items()])
    assert (found.task, found.reason, found.notes) == ("text-classification", "the repo's pipeline_tag", ())


def test_few_questions_are_asked() -> None:
    """One of the API, one to confirm, and the small files."""
    hub = FakeHub()
    hub.create(NAME)

    resolve(hub, NAME, "main")

    assert (hub.asked_for("model"), hub.asked_for("head"), hub.asked_for("read")) == (1, 1, 2)


def test_everything_is_read_at_the_commit_that_was_named() -> None:
    """The branch may move while we ask; a pin is of one commit."""
    hub = FakeHub()
    repo = hub.create(NAME)
    first = repo.head

    def move(method: str, name: str, revision: str | None) -> None:
        if method != "model":
            assert revision == first
            repo.push({"config.json": f'{{"id2label": {{"0": "{len(repo.commits)}"}}}}'.encode()})

    hub.trouble = move

    assert resolved(resolve(hub, NAME, "main")).pin.contract.labels == ("NEGATIVE", "POSITIVE")


def test_a_commit_a_tag_and_a_pull_request_can_be_asked_for() -> None:
    """Whatever stands after the @."""
    hub = FakeHub()
    repo = hub.create(NAME)
    first = repo.head
    repo.push({"README.md": b"new"})
    repo.refs |= {"v1": first, "refs/pr/1": first}

    for requested in (first, "v1", "refs/pr/1"):
        pin = resolved(resolve(hub, NAME, requested)).pin
        assert (pin.requested, pin.revision) == (requested, first)


def test_a_dead_commit_after_a_force_push_is_not_locked() -> None:
    """huggingface_hub#3406: the API goes on naming a commit that is gone. It is not known where main is."""
    hub = FakeHub()
    repo = hub.create(NAME)
    dead, files = repo.head, dict(repo.commits[repo.head])
    repo.squash()
    repo.stale["main"], repo.listings[dead] = dead, files

    found = refused(resolve(hub, NAME, "main"))

    assert found.kind is HubFaultKind.UNTOLD
    assert "moved by force" in found.reason
    repo.stale[dead] = dead
    assert refused(resolve(hub, NAME, dead)).kind is HubFaultKind.REVISION_GONE
    assert refused(resolve(hub, NAME, "main", revision=dead)).kind is HubFaultKind.REVISION_GONE


def test_another_commit_than_asked_for_is_not_locked() -> None:
    """A broken mirror: what is asked for by commit must be that commit."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.stale[OTHER_COMMIT] = repo.head

    for found in (resolve(hub, NAME, OTHER_COMMIT), resolve(hub, NAME, "main", revision=OTHER_COMMIT)):
        assert refused(found).kind is HubFaultKind.UNTOLD


def test_content_that_differs_from_the_listing_is_not_locked() -> None:
    """The API lists one file and the download is another."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.listings[repo.head] = {**CLASSIFIER, "model.safetensors": b"other"}

    assert refused(resolve(hub, NAME, "main")).kind is HubFaultKind.UNTOLD


@pytest.mark.parametrize("kind", HubFaultKind)
@pytest.mark.parametrize("method", ["model", "head", "read"])
def test_a_fault_at_any_question_is_the_answer(kind: HubFaultKind, method: str) -> None:
    """Nothing half known is locked, and a Hub that is down never reads as gone."""
    hub = FakeHub()
    hub.create(NAME)
    hub.trouble = lambda asked, repo, revision: fault(kind) if asked == method else None

    found = refused(resolve(hub, NAME, "main"))

    misled = method == "head" and kind is HubFaultKind.REVISION_GONE
    assert found.kind is (HubFaultKind.UNTOLD if misled else kind)


def test_a_disabled_repo_an_empty_one_and_one_without_digests_are_refused() -> None:
    """There is nothing to rely on."""
    hub = FakeHub()
    hub.create("a/disabled").disabled = True
    hub.create("a/empty", {})

    assert refused(resolve(hub, "a/disabled", "main")).kind is HubFaultKind.DISABLED
    assert hub.asked_for("head") == 0
    assert refused(resolve(hub, "a/empty", "main")).kind is HubFaultKind.UNTOLD


def test_a_renamed_repo_keeps_the_manifests_name_and_says_so() -> None:
    """The manifest is never rewritten; people are told."""
    hub = FakeHub()
    hub.create(NAME)
    hub.rename(NAME, "acme/new-name")

    found = resolved(resolve(hub, NAME, "main"))

    assert found.pin.model == NAME
    assert found.notes[0].startswith(f"RI203: {NAME} is now called acme/new-name")


def test_a_short_commit_is_locked_in_full_and_said_to_be_short() -> None:
    """The Hub's API takes abbreviations, its downloads do not."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.refs[repo.head[:10]] = repo.head

    found = resolved(resolve(hub, NAME, repo.head[:10]))

    assert found.pin.revision == repo.head
    assert found.notes[0].startswith(f"{repo.head[:10]} is short for commit {repo.head}")


def test_a_config_that_is_too_large_is_not_asked_for() -> None:
    """The contract lacks what it would say; the pin does not."""
    hub = FakeHub()
    hub.create(NAME, {**CLASSIFIER, "config.json": b" " * (MOST_CONFIG + 1)})

    assert resolved(resolve(hub, NAME, "main")).pin.contract == Contract(max_length=512)


@given(license_=st.text(max_size=8) | st.just("hf_" + "a" * 30))
def test_odd_licenses_are_left_out(license_: str) -> None:
    """The card is written by strangers, and the lock must be readable."""
    hub = FakeHub()
    hub.create(NAME).license = license_

    found = resolved(resolve(hub, NAME, "main")).pin.license

    assert found in (license_, None)
    assert not (found or "").startswith("hf_")


def test_a_fault_of_the_branch_is_told_as_it_is() -> None:
    """UNTOLD stays UNTOLD, with the failure that was seen."""
    hub = FakeHub()
    hub.create(NAME)
    hub.down()

    assert resolve(hub, NAME, "main") == UNTOLD
