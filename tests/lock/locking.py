"""Manifest, fake Hub and lock together: what `lock` and `verify` do to files, without files."""

from dataclasses import replace

from resilient_infer.lock.destination import MinAge
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.findings import Finding
from resilient_infer.lock.lockfile import LockedModel, Survey, survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.offline import check_offline
from resilient_infer.lock.relocate import relocate
from resilient_infer.lock.relock import Relocked, relock
from resilient_infer.lock.update import Updated, update, update_to
from tests.lock.fake_hub import FakeHub

LOCK = "lockfiles/models.lock.yaml"


def manifest_of(models: str, environment: str | None = None, head: str = "") -> str:
    return f"version: 1\n{head}models:\n{models}"


def surveyed(text: str | None) -> Survey | None:
    return None if text is None else survey_lock(text.encode(), LOCK)


def run(
    manifest: str,
    old: str | None,
    hub: FakeHub,
    *,
    environment: str | None = None,
    only: list[str] | None = None,
) -> Relocked:
    """What `lock` would do."""
    survey = surveyed(old)
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", environment)
    return relock(parsed, None if survey is None else survey.lock, hub, file=LOCK, only=only)


def locked(manifest: str, old: str | None, hub: FakeHub, *, environment: str | None = None) -> str:
    """The text that `lock` writes. Nothing must stand in the way."""
    done = run(manifest, old, hub, environment=environment)
    assert done.faults == ()
    return lock_text(done.lock)


def checked(manifest: str, lock: str | None, *, environment: str | None = None) -> tuple[Finding, ...]:
    """What `lock --check` says."""
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", environment)
    return check_offline(parsed, surveyed(lock), file=LOCK)


def pin_in(text: str, alias: str, position: int = 0) -> LockedModel:
    """A pin of a lock's text, wherever it stands there."""
    survey = surveyed(text)
    assert survey is not None
    pin = survey.lock.entries[alias].pins[position]
    assert isinstance(pin, LockedModel)
    return replace(pin, line=0)


def said(findings: tuple[Finding, ...]) -> list[tuple[str, str | None]]:
    """Code and alias of each."""
    return [(finding.code, finding.alias) for finding in findings]


def relocated(
    manifest: str, old: str, hub: FakeHub, *, only: list[str] | None = None, has_token: bool = True
) -> Relocked:
    """What `lock --relocate` would do."""
    survey = surveyed(old)
    assert survey is not None
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", None)
    return relocate(parsed, survey.lock, hub, has_token=has_token, only=only)


def updated(
    manifest: str,
    old: str | None,
    hub: FakeHub,
    *,
    only: list[str] | None = None,
    min_age: MinAge | None = None,
) -> Updated:
    """What `update` would do."""
    survey = surveyed(old)
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", None)
    lock = None if survey is None else survey.lock
    return update(parsed, lock, hub, file=LOCK, only=only, min_age=min_age)


def updated_to(manifest: str, old: str | None, hub: FakeHub, alias: str, commit: str) -> Updated:
    """What `update ALIAS --to COMMIT` would do."""
    survey = surveyed(old)
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", None)
    lock = None if survey is None else survey.lock
    return update_to(parsed, lock, hub, file=LOCK, alias=alias, commit=commit)
