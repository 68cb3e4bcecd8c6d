"""A plan driven by hand: one action at a time, in virtual time."""

from dataclasses import dataclass

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.drivers import exchange
from resilient_infer.plan.actions import Action, Done, Plan, Reply, Start, Wait
from resilient_infer.plan.call import call_plan
from tests.scenarios.stage import Script, Scripted, Stage, asked_of


@dataclass
class Hand:
    """Answers a plan's actions as the servers of a script would."""

    servers: Scripted
    now: float = 0.0
    flying: tuple[Attempt, float, Outcome] | None = None

    def answer(self, action: Action) -> Reply:
        if isinstance(action, Start):
            return self._start(action.attempt)
        assert isinstance(action, Wait)
        if self.flying is None:
            assert action.until > self.now
            self.now = action.until
            return Reply(self.now)
        attempt, seconds, outcome = self.flying
        self.flying = None
        self.now += seconds
        return Reply(self.now, Done(attempt, outcome))

    def _start(self, attempt: Attempt) -> Reply:
        request = exchange.build(attempt)
        if isinstance(request, Failure):
            return Reply(self.now, request)
        reaction = self.servers.react(asked_of(attempt), self.now)
        if reaction.seconds > attempt.timeout:
            late = Failure(kind=FailureKind.TIMEOUT, reason="too late")
            self.flying = attempt, attempt.timeout, late
        else:
            self.flying = attempt, reaction.seconds, exchange.read(attempt, reaction.reception())
        return Reply(self.now)


def begun(stage: Stage, script: Script) -> tuple[Plan, Hand]:
    """A plan that has not been asked for its first action yet, and the hand that will answer it."""
    return call_plan(stage.spec(), stage.env, 0.0), Hand(Scripted(script))


def advanced(plan: Plan, hand: Hand, actions: int) -> Action | None:
    """The plan's action number `actions` (from 1), not answered yet; None if it ends before that."""
    action: Action | None = None
    try:
        for _ in range(actions):
            action = next(plan) if action is None else plan.send(hand.answer(action))
    except StopIteration:
        return None
    return action
