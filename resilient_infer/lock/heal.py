"""Heal: make one lock of a merge's two sides, or of a file with entries that cannot be trusted.

Git joins lines, not entries. So both sides are put together in full, cut into
entries, and each entry is judged by itself: is it whole (`check`), and does it
hold what the manifest asks for? What cannot be told is resolved anew; nothing is
ever joined from parts of two entries.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.binding import difference_of
from resilient_infer.lock.entries import Alias, Manifest
from resilient_infer.lock.lockfile import MAJOR, MINOR, Lock, LockedModel, LockEntry, parse_lock
from resilient_infer.lock.problems import Problems, quote
from resilient_infer.lock.reader import MERGE_BY_HAND

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
    ours, theirs = (_found_by_alias(lines, file) for lines in _sides(text, file))
    wanted = {
        name: alias for name, alias in manifest.aliases.items() if alias.environment == manifest.environment
    }
    kept: dict[str, LockEntry] = {}
    notes: list[str] = []
    for name in sorted({*wanted, *ours, *theirs}):
        entry, why = _choose(wanted.get(name), ours.get(name, ()), theirs.get(name, ()))
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
    """An entry as one side has it; None: it is not whole, for this reason."""

    entry: LockEntry | None
    fault: str = ""


def _found_by_alias(lines: Sequence[bytes], file: str) -> Mapping[str, list[_Found]]:
    """A side's entries. There may be two of an alias, where git joined two additions."""
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
    for name, block in blocks:
        found.setdefault(name, []).append(_read_block(b"\n".join([*head, *block, b""]), file))
    return found


def _read_block(text: bytes, file: str) -> _Found:
    try:
        (entry,) = parse_lock(text, file).entries.values()
    except ConfigError as error:
        return _Found(None, error.problems[0].what.partition("; ")[0])
    # Without lines: those of a file that was never there, and equal entries must be equal.
    pins = tuple(replace(pin, line=0) for pin in entry.pins)
    return _Found(replace(entry, pins=pins, line=0))


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
    return all(pin.check is not None for pin in entry.pins if isinstance(pin, LockedModel))


def _refused(file: str, line: int, what: str) -> ConfigError:
    problems = Problems(file)
    problems.add((line, 0), (), f"{what}; {MERGE_BY_HAND}")
    return problems.error()
