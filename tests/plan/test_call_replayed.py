"""A recorded call replays exactly: the plan knows nothing but its replies and its jitter."""

import random
from dataclasses import replace

from hypothesis import given

from resilient_infer.core.result import Result
from resilient_infer.errors import CallError
from resilient_infer.plan.actions import Action, Plan, Reply, Start
from resilient_infer.plan.call import call_plan
from tests.plan.by_hand import begun
from tests.plan.scripts import Drama, dramas
from tests.plan.test_call_properties import said
from tests.scenarios.stage import Performance, asked_of, play_sync


def shape(action: Action) -> object:
    """What an action orders, without the places in queues, which are new objects each time."""
    return action.attempt if isinstance(action, Start) else (action.until, len(action.tickets))


def recorded(drama: Drama) -> tuple[list[tuple[object, Reply]], Result | CallError]:
    """Each action with its reply, and how the call ended."""
    stage, _ = drama.stage()
    plan, hand = begun(stage, drama.script)
    record: list[tuple[object, Reply]] = []
    try:
        action = next(plan)
        while True:
            reply = hand.answer(action)
            record.append((shape(action), reply))
            action = plan.send(reply)
    except StopIteration as done:
        return record, done.value
    except CallError as error:
        return record, error


def replayed(plan: Plan, replies: list[Reply]) -> tuple[list[object], Result | CallError]:
    """The actions that the same replies lead to, and the end."""
    actions: list[object] = []
    try:
        actions.append(shape(next(plan)))
        for reply in replies:
            action = plan.send(reply)
            actions.append(shape(action))
    except StopIteration as done:
        return actions, done.value
    except CallError as error:
        return actions, error
    raise AssertionError("the plan wants more replies than it got")


@given(drama=dramas())
def test_pa1_recorded_replies_lead_to_the_same_actions_and_the_same_end(drama: Drama) -> None:
    """A recorded trace of (clock, outcome) gives identical actions from fresh gates and the same jitter."""
    record, ended = recorded(drama)
    stage, _ = drama.stage()

    actions, again = replayed(call_plan(stage.spec(), stage.env, 0.0), [reply for _, reply in record])

    assert actions == [action for action, _ in record]
    assert said(Performance(again, [], [], 0.0)) == said(Performance(ended, [], [], 0.0))


@given(drama=dramas())
def test_pa1_what_is_recorded_by_hand_is_what_the_sync_driver_did(drama: Drama) -> None:
    """The same attempts in the same order, with the same limits."""
    record, _ = recorded(drama)

    told = play_sync(drama.stage()[0], drama.script)

    sent = [
        asked_of(action)  # type: ignore[arg-type]  # the shape of a Start is its attempt
        for action, reply in record
        if not isinstance(action, tuple) and reply.value is None
    ]
    assert sent == [name for name, _ in told.asked]


@given(drama=dramas())
def test_ck1_the_wall_clock_has_no_say(drama: Drama) -> None:
    """Wall jumps change nothing: whatever time the answers say they came, the call goes the same way."""
    jumps = random.Random(drama.seed)
    shifted = {
        name: [replace(each, received_at=jumps.uniform(-3600.0, 3600.0)) for each in reactions]
        for name, reactions in drama.script.items()
    }

    told = play_sync(drama.stage()[0], drama.script)

    assert said(play_sync(drama.stage()[0], shifted)) == said(told)
