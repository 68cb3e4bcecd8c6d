"""Assembly: manifest, lock, codecs and gates put together into what a plan needs.

The composition root, shared by every client. Manifest and lock are read once;
variables and the Hub's token file are looked at with every call, so that a
change takes effect at once.
"""

import os
import random
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from resilient_infer.core.events import Event
from resilient_infer.core.target import Endpoint, Pin, Route, Target
from resilient_infer.core.task import TASKS, Task
from resilient_infer.drivers.exchange import identity_of
from resilient_infer.errors import ConfigError, PayloadRefused
from resilient_infer.lock.binding import BoundAlias, BoundTarget, Mode, bind, mode_of
from resilient_infer.lock.compatible import answer_labels, incompatible, side_of
from resilient_infer.lock.discovery import Found, find, read_file, shown
from resilient_infer.lock.entries import Manifest, Provider, RouteEntry
from resilient_infer.lock.lockfile import Lock, LockedModel, overlay, parse_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.policy import Policy, PolicyKeys, resolve
from resilient_infer.lock.read_provider import BUILT_IN
from resilient_infer.plan.spec import AliasSpec, CallSpec, Env, RouteSpec, TargetSpec
from resilient_infer.policies.retry import RetryConfig
from resilient_infer.providers.base import Streaming
from resilient_infer.providers.payload import normalise
from resilient_infer.providers.registry import codec_for, kinds
from resilient_infer.state.gate import GateConfig, RouteGate
from resilient_infer.state.table import SHARED, GateTable
from resilient_infer.transport.credentials import Sources
from resilient_infer.transport.files import read_file as read_input
from resilient_infer.transport.fork import renew_in_children
from resilient_infer.transport.reach import Unset, identity_url_of, key_of, url_of

if TYPE_CHECKING:
    import pybreaker

LONGEST_DEADLINE: Final = 7 * 86_400.0
"""Seconds; a longer deadline is taken for a slip of units."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A spec, and the variables and files it was made from."""

    spec: AliasSpec
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """An alias that is being put together; `stream`: for answers that come piece by piece."""

    bound: BoundAlias
    task: Task
    sources: Sources
    stream: bool

    def streams(self, kind: str) -> bool:
        """Whether servers of a kind stream the task."""
        codec = codec_for(kind, self.task.name)
        return isinstance(codec, Streaming) and self.task.name in codec.streams


