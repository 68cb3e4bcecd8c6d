"""Relock: no pin that still holds is moved, nothing is half written, a Hub that is down changes nothing."""

import itertools
import random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.lockfile import LockedName, parse_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.relock import What, relock
from tests.lock.fake_hub import CLASSIFIER, UNTOLD, FakeHub, fault
from tests.lock.locking import checked, locked, manifest_of, pin_in, run, said
from tests.lock.samples import COMMIT, lock_of, pin

NAMES = ("acme/one", "acme/two", "acme/three")


def hub_of(*names: str) -> FakeHub:
    hub = FakeHub()
    for name in names or NAMES:
        hub.create(name)
    return hub


MIXED = manifest_of(
    "  a: acme/one\n"
    "  b: acme/two@main\n"
    "  c:\n"
    "    targets:\n"
    "      - {model: acme/three}\n"
    "      - {model: acme/one}\n"
    "  d: {task: chat, targets: [{model: acme/two}, {provider: openai, name: gpt-x-0613, pin: versioned}]}\n"
)


@pytest.mark.parametrize("moving", [False, True])
def test_lock_twice_gives_the_same_bytes_and_asks_nothing(moving: bool) -> None:
    """A pin that is still valid is kept without a question, wherever its branch has gone."""
    hub = hub_of()
    first = locked(MIXED, None, hub)
    hub.asked.clear()
    if moving:
        for repo in hub.repos.values():
            repo.push({"model.safetensors": b"new"})

    again = run(MIXED, first, hub)

    assert lock_text(again.lock) == first
    assert (again.changes, again.faults, hub.asked) == ((), (), [])
    assert checked(MIXED, first) == ()


def test_what_is_locked_is_recorded() -> None:
    """One pin per distinct model in target order, provider-only targets among them, the task, all aliases."""
    hub = hub_of()

    done = run(MIXED, None, hub)

    assert list(done.lock.entries) == ["a", "b", "c", "d"]
    assert [entry.task for entry in done.lock.entries.values()] == ["text-classification"] * 3 + ["chat"]
    c, d = done.lock.entries["c"], done.lock.entries["d"]
    assert [getattr(pin, "model", None) for pin in c.pins] == ["acme/three", "acme/one"]
    assert isinstance(d.pins[1], LockedName)
    assert [(change.alias, change.what) for change in done.changes] == [
        (alias, What.ADDED) for alias in ("a", "b", "c", "c", "d", "d")
    ]
    assert done.changes[0].notes == ("task text-classification: the repo's pipeline_tag",)
    assert done.changes[4].notes == ()


def test_one_model_of_many_aliases_is_resolved_once() -> None:
    """`model` and `model@main` ask for the same."""
    hub = hub_of("acme/one")

    done = run(
        manifest_of("".join(f"  a{n}: acme/one{'@main' if n % 2 else ''}\n" for n in range(50))), None, hub
    )

    assert len(done.lock.entries) == 50
    assert hub.asked_for("model") == 1


ANGRY = {"config.json": b'{"id2label": {"0": "BAD", "1": "GOOD"}}', "model.safetensors": b"weights"}


def test_an_alias_whose_targets_answer_differently_is_not_locked() -> None:
    """RI406 for each such target of an alias, and the old entry stays; a map mends it, or `fallback: any`."""
    hub = hub_of()
    hub.create("acme/angry", {**CLASSIFIER, **ANGRY})
    before = locked(manifest_of("  a: acme/one\n  b: acme/two\n"), None, hub)
    both = "{targets: [{model: acme/one}, {model: acme/angry}, {model: acme/angry}]}"

    done = run(manifest_of(f"  a: {both}\n  b: {both}\n  c: acme/three\n"), before, hub)

    assert said(done.faults) == [("RI406", "a"), ("RI406", "a"), ("RI406", "b"), ("RI406", "b")]
    assert [len(done.lock.entries[alias].pins) for alias in ("a", "b", "c")] == [1, 1, 1]
    assert {change.alias for change in done.changes} == {"c"}
    mended = {"contract": "labels: {BAD: NEGATIVE, GOOD: POSITIVE}", "any": "context: 5"}
    for fallback, also in mended.items():
        body = f"{{fallback: {fallback}, targets: [{{model: acme/one}}, {{model: acme/angry, {also}}}]}}"
        text = locked(manifest_of(f"  a: {body}\n"), before, hub)
        assert checked(manifest_of(f"  a: {body}\n"), text) == ()


