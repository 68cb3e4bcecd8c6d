"""Locked: what a lock holds, as values.

`lockfile.py` and `read_pin.py` read them, `emit.py` writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from resilient_infer.core.target import Pin
from resilient_infer.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What falling back to another model depends on, as its `config.json` says; None: not recorded.

    Attributes:
        labels: In the order of the model's outputs.
        dimension: Length of an embedding.
        max_length: Tokens the model can take.
    """

    labels: tuple[str, ...] | None = None
    dimension: int | None = None
    max_length: int | None = None


class NeedKind(Enum):
    """What a repo is needed for."""

    BASE = "base"
    CODE = "code"
    CONFIG = "config"
    TOKENIZER = "tokenizer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Another repo that loading a model loads too, as the model's own files at its commit name it.

    Attributes:
        requested: Branch, tag or commit that is loaded of it.
        revision: The commit it is locked to, in the same entry; None: it could not be locked.
    """

    model: str
    requested: str
    kind: NeedKind
    revision: str | None = None

    @property
    def order(self) -> tuple[str, str, str]:
        """By this, needs are sorted."""
        return self.model, self.requested, self.kind.value

    def __str__(self) -> str:
        return f"{self.model}@{self.requested} ({self.kind.value})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedModel:
    """A Hub repo and the commit it was locked to.

    Attributes:
        requested: Branch, tag or commit that was asked for.
        revision: Full commit, 40 lower-case hex digits.
        hub_id: The Hub's own identity of the repo, which survives a rename and not a re-creation.
        access: "public", "gated" or "private".
        needs: Other repos that it loads, sorted.
        weights: Digest of each weight file, by path.
        files: Digest of the whole tree.
        check: First 8 hex digits of `digest_of` the entry, or None in a lock written by hand.
    """

    model: str
    requested: str
    revision: str
    hub_id: str | None = None
    access: str | None = None
    license: str | None = None
    contract: Contract = Contract()
    needs: tuple[Need, ...] = ()
    weights: Mapping[str, str] | None = None
    files: str | None = None
    check: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedName:
    """A model that only a provider knows: listed, so that the lock names all that can serve."""

    provider: str
    name: str
    pin: Pin
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEntry:
    """What one alias is locked to.

    Attributes:
        task: The Hub's task of the model, or None in a lock written by hand.
        pins: One for each distinct model, in target order.
        file: Path of the lock file it stands in.
        needed: What loading those loads too, and what loading that does; sorted. No call goes there.
    """

    alias: str
    task: str | None
    pins: tuple[LockedModel | LockedName, ...]
    file: str
    needed: tuple[LockedModel, ...] = ()
    line: int = 0

    @property
    def models(self) -> tuple[LockedModel, ...]:
        """Every Hub model in it: those of the targets, then what they need."""
        return (*(pin for pin in self.pins if isinstance(pin, LockedModel)), *self.needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock file.

    Attributes:
        version: (major, minor).
        warnings: What is worth saying and stops nothing.
    """

    version: tuple[int, int]
    entries: Mapping[str, LockEntry]
    file: str
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A lock file with what is wrong with single pins in it: what `lock --check` tells and `lock` mends.

    Attributes:
        lock: A pin whose check is wrong has none here; the revision of a flawed pin may be no commit.
        flaws: RI101, RI103 and RI105, each with its place.
    """

    lock: Lock
    flaws: tuple[Problem, ...] = ()
