"""Heal: make one lock of a merge's two sides, or of a file with entries that cannot be trusted.

Git joins lines, not entries. So both sides are put together in full, cut into
entries, and each entry is judged by itself: is it whole (`check`), and does it
hold what the manifest asks for? What cannot be told is resolved anew; nothing is
ever joined from parts of two entries.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.binding import difference_of
from resilient_infer.lock.entries import Alias, Manifest
from resilient_infer.lock.lockfile import MAJOR, MINOR, Lock, LockedModel, LockEntry, parse_lock
from resilient_infer.lock.problems import Problems, quote
from resilient_infer.lock.read_pin import read_model
from resilient_infer.lock.reader import MERGE_BY_HAND, read_yaml
from resilient_infer.lock.values import Place, items

# git merge-file: seven of a kind, a label on some of them. The ancestor's own conflicts have longer markers.
_MARKER: Final = re.compile(rb"([<|=>])\1{6}(?: .*)?", re.DOTALL)

_NEXT: Final[Mapping[tuple[str, bytes], str]] = {
    ("both", b"<"): "ours",
    ("ours", b"|"): "ancestor",
    ("ours", b"="): "theirs",
    ("ancestor", b"="): "theirs",
    ("theirs", b">"): "both",
}
"""Which part of a conflict a marker begins, by the part that it ends."""

_MODELS: Final = re.compile(rb"models:(?: *\{\})?")
_ALIAS: Final = re.compile(rb"  ([^ #-][^:]*):")
_NEAR: Final = 8
"""Entries on either side of one that is spoilt, among which git may have mixed up lines."""

_PIN: Final = b"      - model: "
_NEEDED: Final = b"    needed:"
_EMPTY: Final = re.compile(rb" *(?:#.*)?")
_INSIDE: Final = re.compile(rb"    .*|" + _EMPTY.pattern)
"""A line of an entry: deeper than its alias, blank, or a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """What could be kept.

    Attributes:
        lock: The entries that can be trusted and fit the manifest.
        resolve_anew: The manifest's other aliases, sorted.
        notes: One sentence for each alias about which there was a choice, sorted.
    """

    lock: Lock
    resolve_anew: tuple[str, ...]
    notes: tuple[str, ...]


def heal(text: bytes, file: str, manifest: Manifest) -> Healed:
    """Choose an entry for each alias of the manifest, of those in a lock that may be in mid-merge.

    The text may have conflict markers (also with the common ancestor between
    them), or none: then it heals a lock in which single entries are wrong. Of an
    environment's lock only the aliases that the environment replaces are wanted.

    Raises:
        ConfigError: The markers do not pair, a side is not laid out as `lock_text`
            does it, or another major version wrote it. Nothing is chosen then.
    """
    sides = _sides(text, file)
    near = 0 if sides[0] == sides[1] else _NEAR
    ours, theirs = (_found_by_alias(lines, file, near) for lines in sides)
    wanted = {
        name: alias for name, alias in manifest.aliases.items() if alias.environment == manifest.environment
    }
    strays = [
        stray for side in (ours, theirs) for each in side.values() for found in each for stray in found.strays
    ]
    kept: dict[str, LockEntry] = {}
    notes: list[str] = []
    for name in sorted({*wanted, *ours, *theirs}):
        entry, why = _choose(wanted.get(name), ours.get(name, ()), theirs.get(name, ()))
        if entry is not None and _is_elsewhere(entry, strays):
            entry, why = None, "resolved anew, as git put what one branch locked into another entry"
        if entry is not None:
            kept[name] = entry
        if why:
            notes.append(f"{quote(name)[1:-1]}: {why}")
    return Healed(
        lock=Lock(version=(MAJOR, MINOR), entries=kept, file=file),
        resolve_anew=tuple(sorted(wanted.keys() - kept.keys())),
        notes=tuple(notes),
    )