def test_an_embedding_never_falls_back_to_other_weights() -> None:
    """The same model at another commit is other weights; reached another way it is not."""
    hub = hub_of()
    for repo in hub.repos.values():
        repo.task = "feature-extraction"
    hub.repos["acme/one"].push({"model.safetensors": b"new"}, branch="v2")

    def codes_of(second: str) -> list[str]:
        done = run(manifest_of(f"  a: {{targets: [{{model: acme/one}}, {second}]}}\n"), None, hub)
        return [fault.code for fault in done.faults]

    assert codes_of("{model: acme/two}") == ["RI406"]
    assert codes_of("{model: acme/one@v2}") == ["RI406"]
    assert codes_of("{provider: openai, name: e, pin: versioned}") == ["RI406"]
    assert codes_of("{model: acme/one, routes: [openai]}") == []


LINES = {
    "a": ("acme/one", '"acme/one@main"', "{targets: [{model: acme/one}]}", "https://huggingface.co/acme/one"),
    "b": ("acme/two@main", "'acme/two'", "{targets: [{model: acme/two, context: 5}]}", "hf://acme/two"),
    "c": (
        "acme/three@v1",
        "acme/three@v1 # why",
        "{deadline: 9, targets: [{model: acme/three@v1}]}",
        "acme/three@v1",
    ),
}
HEADS = ("", "# a comment\n", "policy: {retries: 5, deadline: 7.5}\n")


@settings(max_examples=50)
@given(
    order=st.permutations(list(LINES)),
    styles=st.tuples(*(st.integers(0, 3) for _ in LINES)),
    head=st.sampled_from(HEADS),
    price=st.sampled_from(["", "0.5", "0"]),
)
def test_order_comments_and_style_do_not_matter(
    order: list[str], styles: tuple[int, ...], head: str, price: str
) -> None:
    """The same bytes for every way to write the same models; policies, times and prices are not locked."""
    hub = hub_of()
    hub.repos["acme/three"].refs["v1"] = hub.repos["acme/three"].head
    plain = manifest_of("".join(f"  {name}: {LINES[name][0]}\n" for name in LINES))
    routes = f"[{{provider: hf-inference, price: {{input: {price}}}}}]" if price else "[hf-inference]"
    chosen = dict(zip(LINES, styles, strict=True))
    lines = {name: LINES[name][chosen[name]].replace("}]}", f", routes: {routes}}}]}}") for name in LINES}
    styled = manifest_of("".join(f"  {name}: {lines[name]}\n\n" for name in order), head=head)

    expected = locked(plain, None, hub)

    assert locked(styled, None, hub) == expected
    assert locked(styled, expected, hub) == expected
    assert checked(styled, expected) == checked(plain, expected) == ()


def test_the_written_lock_reads_back_in_any_yaml() -> None:
    """The example of the document, from a Hub."""
    text = locked(MIXED, None, hub_of())

    assert yaml.safe_load(text)["models"]["a"]["pins"][0]["requested"] == "main"
    assert yaml.safe_load(text)["models"]["d"]["pins"][1] == {
        "provider": "openai",
        "name": "gpt-x-0613",
        "pin": "versioned",
    }


def test_ri101_a_changed_ref_moves_that_alias_alone() -> None:
    """The ref is part of what was asked for: another one is another pin."""
    hub = hub_of()
    before = locked(MIXED, None, hub)
    hub.repos["acme/one"].refs["v2"] = new = hub.repos["acme/one"].push({"README.md": b"x"}, branch="v2")
    changed = MIXED.replace("  a: acme/one\n", "  a: acme/one@v2\n")

    assert said(checked(changed, before)) == [("RI101", "a")]
    done = run(changed, before, hub)

    assert [(change.alias, change.what) for change in done.changes] == [("a", What.MOVED)]
    assert done.changes[0].before == pin_in(before, "a").revision
    text = lock_text(done.lock)
    assert pin_in(text, "a").revision == new
    assert pin_in(text, "c", 1) == pin_in(before, "c", 1)
    assert checked(changed, text) == ()


