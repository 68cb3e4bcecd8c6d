"""Update: pins go to where their refs are, all of them or none, and then `lock` has nothing to do."""

import itertools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.destination import MinAge
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.lockfile import parse_lock
from resilient_infer.lock.relock import What
from resilient_infer.lock.way import Course
from tests.lock.fake_hub import CLASSIFIER, UNTOLD, FakeHub, fault
from tests.lock.locking import checked, locked, manifest_of, pin_in, run, said, updated
from tests.lock.samples import lock_of, pin

NAMES = ("acme/one", "acme/two", "acme/three")
DAY = 86_400.0
NOW = 1_000 * DAY
WEEK = MinAge(made_by=NOW - 7 * DAY, words="7d")
MANY = manifest_of(
    "  a: acme/one\n"
    "  b: acme/two@main\n"
    "  c:\n"
    "    targets:\n"
    "      - {model: acme/three}\n"
    "      - {model: acme/one}\n"
    "  d: {task: chat, targets: [{model: acme/two}, {provider: openai, name: x, pin: floating}]}\n"
)


def hub_of() -> FakeHub:
    hub = FakeHub()
    for name in NAMES:
        hub.create(name)
    return hub


def test_pins_go_to_the_head_of_what_was_requested() -> None:
    """With what was locked before, and what lies between."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    repo = hub.repos["acme/one"]
    repo.push({"README.md": b"x"})
    new = repo.push({"model.safetensors": b"new"})

    done = updated(MANY, before, hub)

    relocked = done.relocked
    old = pin_in(before, "a").revision
    assert relocked.faults == ()
    assert [(each.alias, each.what, each.before) for each in relocked.changes] == [
        ("a", What.MOVED, old),
        ("c", What.MOVED, old),
    ]
    after = lock_text(relocked.lock)
    assert pin_in(after, "a").revision == pin_in(after, "c", 1).revision == new
    assert pin_in(after, "a").weights != pin_in(before, "a").weights
    assert pin_in(after, "b") == pin_in(before, "b")
    assert [diff.alias for diff in done.diffs] == ["a", "c"]
    ((stretch, way),) = done.ways.items()
    assert (stretch.before, stretch.after) == (old, new)
    assert way.steps is not None
    assert (way.steps.course, len(way.steps.commits)) == (Course.AHEAD, 2)


@settings(max_examples=60)
@given(pushes=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), max_size=6), aged=st.booleans())
def test_after_an_update_nothing_is_left_to_do(pushes: list[tuple[str, int]], aged: bool) -> None:
    """A lock after it gives the same bytes and asks nothing; so does a second update; the check is ok."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    for repo in hub.repos.values():
        repo.dates[repo.head] = NOW - 30 * DAY
    for number, (name, weeks) in enumerate(pushes):
        repo = hub.repos[name]
        repo.dates[repo.push({"README.md": b"%d" % number})] = NOW - weeks * 6 * DAY
    min_age = WEEK if aged else None

    after = lock_text(updated(MANY, before, hub, min_age=min_age).relocked.lock)

    hub.asked.clear()
    assert locked(MANY, after, hub) == after
    assert hub.asked == []
    assert checked(MANY, after) == ()
    again = updated(MANY, after, hub, min_age=min_age)
    assert lock_text(again.relocked.lock) == after
    assert (again.relocked.changes, again.relocked.faults, again.diffs) == ((), (), ())
    if not pushes:
        assert after == before
    if not aged:
        for alias, name in (("a", "acme/one"), ("b", "acme/two"), ("c", "acme/three"), ("d", "acme/two")):
            assert pin_in(after, alias).revision == hub.repos[name].head


