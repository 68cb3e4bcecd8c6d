"""Verify: whether every pin still exists, is reachable and is unchanged."""

from collections.abc import Callable
from dataclasses import dataclass

from resilient_infer.lock.answers import Hub
from resilient_infer.lock.depth import Depth, nowhere
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.examine import Examined, examine
from resilient_infer.lock.findings import Finding, Level
from resilient_infer.lock.loaded import of_needed
from resilient_infer.lock.lockfile import LockedModel, LockEntry, Survey
from resilient_infer.lock.offline import compare, in_order
from resilient_infer.lock.pins import ask_each, asked_for, key_of
from resilient_infer.lock.relock import JOBS
from resilient_infer.lock.tied import needers


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One pin of one alias.

    Attributes:
        branch: The commit that the requested ref stands for now; None: not asked, or not told.
        findings: What was found of it.
        note: What else there is to say of it, in a few words; may be empty.
        needed_by: The models that load it, if it is there for them and no target itself.
    """

    alias: str
    pin: LockedModel
    branch: str | None
    findings: tuple[Finding, ...]
    note: str = ""
    needed_by: tuple[str, ...] = ()

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
    deep: Depth = nowhere,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Compare the lock with the manifest, and each pin with the Hub. Nothing is changed.

    Pins that several aliases have in common are asked about once.

    Args:
        survey: All that is locked as the manifest's environment sees it (`overlay`); None: nothing is.
        file: Where the lock is or should be, as the user gave it.
        has_token: Whether the Hub is asked with a token.
        deep: About which pins the API is asked, though nothing may be wrong.
        progress: Told how many pins of how many are done.
    """
    pins = () if survey is None else asked_for(manifest, survey.lock)
    chosen = {key_of(pin) for entry, pin in pins if deep(entry, pin)}

    def look(pin: LockedModel) -> Examined:
        return examine(hub, pin, has_token=has_token, deep=key_of(pin) in chosen)

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
    pins = [] if survey is None else list(asked_for(manifest, survey.lock))
    told = ask_each((pin for _, pin in pins), look, jobs=jobs, progress=progress)
    rows = tuple(_row(manifest, entry, pin, told[key_of(pin)]) for entry, pin in pins)
    return Report(rows=rows, findings=in_order((*found, *(each for row in rows for each in row.findings))))


def _row(manifest: Manifest, entry: LockEntry, pin: LockedModel, told: Examined) -> Row:
    environment = manifest.aliases[entry.alias].environment
    by = tuple(dict.fromkeys(needer.model for needer, _ in needers(entry, pin) if pin in entry.needed))
    every = (of_needed(said) for said in told.said) if by else told.said
    findings = tuple(said.of(entry.alias, entry.file, pin.line, environment=environment) for said in every)
    return Row(
        alias=entry.alias, pin=pin, branch=told.branch, findings=findings, note=told.note, needed_by=by
    )
