"""The stage on which a story is told once and played by every driver.

A story gives each route a list of reactions, what its server does at the
first, second, … attempt; the last one stays. The sync driver plays it with a
scripted transport and a clock that only the script and the sleeps advance, so
its events equal the simulated driver's to the last digits that floats can keep.
"""

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.events import Event
from resilient_infer.core.gates import Ticket
from resilient_infer.core.http import FaultKind, HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.core.outcome import Failure, Outcome
from resilient_infer.core.payload import Payload
from resilient_infer.core.result import Result
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint, Pin, Route, Target
from resilient_infer.core.task import TASKS
from resilient_infer.drivers import aio, exchange
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.drivers.sync import drive
from resilient_infer.errors import CallError
from resilient_infer.plan.spec import AliasSpec, CallSpec, Env, RouteSpec, TargetSpec
from resilient_infer.policies.retry import RetryConfig
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.providers.registry import codec_for
from resilient_infer.state.gate import GateConfig
from resilient_infer.state.table import GateTable
from resilient_infer.testing.simulated import Simulation
from tests.scenarios.scripted_async import ScriptedAsync, by_hand

Told = TypeVar("Told", bound=Event)

POSITIVE = json.dumps([[{"label": "POSITIVE", "score": 0.9}]])
GENERATED = json.dumps([{"generated_text": "and on"}])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a server does with one attempt, and how many seconds it takes."""

    seconds: float = 0.1
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = POSITIVE
    fault: FaultKind | None = None
    received_at: float = 0.0
    sent: bool = True

    def reception(self) -> Reception:
        if self.fault is not None:
            sent = self.sent and self.fault not in (FaultKind.UNREACHABLE, FaultKind.REJECTED)
            return TransportFault(kind=self.fault, reason=self.fault.value, sent=sent)
        return HttpResponse(
            status=self.status,
            headers=self.headers,
            body=self.body.encode(),
            framed=True,
            received_at=self.received_at,
        )


OK = Reaction()
SERVER_ERROR = Reaction(status=500, body='{"error": "boom"}')
REFUSED = Reaction(seconds=0.001, fault=FaultKind.UNREACHABLE)
HANG = Reaction(seconds=1e9)
LOST = Reaction(fault=FaultKind.LOST)
STALE = Reaction(seconds=0.001, fault=FaultKind.STALE)
CUT = Reaction(fault=FaultKind.CUT)
NOT_JSON = Reaction(body="<html>")
WRONG_SHAPE = Reaction(body='{"hello": 1}')
BAD_REQUEST = Reaction(status=422, body='{"error": "inputs is not text"}')
UNAUTHORIZED = Reaction(status=401, body='{"error": "invalid token"}')
NO_CREDITS = Reaction(status=402, body='{"error": "credits used up"}')
MISSING = Reaction(status=404, body='{"error": "no such model"}')
CONFLICT = Reaction(status=409, body='{"error": "locked"}')
TOO_LONG = Reaction(status=400, body='{"error": {"message": "too long", "code": "context_length_exceeded"}}')
FILTERED = Reaction(status=400, body='{"error": {"message": "no", "code": "content_filter"}}')
THROTTLED = Reaction(status=429, body='{"error": "slow down"}')


def throttled(seconds: float) -> Reaction:
    return Reaction(status=429, headers={"retry-after": str(seconds)}, body='{"error": "slow down"}')


def loading(seconds: float) -> Reaction:
    body = json.dumps({"error": "Model is currently loading", "estimated_time": seconds})
    return Reaction(status=503, body=body)


def commit(index: int) -> str:
    """The commit to which the target of this index is locked."""
    return f"{index:040x}"


def runs(commit: str | None) -> Reaction:
    """What a server of kind "tei" answers that is asked which commit it runs."""
    return Reaction(seconds=0.01, body=json.dumps({"model_id": "org/m", "model_sha": commit}))


def asked_of(attempt: Attempt) -> str:
    """The name under which a script tells what comes of an attempt."""
    return attempt.route.name if attempt.identity is None else f"{attempt.route.name}/info"


Script = Mapping[str, Sequence[Reaction]]
"""Reactions by route name, for example {"a": [SERVER_ERROR, OK]}; "a/info" is asked for its commit."""


@dataclass(kw_only=True)
class Stage:
    """An alias with fresh gates; `targets` lists the route names of each target.

    `route_key` names the credential of a route by its name; None sends no token. `kinds` and `unusable`
    tell what protocol a route speaks, if not the usual one, and why it cannot be asked, by its name; the
    servers of those `elsewhere` are not asked themselves which commit they run.
    """

    targets: Sequence[Sequence[str]] = (("a",), ("b",))
    task: str = "text-classification"
    deadline: float = 30.0
    attempt_timeout: float = 10.0
    retries: int = 2
    max_wait: float = 5.0
    min_useful: float = 0.5
    safe: bool | None = None
    refusal_fallback: bool = False
    breaker: BreakerConfig | None = field(default_factory=BreakerConfig)
    concurrency: int | None = 64
    contexts: Sequence[int | None] = ()
    route_key: Callable[[str], str | None] = lambda name: None
    kinds: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    dimension: int | None = None
    refuse_mismatch: bool = True
    elsewhere: frozenset[str] = frozenset()
    payload: Payload = field(default_factory=lambda: Payload(inputs="I love it"))
    listening: bool = True
    seed: int = 7

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.table = GateTable(self.random.random)
        self.alias = AliasSpec(
            alias="story",
            task=TASKS[self.task],
            targets=tuple(self._target(index, names) for index, names in enumerate(self.targets)),
            deadline=self.deadline,
            min_useful=self.min_useful,
            retry=RetryConfig(
                retries=self.retries,
                max_wait=self.max_wait,
                safe=TASKS[self.task].safe if self.safe is None else self.safe,
            ),
            refusal_fallback=self.refusal_fallback,
            refuse_mismatch=self.refuse_mismatch,
        )
        self.events: list[Event] = []
        self.env = Env(self.random.random, self.events.append if self.listening else None)

    def _target(self, index: int, names: Sequence[str]) -> TargetSpec:
        context = self.contexts[index] if self.contexts else None
        target = Target(
            model=f"org/{names[0]}",
            revision=commit(index),
            pin=Pin.DECLARED,
            context=context,
            labels=tuple(self.labels.items()),
            dimension=self.dimension,
        )
        return TargetSpec(target=target, routes=tuple(self._route(name) for name in names))

    def _route(self, name: str) -> RouteSpec:
        kind = self.kinds.get(name, "hf-inference")
        endpoint = Endpoint(provider="server", kind=kind, url=f"http://127.0.0.1:9/{name}")
        route = Route(endpoint=endpoint, name=name)
        config = GateConfig(breaker=self.breaker, concurrency=self.concurrency, retries=self.retries)
        key = self.route_key(name)
        secret = None if key is None else Secret(key)
        identity = exchange.identity_of(codec_for(kind, self.task), endpoint, secret)
        if identity is not None and name in self.elsewhere:
            identity = replace(identity, elsewhere=True)
        return RouteSpec(
            route=route,
            gate=self.table.route(route, config),
            credential_gate=None if secret is None else self.table.credential("127.0.0.1", secret),
            secret=secret,
            attempt_timeout=self.attempt_timeout,
            unusable=self.unusable.get(name, ""),
            identity=identity,
            attestation=None if identity is None else self.table.attestation(route),
        )

    def spec(self, deadline: float | None = None) -> CallSpec:
        return CallSpec(
            alias=self.alias, call_id="call-1", payload=self.payload, deadline=deadline or self.deadline
        )

    def route(self, name: str) -> RouteSpec:
        routes = [route for target in self.alias.targets for route in target.routes]
        return next(route for route in routes if route.route.name == name)


class Scripted:
    """Servers that follow a script, with a clock of their own."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[tuple[str, float]] = []

    def react(self, name: str, now: float) -> Reaction:
        reactions = self._script[name]
        seen = sum(1 for asked, _ in self.asked if asked == name)
        self.asked.append((name, now))
        return reactions[min(seen, len(reactions) - 1)]


