"""Tied: the pins of an entry belong together, and none is there that nothing needs."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.locked import LockEntry, Need, NeedKind
from resilient_infer.lock.tied import loose, name_of, needers, reachable, tied
from tests.lock import locks as made

BASE = made.full_pin(2, "acme/base")
CODE = made.full_pin(3, "acme/code")


def need(pin_name: str, kind: NeedKind = NeedKind.BASE) -> Need:
    return Need(model=pin_name, requested="main", kind=kind)


def entry_of_three() -> LockEntry:
    """An adapter, its base, and the code of both."""
    adapter = replace(made.full_pin(1, "acme/adapter"), needs=(need("acme/base"), need("acme/code")))
    base = replace(BASE, needs=(need("acme/code", NeedKind.CODE), need("acme/gone")))
    return tied(replace(made.entry("a", adapter), needed=(base, CODE)))


entries = made.locks(most=1).flatmap(
    lambda lock: st.sampled_from([*lock.entries.values()] or [made.entry("a")])
)


@given(found=entries)
def test_what_is_tied_is_tied_for_good(found: LockEntry) -> None:
    """Whoever needs whom: nothing is loose, and to tie it again changes nothing."""
    assert loose(found) == {}
    assert tied(found) == found
    assert {name_of(pin) for pin in found.needed} <= reachable(found)


@given(found=entries, number=st.integers(0, 9))
def test_ri105_a_needed_pin_that_is_moved_or_taken_out_is_missed(found: LockEntry, number: int) -> None:
    """By each pin that needs it."""
    if not found.needed:
        return
    pin = found.needed[number % len(found.needed)]
    missing = {name_of(needer) for needer, _ in needers(found, pin)} - {name_of(pin)}
    moved = replace(pin, revision="e" * 40)
    without = tuple(each for each in found.needed if each is not pin)

    assert missing <= loose(replace(found, needed=without)).keys()
    assert missing <= loose(replace(found, needed=(*without, moved))).keys()


def test_each_need_has_the_commit_that_is_locked() -> None:
    """None where nothing is."""
    adapter, base, _ = entry_of_three().models

    assert [each.revision for each in adapter.needs] == [BASE.revision, CODE.revision]
    assert [each.revision for each in base.needs] == [CODE.revision, None]


def test_ri105_the_reason_says_which_need_and_which_commits() -> None:
    """Both, in short."""
    found = entry_of_three()
    moved = replace(found, needed=(replace(found.needed[0], revision="b" * 40), CODE))

    assert loose(moved) == {
        ("acme/adapter", "main"): "it needs acme/base@main (base) at commit 000000000000, "
        "and the entry holds bbbbbbbbbbbb"
    }


def test_ri105_a_pin_that_nothing_needs_is_told() -> None:
    """And so are two that need each other, if no target needs them."""
    alone = replace(made.entry("a", made.full_pin(1, "acme/adapter")), needed=(CODE,))
    ring = [replace(BASE, needs=(need("acme/code"),)), replace(CODE, needs=(need("acme/base"),))]
    circle = tied(replace(made.entry("a", made.full_pin(1, "acme/adapter")), needed=tuple(ring)))

    assert loose(alone) == {("acme/code", "main"): "no model of the entry needs it"}
    assert set(loose(circle)) == {("acme/base", "main"), ("acme/code", "main")}


def test_who_needs_a_pin_is_told_with_the_kind() -> None:
    """In the order of the entry."""
    found = entry_of_three()

    told = [(pin.model, each.kind) for pin, each in needers(found, CODE)]

    assert told == [("acme/adapter", NeedKind.BASE), ("acme/base", NeedKind.CODE)]