def test_a_target_goes_where_it_is_told_to_and_no_other_one_does() -> None:
    """A move is by alias and target; the same model of another alias stays."""
    hub = hub_of()
    both = manifest_of("  a: {targets: [{model: acme/one}, {model: acme/one@v2}]}\n  b: acme/one\n")
    repo = hub.repos["acme/one"]
    repo.tag("v2", repo.head)
    before = locked(both, None, hub)
    new = repo.push({"model.safetensors": b"new"})
    repo.push({"model.safetensors": b"newer"})
    parsed = parse_manifest(both.encode(), "m.yaml", None)

    done = relock(
        parsed,
        parse_lock(before.encode(), "l.yaml"),
        hub,
        file="l.yaml",
        moves={("a", ("model", "acme/one", "main")): new},
    )

    assert [(each.alias, each.what, each.before) for each in done.changes] == [
        ("a", What.MOVED, pin_in(before, "a").revision)
    ]
    assert done.changes[0].notes == ()
    after = lock_text(done.lock)
    assert [pin_in(after, "a").revision, pin_in(after, "a").requested] == [new, "main"]
    assert pin_in(after, "a", 1) == pin_in(before, "a", 1)
    assert pin_in(after, "b") == pin_in(before, "b")


def test_ri102_orphans_are_dropped() -> None:
    """An alias and a target that nobody asks for any more."""
    hub = hub_of()
    before = locked(MIXED, None, hub)
    hub.asked.clear()
    fewer = manifest_of("  a: acme/one\n  c: acme/three\n")

    done = run(fewer, before, hub)

    assert hub.asked == []
    assert list(done.lock.entries) == ["a", "c"]
    assert {(change.alias, change.what) for change in done.changes} == {
        (alias, What.DROPPED) for alias in ("b", "c", "d")
    }


def test_a_lock_written_by_hand_is_completed_at_its_commit() -> None:
    """Never moved: what the file says counts, wherever main is."""
    hub = hub_of()
    repo = hub.repos["acme/one"]
    old = repo.head
    repo.push({"model.safetensors": b"new"})
    by_hand = lock_of(a=pin("acme/one", "main", old)).decode()

    done = run(manifest_of("  a: acme/one\n"), by_hand, hub)

    assert [(change.what, change.before) for change in done.changes] == [(What.COMPLETED, None)]
    text = lock_text(done.lock)
    assert (pin_in(text, "a").revision, pin_in(text, "a").hub_id) == (old, repo.hub_id)
    assert done.lock.entries["a"].task == "text-classification"
    assert locked(manifest_of("  a: acme/one\n"), text, hub) == text


def test_a_hand_written_commit_that_is_not_there_is_a_fault() -> None:
    """It is not replaced by another one in silence."""
    done = run(manifest_of("  a: acme/one\n"), lock_of(a=pin("acme/one")).decode(), hub_of())

    assert said(done.faults) == [("RI201", "a")]
    assert COMMIT in done.faults[0].message
    assert "resilient-infer update a" in done.faults[0].hint


def test_ri105_a_bots_bump_is_completed_at_the_bumped_commit() -> None:
    """A wrong check: the fields are read again at the commit that the lock names."""
    hub = hub_of()
    manifest = manifest_of("  a: acme/one\n")
    before = locked(manifest, None, hub)
    new = hub.repos["acme/one"].push({"model.safetensors": b"new"})
    hub.repos["acme/one"].push({"model.safetensors": b"newer"})
    bumped = before.replace(pin_in(before, "a").revision, new)
    assert said(checked(manifest, bumped)) == [("RI105", "a")]

    text = locked(manifest, bumped, hub)

    assert pin_in(text, "a").revision == new
    assert pin_in(text, "a").weights != pin_in(before, "a").weights
    assert checked(manifest, text) == ()


def test_ri103_an_unquoted_commit_is_quoted_and_kept() -> None:
    """The commit is clear: nothing is asked."""
    hub = hub_of()
    manifest = manifest_of("  a: acme/one\n")
    text = locked(manifest, None, hub)
    revision = pin_in(text, "a").revision
    hub.asked.clear()
    unquoted = text.replace(f'"{revision}"', revision)
    assert said(checked(manifest, unquoted)) == [("RI103", "a")]

    assert locked(manifest, unquoted, hub) == text
    assert hub.asked == []


