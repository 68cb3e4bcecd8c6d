"""Branches of a lock, merged by the real git, and resolved as hurried people do it."""

import random
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.lockfile import LockedModel, LockEntry, Need, NeedKind
from resilient_infer.lock.manifest import Manifest, parse_manifest
from tests.lock import locks as made

Entries = Mapping[str, LockEntry]


def model_of(alias: str) -> str:
    """Each alias has a model of its own, so that an entry of another one never fits it."""
    return f"org/{alias}"


def entry(alias: str, seed: int) -> LockEntry:
    """What `lock` found for an alias at some moment."""
    return entry_of(alias, made.full_pin(seed, model_of(alias)), seed)


def entry_of(alias: str, pin: LockedModel, seed: int) -> LockEntry:
    """An entry with this pin. Every third alias is an adapter, whose base is locked with it."""
    if alias[-1] not in "0369":
        return made.entry(alias, pin)
    base = made.full_pin(seed + 100, f"{model_of(alias)}-base")
    need = Need(model=base.model, requested=base.requested, kind=NeedKind.BASE, revision=base.revision)
    return replace(made.entry(alias, replace(pin, needs=(need,))), needed=(base,))


def manifest_of(aliases: Mapping[str, object]) -> Manifest:
    """A manifest that names these aliases."""
    lines = "".join(f"  {alias}: {model_of(alias)}\n" for alias in sorted(aliases))
    return parse_manifest(f"version: 1\nmodels:\n{lines or '  {}'}\n".encode(), "m.yaml", None)


def lock_bytes(entries: Entries) -> bytes:
    """The lock of these entries."""
    return lock_text(made.lock(entries)).encode()


def merged(folder: Path, versions: Sequence[bytes], *options: str) -> tuple[bytes, int]:
    """What `git merge-file` makes of a base, ours and theirs, and how many conflicts it left."""
    for name, text in zip(("base", "ours", "theirs"), versions, strict=True):
        (folder / name).write_bytes(text)
    told = ["git", "merge-file", "-p", "-q", *options, "ours", "base", "theirs"]
    ran = subprocess.run(told, cwd=folder, capture_output=True, check=False, timeout=30)
    assert 0 <= ran.returncode < 128, ran.stderr
    return ran.stdout, ran.returncode


def branches(
    dice: random.Random, *, size: int, changes: int, apart: bool
) -> tuple[Entries, Entries, Entries]:
    """A lock of `size` aliases, and two branches that change some; `apart`: never the same ones."""
    names = [f"alias-{number:03}" for number in range(2 * size)]
    base = {alias: entry(alias, 1) for alias in sorted(dice.sample(names, size))}
    touched = dice.sample(names, 2 * changes)
    first, second = touched[:changes], touched[changes:]
    if not apart:
        second = dice.sample(touched, changes)
    return base, _changed(dice, base, first, 2), _changed(dice, base, second, 3)


def _changed(dice: random.Random, base: Entries, touched: list[str], seed: int) -> Entries:
    found = dict(base)
    for alias in touched:
        if alias in found and dice.random() < 0.25:
            del found[alias]
        else:
            found[alias] = _moved(dice, alias, seed, old=alias in base)
    return found


def _moved(dice: random.Random, alias: str, seed: int, *, old: bool) -> LockEntry:
    """Now and then a new commit has the weights of the old one."""
    pin = made.full_pin(seed, model_of(alias))
    if old and dice.random() < 0.5:
        pin = replace(pin, weights=made.full_pin(1).weights)
    return entry_of(alias, pin, seed)


def union(base: Entries, ours: Entries, theirs: Entries) -> Entries:
    """What two branches that touched different aliases mean together."""
    want = {
        alias: found for alias, found in {**theirs, **ours}.items() if not _dropped(alias, base, ours, theirs)
    }
    return {alias: theirs[alias] if found == base.get(alias) else found for alias, found in want.items()}


def _dropped(alias: str, base: Entries, ours: Entries, theirs: Entries) -> bool:
    return alias in base and (alias not in ours or alias not in theirs)


_CONFLICT = re.compile(rb"<{7}[^\n]*\n(.*?)={7}\n(.*?)>{7}[^\n]*\n", re.DOTALL)


def hurried(text: bytes, dice: random.Random) -> bytes:
    """Each conflict resolved by taking one side's lines, not always the same side's."""
    return _CONFLICT.sub(lambda found: found[dice.choice((1, 2))], text)


def without_checks(text: bytes) -> bytes:
    """A lock of a tool that has no `check`."""
    return re.sub(rb" +check: .*\n", b"", text)