class ScriptedTransport(Sleepers):
    """Transport, sleepers and clock in one: only the script and the sleeps make time pass.

    `late` is by how many seconds sleeps and timeouts end late, as real ones do.
    """

    def __init__(self, servers: Scripted, at: float, late: float = 0.0) -> None:
        super().__init__()
        self.now = at
        self.late = late
        self._servers = servers

    def clock(self) -> float:
        return self.now

    def send(self, request: HttpRequest, *, timeout: float, fresh: bool, notify: object = None) -> Reception:
        _, _, _, name, *rest = request.url.split("/")
        if rest in (["info"], ["server_info"]):
            name = f"{name}/info"
        reaction = self._servers.react(name, self.now)
        if reaction.seconds > timeout:
            self.now += timeout + self.late
            return TransportFault(
                kind=FaultKind.TIMEOUT, reason=f"no answer within {timeout:.1f} s", sent=True
            )
        self.now += reaction.seconds
        return reaction.reception()

    def sleep(self, seconds: float, tickets: tuple[Ticket, ...] = ()) -> None:
        self.now = math.nextafter(self.now + seconds + self.late, math.inf)  # no real sleep ends early


@dataclass(frozen=True, slots=True)
class Performance:
    """How a story went: what the caller got, what was asked of whom and when, and the events."""

    ended: Result | CallError
    asked: list[tuple[str, float]]
    events: list[Event]
    elapsed: float

    @property
    def order(self) -> str:
        """The routes that were asked, in order: "aab"."""
        return "".join(name for name, _ in self.asked)

    @property
    def result(self) -> Result:
        assert isinstance(self.ended, Result), self.ended
        return self.ended

    @property
    def error(self) -> CallError:
        assert isinstance(self.ended, CallError), self.ended
        return self.ended

    def told(self, kind: type[Told]) -> list[Told]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def play_sync(stage: Stage, script: Script, *, deadline: float | None = None, at: float = 0.0) -> Performance:
    servers, heard = Scripted(script), len(stage.events)
    world = ScriptedTransport(servers, at)
    ended: Result | CallError
    try:
        ended = drive(stage.spec(deadline), stage.env, world, world, world.clock)
    except CallError as error:
        ended = error
    return Performance(ended, servers.asked, stage.events[heard:], world.now - at)


