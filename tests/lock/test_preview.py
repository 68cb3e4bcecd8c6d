"""Preview: what `update` would change, and that one alias does not hide the others."""

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.preview import Preview, preview
from tests.lock.fake_hub import CLASSIFIER, FakeHub, fault
from tests.lock.locking import LOCK, locked, manifest_of, said, surveyed, updated

TWO = manifest_of("  a: acme/one\n  b: acme/two\n")


def previewed(manifest: str, text: str, hub: FakeHub) -> Preview:
    survey = surveyed(text)
    assert survey is not None
    return preview(
        parse_manifest(manifest.encode(), "lockfiles/models.yaml", None), survey.lock, hub, file=LOCK
    )


def hub_of_two() -> tuple[FakeHub, str]:
    hub = FakeHub()
    hub.create("acme/one")
    hub.create("acme/two")
    text = locked(TWO, None, hub)
    for repo in hub.repos.values():
        repo.push({"model.safetensors": b"new"})
    return hub, text


def test_it_is_what_update_does() -> None:
    """The same differences and ways; and nothing where nothing moves."""
    hub, text = hub_of_two()
    done = updated(TWO, text, hub)

    found = previewed(TWO, text, hub)

    assert (found.diffs, found.ways, found.findings) == (done.diffs, done.ways, ())
    assert previewed(TWO, lock_text(done.relocked.lock), hub).diffs == ()


def test_an_alias_that_cannot_move_does_not_hide_the_others() -> None:
    """It is told, and they are shown."""
    hub, text = hub_of_two()
    hub.create("acme/one", {**CLASSIFIER, "model.safetensors": b"evil"}, hub_id="a-stranger")

    found = previewed(TWO, text, hub)

    assert said(found.findings) == [("RI204", "a")]
    assert [diff.alias for diff in found.diffs] == ["b"]


def test_a_hub_that_is_down_ends_it() -> None:
    """Every alias is told, and nothing is shown."""
    hub, text = hub_of_two()
    hub.down()

    found = previewed(TWO, text, hub)

    assert said(found.findings) == [("RI900", "a"), ("RI900", "b")]
    assert found.diffs == ()


def test_a_story_that_is_not_told_does_not_undo_the_rest() -> None:
    """The pin would move, and what lies between is missing: both is said."""
    hub, text = hub_of_two()

    def trouble(method: str, repo: str, revision: str | None) -> HubFault | None:
        return fault(HubFaultKind.UNTOLD) if (method, repo) == ("history", "acme/one") else None

    hub.trouble = trouble
    found = previewed(TWO, text, hub)

    assert said(found.findings) == [("RI900", "a")]
    assert [diff.alias for diff in found.diffs] == ["a", "b"]
