"""The lock `lockfiles/models.lock.yaml`: which commit each alias was locked to.

Written by `resilient-infer lock`; also readable when written by hand, where
`model`, `requested` and `revision` are enough to call.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.target import Pin
from resilient_infer.errors import Problem
from resilient_infer.lock.digest import FieldTree as FieldTree
from resilient_infer.lock.digest import digest_of as digest_of
from resilient_infer.lock.digest import tree_of
from resilient_infer.lock.key import Key, Level, Rows
from resilient_infer.lock.leaks import refuse_secrets
from resilient_infer.lock.nodes import MappingNode
from resilient_infer.lock.problems import Problems, quote
from resilient_infer.lock.reader import MERGE_BY_LOCK, Parser, read_yaml
from resilient_infer.lock.reference import is_commit, parse_reference
from resilient_infer.lock.rules import LABEL, NAME, WORD, Choice, Number, Shape, Text, ValueType
from resilient_infer.lock.values import Fields, Place, entries, fields, items, scalar, text, text_at, whole_at

MAJOR: Final = 1
MINOR: Final = 0
MOST_WEIGHTS: Final = 64
"""Weight files that one pin may list."""

RELOCK: Final = 'run "resilient-infer lock"'


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedModel:
    """A Hub repo and the commit it was locked to.

    Attributes:
        requested: Branch, tag or commit that was asked for.
        revision: Full commit, 40 lower-case hex digits.
        hub_id: The Hub's own identity of the repo, which survives a rename and not a re-creation.
        access: "public", "gated" or "private".
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
    """

    alias: str
    task: str | None
    pins: tuple[LockedModel | LockedName, ...]
    file: str
    line: int = 0


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


def _rows(*named: tuple[str, ValueType]) -> Rows:
    return {name: Key(name=name, levels=(Level.FILE,), type=type_, text="") for name, type_ in named}


_DIGEST: Final = Text(
    pattern=r"^(?:sha256:[0-9a-f]{64}|git:[0-9a-f]{40})$", rule="a digest: sha256:… or git:…"
)
_PATH: Final = Text(pattern=r"^[^/\\].*$", rule="a path inside the repo")
_ACCESS: Final = Choice(words=("public", "gated", "private"))
_COUNT: Final = Number(least=1, whole=True)

_ROOT_ROWS: Final = _rows(("lock_version", WORD), ("models", Shape(name="models")))
_ENTRY_ROWS: Final = _rows(("task", WORD), ("pins", Shape(name="pins")))
_MODEL_ROWS: Final = _rows(
    ("model", WORD),
    ("requested", WORD),
    ("revision", WORD),
    ("hub_id", WORD),
    ("access", _ACCESS),
    ("license", WORD),
    ("contract", Shape(name="contract")),
    ("weights", Shape(name="weights")),
    ("files", _DIGEST),
    ("check", Text(pattern=r"^[0-9a-f]{8}$", rule="8 lower-case hex digits")),
)
_NAME_ROWS: Final = _rows(
    ("provider", NAME), ("name", WORD), ("pin", Choice(words=(Pin.VERSIONED.value, Pin.FLOATING.value)))
)
_CONTRACT_ROWS: Final = _rows(("labels", Shape(name="labels")), ("dimension", _COUNT), ("max_length", _COUNT))


def parse_lock(text: bytes, file: str, *, parser: Parser = "auto") -> Lock:
    """Read a lock file.

    Raises:
        ConfigError: With every problem as `file:line:column: path: what, why, what to do`.
    """
    lock, problems = _read(text, file, parser)
    problems.raise_if_any()
    return lock


_FLAW: Final = re.compile(r"RI[0-9]{3}: ")


def survey_lock(text: bytes, file: str, *, parser: Parser = "auto") -> Survey:
    """As `parse_lock`, but what is wrong with single pins is told, not raised.

    Raises:
        ConfigError: Anything else is wrong with the file.
    """
    lock, problems = _read(text, file, parser)
    if not all(_FLAW.match(problem.what) for problem in problems.found):
        raise problems.error()
    return Survey(lock=lock, flaws=tuple(problems.found))


def _read(text: bytes, file: str, parser: Parser) -> tuple[Lock, Problems]:
    """The lock, and what is wrong with it: with problems it may lack pins or hold wrong ones."""
    problems = Problems(file)
    root = read_yaml(text, file, parser=parser, on_conflict=MERGE_BY_LOCK, problems=problems)
    refuse_secrets(root, text, problems)
    version = _version(root, problems)
    if version[0] != MAJOR:
        raise problems.error()
    problems.tolerant = version[1] > MINOR
    found = fields(Place(root, (), problems), _ROOT_ROWS)
    models = found.required("models", RELOCK)
    locked: dict[str, LockEntry] = {}
    if models is not None:
        for key, value in entries(models, NAME, "alias"):
            locked[key.text] = _entry(key.text, value)
    return Lock(version=version, entries=locked, file=file, warnings=tuple(problems.warnings)), problems


def overlay(default: Lock | None, environment: Lock | None) -> Lock | None:
    """One lock of two: the environment's entries first, the default file's for the rest."""
    if default is None or environment is None:
        return environment or default
    return Lock(
        version=environment.version,
        entries={**default.entries, **environment.entries},
        file=environment.file,
        warnings=default.warnings + environment.warnings,
    )


_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")


def _version(root: MappingNode, problems: Problems) -> tuple[int, int]:
    """Major and minor; (0, 0) with a problem noted if this release cannot read the file."""
    node = next((value for key, value in root.items if key.text == "lock_version"), None)
    if node is None:
        problems.add(root, ("lock_version",), f"missing, so the rest cannot be trusted; {RELOCK}")
        return 0, 0
    place = Place(node, ("lock_version",), problems)
    value = scalar(place)
    if value is None:
        return 0, 0
    parts = _VERSION.fullmatch(value.text)
    if parts is None or not value.quoted:
        place.wrong('not a version; write it in quotes, as "1.0"')
        return 0, 0
    version = int(parts[1]), int(parts[2])
    if version[0] != MAJOR:
        place.wrong(
            f"this release reads version {MAJOR}.x, the file is {value.text}; use a release that fits"
        )
        return 0, 0
    return version


def _entry(alias: str, place: Place) -> LockEntry:
    found = fields(place, _ENTRY_ROWS)
    task, listed = text_at(found, "task"), found.required("pins", RELOCK)
    pins = [] if listed is None else [_pin(item) for item in items(listed, "pins")]
    return LockEntry(
        alias=alias,
        task=task,
        pins=tuple(pin for pin in pins if pin is not None),
        file=place.problems.file,
        line=place.node.line,
    )


def _pin(place: Place) -> LockedModel | LockedName | None:
    node = place.node
    if isinstance(node, MappingNode) and any(key.text == "provider" for key, _ in node.items):
        return _locked_name(fields(place, _NAME_ROWS))
    return _locked_model(fields(place, _MODEL_ROWS))


def _locked_name(found: Fields) -> LockedName | None:
    for key in _NAME_ROWS:
        found.required(key, RELOCK)
    provider, name, pin = text_at(found, "provider"), text_at(found, "name"), text_at(found, "pin")
    if provider is None or name is None or pin is None:
        return None
    return LockedName(provider=provider, name=name, pin=Pin(pin), line=found.place.node.line)


def _locked_model(found: Fields) -> LockedModel | None:
    for key in ("model", "requested", "revision"):
        found.required(key, RELOCK)
    model, requested, revision = _model(found), text_at(found, "requested"), _revision(found)
    contract, weights = _contract(found.at("contract")), _weights(found.at("weights"))
    locked = LockedModel(
        model=model or "",
        requested=requested or "",
        revision=revision or "",
        hub_id=text_at(found, "hub_id"),
        access=text_at(found, "access"),
        license=text_at(found, "license"),
        contract=contract,
        weights=weights,
        files=text_at(found, "files"),
        check=_checked(found),
        line=found.place.node.line,
    )
    if requested and revision and is_commit(requested) and is_commit(revision) and requested != revision:
        found.place.wrong(f"RI101: commit {requested[:12]} was requested and another one is locked; {RELOCK}")
    return locked if model and requested and revision else None


def _model(found: Fields) -> str | None:
    value, place = text_at(found, "model"), found.at("model")
    if value is None or place is None:
        return None
    try:
        plain = parse_reference(value).model == value
    except ValueError:
        plain = False
    if not plain:
        place.wrong(f"{quote(value)} is no Hub repo; {RELOCK}")
    return value if plain else None


def _revision(found: Fields) -> str | None:
    place = found.at("revision")
    node = None if place is None else scalar(place)
    if place is None or node is None:
        return None
    if is_commit(node.text) and node.quoted:
        return node.text
    fault = "is not in quotes" if is_commit(node.text) else "is no full commit of 40 lower-case hex digits"
    place.wrong(f"RI103: {quote(node.text)} {fault}; {RELOCK}")
    return node.text


def _contract(place: Place | None) -> Contract:
    if place is None:
        return Contract()
    found = fields(place, _CONTRACT_ROWS)
    listed = found.at("labels")
    labels = None if listed is None else [text(item, LABEL) for item in items(listed, "labels")]
    return Contract(
        labels=None if labels is None else tuple(label for label in labels if label is not None),
        dimension=whole_at(found, "dimension"),
        max_length=whole_at(found, "max_length"),
    )


def _weights(place: Place | None) -> Mapping[str, str] | None:
    if place is None:
        return None
    weights = {key.text: text(value, _DIGEST) or "" for key, value in entries(place, _PATH, "weight file")}
    if len(weights) > MOST_WEIGHTS:
        place.wrong(f"{len(weights)} weight files are listed; at most {MOST_WEIGHTS} are")
    return weights


def _checked(found: Fields) -> str | None:
    """`check`, if it is given and right; that it is wrong is a problem."""
    check, place = text_at(found, "check"), found.at("check")
    node = found.place.node
    if check is None or place is None or not isinstance(node, MappingNode):
        return check
    right = digest_of({key.text: tree_of(value) for key, value in node.items})
    if check != right:
        place.wrong(
            "RI105: check does not fit the entry's other fields: a hand edit, a bot's bump or a mixed merge; "
            f"{RELOCK}"
        )
        return None
    return check