def test_what_does_not_move_costs_one_cheap_question() -> None:
    """A HEAD for each repo and ref, however many aliases."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    hub.asked.clear()

    updated(MANY, before, hub)

    assert [method for method, *_ in hub.asked] == ["head"] * 3


def test_only_the_named_aliases_move() -> None:
    """The same model of another alias stays, orphans too, and nothing is asked about them."""
    hub = hub_of()
    before = locked(MANY + "  orphan: acme/one\n", None, hub)
    for repo in hub.repos.values():
        repo.push({"README.md": b"x"})
    hub.asked.clear()

    done = updated(MANY, before, hub, only=["a"])

    after = lock_text(done.relocked.lock)
    assert [change.alias for change in done.relocked.changes] == ["a"]
    assert pin_in(after, "c", 1) == pin_in(before, "c", 1)
    assert pin_in(after, "orphan") == pin_in(before, "orphan")
    assert {name for _, name, _, _ in hub.asked} == {"acme/one"}


def test_a_commit_that_was_asked_for_never_moves() -> None:
    """All of it or in short; nothing is asked."""
    hub = hub_of()
    head = hub.repos["acme/one"].head
    hub.repos["acme/two"].refs[hub.repos["acme/two"].head[:9]] = hub.repos["acme/two"].head
    manifest = manifest_of(f"  a: acme/one@{head}\n  b: acme/two@{hub.repos['acme/two'].head[:9]}\n")
    before = locked(manifest, None, hub)
    for repo in hub.repos.values():
        repo.push({"README.md": b"x"})
    hub.asked.clear()

    done = updated(manifest, before, hub, min_age=WEEK)

    assert lock_text(done.relocked.lock) == before
    assert hub.asked == []


def test_a_tag_moves_if_somebody_moved_it() -> None:
    """It is what was asked for; but a tag should stay where it is, so that is said."""
    hub = hub_of()
    repo = hub.repos["acme/one"]
    repo.tag("v1", repo.head)
    manifest = manifest_of("  a: acme/one@v1\n")
    before = locked(manifest, None, hub)
    new = repo.push({"README.md": b"x"})
    assert updated(manifest, before, hub).relocked.changes == ()
    repo.tag("v1", new)

    relocked = updated(manifest, before, hub).relocked
    assert pin_in(lock_text(relocked.lock), "a").revision == new
    assert relocked.changes[0].notes[0].startswith("RI303: the tag v1 of acme/one was moved from ")
    hub.trouble = lambda method, name, revision: UNTOLD if method == "refs" else None
    assert said(updated(manifest, before, hub).relocked.faults) == [("RI900", "a")]


def test_what_is_missing_is_locked_and_what_is_too_much_is_dropped() -> None:
    """As `lock` does it, in the same run; with an age only what is old enough."""
    hub = hub_of()
    hub.repos["acme/three"].dates[hub.repos["acme/three"].head] = NOW - 9 * DAY
    hub.repos["acme/one"].dates[hub.repos["acme/one"].head] = NOW - 9 * DAY
    old = hub.repos["acme/three"].head
    hub.repos["acme/three"].push({"README.md": b"x"})
    before = locked(manifest_of("  a: acme/one\n  z: acme/two\n"), None, hub)
    manifest = manifest_of("  a: acme/one\n  c: acme/three\n")

    assert lock_text(updated(manifest, before, hub).relocked.lock) == locked(manifest, before, hub)
    aged = updated(manifest, before, hub, min_age=WEEK)
    assert pin_in(lock_text(aged.relocked.lock), "c").revision == old
    assert [(each.alias, each.what) for each in aged.relocked.changes] == [
        ("c", What.ADDED),
        ("z", What.DROPPED),
    ]


def test_what_is_locked_for_the_first_time_costs_what_it_costs_lock() -> None:
    """No question more."""
    hub = hub_of()
    locked(MANY, None, hub)
    asked = len(hub.asked)

    updated(MANY, None, hub)

    assert len(hub.asked) == 2 * asked


def test_an_age_that_nothing_has_locks_nothing() -> None:
    """RI101 for what was never locked: all or nothing."""
    hub = hub_of()
    before = locked(manifest_of("  a: acme/one\n"), None, hub)
    hub.repos["acme/two"].dates[hub.repos["acme/two"].head] = NOW

    done = updated(manifest_of("  a: acme/one\n  b: acme/two\n"), before, hub, min_age=WEEK)

    assert said(done.relocked.faults) == [("RI101", "b")]
    assert lock_text(done.relocked.lock) == before


def test_a_lock_written_by_hand_is_completed_where_it_goes() -> None:
    """To the head; or, if it may not go there, where it is."""
    hub = hub_of()
    repo = hub.repos["acme/one"]
    old = repo.head
    by_hand = lock_of(a=pin("acme/one", "main", old)).decode()
    repo.dates |= {old: NOW - 9 * DAY, repo.push({"README.md": b"x"}): NOW}
    manifest = manifest_of("  a: acme/one\n")

    moved, stayed = (updated(manifest, by_hand, hub, min_age=min_age) for min_age in (None, WEEK))

    assert [(each.what, each.before) for each in moved.relocked.changes] == [(What.MOVED, old)]
    assert [(each.what, each.before) for each in stayed.relocked.changes] == [(What.COMPLETED, None)]
    assert pin_in(lock_text(stayed.relocked.lock), "a").revision == old
    assert stayed.notes


@pytest.mark.parametrize("min_age", [None, WEEK], ids=["any", "7d"])
def test_ri204_a_name_that_changed_hands_moves_nothing(min_age: MinAge | None) -> None:
    """Not even the other aliases; also where its commits are too young to be moved to."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    hub.create("acme/one", {**CLASSIFIER, "model.safetensors": b"evil"}, hub_id="a-stranger")
    hub.repos["acme/two"].push({"README.md": b"x"})

    done = updated(MANY, before, hub, min_age=min_age)

    assert said(done.relocked.faults) == [("RI204", "a"), ("RI204", "c")]
    assert pin_in(lock_text(done.relocked.lock), "a") == pin_in(before, "a")


