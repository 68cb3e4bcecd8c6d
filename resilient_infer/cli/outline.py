"""Outline: what a call of an alias would go through, put together without asking anybody."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from resilient_infer.cli.files import (
    find_files,
    lock_path,
    manifest_bytes,
    overlaid,
    read_manifest,
    survey_at,
)
from resilient_infer.cli.needed import NeededOutline, needed_of
from resilient_infer.cli.variables import Variable, variables
from resilient_infer.core.target import Pin, Price
from resilient_infer.core.task import TASKS
from resilient_infer.errors import ProviderError
from resilient_infer.lock.binding import bind, difference_of, identity_asked, identity_held
from resilient_infer.lock.compatible import incompatible, side_of
from resilient_infer.lock.discovery import Found
from resilient_infer.lock.entries import Alias, Manifest, Provider, RouteEntry, TargetEntry
from resilient_infer.lock.lockfile import LockedModel, LockedName, LockEntry, Survey
from resilient_infer.lock.policy import PolicyKeys
from resilient_infer.lock.provenance import InForce, in_force
from resilient_infer.lock.read_provider import BUILT_IN
from resilient_infer.lock.versioned import floats
from resilient_infer.providers.base import Attesting
from resilient_infer.providers.registry import codec_for

_OF_THE_ALIAS: Final = (
    "deadline",
    "retries",
    "max_wait",
    "min_useful",
    "safe",
    "refusal_fallback",
    "balance",
    "on_pin_mismatch",
    "recover",
)
"""Policy keys that hold for a call as a whole; all others hold for a route."""

NAMES_THE_COMMIT: Final = frozenset({"transformers"})
"""Kinds whose requests name the commit, unless the route's own name has a ref."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOutline:
    """One way to reach a target.

    Attributes:
        place: "file:line" of the route.
        provider_place: "file:line" of its provider; None: a built-in one.
        hub_token: The key is asked of huggingface_hub, with every call.
        deployment: "namespace/name" of the Inference Endpoint behind the URL, or None.
        strongest: The most that an answer over it can prove.
        fault: Why servers of this kind cannot be asked at all; empty if they can.
        policy: What holds for this route.
    """

    provider: str
    kind: str
    name: str
    url: str | None
    place: str
    provider_place: str | None
    variables: tuple[Variable, ...]
    hub_token: bool
    deployment: str | None
    strongest: Pin
    fault: str
    price: Price | None
    policy: tuple[InForce, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOutline:
    """One model of the alias.

    Attributes:
        model: None: only a provider knows it.
        revision: The locked commit; None: none is locked.
        pin: The strongest claim before any server has spoken.
        context: Tokens, or None if unknown.
        labels: Pairs (this model's label, the first target's label).
        floats: Why its provider's name does not stay with one version, though it is declared to (RI502).
        clash: Why it cannot stand in for the first target (RI406); empty if it can.
        place: "file:line" of the target.
        lock_place: "file:line" of its pin, or None.
    """

    model: str | None
    requested: str | None
    revision: str | None
    pin: Pin
    context: int | None
    labels: tuple[tuple[str, str], ...]
    floats: str
    clash: str
    place: str
    lock_place: str | None
    routes: tuple[RouteOutline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a call would go through.

    Attributes:
        task: None: neither the manifest nor the lock says it.
        state: "locked", or why it cannot be called as it is.
        fallback: "contract" or "any".
        place: "file:line" of the alias.
        lock_place: "file:line" of its entry in the lock, or None.
        needed: What its models load besides themselves.
        policy: What holds for the call as a whole; empty if the task is not known.
    """

    alias: str
    environment: str | None
    task: str | None
    state: str
    fallback: str
    place: str
    lock_place: str | None
    targets: tuple[TargetOutline, ...]
    needed: tuple[NeededOutline, ...]
    policy: tuple[InForce, ...]


def outline(name: str, lockfiles: str | None, environment: str | None) -> Outline:
    """Read the files and look at the variables; nothing else is asked.

    Raises:
        AliasNotLocked: There is no such alias.
        ConfigError: A file cannot be read.
    """
    found = find_files(lockfiles, environment)
    survey = _survey(found)
    lock = None if survey is None else survey.lock
    if found.manifest is None:
        bound = bind(None, lock, name, "frozen")
        return _outlined(bound.alias, None, survey, found.environment)
    manifest = read_manifest(*manifest_bytes(found), found.environment)
    # In mode "off" nothing but the alias's existence is asked for.
    alias = bind(manifest, lock, name, "off").alias
    return _outlined(alias, manifest, survey, found.environment)


def _survey(found: Found) -> Survey | None:
    default = survey_at(lock_path(found.folder, None))
    if found.environment is None:
        return default
    return overlaid(default, survey_at(lock_path(found.folder, found.environment)))


def _outlined(
    alias: Alias, manifest: Manifest | None, survey: Survey | None, environment: str | None
) -> Outline:
    entry = None if survey is None else survey.lock.entries.get(alias.name)
    file = manifest.file if manifest is not None else entry.file if entry is not None else ""
    task = alias.task or (None if entry is None else entry.task)
    frame = _Frame(alias=alias, manifest=manifest, entry=entry, file=file, task=task)
    return Outline(
        alias=alias.name,
        environment=environment,
        task=task,
        state=_state(alias, survey, entry),
        fallback=alias.fallback,
        place=f"{file}:{alias.line}",
        lock_place=None if entry is None else f"{entry.file}:{entry.line}",
        targets=tuple(_targets(frame)),
        needed=needed_of(entry),
        policy=tuple(each for each in frame.policy() if each.key in _OF_THE_ALIAS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What all targets and routes of an alias have in common."""

    alias: Alias
    manifest: Manifest | None
    entry: LockEntry | None
    file: str
    task: str | None

    def policy(self, *inner: tuple[str, PolicyKeys]) -> tuple[InForce, ...]:
        """What holds, of these levels inside the alias; nothing if the task's defaults are not known."""
        if self.task is None or self.task not in TASKS:
            return ()
        outer = PolicyKeys() if self.manifest is None else self.manifest.policy
        alias = (f"the alias, {self.file}:{self.alias.line}", self.alias.policy)
        line = 0 if self.manifest is None else self.manifest.policy_line
        return in_force(TASKS[self.task], ((f"policy, {self.file}:{line}", outer), alias, *inner))

    def provider(self, name: str) -> Provider:
        """A provider by name."""
        return (BUILT_IN if self.manifest is None else self.manifest.providers)[name]


def _state(alias: Alias, survey: Survey | None, entry: LockEntry | None) -> str:
    if survey is None:
        return "not locked: there is no lock file"
    if survey.flaws:
        return f"not usable: {survey.flaws[0]}"
    if entry is None:
        return f"not locked: {survey.lock.file} has no entry for it"
    difference = difference_of(alias, entry)
    return f"stale: {difference}" if difference else "locked"


@dataclass(frozen=True, slots=True)
class _Claimed:
    """What is claimed of a target before any server has spoken."""

    task: str | None
    revision: str | None
    pin: Pin


def _targets(frame: _Frame) -> Iterator[TargetOutline]:
    pins = () if frame.entry is None else frame.entry.pins
    held = {identity_held(pin): pin for pin in pins}
    locked = [held.get(identity_asked(target)) for target in frame.alias.targets]
    sides = [side_of(target, pin) for target, pin in zip(frame.alias.targets, locked, strict=True)]
    clashes = incompatible(frame.task, frame.alias.fallback, sides) if frame.task else {}
    for number, (target, pin) in enumerate(zip(frame.alias.targets, locked, strict=True)):
        yield _target(frame, target, pin, clashes.get(number, ""))


def _target(
    frame: _Frame, target: TargetEntry, held: LockedModel | LockedName | None, clash: str
) -> TargetOutline:
    locked = held if isinstance(held, LockedModel) else None
    place = f"{frame.file}:{target.line}"
    claimed = _Claimed(
        frame.task,
        None if locked is None else locked.revision,
        target.pin or (Pin.FLOATING if locked is None else Pin.DECLARED),
    )
    return TargetOutline(
        model=target.model,
        requested=target.requested,
        revision=claimed.revision,
        pin=claimed.pin,
        context=target.context or (None if locked is None else locked.contract.max_length),
        labels=target.labels,
        floats=floats(target.routes[0].name) if target.pin is Pin.VERSIONED else "",
        clash=clash,
        place=place,
        lock_place=None if held is None or frame.entry is None else f"{frame.entry.file}:{held.line}",
        routes=tuple(_route(frame, route, claimed) for route in target.routes),
    )


def _route(frame: _Frame, route: RouteEntry, target: _Claimed) -> RouteOutline:
    provider, place = frame.provider(route.provider), f"{frame.file}:{route.line}"
    strongest, fault = _strongest(provider, route, target)
    provider_place = f"{frame.file}:{provider.line}" if provider.line else None
    levels = (
        (f"the route, {place}", route.policy),
        (f"the provider, {provider_place}", provider.policy),
    )
    return RouteOutline(
        provider=provider.name,
        kind=provider.kind,
        name=route.name,
        url=provider.url,
        place=place,
        provider_place=provider_place,
        variables=tuple(variables(provider, os.environ)),
        hub_token=provider.hub_token,
        deployment=provider.deployment,
        strongest=strongest,
        fault=fault,
        price=route.price,
        policy=tuple(each for each in frame.policy(*levels) if each.key not in _OF_THE_ALIAS),
    )


def _strongest(provider: Provider, route: RouteEntry, target: _Claimed) -> tuple[Pin, str]:
    """The strongest pin that an answer can have, and why there is no answer at all."""
    if target.task is None:
        return target.pin, ""
    try:
        codec = codec_for(provider.kind, target.task)
    except ProviderError as error:
        return target.pin, f"{error.message}; {error.hint}"
    if target.pin is not Pin.DECLARED:
        return target.pin, ""
    if provider.kind in NAMES_THE_COMMIT and route.name.partition("@")[2] in ("", target.revision):
        return Pin.ENFORCED, ""
    can_be_asked = provider.kind != "hf-endpoint" or provider.deployment is not None
    return (Pin.ATTESTED if can_be_asked and isinstance(codec, Attesting) else target.pin), ""