class Assembly:
    """What one client may call. Safe from any number of threads.

    Args:
        manifest: None where only a lock is shipped.
        table: The gates; the process's own, unless the client wants to be alone.
        environ: Where key and URL variables are looked up, with every call.
        source: Where the files came from, for messages.
    """

    def __init__(
        self,
        manifest: Manifest | None,
        lock: Lock | None,
        mode: Mode,
        *,
        table: GateTable,
        environ: Mapping[str, str],
        source: str,
        circuit_listeners: "tuple[pybreaker.CircuitBreakerListener, ...]" = (),
    ) -> None:
        self.source = source
        self._manifest = manifest
        self._lock = lock
        self._mode: Mode = mode
        self._table = table
        self._environ = environ
        self._circuit_listeners = circuit_listeners
        self._listened: dict[RouteGate, object] = {}
        self._remembered: dict[tuple[str, bool], _Remembered] = {}
        renew_in_children(self)

    @classmethod
    def load(
        cls,
        *,
        lockfiles: str | Path | None,
        environment: str | None,
        lock_mode: str | None,
        circuit_listeners: "tuple[pybreaker.CircuitBreakerListener, ...]" = (),
        private_state: bool = False,
    ) -> "Assembly":
        """Find and read the files.

        Raises:
            ConfigError: With every problem of the file that is wrong.
        """
        mode = mode_of(lock_mode, os.environ)
        found = find(lockfiles, environment, os.environ, Path.cwd())
        manifest = None
        if found.manifest is not None:
            text = read_file(found.manifest)
            manifest = parse_manifest(text, shown(found.manifest), found.environment, kinds=kinds())
        if mode == "off":
            message = 'lock_mode="off": nothing is pinned; answers may come from any version of a model'
            warnings.warn(message, stacklevel=3)  # where the client is made
        return cls(
            manifest,
            None if mode == "off" else _read_locks(found),
            mode,
            table=GateTable() if private_state else SHARED,
            environ=os.environ,
            source=shown(found.folder),
            circuit_listeners=circuit_listeners,
        )

    def env(self, emit: Callable[[Event], None] | None) -> Env:
        """The world as plans see it."""
        return Env(random.random, emit)

    def renew(self) -> None:
        """In a forked child: look up every gate anew, for the parent's belong to threads that are gone."""
        self._remembered = {}
        self._listened = {}
        if self._table is not SHARED:
            self._table.clear()

    def close(self) -> None:
        """Tell this client's circuit listeners nothing more."""
        for gate in tuple(self._listened):
            for listener in self._circuit_listeners:
                gate.remove_listener(listener)
        self._listened = {}

    def call_spec(
        self, alias: str, payload: object, deadline: float | None, *, stream: bool = False
    ) -> CallSpec:
        """One call, ready to be planned; see `Client.call` and `Client.stream` for what it raises."""
        spec = self.alias_spec(alias, stream=stream)
        seconds = spec.deadline if deadline is None else _length(alias, deadline)
        try:
            normal = normalise(spec.task, read_input(payload))
        except PayloadRefused as refused:
            raise PayloadRefused(f"{alias}: {refused.message}", hint=refused.hint, alias=alias) from None
        call_id = os.urandom(16).hex()
        return CallSpec(alias=spec, call_id=call_id, payload=normal, deadline=seconds, stream=stream)

    def alias_spec(self, alias: str, *, stream: bool = False) -> AliasSpec:
        """What is the same for every call of an alias, as long as the variables it names stay the same.

        Args:
            stream: For answers that come piece by piece: other time limits, and only routes that stream.
        """
        if not isinstance(alias, str):
            raise ConfigError(f"an alias is a string, not a value of type {type(alias).__name__}")
        remembered = self._remembered.get((alias, stream))
        if remembered is not None and remembered.sources.unchanged():
            return remembered.spec
        sources = Sources(self._environ)
        spec = self._assemble(alias, sources, stream)
        self._remembered[alias, stream] = _Remembered(spec, sources)
        return spec

    def _assemble(self, name: str, sources: Sources, stream: bool) -> AliasSpec:
        bound = bind(self._manifest, self._lock, name, self._mode)
        task = self._task(bound)
        making = _Making(bound=bound, task=task, sources=sources, stream=stream)
        common = resolve(task, self._file_policy, bound.alias.policy)
        strangers = _strangers(bound, task)
        targets = []
        for index, each in enumerate(bound.targets):
            locked = isinstance(each.locked, LockedModel)
            routes = [self._route(making, entry, locked=locked) for entry in each.entry.routes]
            if index in strangers:
                routes = [replace(route, unusable=strangers[index]) for route in routes]
            targets.append(TargetSpec(target=_target(each, task), routes=tuple(routes)))
        kinds_here = {route.route.endpoint.kind for target in targets for route in target.routes}
        if stream and not any(map(making.streams, kinds_here)):
            raise ConfigError(
                f"{name}: none of its routes streams {task.name}", hint="use call: the answer comes whole"
            )
        return AliasSpec(
            alias=name,
            task=task,
            targets=tuple(targets),
            deadline=common.deadline,
            min_useful=common.min_useful,
            retry=RetryConfig(retries=common.retries, max_wait=common.max_wait, safe=common.safe),
            refusal_fallback=common.refusal_fallback,
            refuse_mismatch=common.on_pin_mismatch == "refuse",
            restart=common.recover == "restart",
        )

    @property
    def _file_policy(self) -> PolicyKeys:
        return PolicyKeys() if self._manifest is None else self._manifest.policy

    def _task(self, bound: BoundAlias) -> Task:
        name = bound.alias.name
        if bound.task is None:
            raise ConfigError(
                f"{name}: its task is not known: neither the manifest nor the lock says it",
                hint=f"add task: to the alias; it is one of {', '.join(sorted(TASKS))}",
            )
        if bound.task not in TASKS:
            near = get_close_matches(bound.task, TASKS, 1)
            meant = f' (did you mean "{near[0]}"?)' if near else ""
            raise ConfigError(
                f'{name}: task "{bound.task}" cannot be called{meant}',
                hint=f"the tasks are {', '.join(sorted(TASKS))}",
            )
        return TASKS[bound.task]

    def _route(self, making: "_Making", entry: RouteEntry, *, locked: bool) -> RouteSpec:
        known = BUILT_IN if self._manifest is None else self._manifest.providers
        provider, sources, task = known[entry.provider], making.sources, making.task
        policy = resolve(task, self._file_policy, making.bound.alias.policy, entry.policy, provider.policy)
        codec = codec_for(provider.kind, task.name)  # now rather than in the middle of a call
        identity, unusable = None, ""
        if making.stream and not making.streams(provider.kind):
            unusable = f"servers of kind {provider.kind} do not stream {task.name}"
        try:
            url = url_of(provider, sources)
            secret = key_of(provider, url, sources)
            endpoint = _endpoint(provider, url, policy, identity_url_of(provider, sources))
            if locked:
                identity = identity_of(codec, endpoint, secret)
        except Unset as unset:
            url, secret, unusable = "", None, str(unset)
            endpoint = _endpoint(provider, url, policy, "")
        route = Route(endpoint=endpoint, name=entry.name, price=entry.price)
        gate = self._gate(route, policy)
        host = urlsplit(url).netloc
        return RouteSpec(
            route=route,
            gate=gate,
            credential_gate=None if secret is None else self._table.credential(host, secret),
            secret=secret,
            attempt_timeout=policy.first_token_timeout if making.stream else policy.attempt_timeout,
            stall_timeout=policy.stall_timeout,
            unusable=unusable,
            identity=identity,
            attestation=None if identity is None else self._table.attestation(route),
        )

    def _gate(self, route: Route, policy: Policy) -> RouteGate:
        config = GateConfig(breaker=policy.breaker, concurrency=policy.concurrency, retries=policy.retries)
        gate = self._table.route(route, config)
        mine = object()
        if self._circuit_listeners and self._listened.setdefault(gate, mine) is mine:  # atomic
            for listener in self._circuit_listeners:
                gate.add_listener(listener)
        return gate


