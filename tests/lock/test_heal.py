"""Healing: after a merge each entry is one branch's, whole, or is resolved anew."""

import random
from pathlib import Path
from typing import Final

import pytest

from resilient_infer.errors import ConfigError
from resilient_infer.lock.heal import Healed, heal
from resilient_infer.lock.lockfile import LockedModel, LockEntry, parse_lock
from resilient_infer.lock.manifest import parse_manifest
from tests.lock import locks as made
from tests.lock.merges import (
    Entries,
    branches,
    entry,
    hurried,
    lock_bytes,
    manifest_of,
    merged,
    union,
    without_checks,
)

MERGES: Final = 60


def conflict(base: Entries, ours: Entries, theirs: Entries, folder: Path, *options: str) -> bytes:
    text, conflicts = merged(folder, [lock_bytes(side) for side in (base, ours, theirs)], *options)
    assert conflicts
    return text


def kept(healed: Healed) -> dict[str, LockEntry]:
    return dict(made.bare(healed.lock).entries)


OLD, OURS, THEIRS = ({"a": entry("a", seed), "b": entry("b", 9)} for seed in (1, 2, 3))


@pytest.mark.parametrize("style", [[], ["--diff3"], ["--zdiff3"]], ids=["merge", "diff3", "zdiff3"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_an_alias_both_sides_moved_is_resolved_anew(tmp_path: Path, style: list[str], ends: bytes) -> None:
    """Neither commit is better founded than the other; what git did not touch stays as it was."""
    text = conflict(OLD, OURS, THEIRS, tmp_path, *style).replace(b"\n", ends)

    healed = heal(text, "l.yaml", manifest_of(OLD))

    assert kept(healed) == {"b": OLD["b"]}
    assert healed.resolve_anew == ("a",)
    assert healed.notes == ("a: resolved anew, as both sides fit the manifest and differ",)


def test_the_side_that_fits_the_manifest_is_kept(tmp_path: Path) -> None:
    """The manifest was merged first: it says which of the two requests holds."""
    ours = {**OLD, "a": made.entry("a", made.full_pin(2, "org/a", "v1"))}
    theirs = {**OLD, "a": made.entry("a", made.full_pin(3, "org/a", "v2"))}
    text = conflict(OLD, ours, theirs, tmp_path)

    for ref, side in (("v1", ours), ("v2", theirs)):
        manifest = parse_manifest(f"version: 1\nmodels: {{a: org/a@{ref}, b: org/b}}".encode(), "m", None)
        healed = heal(text, "l.yaml", manifest)
        assert kept(healed) == side
        assert healed.resolve_anew == ()
        assert healed.notes == ("a: kept as on the one side that fits the manifest",)

    neither = heal(text, "l.yaml", manifest_of(OLD))
    assert kept(neither) == {"b": OLD["b"]}
    assert neither.notes == ("a: resolved anew, as no entry fits the manifest",)


def test_two_additions_in_one_place_are_both_kept(tmp_path: Path) -> None:
    """The commonest conflict: two branches add neighbours."""
    ours, theirs = {**OLD, "c": entry("c", 4)}, {**OLD, "d": entry("d", 5)}
    text = conflict(OLD, ours, theirs, tmp_path)

    healed = heal(text, "l.yaml", manifest_of({**ours, **theirs}))

    assert kept(healed) == {**ours, **theirs}
    assert (healed.resolve_anew, healed.notes) == ((), ())


def test_two_files_added_under_one_name_are_one_lock(tmp_path: Path) -> None:
    """Without a common ancestor the whole file is one conflict, header and all."""
    ours, theirs = {"a": entry("a", 1), "b": entry("b", 2)}, {"c": entry("c", 3)}
    text, conflicts = merged(tmp_path, [b"", lock_bytes(ours), lock_bytes(theirs)])
    emptied, _ = merged(tmp_path, [b"", lock_bytes(ours), lock_bytes({})])

    assert conflicts
    assert kept(heal(text, "l.yaml", manifest_of({**ours, **theirs}))) == {**ours, **theirs}
    assert kept(heal(emptied, "l.yaml", manifest_of(ours))) == ours


def test_several_conflicts_are_healed_one_by_one(tmp_path: Path) -> None:
    """And an entry that was dropped on one side stays if the manifest still names it."""
    names = "abcdefgh"
    base = {name: entry(name, 1) for name in names}
    ours = {**base, "b": entry("b", 2), "f": entry("f", 2)}
    theirs = {**base, "b": entry("b", 3), "f": entry("f", 2), "h": entry("h", 3)}
    del theirs["d"]
    text = conflict(base, ours, theirs, tmp_path)

    healed = heal(text, "l.yaml", manifest_of(base))

    assert healed.resolve_anew == ("b", "d")
    assert kept(healed) == {
        name: (theirs | {"f": ours["f"]})[name] for name in names if name not in healed.resolve_anew
    }


def test_what_the_manifest_does_not_name_is_left_out(tmp_path: Path) -> None:
    """`lock` drops orphans; and an alias without any entry is simply missing."""
    text = conflict(OLD, OURS, THEIRS, tmp_path)

    healed = heal(text, "l.yaml", manifest_of({"b": None, "new": None}))

    assert kept(healed) == {"b": OLD["b"]}
    assert healed.resolve_anew == ("new",)
    assert healed.notes == ("a: left out, as the manifest does not name it",)


def test_of_an_environments_lock_only_its_own_aliases_are_wanted(tmp_path: Path) -> None:
    """The other aliases stand in the default file."""
    text = conflict(OLD, OURS, THEIRS, tmp_path)
    manifest = (
        b"version: 1\nmodels: {a: org/x, b: org/y, c: org/c}\nenvironments: {prod: {a: org/a, b: org/b}}\n"
    )

    healed = heal(text, "l.yaml", parse_manifest(manifest, "m.yaml", "prod"))

    assert kept(healed) == {"b": OLD["b"]}
    assert healed.resolve_anew == ("a",)


def test_ri105_a_lock_without_markers_is_healed_too() -> None:
    """An entry that somebody edited is resolved anew; the others stay."""
    text = lock_bytes(OLD).replace(b"org/a", b"org/c")
    manifest = manifest_of(OLD)

    healed = heal(text, "l.yaml", manifest)

    assert kept(healed) == {"b": OLD["b"]}
    assert healed.resolve_anew == ("a",)
    (note,) = healed.notes
    assert note.startswith("a: resolved anew, as RI105: check does not fit")
    whole = heal(lock_bytes(OLD), "l.yaml", manifest)
    assert (kept(whole), whole.resolve_anew, whole.notes) == (OLD, (), ())
    assert whole.lock.version == (1, 0)


def test_without_checks_only_what_both_sides_agree_on_is_kept(tmp_path: Path) -> None:
    """An entry written by hand may be a mix, and nothing would tell."""
    ours = {**OLD, "a": made.entry("a", made.full_pin(2, "org/a", "v1"))}
    bare = [without_checks(lock_bytes(side)) for side in (OLD, ours, THEIRS)]
    text, conflicts = merged(tmp_path, bare)

    healed = heal(text, "l.yaml", manifest_of(OLD))

    assert conflicts
    assert kept(healed) == {"b": OLD["b"]}
    assert healed.notes == ("a: resolved anew, as no entry fits the manifest",)


def test_an_alias_in_quotes_is_the_same_alias(tmp_path: Path) -> None:
    """`on` is a word to some readers and stands in quotes."""
    base = {"a": entry("a", 1), "on": entry("on", 1), "zz": entry("zz", 1)}
    text = conflict(base, {**base, "a": entry("a", 2)}, {**base, "a": entry("a", 3)}, tmp_path)

    manifest = parse_manifest(b'version: 1\nmodels: {a: org/a, "on": org/on, zz: org/zz}\n', "m", None)
    assert set(kept(heal(text, "l.yaml", manifest))) == {"on", "zz"}


LOCK = lock_bytes(OLD).decode()
BROKEN = {
    "no end": ("<<<<<<< HEAD\n" + LOCK, "inside a merge conflict"),
    "no middle": (LOCK + "<<<<<<< HEAD\n>>>>>>> x\n", "no other half"),
    "no beginning": (LOCK + "=======\n>>>>>>> x\n", "no other half"),
    "an end alone": (LOCK + ">>>>>>> x\n", "no other half"),
    "one in another": (LOCK + "<<<<<<< a\n<<<<<<< b\n=======\n>>>>>>> b\n", "no other half"),
    "an ancestor twice": (LOCK + "<<<<<<< a\n||||||| b\n||||||| b\n=======\n>>>>>>> b\n", "no other half"),
    "another layout": ('lock_version: "1.0"\nmodels: {a: {pins: []}}\n', "models:"),
    "shallow lines": (LOCK + "more: x\n", "does not look as this tool writes it"),
    "deep lines first": (LOCK.replace("  a:\n", "", 1), "does not look as this tool writes it"),
    "a newer major version": (LOCK.replace('"1.0"', '"2.0"'), "version 1.x"),
    "no version": (LOCK.replace('lock_version: "1.0"\n', ""), "lock_version"),
    "nothing": ("", "models:"),
}


@pytest.mark.parametrize(("text", "what"), BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_told_apart_is_refused_whole(text: str, what: str) -> None:
    """All or nothing: no alias is resolved anew because a file could not be read."""
    with pytest.raises(ConfigError, match=what) as caught:
        heal(text.encode(), "l.yaml", manifest_of(OLD))

    assert caught.value.problems


def is_mixed(found: LockEntry, base: Entries, ours: Entries, theirs: Entries) -> bool:
    return all(side.get(found.alias) != made.bare_entry(found) for side in (base, ours, theirs))


def test_branches_that_lock_different_aliases_seldom_conflict(tmp_path: Path) -> None:
    """One block an alias, and no line that every change touches."""
    dice = random.Random(11)
    conflicts = 0
    for _ in range(MERGES // 2):
        base, ours, theirs = branches(dice, size=30, changes=1, apart=True)
        text, failed = merged(tmp_path, [lock_bytes(side) for side in (base, ours, theirs)])
        conflicts += bool(failed)
        if not failed:
            assert made.bare(parse_lock(text, "l.yaml")).entries == union(base, ours, theirs)
    assert conflicts / (MERGES // 2) < 0.1


def test_no_update_is_lost_where_git_puts_it_into_a_neighbour(tmp_path: Path) -> None:
    """Ours drops e and adds j below i, theirs moves i: git shows i as it was and j changed."""
    base = {alias: entry(alias, 1) for alias in ("a", "e", "i", "q")}
    ours, theirs = {**base, "j": entry("j", 2)}, {**base, "i": entry("i", 3)}
    del ours["e"]
    want = union(base, ours, theirs)
    text = conflict(base, ours, theirs, tmp_path)
    assert text.index(b"<<<<<<<") > text.index(b"org/j") > text.index(b"org/i")

    healed = heal(text, "l.yaml", manifest_of(want))

    assert healed.resolve_anew == ("i",)
    assert kept(healed) == {alias: found for alias, found in want.items() if alias != "i"}
    assert healed.notes[0] == "i: resolved anew, as git put what one branch locked into another entry"


def test_lines_of_an_entry_that_are_also_in_their_place_are_no_loss(tmp_path: Path) -> None:
    """A copy of i's lines stands in j on one side; i itself says the same, and is kept."""
    ours = {"i": entry("i", 3), "j": entry("j", 2)}
    copied = lock_bytes({"i": entry("i", 3), "j": entry("i", 3)}).rsplit(b"org/i", 1)
    text, conflicts = merged(tmp_path, [b"", lock_bytes(ours), b"org/j".join(copied)])

    assert conflicts
    assert kept(heal(text, "l.yaml", manifest_of(ours))) == ours


def test_no_merge_loses_what_one_branch_locked(tmp_path: Path) -> None:
    """Branches that touch different aliases: each gets what its branch says, or is resolved anew."""
    dice = random.Random(1)
    anew = 0
    for _ in range(MERGES):
        base, ours, theirs = branches(dice, size=12, changes=3, apart=True)
        want = union(base, ours, theirs)
        text, _ = merged(tmp_path, [lock_bytes(side) for side in (base, ours, theirs)])
        healed = heal(text, "l.yaml", manifest_of(want))
        assert kept(healed) == {
            alias: found for alias, found in want.items() if alias not in healed.resolve_anew
        }
        anew += len(healed.resolve_anew)
    assert anew < MERGES // 5


def test_ri105_no_merge_mixes_two_entries_in_silence(tmp_path: Path) -> None:
    """Each entry that is read or kept is one that a branch had. Without `check` many would be mixtures."""
    dice = random.Random(12)
    conflicts = mixed = refused = anew = 0
    for _ in range(MERGES):
        base, ours, theirs = branches(dice, size=12, changes=3, apart=False)
        text, failed = merged(tmp_path, [lock_bytes(side) for side in (base, ours, theirs)])
        conflicts += bool(failed)
        healed = heal(text, "l.yaml", manifest_of({**ours, **theirs}))
        assert not any(is_mixed(found, base, ours, theirs) for found in healed.lock.entries.values())
        assert {*healed.lock.entries, *healed.resolve_anew} == {*ours, *theirs}
        anew += len(healed.resolve_anew)

        careless = hurried(text, dice)
        try:
            lock = parse_lock(careless, "l.yaml")
        except ConfigError:
            refused += 1
        else:
            assert not any(is_mixed(found, base, ours, theirs) for found in lock.entries.values())
        try:
            unchecked = parse_lock(without_checks(careless), "l.yaml")
        except ConfigError:
            continue
        mixed += any(is_mixed(found, base, ours, theirs) for found in unchecked.entries.values())

    assert conflicts > MERGES // 3
    assert refused > 5
    assert mixed > 5
    assert anew > 5


def test_a_kept_entry_has_its_check(tmp_path: Path) -> None:
    """Written again it is the same bytes."""
    text = conflict(OLD, OURS, THEIRS, tmp_path)

    (pin,) = heal(text, "l.yaml", manifest_of(OLD)).lock.entries["b"].pins

    assert isinstance(pin, LockedModel)
    assert pin.check
    assert lock_bytes(heal(lock_bytes(OURS), "l.yaml", manifest_of(OLD)).lock.entries) == lock_bytes(OURS)
