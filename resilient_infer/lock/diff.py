"""Diff: what is different between two locked states, told from what is recorded of each.

Pure. Which files differ beyond the weights that a lock lists the Hub must tell
(`lock/way.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.binding import identity_held
from resilient_infer.lock.files import FileClass, class_of
from resilient_infer.lock.lockfile import LockedModel, LockedName, LockEntry

Pinned = LockedModel | LockedName
Value = str | int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiff:
    """One thing that was recorded, as it was and as it is; None: not recorded."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """A file that was added (no `before`), removed (no `after`) or changed."""

    path: str
    kind: FileClass
    before: HubFile | None
    after: HubFile | None

    @property
    def fetched(self) -> int:
        """Bytes that whoever had the old files must download."""
        return 0 if self.after is None else self.after.size or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A model, from one commit to another."""

    model: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.model} from {self.before[:12]} to {self.after[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinDiff:
    """One model of an alias, as it was locked and as it is.

    Attributes:
        before: None: it was not among them.
        after: None: it no longer is.
        fields: What differs of what is recorded, in the order of the file; empty if a pin came or went.
        files: The weight files that differ, by path, as far as the lock lists them. No sizes: it has none.
        needed: No call goes there: another model loads it.
    """

    before: Pinned | None
    after: Pinned | None
    fields: tuple[FieldDiff, ...] = ()
    files: tuple[FileDiff, ...] = ()
    needed: bool = False

    @property
    def pin(self) -> Pinned:
        """What it is about: the pin as it is, else as it was."""
        pin = self.after or self.before
        assert pin is not None  # one side is always there
        return pin

    @property
    def stretch(self) -> Stretch | None:
        """From commit to commit, if it is one model at two of them."""
        match self.before, self.after:
            case LockedModel(model=model, revision=before), LockedModel(revision=after) if before != after:
                return Stretch(model=model, before=before, after=after)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDiff:
    """What differs for one alias.

    Attributes:
        before: Whether it was locked at all.
        after: Whether it is.
        task: Its task, if that differs.
        ordered: The same pins stand in the same order: it is not only their order that differs.
        pins: Those that differ: targets in their order, those that went, and what they need.
    """

    alias: str
    before: bool
    after: bool
    task: FieldDiff | None
    ordered: bool
    pins: tuple[PinDiff, ...]


def diff_locks(
    before: Mapping[str, LockEntry], after: Mapping[str, LockEntry], only: Iterable[str] | None = None
) -> tuple[EntryDiff, ...]:
    """What differs between two locks, by alias; aliases that do not differ are left out.

    Args:
        only: Aliases to compare. None: all of both.
    """
    names = sorted({*before, *after} if only is None else set(only))
    diffs = (diff_entries(name, before.get(name), after.get(name)) for name in names)
    return tuple(diff for diff in diffs if diff is not None)


def diff_entries(alias: str, before: LockEntry | None, after: LockEntry | None) -> EntryDiff | None:
    """What differs between two entries of an alias; None: nothing, wherever they stand."""
    old, new = (() if entry is None else entry.pins for entry in (before, after))
    pairs = list(_pairs(old, new))
    differing = [diff_pins(was, now) for was, now in pairs]
    needs, needed = (() if entry is None else entry.needed for entry in (before, after))
    differing += [diff_pins(was, now, needed=True) for was, now in _pairs(needs, needed)]
    pins = tuple(diff for diff in differing if diff is not None)
    told, tells = (None if entry is None else entry.task for entry in (before, after))
    task = _field("task", told, tells)
    kept = [old.index(was) for was, now in pairs if was is not None and now is not None]
    ordered = kept == sorted(kept)
    if not pins and task is None and ordered and (before is None) == (after is None):
        return None
    return EntryDiff(
        alias=alias,
        before=before is not None,
        after=after is not None,
        task=task,
        ordered=ordered,
        pins=pins,
    )


def diff_pins(before: Pinned | None, after: Pinned | None, *, needed: bool = False) -> PinDiff | None:
    """What differs between two pins of one model; None: nothing that is recorded."""
    if before is None or after is None:
        return None if before is after else PinDiff(before=before, after=after, needed=needed)
    told, tells = _recorded(before), _recorded(after)
    fields = (_field(name, told.get(name), tells.get(name)) for name in {**told, **tells})
    found = tuple(field for field in fields if field is not None)
    files = tuple(_weights(before, after))
    if not found and not files:
        return None
    return PinDiff(before=before, after=after, fields=found, files=files, needed=needed)


def diff_files(before: Iterable[HubFile], after: Iterable[HubFile]) -> tuple[FileDiff, ...]:
    """The files that differ in content: what behaviour depends on first, documents last, each by path."""
    old, new = ({file.path: file for file in files} for files in (before, after))
    differing = (path for path in old.keys() | new.keys() if _digest(old.get(path)) != _digest(new.get(path)))
    found = (
        FileDiff(path=path, kind=class_of(path), before=old.get(path), after=new.get(path))
        for path in differing
    )
    return tuple(sorted(found, key=lambda file: (_ORDER.index(file.kind), file.path)))


_ORDER: Final = (*(kind for kind in FileClass if kind is not FileClass.DOCUMENTS), FileClass.DOCUMENTS)


def classes_of(files: Iterable[FileDiff]) -> tuple[FileClass, ...]:
    """The classes of files that differ, as `diff_files` orders them."""
    found = {file.kind for file in files}
    return tuple(kind for kind in _ORDER if kind in found)


def _pairs(
    before: Sequence[Pinned], after: Sequence[Pinned]
) -> Iterator[tuple[Pinned | None, Pinned | None]]:
    """Each pin with what it was: the same target, else the same model asked for at another ref."""
    left, was = list(before), dict[int, Pinned]()
    for same in (identity_held, _repo):
        for position, pin in enumerate(after):
            found = next((old for old in left if same(old) == same(pin)), None)
            if position not in was and found is not None:
                left.remove(found)
                was[position] = found
    yield from ((was.get(position), pin) for position, pin in enumerate(after))
    yield from ((old, None) for old in left)


def _repo(pin: Pinned) -> tuple[str, str]:
    return ("model", pin.model) if isinstance(pin, LockedModel) else (pin.provider, pin.name)


def _recorded(pin: Pinned) -> Mapping[str, Value]:
    """What a lock says of a pin and can differ, in the order of the file."""
    if isinstance(pin, LockedName):
        return {"pin": pin.pin.value}
    return {
        "requested": pin.requested,
        "revision": pin.revision,
        "hub_id": pin.hub_id,
        "access": pin.access,
        "license": pin.license,
        "labels": pin.contract.labels,
        "dimension": pin.contract.dimension,
        "max_length": pin.contract.max_length,
        "needs": tuple(str(need) for need in pin.needs) or None,
        "files": pin.files,
    }


def _field(name: str, before: Value, after: Value) -> FieldDiff | None:
    return None if before == after else FieldDiff(name=name, before=before, after=after)


def _weights(before: Pinned, after: Pinned) -> Iterator[FileDiff]:
    """The weight files that differ, if both sides list theirs."""
    if not isinstance(before, LockedModel) or not isinstance(after, LockedModel):
        return
    if before.weights is None or after.weights is None:
        return
    old, new = (
        [HubFile(path=path, size=None, digest=digest) for path, digest in listed.items()]
        for listed in (before.weights, after.weights)
    )
    yield from diff_files(old, new)


def _digest(file: HubFile | None) -> str | None:
    return None if file is None else file.digest