def _target(bound: BoundTarget, task: Task) -> Target:
    entry, locked = bound.entry, bound.locked
    context, labels = entry.context, answer_labels(task.name, entry.labels)
    if isinstance(locked, LockedModel):
        context = context or locked.contract.max_length
        return Target(
            model=entry.model,
            revision=locked.revision,
            pin=Pin.DECLARED,
            context=context,
            labels=labels,
            dimension=locked.contract.dimension,
        )
    pin = entry.pin or Pin.FLOATING
    return Target(model=entry.model, revision=None, pin=pin, context=context, labels=labels)


def _strangers(bound: BoundAlias, task: Task) -> Mapping[int, str]:
    """Targets that may not stand in for the first one, by index, and why."""
    sides = [side_of(target.entry, target.locked) for target in bound.targets]
    return incompatible(task.name, bound.alias.fallback, sides)


def _endpoint(provider: Provider, url: str, policy: Policy, identity_url: str) -> Endpoint:
    return Endpoint(
        provider=provider.name,
        kind=provider.kind,
        url=url,
        headers=provider.headers,
        max_response=policy.max_response,
        identity_url=identity_url,
    )


def _read_locks(found: Found) -> Lock | None:
    locks = [
        None if path is None else parse_lock(read_file(path), shown(path))
        for path in (found.lock, found.environment_lock)
    ]
    return overlay(*locks)


def _length(alias: str, deadline: object) -> float:
    if (
        isinstance(deadline, int | float)
        and not isinstance(deadline, bool)
        and 0 < deadline <= LONGEST_DEADLINE
    ):
        return float(deadline)
    # What is no number might be private, and an integer endless.
    short = isinstance(deadline, float) or (type(deadline) is int and deadline.bit_length() <= 64)
    shown = repr(deadline) if short else f"a value of type {type(deadline).__name__}"
    what = f"deadline must be a number of seconds above 0 and up to {LONGEST_DEADLINE:g}"
    raise ConfigError(f"{alias}: {what}, not {shown}")
