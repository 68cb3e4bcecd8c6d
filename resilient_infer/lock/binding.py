"""Binding: an alias of the manifest together with the commits it is locked to.

Staleness is structural and per alias: the models and refs the manifest asks
for, and the provider-only targets it lists, must be those the lock holds, in
any order. An alias that is stale stops nothing but itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, cast, get_args

from resilient_infer.core.target import Pin
from resilient_infer.errors import AliasNotLocked, ConfigError, StaleLock
from resilient_infer.lock.entries import Alias, Manifest, RouteEntry, TargetEntry
from resilient_infer.lock.lockfile import Lock, LockedModel, LockedName, LockEntry
from resilient_infer.lock.policy import PolicyKeys
from resilient_infer.lock.problems import meant, quote
from resilient_infer.lock.read_alias import hub_route
from resilient_infer.lock.read_provider import BUILT_IN

Mode = Literal["locked", "frozen", "off"]
"""`locked`: manifest and lock agree. `frozen`: the lock is enough. `off`: the manifest, nothing pinned."""

MODE_VARIABLE: Final = "RESILIENT_INFER_LOCK_MODE"

Identity = tuple[str, str, str]
"""What two files compare of a target: a model and what was requested, or a provider, a name and its pin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundTarget:
    """A target and what it is locked to; None: nothing is locked (mode `off`)."""

    entry: TargetEntry
    locked: LockedModel | LockedName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAlias:
    """An alias, ready to be called.

    Attributes:
        task: The manifest's, else the lock's; None if neither says it.
        targets: In fallback order.
    """

    alias: Alias
    task: str | None
    targets: tuple[BoundTarget, ...]


def bind(manifest: Manifest | None, lock: Lock | None, name: str, mode: Mode = "locked") -> BoundAlias:
    """What `name` stands for and what it is locked to.

    Args:
        manifest: May be None in mode `frozen`, where only the lock is shipped. If it is
            there it is used, and must agree with the lock, as in mode `locked`.
        lock: Not looked at in mode `off`.

    Raises:
        AliasNotLocked: No such alias, no entry in the lock, or no lock. Nothing else is wrong.
        StaleLock: The lock holds other models or refs than the manifest asks for.
    """
    if manifest is None:
        return _from_lock_alone(lock, name, mode)
    alias = manifest.aliases.get(name)
    if alias is None:
        what = f"{quote(name)} is no alias in {manifest.file}{meant(name, manifest.aliases)}"
        then = "" if mode == "off" else ', then run "resilient-infer lock"'
        raise AliasNotLocked(what, hint=f"mend the name, or add it under models{then}")
    if mode == "off":
        targets = tuple(BoundTarget(entry=entry, locked=None) for entry in alias.targets)
        return BoundAlias(alias=alias, task=alias.task, targets=targets)
    entry = None if lock is None else lock.entries.get(name)
    if entry is None:
        where = "there is no lock file" if lock is None else f"{lock.file} has no entry for it"
        raise AliasNotLocked(f"{name} is not locked: {where}", hint=relock_command(alias.environment))
    difference = difference_of(alias, entry)
    if difference:
        raise StaleLock(
            f"{name} is stale ({entry.file}:{entry.line}): {difference}",
            hint=relock_command(alias.environment),
        )
    pins = _pins(entry)
    targets = tuple(
        BoundTarget(entry=target, locked=pins[identity_asked(target)]) for target in alias.targets
    )
    return BoundAlias(alias=alias, task=alias.task or entry.task, targets=targets)


def mode_of(argument: str | None, environ: Mapping[str, str]) -> Mode:
    """The mode: the argument, else the variable, else `locked`.

    Raises:
        ConfigError: It is none of them.
    """
    mode = argument or environ.get(MODE_VARIABLE) or "locked"
    if mode not in get_args(Mode):
        source = "lock_mode" if argument else MODE_VARIABLE
        raise ConfigError(f"{source} is one of {', '.join(get_args(Mode))}, not {quote(mode)}")
    return cast("Mode", mode)


def difference_of(alias: Alias, entry: LockEntry) -> str:
    """How the lock's entry differs from what the alias asks for, in words; empty if it does not."""
    asked = {identity_asked(target): None for target in alias.targets}
    pins = _pins(entry)
    missing = [_named(identity) for identity in asked if identity not in pins]
    extra = [_named(identity) for identity in pins if identity not in asked]
    parts = []
    if missing:
        parts.append(f"the manifest asks for {', '.join(missing)}")
    if extra:
        parts.append(f"the lock holds {', '.join(extra)}")
    return ", ".join(parts)


def identity_asked(target: TargetEntry) -> Identity:
    """What the manifest asks for."""
    if target.model is not None:
        return "model", target.model, target.requested or ""
    route = target.routes[0]
    return route.provider, route.name, target.pin or ""


def _pins(entry: LockEntry) -> Mapping[Identity, LockedModel | LockedName]:
    return {identity_held(pin): pin for pin in entry.pins}


def identity_held(pin: LockedModel | LockedName) -> Identity:
    """What the lock holds."""
    if isinstance(pin, LockedModel):
        return "model", pin.model, pin.requested
    return pin.provider, pin.name, pin.pin


def _named(identity: Identity) -> str:
    kind, name, detail = identity
    return f"{name}@{detail}" if kind == "model" else f"{kind}:{name} ({detail})"


def relock_command(environment: str | None) -> str:
    """What to do about a stale lock of an environment."""
    return f'run "resilient-infer lock{"" if environment is None else f" --env {environment}"}"'


def _from_lock_alone(lock: Lock | None, name: str, mode: Mode) -> BoundAlias:
    """What a shorthand alias is, told by the lock: the Hub models through the default provider."""
    if mode != "frozen" or lock is None:
        needed = "the lock file" if mode == "frozen" else "the manifest"
        raise AliasNotLocked(f"{quote(name)} cannot be called: {needed} is missing", hint=_missing(mode))
    entry = lock.entries.get(name)
    if entry is None:
        what = f"{quote(name)} has no entry in {lock.file}{meant(name, lock.entries)}"
        raise AliasNotLocked(what, hint='run "resilient-infer lock" where the manifest is, and ship the lock')
    targets = tuple(BoundTarget(entry=_entry_of(pin, name), locked=pin) for pin in entry.pins)
    alias = Alias(
        name=name,
        task=entry.task,
        policy=PolicyKeys(),
        targets=tuple(target.entry for target in targets),
        line=entry.line,
    )
    return BoundAlias(alias=alias, task=entry.task, targets=targets)


def _missing(mode: Mode) -> str:
    if mode == "frozen":
        return 'ship models.lock.yaml, or run "resilient-infer lock"'
    return 'ship models.yaml too, or call with lock_mode="frozen"'


def _entry_of(pin: LockedModel | LockedName, alias: str) -> TargetEntry:
    if isinstance(pin, LockedModel):
        route = hub_route(pin.model, pin.line)
        return TargetEntry(model=pin.model, ref=pin.requested, routes=(route,), line=pin.line)
    if pin.provider not in BUILT_IN:
        _unreachable(pin, alias)
    route = RouteEntry(provider=pin.provider, name=pin.name, pin=Pin(pin.pin), line=pin.line)
    return TargetEntry(model=None, ref=None, routes=(route,), pin=pin.pin, line=pin.line)


def _unreachable(pin: LockedName, alias: str) -> NoReturn:
    raise AliasNotLocked(
        f"{alias} needs provider {quote(pin.provider)}, and only the manifest says where that is",
        hint="ship models.yaml beside the lock",
    )
