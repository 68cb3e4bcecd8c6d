"""A witness of several calls: what servers said and when, what they were sent, and what was told of it.

It knows nothing of how the plan remembers: it reads the answers as they come
in, in the order in which the calls learn of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.events import AttemptFinished, AttemptStarted, CallStarted, Event
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success, Verdict
from resilient_infer.core.result import Result
from resilient_infer.drivers import exchange
from resilient_infer.plan.spec import Env
from resilient_infer.testing.simulated import SimulatedCall, Simulation
from tests.plan.scripts import Drama
from tests.plan.watched import watch_attestations
from tests.scenarios.stage import Scripted, asked_of

MOST_EVENTS = 1_000
"""More than any script leads to: a call that tells more is going round in circles."""

OTHER_SERVER = frozenset(
    kind.value
    for kind in FailureKind
    if kind.verdict is Verdict.FAILURE or kind.value in ("stale connection", "loading")
)
"""After these failures of a payload the server may be another one."""


class What(Enum):
    """What happens at a route."""

    ASKED = "it was asked for its commit"
    SENT = "it was sent a payload"
    SAID = "it named a commit, or none"
    FAILED = "it may be another server from now on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened at a route, `at` a moment of the common clock; `commit` is what it said.

    Attributes:
        call: The id of the call that it happened to.
    """

    route: str
    what: What
    at: float
    call: str
    commit: str | None = None


@dataclass
class Witness:
    """Several calls of one drama on one stage, each begun at a moment of its own."""

    drama: Drama
    starts: Sequence[float]
    moments: list[Moment] = field(default_factory=list)
    told: dict[str, list[Event]] = field(default_factory=dict)
    calls: list[SimulatedCall] = field(default_factory=list)
    heard: dict[str, list[Moment]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stage, self.gates = self.drama.stage()
        self.stage.alias, self.attestations = watch_attestations(self.stage.alias)
        self._servers = Scripted(self.drama.script)
        self._attempts: dict[tuple[str, int], tuple[Attempt, Outcome]] = {}
        simulation = Simulation(self._world)
        for number, start in enumerate(self.starts):
            spec = replace(self.stage.spec(), call_id=f"call-{number}")
            self.told[spec.call_id] = []
            self.calls.append(simulation.start(spec, Env(self.stage.env.jitter, self._hear), at=start))
        simulation.run()

    def answered(self) -> Iterator[tuple[Result, list[Moment]]]:
        """Each result, and what had happened at its route, newest first.

        What other calls met after its payload was sent says nothing of the server that had it by then.
        """
        for call in self.calls:
            if not isinstance(call.ended, Result):
                continue
            name, route = call.spec.call_id, call.ended.route
            past = [moment for moment in self.heard[name] if moment.route == route]
            sent = max(
                position
                for position, moment in enumerate(past)
                if moment.call == name and moment.what is What.SENT
            )
            own = [moment for moment in past[sent:] if moment.call == name]
            yield call.ended, [*reversed(own), *reversed(past[:sent])]

    def before(self, position: int) -> list[Moment]:
        """What had happened at the route of a moment before it, newest first."""
        route = self.moments[position].route
        return [moment for moment in reversed(self.moments[:position]) if moment.route == route]

    def _world(self, attempt: Attempt, now: float) -> tuple[float, Outcome]:
        request = exchange.build(attempt)
        if isinstance(request, Failure):
            return 0.0, request
        reaction = self._servers.react(asked_of(attempt), now)
        outcome = exchange.read(attempt, reaction.reception())
        self._attempts[attempt.call_id, attempt.number] = attempt, outcome
        what = What.SENT if attempt.identity is None else What.ASKED
        self.moments.append(Moment(route=str(attempt.route), what=what, at=now, call=attempt.call_id))
        return reaction.seconds, outcome

    def _hear(self, event: Event) -> None:
        self.told[event.call_id].append(event)
        assert len(self.told[event.call_id]) < MOST_EVENTS, self.told[event.call_id][-8:]
        if isinstance(event, AttemptFinished):
            self.moments += self._learnt(event)
            self.heard[event.call_id] = list(self.moments)

    def _learnt(self, event: AttemptFinished) -> Iterator[Moment]:
        """What the end of an attempt tells of its server."""
        attempt, outcome = self._attempts[event.call_id, event.number]
        call = self.calls[int(event.call_id.removeprefix("call-"))]
        at = call.began + event.at
        in_time = event.outcome not in ("timeout", "connect timeout")
        if isinstance(outcome, Success) and in_time:
            if attempt.identity is not None or outcome.commit is not None:
                yield Moment(
                    route=event.route, what=What.SAID, at=at, call=event.call_id, commit=outcome.commit
                )
        elif event.identity:
            yield Moment(route=event.route, what=What.SAID, at=at, call=event.call_id)
        if not event.identity and event.outcome in OTHER_SERVER:
            yield Moment(route=event.route, what=What.FAILED, at=at, call=event.call_id)


def started(events: Sequence[Event]) -> Iterator[tuple[AttemptStarted, Event]]:
    """Each question of a call, and what came after its end."""
    for position, event in enumerate(events):
        if isinstance(event, AttemptStarted) and event.identity:
            yield event, events[position + 2]


def deadline_of(events: Sequence[Event]) -> float:
    """Seconds that a call has."""
    return next(event.deadline for event in events if isinstance(event, CallStarted))