def test_ri406_a_move_that_breaks_a_fallback_moves_nothing() -> None:
    """The new commit answers with other labels."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    hub.repos["acme/one"].push({"config.json": b'{"id2label": {"0": "BAD", "1": "GOOD"}}'})

    done = updated(MANY, before, hub)

    assert said(done.relocked.faults) == [("RI406", "c")]
    assert pin_in(lock_text(done.relocked.lock), "c", 1) == pin_in(before, "c", 1)


def test_a_history_that_was_rewritten_is_followed_and_told() -> None:
    """Also where the pin is gone: `update` is the way out."""
    hub = hub_of()
    manifest = manifest_of("  a: acme/one\n")
    before = locked(manifest, None, hub)
    repo = hub.repos["acme/one"]
    repo.squash()
    new = repo.push({"model.safetensors": b"new"})

    done = updated(manifest, before, hub)

    assert pin_in(lock_text(done.relocked.lock), "a").revision == new
    (way,) = done.ways.values()
    assert way.steps is not None
    assert (way.steps.course, way.gone, way.content) == (Course.APART, True, None)


def test_an_api_that_is_behind_its_downloads_is_waited_for() -> None:
    """RI900: the branch is at a commit that the API does not list yet."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    new = hub.repos["acme/one"].push({"README.md": b"x"})
    hub.trouble = lambda method, repo, revision: (
        fault(HubFaultKind.REVISION_GONE) if (method, revision) == ("model", new) else None
    )

    done = updated(MANY, before, hub)

    assert said(done.relocked.faults) == [("RI900", "a"), ("RI900", "c")]
    assert lock_text(done.relocked.lock) == before


@pytest.mark.parametrize("method", ["head", "model", "read", "history"])
@pytest.mark.parametrize("kind", [HubFaultKind.UNTOLD, HubFaultKind.DENIED])
def test_one_question_without_an_answer_and_nothing_is_to_be_written(kind: HubFaultKind, method: str) -> None:
    """RI900, and a fault that is there stops the writing; also if only the story of the move is missing."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    for repo in hub.repos.values():
        repo.push({"README.md": b"x"})

    def trouble(asked: str, repo: str, revision: str | None) -> HubFault | None:
        return fault(kind) if (asked, repo) == (method, "acme/one") else None

    hub.trouble = trouble
    done = updated(MANY, before, hub)

    assert {code for code, _ in said(done.relocked.faults)} == {"RI900"}
    assert {alias for _, alias in said(done.relocked.faults)} == {"a", "c"}


@settings(max_examples=60)
@given(answers=st.integers(0, 30), seed=st.integers(0, 2**16), aged=st.booleans())
def test_a_hub_that_fades_moves_nothing(answers: int, seed: int, aged: bool) -> None:
    """Whatever it answered before it went down: either every pin is where it goes, or there are faults."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    for repo in hub.repos.values():
        repo.dates |= {repo.head: NOW - 9 * DAY}
        repo.dates |= {repo.push({"README.md": b"x"}): NOW - random.Random(seed).random() * 14 * DAY}
    right = lock_text(updated(MANY, before, hub, min_age=WEEK if aged else None).relocked.lock)
    left = itertools.count()
    hub.trouble = lambda method, repo, revision: UNTOLD if next(left) >= answers else None

    done = updated(MANY, before, hub, min_age=WEEK if aged else None)

    assert {code for code, _ in said(done.relocked.faults)} <= {"RI900"}
    if not done.relocked.faults:
        assert lock_text(done.relocked.lock) == right