def play_async(
    stage: Stage, script: Script, *, deadline: float | None = None, at: float = 0.0
) -> Performance:
    servers, heard = Scripted(script), len(stage.events)
    world = ScriptedTransport(servers, at)
    side = ScriptedAsync(world)
    ended: Result | CallError
    try:
        ended = by_hand(aio.drive(stage.spec(deadline), stage.env, side, side, world.clock))
    except CallError as error:
        ended = error
    return Performance(ended, servers.asked, stage.events[heard:], world.now - at)


def play_simulated(
    stage: Stage, script: Script, *, deadline: float | None = None, at: float = 0.0
) -> Performance:
    servers, heard = Scripted(script), len(stage.events)

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome]:
        request = exchange.build(attempt)
        if isinstance(request, Failure):
            return 0.0, request
        reaction = servers.react(asked_of(attempt), now)
        return reaction.seconds, exchange.read(attempt, reaction.reception())

    simulation = Simulation(world, now=at)
    ended: Result | CallError
    try:
        ended = simulation.call(stage.spec(deadline), stage.env)
    except CallError as error:
        ended = error
    return Performance(ended, servers.asked, stage.events[heard:], simulation.now - at)


class Play(Protocol):
    """Plays a story: one call on a stage, begun `at` a moment of the stage's clock."""

    def __call__(
        self, stage: Stage, script: Script, *, deadline: float | None = None, at: float = 0.0
    ) -> Performance: ...


DRIVERS: Mapping[str, Play] = {"async": play_async, "sync": play_sync, "simulated": play_simulated}
