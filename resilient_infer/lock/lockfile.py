"""The lock `lockfiles/models.lock.yaml`: which commit each alias was locked to.

Written by `resilient-infer lock`; also readable when written by hand, where
`model`, `requested` and `revision` are enough to call.
"""

import re
from dataclasses import replace
from typing import Final

from resilient_infer.lock.digest import FieldTree as FieldTree
from resilient_infer.lock.digest import digest_of as digest_of
from resilient_infer.lock.leaks import refuse_secrets
from resilient_infer.lock.locked import Contract as Contract
from resilient_infer.lock.locked import Lock as Lock
from resilient_infer.lock.locked import LockedModel as LockedModel
from resilient_infer.lock.locked import LockedName as LockedName
from resilient_infer.lock.locked import LockEntry as LockEntry
from resilient_infer.lock.locked import Need as Need
from resilient_infer.lock.locked import NeedKind as NeedKind
from resilient_infer.lock.locked import Survey as Survey
from resilient_infer.lock.nodes import MappingNode, ScalarNode
from resilient_infer.lock.problems import Problems
from resilient_infer.lock.read_pin import MOST_WEIGHTS as MOST_WEIGHTS
from resilient_infer.lock.read_pin import RELOCK, read_model, read_pin, rows_of
from resilient_infer.lock.reader import MERGE_BY_LOCK, Parser, read_yaml
from resilient_infer.lock.rules import NAME, WORD, Shape
from resilient_infer.lock.tied import loose, name_of
from resilient_infer.lock.values import Place, entries, fields, items, scalar, text_at

MAJOR: Final = 1
MINOR: Final = 0
MOST_NEEDED: Final = 64
"""Repos that the models of one alias may need besides themselves."""

_ROOT_ROWS: Final = rows_of(("lock_version", WORD), ("models", Shape(name="models")))
_ENTRY_ROWS: Final = rows_of(("task", WORD), ("pins", Shape(name="pins")), ("needed", Shape(name="needed")))


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
            locked[key.text] = _entry(key, value)
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


def _entry(key: ScalarNode, place: Place) -> LockEntry:
    found = fields(place, _ENTRY_ROWS)
    task, listed = text_at(found, "task"), found.required("pins", RELOCK)
    pins = [] if listed is None else [read_pin(item) for item in items(listed, "pins")]
    entry = LockEntry(
        alias=key.text,
        task=task,
        pins=tuple(pin for pin in pins if pin is not None),
        file=place.problems.file,
        needed=_needed(found.at("needed")),
        line=key.line,
    )
    return _bound(entry, place)


def _needed(place: Place | None) -> tuple[LockedModel, ...]:
    if place is None:
        return ()
    pins = [read_model(item) for item in items(place, "needed")]
    if len(pins) > MOST_NEEDED:
        place.wrong(f"{len(pins)} needed repos are listed; at most {MOST_NEEDED} are")
    return tuple(pin for pin in pins if pin is not None)


def _bound(entry: LockEntry, place: Place) -> LockEntry:
    """The entry. A pin that does not fit the others is told, and has no check."""
    reasons = loose(entry)
    if not reasons:
        return entry

    def judged(pin: LockedModel, key: str) -> LockedModel:
        why = reasons.get(name_of(pin))
        if why is None:
            return pin
        place.problems.add((pin.line, 1), (*place.path, key), f"RI105: {pin.model}: {why}; {RELOCK}")
        return replace(pin, check=None)

    pins = tuple(judged(pin, "pins") if isinstance(pin, LockedModel) else pin for pin in entry.pins)
    return replace(entry, pins=pins, needed=tuple(judged(pin, "needed") for pin in entry.needed))