def test_what_lock_would_refuse_is_refused() -> None:
    """A repo that is gated now, for one."""
    hub = hub_of()
    before = locked(MANY, None, hub)
    hub.repos["acme/one"].push({"README.md": b"x"})
    hub.repos["acme/one"].gate()

    done = updated(MANY, before, hub)

    assert said(done.relocked.faults) == [("RI205", "a"), ("RI205", "c")]
    assert run(MANY, before, hub).faults == ()


def adapter(base: str, revision: str | None = None) -> dict[str, bytes]:
    config = {"base_model_name_or_path": base, "task_type": "SEQ_CLS", "revision": revision}
    return {"adapter_config.json": json.dumps(config).encode(), "adapter_model.safetensors": b"small"}


ADAPTED = manifest_of("  a: {task: text-classification, targets: [{model: acme/adapter}]}\n")


def adapted() -> tuple[FakeHub, str]:
    """A Hub with an adapter and two bases, and the lock of the adapter with the first of them."""
    hub = hub_of()
    hub.create("acme/adapter", adapter("acme/one"))
    return hub, locked(ADAPTED, None, hub)


def needed(text: str) -> dict[str, str]:
    """The commit of each repo that is needed by alias `a`."""
    return {pin.model: pin.revision for pin in parse_lock(text.encode(), "l").entries["a"].needed}


def test_what_a_model_needs_moves_with_it_and_by_itself() -> None:
    """The base's branch moved, the adapter did not; then the adapter names another base."""
    hub, before = adapted()
    assert needed(before) == {"acme/one": hub.repos["acme/one"].head}
    new = hub.repos["acme/one"].push({"model.safetensors": b"new"})

    done = updated(ADAPTED, before, hub)

    after = lock_text(done.relocked.lock)
    assert needed(after) == {"acme/one": new}
    assert pin_in(after, "a").revision == pin_in(before, "a").revision
    assert [(each.what, each.pin and getattr(each.pin, "model", "")) for each in done.relocked.changes] == [
        (What.MOVED, "acme/one")
    ]
    assert [pin.needed for pin in done.diffs[0].pins if pin.stretch] == [True]
    assert (checked(ADAPTED, after), locked(ADAPTED, after, hub)) == ((), after)
    hub.repos["acme/adapter"].push(adapter("acme/two"))
    last = lock_text(updated(ADAPTED, after, hub).relocked.lock)
    assert needed(last) == {"acme/two": hub.repos["acme/two"].head}
    assert locked(ADAPTED, last, hub) == last


def test_an_age_holds_for_what_is_needed_anew() -> None:
    """The adapter is old enough; of the base that it names now, the commit that is."""
    hub, before = adapted()
    repo, base = hub.repos["acme/adapter"], hub.repos["acme/two"]
    repo.dates[repo.head] = NOW - 30 * DAY
    repo.dates[repo.push(adapter("acme/two"))] = NOW - 20 * DAY
    old = base.head
    base.dates[old] = NOW - 30 * DAY
    young = base.push({"model.safetensors": b"evil"})
    base.dates[young] = NOW

    aged = updated(ADAPTED, before, hub, min_age=WEEK)
    any_ = updated(ADAPTED, before, hub)

    assert aged.relocked.faults == any_.relocked.faults == ()
    assert needed(lock_text(aged.relocked.lock)) == {"acme/two": old}
    assert needed(lock_text(any_.relocked.lock)) == {"acme/two": young}


def test_a_base_that_is_gated_now_stays_and_holds_up_nothing() -> None:
    """No call goes there: it is told."""
    hub, before = adapted()
    new = hub.repos["acme/adapter"].push({"README.md": b"x"})
    hub.repos["acme/one"].push({"README.md": b"x"})
    hub.repos["acme/one"].gate()

    done = updated(ADAPTED, before, hub)

    assert done.relocked.faults == ()
    after = lock_text(done.relocked.lock)
    assert (pin_in(after, "a").revision, needed(after)) == (new, needed(before))
    assert any("acme/one stays" in note for note in done.notes)
