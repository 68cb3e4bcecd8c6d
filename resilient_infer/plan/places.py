"""Places: the targets and routes of one call, and how far the call has come with each."""

import math
from dataclasses import dataclass

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.gates import NotBefore, Permit, Ticket
from resilient_infer.core.outcome import Failure
from resilient_infer.core.testimony import Testimony
from resilient_infer.plan.spec import RouteSpec, TargetSpec


class Turn:
    """One route within one call.

    Attributes:
        spent: Never asked again in this call.
        paid: A token is held for its next repeat, which is not under way yet.
        fresh: A kept-alive connection of it was already closed; from now on it gets new ones.
        repeats: How often it was asked again already.
        failure: The latest; the route may be asked again from `ready_at` on (monotonic seconds).
        refusal: Why its gates let nothing through the last time, if they did not.
        asks: This call has the right, and no other, to ask the server which commit it runs.
        testimony: What the server had said when the latest attempt was sent; None: it was not asked.
        ticket: The place it holds in the queue of a full bulkhead.
    """

    __slots__ = (
        "asks",
        "failed_at",
        "failure",
        "fresh",
        "paid",
        "place",
        "ready_at",
        "refusal",
        "repeats",
        "spec",
        "spent",
        "testimony",
        "ticket",
    )

    def __init__(self, spec: RouteSpec, place: "Place") -> None:
        self.spec = spec
        self.place = place
        self.spent = self.paid = self.fresh = self.asks = False
        self.repeats = 0
        self.failure: Failure | None = None
        self.failed_at = self.ready_at = -math.inf
        self.refusal: NotBefore | None = None
        self.ticket: Ticket | None = None
        self.testimony: Testimony | None = None


class Place:
    """One target within one call: its place in the fallback order, and the rounds it has had."""

    __slots__ = ("index", "over", "rounds", "spec", "turns")

    def __init__(self, spec: TargetSpec, index: int) -> None:
        self.spec = spec
        self.index = index
        self.rounds = 0
        self.over = False
        self.turns = [Turn(route, self) for route in spec.routes]

    @property
    def left(self) -> bool:
        """Whether a route of it may still be asked in this call."""
        if self.over:
            return False
        for turn in self.turns:  # noqa: SIM110  # asked in every call, and `any` takes three times as long
            if not turn.spent:
                return True
        return False


@dataclass(slots=True)
class Flight:
    """The attempt that holds a permit at the moment.

    Attributes:
        first_token: Of a streamed answer: seconds until its first piece came, None until then.
        heard_at: When the latest piece of it had been handed on.
        idle: Seconds in which its consumer thought, and the server was not waited for.
        reported: The commit that it was seen to say already.
    """

    turn: Turn
    permit: Permit
    attempt: Attempt
    started: float
    first_token: float | None = None
    heard_at: float | None = None
    idle: float = 0.0
    reported: str | None = None