def test_ri103_what_is_no_commit_is_resolved_anew() -> None:
    """There is nothing to hold on to."""
    hub = hub_of()
    manifest = manifest_of("  a: acme/one\n")
    text = locked(manifest, None, hub)

    for wrong in ("main", "714eb0fa89d2"):
        broken = text.replace(f'"{pin_in(text, "a").revision}"', f'"{wrong}"')
        assert {code for code, _ in said(checked(manifest, broken))} == {"RI103", "RI105"}
        assert locked(manifest, broken, hub) == text


def test_ri204_a_name_that_changed_hands_is_refused() -> None:
    """No pin is moved to, added for or completed from a repo with another identity."""
    hub = hub_of()
    before = locked(MIXED, None, hub)
    hub.create("acme/one", {**CLASSIFIER, "model.safetensors": b"evil"}, hub_id="a-stranger")
    hub.repos["acme/one"].refs["v2"] = hub.repos["acme/one"].head
    moved = MIXED.replace("  a: acme/one\n", "  a: acme/one@v2\n")
    added = MIXED + "  e: acme/one\n"

    for manifest, alias in ((moved, "a"), (added, "e")):
        done = run(manifest, before, hub)
        assert said(done.faults) == [("RI204", alias)]
        assert done.faults[0].security
        assert "a-stranger" in done.faults[0].message
    touched = before.replace("license: apache-2.0", "license: mit")
    assert {code for code, _ in said(run(MIXED, touched, hub).faults)} <= {"RI201", "RI204"}


def test_an_identity_the_hub_does_not_tell_proves_nothing() -> None:
    """A mirror without ids: the commit is what counts."""
    hub = hub_of()
    before = locked(MIXED, None, hub)
    hub.repos["acme/one"].hub_id = ""

    done = run(MIXED + "  e: acme/one\n", before, hub)

    assert done.faults == ()
    assert pin_in(lock_text(done.lock), "e").hub_id is None


@pytest.mark.parametrize("kind", HubFaultKind)
def test_one_fault_and_nothing_is_to_be_written(kind: HubFaultKind) -> None:
    """All or nothing: the alias keeps its old entry, the fault says which and why."""
    hub = hub_of()
    before = locked(MIXED, None, hub)
    manifest = MIXED.replace("  a: acme/one\n", "  a: acme/one@v2\n").replace("acme/two@main", "acme/two@v2")
    hub.repos["acme/two"].refs["v2"] = hub.repos["acme/two"].head
    hub.trouble = lambda method, repo, revision: fault(kind) if repo == "acme/one" else None

    done = run(manifest, before, hub)

    assert [finding.alias for finding in done.faults] == ["a"]
    assert pin_in(lock_text(done.lock), "a") == pin_in(before, "a")
    unknown = kind in (HubFaultKind.UNTOLD, HubFaultKind.DENIED)
    assert (done.faults[0].code == "RI900") is unknown
    assert done.faults[0].hint


@settings(max_examples=40)
@given(answers=st.integers(0, 10), seed=st.integers(0, 2**16))
def test_a_hub_that_fades_never_moves_a_pin_and_never_says_gone(answers: int, seed: int) -> None:
    """Whatever was answered before it went down: locked pins stay, and all else is RI900."""
    hub = hub_of()
    before = locked(MIXED, None, hub)
    for repo in hub.repos.values():
        repo.push({"model.safetensors": b"new"})
    left = itertools.count()
    hub.trouble = lambda method, repo, revision: UNTOLD if next(left) >= answers else None
    aliases = ["  e: acme/one\n", "  f: acme/two\n", "  g: acme/three\n"]
    random.Random(seed).shuffle(aliases)

    done = run(MIXED + "".join(aliases), before, hub)

    text = lock_text(done.lock)
    for alias in "abcd":
        assert pin_in(text, alias) == pin_in(before, alias)
    assert {code for code, _ in said(done.faults)} <= {"RI900"}
    assert set(done.lock.entries) | {finding.alias for finding in done.faults} == set("abcdefg")


