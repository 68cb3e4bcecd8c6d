"""Offline: whether a lock fits its manifest, told from the two files alone."""

from collections.abc import Iterable, Mapping

from resilient_infer.lock.binding import difference_of, identity_asked, identity_held, relock_command
from resilient_infer.lock.compatible import incompatible, remedy, side_of
from resilient_infer.lock.entries import Alias, Manifest
from resilient_infer.lock.findings import Finding, Level, Said, finding_of
from resilient_infer.lock.lockfile import LockEntry, Survey
from resilient_infer.lock.problems import quote
from resilient_infer.lock.versioned import floating_names


def own_aliases(manifest: Manifest) -> Mapping[str, Alias]:
    """The aliases that the lock of the manifest's environment holds: an environment's, those it replaces."""
    return {
        name: alias for name, alias in manifest.aliases.items() if alias.environment == manifest.environment
    }


def check_offline(manifest: Manifest, survey: Survey | None, *, file: str) -> tuple[Finding, ...]:
    """What is wrong with the lock of the manifest's environment (`lock --check`).

    Args:
        survey: The lock file of that environment alone; None: there is none.
        file: Where it is or should be, as the user gave it.
    """
    return compare(own_aliases(manifest), manifest, survey, file=file, orphans=Level.ERROR)


def compare(
    aliases: Mapping[str, Alias], manifest: Manifest, survey: Survey | None, *, file: str, orphans: Level
) -> tuple[Finding, ...]:
    """RI101, RI102, RI103, RI105, RI406 and RI502 for these aliases, in the order of the files.

    Args:
        orphans: Level of RI102: an entry for an alias that is not among them.
    """
    if survey is None:
        missing = f"there is no lock file {file}"
        unlocked = [_unlocked(alias, manifest, missing) for alias in aliases.values()]
        return in_order([*unlocked, *floating_names(aliases, manifest.file)])
    environments = {name: alias.environment for name, alias in manifest.aliases.items()}
    found = [finding_of(flaw, environments) for flaw in survey.flaws]
    flawed = {finding.alias for finding in found}
    for name, alias in aliases.items():
        entry = survey.lock.entries.get(name)
        if entry is None:
            found.append(_unlocked(alias, manifest, f"{file} has no entry for it"))
        elif name not in flawed:
            found += _stale(alias, entry) or clashes(alias, entry, manifest.file)
    command = relock_command(manifest.environment)
    orphan = Said(code="RI102", message=f"no alias of {manifest.file}", hint=command, level=orphans)
    for name, entry in survey.lock.entries.items():
        if name not in aliases:
            found.append(orphan.of(name, entry.file, entry.line))
    return in_order([*found, *floating_names(aliases, manifest.file)])


def clashes(alias: Alias, entry: LockEntry, file: str) -> list[Finding]:
    """RI406: targets of the manifest `file` that cannot stand in for the first one, by what is locked."""
    task = alias.task or entry.task
    if task is None or len(alias.targets) == 1:
        return []
    pins = {identity_held(pin): pin for pin in entry.pins}
    sides = [side_of(target, pins.get(identity_asked(target))) for target in alias.targets]
    found = []
    for number, reason in incompatible(task, alias.fallback, sides).items():
        target, side = alias.targets[number], sides[number]
        name = target.model or f"{target.routes[0].provider}:{target.routes[0].name}"
        hint = remedy(task, sides[0], side)
        said = Said(code="RI406", message=f"target {number + 1}, {name}: {reason}", hint=hint)
        found.append(said.of(alias.name, file, target.line))
    return found


def orphan_file(environment: str, manifest: Manifest, *, file: str, level: Level) -> Finding:
    """RI102 for the whole lock file of an environment that the manifest does not have."""
    message = f"{manifest.file} has no environment {quote(environment)}, so nothing keeps this lock"
    return Said(code="RI102", message=message, hint="delete the file, or mend the name", level=level).of(
        None, file, 0
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order of the files, always the same for the same findings."""
    return tuple(
        sorted(findings, key=lambda each: (each.file, each.line, each.alias or "", each.code, each.message))
    )


def _unlocked(alias: Alias, manifest: Manifest, why: str) -> Finding:
    said = Said(code="RI101", message=f"not locked: {why}", hint=relock_command(alias.environment))
    return said.of(alias.name, manifest.file, alias.line)


def _stale(alias: Alias, entry: LockEntry) -> list[Finding]:
    difference = difference_of(alias, entry)
    if not difference and alias.task not in (None, entry.task):
        difference = f"the manifest says task {alias.task}, the lock {entry.task or 'none'}"
    said = Said(code="RI101", message=difference, hint=relock_command(alias.environment))
    return [said.of(alias.name, entry.file, entry.line)] if difference else []
