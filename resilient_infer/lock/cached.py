"""Cached: whether the Hub's cache on this machine holds what was locked. Nobody is asked.

Three things vouch for a file, the first that there is: the lock's own digest of
it; the cache's list of the commit's files, if the lock's digest of the whole
tree fits that list; and the name under which its bytes were downloaded, which
whoever changes them may change as well.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.examine import Examined
from resilient_infer.lock.files import files_digest
from resilient_infer.lock.findings import Said
from resilient_infer.lock.hashing import Algorithm, Unreadable, digests_of
from resilient_infer.lock.hf_cache import CachedFile, listing, snapshot
from resilient_infer.lock.lockfile import MOST_WEIGHTS, LockedModel
from resilient_infer.lock.weights import holds_weights, taken

_SHOWN: Final = 3
"""Files that one message names."""

_CODE: Final = ".py"
_READ: Final = "let it be read by who runs this"

Standing = Literal["as locked", "as downloaded", "not compared", "changed", "strange", "unread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """A file that was looked at. `why`: what is wrong with it; `file`: its bytes, if they were read."""

    path: str
    standing: Standing
    why: str = ""
    file: HubFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What the files of a commit must be.

    Attributes:
        digests: By path.
        whole: They are all there are: a path that is not among them is none of the commit.
    """

    digests: Mapping[str, str]
    whole: bool


def examine_cached(
    cache: Path, pin: LockedModel, told: Callable[[int], None] = lambda size: None
) -> Examined:
    """What the cache holds for a pin, compared with what was locked.

    Args:
        told: Told how many further bytes were read.
    """
    try:
        files = snapshot(cache, pin.model, pin.revision)
    except OSError as error:
        return Examined(
            said=(_unchecked(pin, f"the cache cannot be read: {error.strerror or error}", _READ),)
        )
    if files is None:
        return Examined(said=(_unchecked(pin, f"it is not in the cache ({cache})"),))
    expected = _expected(cache, pin)
    strange = set(_strange(pin, expected, files))
    looked = [_look(file, expected, strange, told) for file in files]
    wrong = [each for each in looked if each.standing in ("changed", "strange")]
    if wrong:
        return Examined(said=(_tampered(pin, wrong),))
    found = _all_as_locked(pin, looked) or looked
    missing = _missing(pin, found)
    note = f"in the cache: {_counted(pin, found)}"
    return Examined(said=() if not missing else (_unchecked(pin, missing),), note=note)


def _expected(cache: Path, pin: LockedModel) -> _Expected:
    listed = listing(cache, pin.model, pin.revision)
    if listed and files_digest(listed) == pin.files:
        return _Expected(digests={file.path: file.digest for file in listed}, whole=True)
    return _Expected(digests=pin.weights or {}, whole=False)


def _strange(pin: LockedModel, expected: _Expected, files: Sequence[CachedFile]) -> Iterator[str]:
    """Files that a loader would take, or run, and that the commit does not have."""
    if expected.whole:
        for file in files:
            if file.path not in expected.digests and (holds_weights(file.path) or file.path.endswith(_CODE)):
                yield file.path
    elif pin.weights and pin.files and len(pin.weights) < MOST_WEIGHTS:
        # Of all the commit's files a loader takes the locked ones, and so it does of them and any others.
        yield from taken([*pin.weights, *(file.path for file in files)]) - pin.weights.keys()


def _look(file: CachedFile, expected: _Expected, strange: set[str], told: Callable[[int], None]) -> _Looked:
    if file.path in strange:
        return _Looked(path=file.path, standing="strange", why="no file of the commit")
    if file.fault:
        return _Looked(path=file.path, standing="unread", why=file.fault)
    right = expected.digests.get(file.path)
    try:
        size, sums = digests_of(file.place, _algorithms(right, file.name), told)
    except Unreadable as error:
        return _Looked(path=file.path, standing="unread", why=str(error))
    digest = f"sha256:{sums['sha256']}" if "sha256" in sums else f"git:{sums['git']}"
    read = HubFile(path=file.path, size=size, digest=digest)
    if right is not None:
        kept = read.digest == right
        return _Looked(
            path=file.path,
            standing="as locked" if kept else "changed",
            why="" if kept else f"its bytes are {_short(read.digest)}, locked was {_short(right)}",
            file=read,
        )
    if file.name is None:
        return _Looked(path=file.path, standing="not compared", file=read)
    kept = file.name in sums.values()
    why = "" if kept else f"its bytes are {_short(read.digest)}, downloaded was {file.name[:12]}…"
    return _Looked(path=file.path, standing="as downloaded" if kept else "changed", why=why, file=read)


def _algorithms(right: str | None, name: str | None) -> set[Algorithm]:
    if right is not None:
        return {"sha256"} if right.startswith("sha256:") else {"git"}
    if name is not None and len(name) == 64:
        return {"sha256"}
    return {"git", "sha1"}  # some mirrors name bytes by their plain sha1


def _short(digest: str) -> str:
    kind, _, digits = digest.partition(":")
    return f"{kind}:{digits[:12]}…"


def _all_as_locked(pin: LockedModel, looked: Sequence[_Looked]) -> list[_Looked] | None:
    """All of them as locked, if together they are the whole tree."""
    read = [each.file for each in looked if each.file is not None]
    if len(read) < len(looked) or files_digest(read) != pin.files:
        return None
    return [_Looked(path=each.path, standing="as locked", file=each.file) for each in looked]


def _missing(pin: LockedModel, looked: Sequence[_Looked]) -> str:
    """Why nobody can say yet that the model is as it was locked; empty if it can be said."""
    unread = next((each for each in looked if each.standing == "unread"), None)
    if unread is not None:
        return f"in the cache, {unread.path}: {unread.why}"
    locked = {each.path for each in looked if each.standing == "as locked"}
    weights = set(pin.weights or ())
    if weights - locked:
        rest = f"{_first(sorted(weights - locked))} not"
        return f"{len(weights & locked)} of its {len(weights)} weight files are in the cache, {rest}"
    if not locked:
        return (
            "the lock has no digest of its files" if pin.files is None else "the cache has not all its files"
        )
    return ""


def _counted(pin: LockedModel, looked: Sequence[_Looked]) -> str:
    """How many files stand how: "2 files as locked, 5 as downloaded"."""
    counts = Counter(each.standing for each in looked)
    words: tuple[Standing, ...] = ("as locked", "as downloaded", "not compared", "unread")
    told = [(counts[word], word) for word in words if counts[word]]
    parts = [f"{count:,} {word}" for count, word in told]
    noun = "file" if told[0][0] == 1 else "files"
    parts[0] = f"{told[0][0]:,} {noun} {told[0][1]}"
    return ", ".join(parts)


def _first(paths: Sequence[str]) -> str:
    rest = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _tampered(pin: LockedModel, wrong: Sequence[_Looked]) -> Said:
    named = "; ".join(f"{each.path}: {each.why}" for each in wrong[:_SHOWN])
    rest = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    where = f"the cache of {pin.model}@{pin.revision[:12]}"
    return Said(
        code="RI104",
        message=f"{where} has other content than was locked: {named}{rest}",
        hint="tampered with, or damaged: do not load it; find out who did it, delete it, download it anew",
    )


def _unchecked(pin: LockedModel, why: str, hint: str = "") -> Said:
    download = f"hf download {pin.model} --revision {pin.revision}"
    return Said(
        code="RI900",
        message=f"not checked: {pin.model}@{pin.revision[:12]}: {why}",
        hint=hint or f"to have it here: {download}; or verify without --offline",
    )
