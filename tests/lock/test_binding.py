"""Binding: an alias is called only with what it is locked to."""

from dataclasses import replace
from pathlib import Path

import pytest

from resilient_infer.errors import AliasNotLocked, StaleLock
from resilient_infer.lock.binding import Mode, bind
from resilient_infer.lock.discovery import find, read_file
from resilient_infer.lock.lockfile import Lock, LockedModel, LockedName, Need, NeedKind, parse_lock
from resilient_infer.lock.manifest import Manifest, parse_manifest
from resilient_infer.lock.tied import tied
from tests.lock import locks as made
from tests.lock.samples import COMMIT, lock_of, pin

NAMED = "      - {provider: openai, name: gpt-x, pin: versioned}\n"


def manifest(models: str, environment: str | None = None) -> Manifest:
    return parse_manifest(f"version: 1\nmodels:\n{models}".encode(), "m.yaml", environment)


def lock(**entries: str) -> Lock:
    return parse_lock(lock_of(**entries), "l.yaml")


def test_each_target_has_its_pin() -> None:
    """In fallback order, whatever the order in the lock; a provider-only target has its line too."""
    targets = (
        "[{model: a/b@v1}, {model: c/d}, {provider: openai, name: gpt-x, pin: versioned}, {model: a/b@v1}]"
    )
    bound = bind(
        manifest(f"  x: {{task: chat, targets: {targets}}}\n"),
        lock(x=NAMED + pin("c/d") + pin("a/b", "v1")),
        "x",
    )

    assert [type(target.locked) for target in bound.targets] == [
        LockedModel,
        LockedModel,
        LockedName,
        LockedModel,
    ]
    assert [getattr(target.locked, "model", None) for target in bound.targets] == ["a/b", "c/d", None, "a/b"]
    assert bound.task == "chat"


def test_no_ref_and_main_ask_for_the_same() -> None:
    """The Hub's default branch is main; a lock of it serves both spellings."""
    for written in ("a/b", "a/b@main", "https://huggingface.co/a/b"):
        assert bind(manifest(f"  x: {written}\n"), lock(x=pin("a/b", "main")), "x").targets[0].locked


def test_the_task_is_the_manifests_else_the_locks() -> None:
    """`lock` records the repo's task; people may say another."""
    text = lock_of(x=pin("a/b"), other=pin("a/b")).replace(
        b"    pins:", b"    task: text-classification\n    pins:"
    )
    both = parse_lock(text, "l.yaml")
    models = manifest("  x: a/b\n  other: {task: chat, targets: [{model: a/b}]}\n")

    assert bind(models, both, "x").task == "text-classification"
    assert bind(models, both, "other").task == "chat"


@pytest.mark.parametrize(
    ("asked", "held", "what"),
    [
        ("a/b@v2", pin("a/b", "v1"), "the manifest asks for a/b@v2, the lock holds a/b@v1"),
        ("a/b", pin("a/c"), "asks for a/b@main"),
        ("a/b", pin("a/b") + pin("c/d"), "the lock holds c/d@main"),
        ("a/b", pin("a/b") + NAMED, "the lock holds openai:gpt-x (versioned)"),
        (
            "{task: chat, targets: [{provider: openai, name: gpt-x, pin: floating}]}",
            NAMED,
            "asks for openai:gpt-x (floating)",
        ),
    ],
)
def test_ri101_a_stale_alias_is_refused_and_stops_only_itself(asked: str, held: str, what: str) -> None:
    """model@requested is compared per alias; the others go on working."""
    models, both = manifest(f"  x: {asked}\n  other: e/f\n"), lock(x=held, other=pin("e/f"))

    with pytest.raises(StaleLock) as caught:
        bind(models, both, "x")

    assert what in caught.value.message
    assert "l.yaml:3" in caught.value.message
    assert caught.value.hint == 'run "resilient-infer lock"'
    assert bind(models, both, "other").targets[0].locked


def test_an_alias_nobody_named_is_told_with_the_nearest() -> None:
    """A typo in a call."""
    with pytest.raises(AliasNotLocked, match=r'"sentimnt".*did you mean "sentiment"\?'):
        bind(manifest("  sentiment: a/b\n"), lock(sentiment=pin("a/b")), "sentimnt")


def test_an_alias_in_another_case_is_told_too() -> None:
    """ "GPT2" shares no letter with "gpt2"."""
    with pytest.raises(AliasNotLocked, match=r'did you mean "gpt2"\?'):
        bind(manifest("  gpt2: a/b\n"), lock(gpt2=pin("a/b")), "GPT2")