def test_a_hub_that_is_down_is_not_noticed_where_nothing_is_missing() -> None:
    """`lock` in CI of a locked project needs no network."""
    hub = hub_of()
    text = locked(MIXED, None, hub)
    hub.down()

    assert locked(MIXED, text, hub) == text


def test_an_environment_holds_only_what_it_replaces() -> None:
    """Reading falls through to the default file."""
    hub = hub_of()
    manifest = MIXED + "environments:\n  prod: {a: acme/two}\n"

    default, prod = locked(manifest, None, hub), run(manifest, None, hub, environment="prod")

    assert list(prod.lock.entries) == ["a"]
    assert pin_in(default, "a").model == "acme/one"
    assert pin_in(lock_text(prod.lock), "a").model == "acme/two"
    assert checked(manifest, default) == ()
    assert checked(manifest, lock_text(prod.lock), environment="prod") == ()
    stale = checked(manifest, None, environment="prod")
    assert [(finding.code, finding.alias) for finding in stale] == [("RI101", "a")]
    assert stale[0].hint == 'run "resilient-infer lock --env prod"'


def test_only_some_aliases_can_be_locked() -> None:
    """`add` locks what it adds; what else is stale or orphaned stays as it is."""
    hub = hub_of()
    before = locked(MIXED, None, hub)
    manifest = manifest_of("  a: acme/one@v2\n  e: acme/two\n")

    done = run(manifest, before, hub, only=["e"])

    assert list(done.lock.entries) == ["a", "b", "c", "d", "e"]
    assert [(change.alias, change.what) for change in done.changes] == [("e", What.ADDED)]
    assert done.faults == ()
    assert pin_in(lock_text(done.lock), "a") == pin_in(before, "a")


def test_the_task_is_the_manifests_else_the_repos() -> None:
    """A task that is written down is recorded, too: in production there may be the lock alone."""
    hub = hub_of()
    text = locked(manifest_of("  a: acme/one\n"), None, hub)
    said_otherwise = manifest_of("  a: {task: zero-shot-classification, targets: [{model: acme/one}]}\n")
    hub.asked.clear()

    assert said(checked(said_otherwise, text)) == [("RI101", "a")]
    done = run(said_otherwise, text, hub)

    assert done.lock.entries["a"].task == "zero-shot-classification"
    assert [change.what for change in done.changes] == [What.CHANGED]
    assert hub.asked == []


def test_a_repo_without_a_task_is_locked_and_said() -> None:
    """People can say it in the manifest."""
    hub = hub_of("acme/one")
    hub.repos["acme/one"].task = None

    done = run(manifest_of("  a: acme/one\n"), None, hub)

    assert done.lock.entries["a"].task is None
    assert done.changes[0].notes == ("task unknown: the repo names none; say task: in the manifest",)
    text = lock_text(done.lock)
    hub.asked.clear()
    assert locked(manifest_of("  a: acme/one\n"), text, hub) == text
    assert hub.asked == []


def test_a_requested_commit_is_that_commit() -> None:
    """And a lock that holds another one for it is not believed."""
    hub = hub_of("acme/one")
    first = hub.repos["acme/one"].head
    other = hub.repos["acme/one"].push({"README.md": b"x"})
    manifest = manifest_of(f'  a: "acme/one@{first}"\n')
    text = locked(manifest, None, hub)
    assert pin_in(text, "a").revision == first

    wrong = text.replace(f'revision: "{first}"', f'revision: "{other}"')

    assert {code for code, _ in said(checked(manifest, wrong))} == {"RI101", "RI105"}
    assert locked(manifest, wrong, hub) == text


def test_progress_is_told_in_order() -> None:
    """One call for each model, in the caller's thread."""
    told: list[tuple[int, int]] = []
    manifest = parse_manifest(MIXED.encode(), "m.yaml", None)

    relock(manifest, None, hub_of(), file="l.yaml", progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_fault_of_one_model_names_every_alias_that_uses_it() -> None:
    """In the order of the manifest."""
    hub = hub_of()
    hub.trouble = lambda method, repo, revision: UNTOLD if repo == "acme/one" else None

    faults = run(MIXED, None, hub).faults

    assert said(faults) == [("RI900", "a"), ("RI900", "c")]
    assert isinstance(UNTOLD, HubFault)
    assert UNTOLD.reason in faults[0].message
