"""Pins: which of a lock are asked for, and that each is asked about once."""

from dataclasses import replace

from resilient_infer.lock.lockfile import LockedModel, Need, NeedKind, survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.pins import ask_each, asked_for, key_of
from tests.lock import locks as made
from tests.lock.samples import COMMIT, OTHER_COMMIT, lock_of, pin

LOCK = survey_lock(
    lock_of(
        a=pin("acme/one"),
        b=pin("acme/one", "v2") + "      - {provider: openai, name: x, pin: floating}\n",
        c=pin("acme/one"),
        d=pin("acme/two", revision="main"),
        orphan=pin("acme/one"),
    ),
    "models.lock.yaml",
).lock
MANIFEST = parse_manifest(
    b"version: 1\nmodels: {a: acme/one, b: acme/one, c: acme/one, d: acme/two, e: acme/three}\n",
    "models.yaml",
    None,
)


def test_pins_are_those_that_the_manifest_asks_for() -> None:
    """No orphan, no other ref, no provider's name, nothing without a commit."""
    assert [entry.alias for entry, _ in asked_for(MANIFEST, LOCK)] == ["a", "c"]
    assert [entry.alias for entry, _ in asked_for(MANIFEST, LOCK, {"c", "e"})] == ["c"]


def test_what_an_asked_pin_needs_is_asked_for_with_it() -> None:
    """However far away; what only another pin needs is not."""
    code = Need(model="acme/code", requested="main", kind=NeedKind.CODE)
    base = Need(model="acme/base", requested="main", kind=NeedKind.BASE)
    stray = Need(model="acme/stray", requested="main", kind=NeedKind.BASE)
    models = {name: made.full_pin(7, f"acme/{name}") for name in ("one", "old", "base", "code", "stray")}
    asked = replace(models["one"], needs=(base,))
    unasked = replace(models["old"], needs=(stray,))
    needed = (replace(models["base"], needs=(code,)), models["code"], models["stray"])
    lock = made.lock({"a": replace(made.entry("a", asked, unasked), needed=needed)})

    assert [pin.model for _, pin in asked_for(MANIFEST, lock)] == ["acme/one", "acme/base", "acme/code"]


def test_the_same_pin_of_two_aliases_is_asked_about_once() -> None:
    """Where it stands does not matter; what is locked does."""
    asked: list[LockedModel] = []
    counted: list[tuple[int, int]] = []
    pins = [pin for _, pin in asked_for(MANIFEST, LOCK)]
    other = replace(pins[0], weights={"model.safetensors": "sha256:x"})

    answers = ask_each(
        [*pins, other],
        lambda pin: asked.append(pin) or len(asked),  # type: ignore[func-returns-value]
        progress=lambda done, total: counted.append((done, total)),
    )

    assert len(asked) == 2
    assert set(answers) == {key_of(pins[1]), key_of(other)}
    assert counted == [(1, 2), (2, 2)]
    assert key_of(replace(pins[0], revision=OTHER_COMMIT)) not in answers
    assert pins[0].revision == COMMIT