def test_off_asks_for_no_lock_when_the_alias_is_missing() -> None:
    """Nothing there would use it."""
    with pytest.raises(AliasNotLocked) as caught:
        bind(manifest("  x: a/b\n"), None, "y", mode="off")
    assert caught.value.hint == "mend the name, or add it under models"


def test_ri101_an_alias_without_entry_or_lock_names_the_command() -> None:
    """Nothing is locked by calling."""
    models = manifest("  x: a/b\nenvironments: {prod: {x: a/c}}\n")
    for both in (None, lock(other=pin("a/b"))):
        with pytest.raises(AliasNotLocked) as caught:
            bind(models, both, "x")
        assert caught.value.hint == 'run "resilient-infer lock"'
    prod = manifest("  x: a/b\nenvironments: {prod: {x: a/c}}\n", "prod")
    with pytest.raises(AliasNotLocked) as caught:
        bind(prod, None, "x")
    assert caught.value.hint == 'run "resilient-infer lock --env prod"'


def test_off_pins_nothing() -> None:
    """Experiments: the manifest alone, and no lock is looked at."""
    bound = bind(manifest("  x: a/b\n"), lock(x=pin("other/model")), "x", "off")

    assert [(target.entry.model, target.locked) for target in bound.targets] == [("a/b", None)]
    assert bound.task is None


def test_frozen_needs_the_lock_alone() -> None:
    """Enough for shorthand aliases and for built-in providers."""
    bound = bind(None, lock(x=pin("a/b", "v1") + NAMED), "x", "frozen")

    hub, named = bound.targets
    assert (hub.entry.model, hub.entry.requested, hub.entry.routes[0].provider) == (
        "a/b",
        "v1",
        "hf-inference",
    )
    assert isinstance(hub.locked, LockedModel)
    assert hub.locked.revision == COMMIT
    assert (named.entry.routes[0].provider, named.entry.routes[0].name) == ("openai", "gpt-x")


@pytest.mark.parametrize("mode", ["locked", "frozen"])
def test_no_call_goes_to_what_a_model_needs(mode: Mode) -> None:
    """With a manifest or without one: only targets are bound, and a needed repo makes nothing stale."""
    base = made.full_pin(2, "a/base")
    need = Need(model="a/base", requested="main", kind=NeedKind.BASE)
    adapter = replace(made.full_pin(1, "a/b"), needs=(need,))
    found = made.lock({"x": tied(replace(made.entry("x", adapter), needed=(base,)))})

    for written in (manifest("  x: a/b\n"), None)[: 1 if mode == "locked" else 2]:
        bound = bind(written, found, "x", mode)
        assert [target.entry.model for target in bound.targets] == ["a/b"]


def test_frozen_with_a_manifest_checks_it() -> None:
    """If the manifest is shipped after all, the two must agree."""
    with pytest.raises(StaleLock):
        bind(manifest("  x: a/b@v2\n"), lock(x=pin("a/b", "v1")), "x", "frozen")


def test_frozen_says_what_is_missing() -> None:
    """No lock, no such alias, or a provider that only the manifest could describe."""
    with pytest.raises(AliasNotLocked, match="lock file is missing"):
        bind(None, None, "x", "frozen")
    with pytest.raises(AliasNotLocked, match='did you mean "xyz"'):
        bind(None, lock(xyz=pin("a/b")), "xy", "frozen")
    with pytest.raises(AliasNotLocked, match="only the manifest says where"):
        bind(None, lock(x=NAMED.replace("openai", "groq")), "x", "frozen")
    with pytest.raises(AliasNotLocked, match="manifest is missing"):
        bind(None, lock(x=pin("a/b")), "x", "locked")


def test_the_repositorys_own_example_is_locked() -> None:
    """lockfiles/ of this project: found, read, and in agreement."""
    found = find(None, None, {}, Path(__file__).parent)
    assert found.manifest is not None
    assert found.lock is not None
    models = parse_manifest(read_file(found.manifest), str(found.manifest), None)
    locked = parse_lock(read_file(found.lock), str(found.lock))

    bound = {name: bind(models, locked, name) for name in models.aliases}

    sentiment = bound["sentiment"].targets[0].locked
    assert isinstance(sentiment, LockedModel)
    assert sentiment.revision == COMMIT
    assert locked.entries.keys() == bound.keys()
