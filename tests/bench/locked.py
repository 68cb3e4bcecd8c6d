"""Locked: manifests and locks of many aliases, as `resilient-infer lock` writes them."""

from collections.abc import Mapping
from hashlib import sha1, sha256
from pathlib import Path

from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.lockfile import Contract, Lock, LockedModel, LockEntry


def alias_name(number: int) -> str:
    """The alias with this number."""
    return f"alias-{number:04}"


def full_pin(model: str, *, revision: str = "") -> LockedModel:
    """A pin with all that a lock can say of a classifier; `revision` defaults to a commit of its own."""
    digest = sha256(model.encode()).hexdigest()
    return LockedModel(
        model=model,
        requested="main",
        revision=revision or sha1(model.encode()).hexdigest(),
        hub_id=digest[:24],
        access="public",
        license="apache-2.0",
        contract=Contract(labels=("NEGATIVE", "NEUTRAL", "POSITIVE"), max_length=512),
        weights={"model.safetensors": f"sha256:{digest}"},
        files=f"sha256:{sha256(digest.encode()).hexdigest()}",
    )


def write_locked(folder: Path, pins: Mapping[str, LockedModel]) -> None:
    """Write `models.yaml` and `models.lock.yaml` with these aliases."""
    lines = "".join(f"  {alias}: {pin.model}\n" for alias, pin in pins.items())
    (folder / "models.yaml").write_text(f"version: 1\nmodels:\n{lines}", encoding="utf-8")
    entries = {
        alias: LockEntry(alias=alias, task="text-classification", pins=(pin,), file="models.lock.yaml")
        for alias, pin in pins.items()
    }
    lock = Lock(version=(1, 0), entries=entries, file="models.lock.yaml")
    (folder / "models.lock.yaml").write_text(lock_text(lock), encoding="utf-8")
