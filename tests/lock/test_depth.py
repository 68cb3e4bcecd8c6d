"""Depth: what somebody proposes is looked at closely, and the rest as far as the quota allows."""

import re

import pytest

from resilient_infer.lock.depth import FEW, everywhere, few, nowhere, where_changed
from resilient_infer.lock.lockfile import Survey, survey_lock
from tests.lock.fake_hub import FakeHub
from tests.lock.locking import LOCK, locked, manifest_of


def lock(*aliases: str, models: int = 1) -> str:
    """A lock of these aliases, of so many models in turn."""
    hub = FakeHub()
    for number in range(models):
        hub.create(f"acme/m{number}")
    lines = (f"  {alias}: acme/m{position % models}\n" for position, alias in enumerate(aliases))
    return locked(manifest_of("".join(lines)), None, hub)


def surveyed(text: str) -> Survey:
    return survey_lock(text.encode(), LOCK)


def changed(old: str | None, new: str) -> list[str]:
    """The aliases that have a pin which the old lock has not."""
    depth = where_changed(None if old is None else surveyed(old))
    entries = surveyed(new).lock.entries.values()
    return [entry.alias for entry in entries if any(depth(entry, pin) for pin in entry.models)]


def test_what_is_locked_for_the_first_time_has_changed() -> None:
    """All of it, or one alias more; also if another alias had that model before."""
    assert changed(None, lock("a", "b")) == ["a", "b"]
    assert changed(lock("a"), lock("a", "b")) == ["b"]


def test_what_only_stands_elsewhere_has_not_changed() -> None:
    """Lines move, aliases go."""
    assert changed(lock("a", "b", "c"), "\n# Moved.\n" + lock("b", "c")) == []


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (r'revision: "(.)', r'revision: "f'),
        (r"license: .*", "license: mit"),
        (r"access: .*", "access: gated"),
        (r'hub_id: "?id', 'hub_id: "xx'),
        (r'model.safetensors: "sha256:.', 'model.safetensors: "sha256:0'),
        (r'files: "sha256:.', 'files: "sha256:f'),
        (r"max_length: 512", "max_length: 128"),
    ],
    ids=["revision", "license", "access", "hub_id", "weights", "files", "contract"],
)
def test_a_pin_that_says_something_else_has_changed(line: str, instead: str) -> None:
    """Whatever it is: all of it decides what is trusted."""
    old = re.sub(r" +check: .*\n", "", lock("a", "b", models=2))
    new, times = re.subn(line, instead, old, count=1)

    assert times == 1
    assert changed(old, new) == ["a"]


def test_so_many_pins_are_few() -> None:
    """Each commit counts once."""
    names = [f"a{number}" for number in range(FEW + 1)]

    assert few(None)
    assert few(surveyed(lock(*names, models=1)))
    assert few(surveyed(lock(*names[:FEW], models=FEW)))
    assert not few(surveyed(lock(*names, models=FEW + 1)))


def test_all_and_none() -> None:
    """Whatever the pin."""
    (entry,) = surveyed(lock("a")).lock.entries.values()

    assert everywhere(entry, entry.models[0])
    assert not nowhere(entry, entry.models[0])
