"""A gate that is watched: the real one, and a log of what was asked of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from resilient_infer.core.gates import CircuitChange, NotBefore, Permit, SkipReason, Ticket
from resilient_infer.core.outcome import Verdict
from resilient_infer.core.testimony import Limits, Testimony
from resilient_infer.plan.spec import AliasSpec
from resilient_infer.state.attestation import Attestation
from resilient_infer.state.gate import GateConfig, RouteGate

MOST_QUESTIONS = 2_000
"""More than any script asks: a plan that asks more often is going round in circles."""


@dataclass(eq=False)
class WatchedGate:
    """Implements `core.gates.Gate`.

    Attributes:
        permits: Given and not given back.
        tickets: Places in the queue that were given, and neither used nor given back.
        told: What changed the gate for good, as calls that can be made of another one.
    """

    gate: RouteGate
    permits: set[Permit] = field(default_factory=set)
    tickets: set[Ticket] = field(default_factory=set)
    told: list[Callable[[RouteGate], object]] = field(default_factory=list)
    asked_at: dict[Permit, tuple[float, float]] = field(default_factory=dict)
    questions: int = 0
    taken: int = 0
    returned: int = 0
    settled: int = 0

    def ask(self, now: float, *, lease: float, ticket: Ticket | None = None) -> Permit | NotBefore:
        self.questions += 1
        assert self.questions < MOST_QUESTIONS
        if ticket is not None:
            self.tickets.discard(ticket)
        answer = self.gate.ask(now, lease=lease, ticket=ticket)
        if isinstance(answer, Permit):
            self.permits.add(answer)
            self.asked_at[answer] = now, lease
        elif answer.ticket is not None:
            self.tickets.add(answer.ticket)
        return answer

    def settle(
        self, permit: Permit, verdict: Verdict, now: float, *, elapsed: float, clean: bool
    ) -> CircuitChange | None:
        self.permits.remove(permit)
        self.settled += 1
        asked, lease = self.asked_at[permit]

        def again(gate: RouteGate) -> None:
            same = gate.ask(asked, lease=lease)
            assert isinstance(same, Permit)
            gate.settle(same, verdict, now, elapsed=elapsed, clean=clean)

        self.told.append(again)
        return self.gate.settle(permit, verdict, now, elapsed=elapsed, clean=clean)

    def release(self, permit: Permit) -> None:
        self.permits.remove(permit)
        self.gate.release(permit)

    def leave(self, ticket: Ticket) -> None:
        self.tickets.remove(ticket)
        self.gate.leave(ticket)

    def postpone(self, moment: float, reason: SkipReason, detail: str) -> None:
        self.told.append(lambda gate: gate.postpone(moment, reason, detail))
        self.gate.postpone(moment, reason, detail)

    def take_token(self) -> bool:
        taken = self.gate.take_token()
        self.taken += taken
        return taken

    def return_token(self) -> None:
        self.returned += 1
        self.gate.return_token()


@dataclass(eq=False)
class WatchedAttestation:
    """Implements `core.gates.Attestation`.

    Attributes:
        rights: Rights to ask that were taken, and neither used nor given back.
    """

    attestation: Attestation = field(default_factory=Attestation)
    rights: int = 0

    def known(self, now: float) -> Testimony | None:
        return self.attestation.known(now)

    def ask(self, now: float, *, lease: float) -> Ticket | None:
        ticket = self.attestation.ask(now, lease=lease)
        self.rights += ticket is None
        return ticket

    def tell(self, commit: str | None, limits: Limits, now: float) -> Testimony:
        self.rights = 0
        return self.attestation.tell(commit, limits, now)

    def leave(self) -> None:
        self.rights = 0
        self.attestation.leave()

    def forget(self) -> None:
        self.attestation.forget()


def watch_attestations(alias: AliasSpec) -> tuple[AliasSpec, dict[str, WatchedAttestation]]:
    """The alias with attestations of its own that are watched, by route name."""
    watched: dict[str, WatchedAttestation] = {}
    targets = []
    for target in alias.targets:
        routes = []
        for route in target.routes:
            if route.attestation is not None:
                watched[route.route.name] = WatchedAttestation()
                route = replace(route, attestation=watched[route.route.name])
            routes.append(route)
        targets.append(replace(target, routes=tuple(routes)))
    return replace(alias, targets=tuple(targets)), watched


def watch(alias: AliasSpec, config: GateConfig) -> tuple[AliasSpec, dict[str, WatchedGate]]:
    """The alias with gates of its own that are watched, by route name."""
    gates: dict[str, WatchedGate] = {}
    targets = []
    for target in alias.targets:
        routes = []
        for route in target.routes:
            gate = WatchedGate(new_gate(config))
            gates[route.route.name] = gate
            routes.append(replace(route, gate=gate))
        targets.append(replace(target, routes=tuple(routes)))
    return replace(alias, targets=tuple(targets)), gates


def new_gate(config: GateConfig) -> RouteGate:
    """A gate whose open times do not vary."""
    return RouteGate("watched", config, jitter=lambda: 0.5)


def condition(gate: RouteGate, now: float) -> tuple[int, int]:
    """How a gate stands: tokens in its bucket, attempts it lets through at once. Uses them up."""
    tokens = 0
    while gate.take_token():
        tokens += 1
    admitted = 0
    while admitted < 5 and isinstance(gate.ask(now, lease=1e6), Permit):
        admitted += 1
    return tokens, admitted