def _sides(text: bytes, file: str) -> tuple[list[bytes], list[bytes]]:
    """The lines of both files that were merged, as far as git had not joined them already."""
    ours: list[bytes] = []
    theirs: list[bytes] = []
    part, lines = "both", text.splitlines()
    for number, line in enumerate(lines, 1):
        marker = _MARKER.fullmatch(line)
        if marker:
            part = _NEXT.get((part, marker[1]), "")
            if not part:
                raise _refused(file, number, "this marker of a merge conflict has no other half")
            continue
        if part in ("both", "ours"):
            ours.append(line)
        if part in ("both", "theirs"):
            theirs.append(line)
    if part != "both":
        raise _refused(file, len(lines), "the file ends inside a merge conflict")
    return ours, theirs


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry as one side has it; None: it is not whole, for this reason.

    Of what is not whole, `strays` are the pins that would be whole under another model.
    """

    entry: LockEntry | None
    fault: str = ""
    strays: tuple[LockedModel, ...] = ()


def _found_by_alias(lines: Sequence[bytes], file: str, near: int) -> Mapping[str, list[_Found]]:
    """A side's entries. There may be two of an alias, where git joined two additions.

    Strays are looked for among so many entries before and after.
    """
    start = next((number for number, line in enumerate(lines) if _MODELS.fullmatch(line.rstrip())), None)
    if start is None:
        raise _refused(file, 0, 'a side of the merge has no line "models:"')
    head = [*lines[:start], b"models:"]
    parse_lock(b"\n".join([*lines[:start], b"models: {}\n"]), file)
    blocks: list[tuple[str, list[bytes]]] = []
    for number, line in enumerate(lines[start + 1 :], start + 2):
        key = _ALIAS.match(line)
        if key:
            blocks.append((key[1].strip(b'"').decode(errors="replace"), [line]))
        elif blocks and _INSIDE.fullmatch(line):
            blocks[-1][1].append(line)
        elif not _EMPTY.fullmatch(line):
            raise _refused(file, 0, f"line {number} of one side does not look as this tool writes it")
    found: dict[str, list[_Found]] = {}
    for number, (name, block) in enumerate(blocks):
        around = [line for _, other in blocks[max(0, number - near) : number + near + 1] for line in other]
        models = [line for line in around if line.startswith(_PIN)]
        found.setdefault(name, []).append(_read_block(head, block, models, file))
    return found


def _read_block(head: Sequence[bytes], block: Sequence[bytes], models: Sequence[bytes], file: str) -> _Found:
    try:
        return _Found(_only_entry([*head, *block], file))
    except ConfigError as error:
        fault = error.problems[0].what.partition("; ")[0]
    return _Found(None, fault, tuple(_strays(block, models, file)))


def _only_entry(lines: Sequence[bytes], file: str) -> LockEntry:
    """The entry of a lock that has one. Without lines, so that equal entries of two files are equal."""
    (entry,) = parse_lock(b"\n".join([*lines, b""]), file).entries.values()
    pins = tuple(replace(pin, line=0) for pin in entry.pins)
    needed = tuple(replace(pin, line=0) for pin in entry.needed)
    return replace(entry, pins=pins, needed=needed, line=0)


def _strays(block: Sequence[bytes], models: Sequence[bytes], file: str) -> Iterator[LockedModel]:
    """The pins of a spoilt entry that git took from another one.

    Where one branch added an entry below one that the other branch moved, git may take the
    moved lines for a change of the added ones: then the old pin stands on both sides, and no
    marker is near it. `check` tells for which model the lines were written.
    """
    bounds = [number for number, line in enumerate(block) if line.startswith((_PIN, _NEEDED))]
    for start, end in pairwise([*bounds, len(block)]):
        if not block[start].startswith(_PIN):
            continue
        for model in models:
            pin = _only_pin([model, *block[start + 1 : end]], file)
            if pin is not None and pin.check is not None:
                yield pin


def _only_pin(lines: Sequence[bytes], file: str) -> LockedModel | None:
    """The one pin that these lines are, if it is whole; what it needs is not looked for."""
    problems = Problems(file)
    try:
        root = read_yaml(b"\n".join([b"pins:", *lines, b""]), file)
    except ConfigError:
        return None
    ((_, pins),) = root.items
    found = [read_model(item) for item in items(Place(pins, (), problems), "pins")]
    return replace(found[0], line=0) if len(found) == 1 and found[0] and not problems.found else None


def _is_elsewhere(entry: LockEntry, strays: Sequence[LockedModel]) -> bool:
    return any(
        (stray.model, stray.requested) == (pin.model, pin.requested) and stray != pin
        for pin in entry.models
        for stray in strays
    )


def _choose(
    alias: Alias | None, ours: Sequence[_Found], theirs: Sequence[_Found]
) -> tuple[LockEntry | None, str]:
    """The entry to keep, if any, and a word about it where there was a choice."""
    if alias is None:
        return None, "left out, as the manifest does not name it"
    every = [*ours, *theirs]
    if not every:
        return None, ""
    whole = [found.entry for found in every if found.entry is not None]
    # Two sides that agree are as good as a file without a conflict; a single one must prove itself.
    trusted = whole if list(ours) == list(theirs) else [entry for entry in whole if _is_checked(entry)]
    fitting: list[LockEntry] = []
    for entry in trusted:
        if not difference_of(alias, entry) and entry not in fitting:
            fitting.append(entry)
    match fitting:
        case [entry]:
            differ = ours and theirs and list(ours) != list(theirs)
            return entry, "kept as on the one side that fits the manifest" if differ else ""
        case []:
            fault = next((found.fault for found in every if found.fault), "")
            return None, f"resolved anew, as {fault or 'no entry fits the manifest'}"
        case _:
            return None, "resolved anew, as both sides fit the manifest and differ"


def _is_checked(entry: LockEntry) -> bool:
    return all(pin.check is not None for pin in entry.models)


def _refused(file: str, line: int, what: str) -> ConfigError:
    problems = Problems(file)
    problems.add((line, 0), (), f"{what}; {MERGE_BY_HAND}")
    return problems.error()
