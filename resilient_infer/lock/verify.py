"""Verify: whether every pin still exists, is reachable and is unchanged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from resilient_infer.lock.answers import Hub
from resilient_infer.lock.binding import identity_asked, identity_held
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.examine import Examined, examine
from resilient_infer.lock.findings import Finding, Level
from resilient_infer.lock.lockfile import LockedModel, LockEntry, Survey
from resilient_infer.lock.offline import compare, in_order
from resilient_infer.lock.reference import is_commit
from resilient_infer.lock.relock import JOBS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One pin of one alias.

    Attributes:
        branch: The commit that the requested ref stands for now; None: not asked, or not told.
        findings: What was found of it.
        note: What else there is to say of it, in a few words; may be empty.
    """

    alias: str
    pin: LockedModel
    branch: str | None
    findings: tuple[Finding, ...]
    note: str = ""

    @property
    def state(self) -> str:
        """In one word: "error", "unchecked", "warning", "drift" or "ok"."""
        levels = {finding.level for finding in self.findings}
        for level in (Level.ERROR, Level.UNCHECKED, Level.WARNING):
            if level in levels:
                return str(level.value)
        return "drift" if any(finding.code == "RI302" for finding in self.findings) else "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `verify` found.

    Attributes:
        rows: One for each pin of each alias that could be asked about, in the order of the lock.
        findings: Of the files and of the Hub, in the order of the files.
    """

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


def verify(
    manifest: Manifest,
    survey: Survey | None,
    hub: Hub,
    *,
    file: str,
    has_token: bool,
    deep: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Compare the lock with the manifest, and each pin with the Hub. Nothing is changed.

    Pins that several aliases have in common are asked about once.

    Args:
        survey: All that is locked as the manifest's environment sees it (`overlay`); None: nothing is.
        file: Where the lock is or should be, as the user gave it.
        has_token: Whether the Hub is asked with a token.
        deep: Ask the API about every pin, not only where something is wrong.
        progress: Told how many pins of how many are done.
    """
    look = partial(examine, hub, has_token=has_token, deep=deep)
    return look_at_pins(manifest, survey, look, file=file, jobs=JOBS, progress=progress)


def look_at_pins(
    manifest: Manifest,
    survey: Survey | None,
    look: Callable[[LockedModel], Examined],
    *,
    file: str,
    jobs: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Compare the lock with the manifest, and look at each pin; see `verify`.

    Args:
        look: What there is to say of a pin.
        jobs: Pins looked at at a time.
    """
    found = compare(manifest.aliases, manifest, survey, file=file, orphans=Level.INFO)
    pins = [] if survey is None else list(_pins(manifest, survey))
    distinct = {_key(pin): pin for _, pin in pins}
    asks = [partial(look, pin) for pin in distinct.values()]
    answers = gather(asks, jobs=jobs, progress=lambda done: progress(done, len(asks)))
    told = dict(zip(distinct, answers, strict=True))
    rows = tuple(_row(entry, pin, told[_key(pin)]) for entry, pin in pins)
    return Report(rows=rows, findings=in_order((*found, *(each for row in rows for each in row.findings))))


def _pins(manifest: Manifest, survey: Survey) -> Iterator[tuple[LockEntry, LockedModel]]:
    """The pins that are locked and asked for. What else there is `compare` tells."""
    for name, entry in survey.lock.entries.items():
        alias = manifest.aliases.get(name)
        asked = set() if alias is None else {identity_asked(target) for target in alias.targets}
        for pin in entry.pins:
            if isinstance(pin, LockedModel) and identity_held(pin) in asked and is_commit(pin.revision):
                yield entry, pin


_Key = tuple[str | None, ...]


def _key(pin: LockedModel) -> _Key:
    """All of a pin that questions and findings depend on."""
    weights = (
        () if pin.weights is None else tuple(part for pair in sorted(pin.weights.items()) for part in pair)
    )
    return pin.model, pin.requested, pin.revision, pin.hub_id, pin.access, pin.files, *weights


def _row(entry: LockEntry, pin: LockedModel, told: Examined) -> Row:
    findings = tuple(said.of(entry.alias, entry.file, pin.line) for said in told.said)
    return Row(alias=entry.alias, pin=pin, branch=told.branch, findings=findings, note=told.note)
