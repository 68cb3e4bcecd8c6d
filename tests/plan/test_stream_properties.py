"""What holds for every streamed call, whatever servers stream and however its consumer goes about it."""

from asyncio import CancelledError
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.events import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    FirstTokenReceived,
    PinMismatched,
)
from resilient_infer.core.gates import Permit
from resilient_infer.core.outcome import FailureKind, Success
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Delta, Finished, Part, Restarted
from resilient_infer.errors import CallError, StreamInterrupted
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.testing.streamed import NEVER, Consumer, Streamed
from tests.plan.streaming import (
    MALFORMED,
    ROLE,
    STALL,
    TOOL,
    Played,
    Streaming,
    advanced,
    failed,
    said,
    shown,
    silent,
    stories,
    streamed,
)
from tests.plan.watched import condition, new_gate
from tests.scenarios.stage import commit

LONE = (("a",),)
AFTERWARDS = 1e5
"""Seconds; by then no advice, bar or open circuit is in force."""
INTERRUPTIONS = (KeyboardInterrupt, SystemExit, CancelledError, GeneratorExit)
EPSILON = 1e-6
CUT = failed(FailureKind.TRUNCATED)


def whole(played: Played) -> bool:
    return isinstance(played.call.ended, Result)


# How a stream ends


@given(story=stories())
def test_a_stream_that_is_read_to_its_end_finishes_or_raises(story: Streaming) -> None:
    """`Finished` is the last event, told once, exactly when there is a result."""
    played = story.play()
    finished = [event for event in played.told if isinstance(event, Finished)]

    assert len(finished) <= 1
    assert not finished or played.told[-1] is finished[0]
    if not played.call.left:
        assert bool(finished) == whole(played)
        assert isinstance(played.call.ended, Result | CallError)


@given(story=stories())
def test_a_truncated_answer_is_never_a_success(story: Streaming) -> None:
    """What is finished is the whole answer of the last attempt, and the consumer has just its text."""
    played = story.play()
    if not whole(played):
        return
    result = played.call.ended
    assert isinstance(result, Result)
    route, answer = played.servers.given[-1]

    assert isinstance(answer.outcome, Success)
    assert result.route == f"server:{route}"
    assert result.output == answer.outcome.output
    assert isinstance(result.output, dict)
    assert played.text == result.output["content"]
    assert result.attempts[-1].outcome == "success"
    assert answer.seconds < NEVER or answer.ending < NEVER


@given(story=stories())
def test_nothing_is_shown_twice_and_nothing_taken_back_without_need(story: Streaming) -> None:
    """After the last `Restarted` what is shown only grows towards the text of the answer; a consumer is
    told to begin again only where he has something that the new answer does not begin with."""
    played = story.play()

    has: list[Delta] = []
    for event in played.told:
        if isinstance(event, Restarted):
            assert has
            has = []
        elif isinstance(event, Delta):
            has.append(event)
        else:
            assert isinstance(event.result.output, dict)
            assert shown(has) == event.result.output["content"]


# ST1: only what was not shown is made good in silence


@given(story=stories())
def test_st1_with_recover_fail_no_attempt_follows_the_first_piece(story: Streaming) -> None:
    """`StreamInterrupted` with `.partial` and the event count; nothing is ever taken back."""
    played = replace(story, restart=False).play()
    if not played.told:
        return

    assert not any(isinstance(event, Restarted) for event in played.told)
    happened = [type(event) for event in played.stage.events]
    first = happened.index(FirstTokenReceived) if FirstTokenReceived in happened else len(happened)
    assert AttemptStarted not in happened[first:]
    if isinstance(played.call.ended, CallError) and not isinstance(played.told[-1], Finished):
        assert isinstance(played.call.ended, StreamInterrupted)


@given(story=stories())
def test_an_interrupted_stream_carries_what_its_consumer_has(story: Streaming) -> None:
    """`.partial` is the text that stands and `.events` counts what was told, exactly if anything was."""
    played = story.play()
    error = played.call.ended
    if not isinstance(error, CallError):
        return

    assert isinstance(error, StreamInterrupted) == bool(played.told)
    if isinstance(error, StreamInterrupted):
        assert error.partial == played.text
        assert error.events == len(played.told)


def test_st1_an_answer_that_goes_on_where_the_other_was_cut_restarts_nothing() -> None:
    """Same locked weights at temperature 0 on another route continue seamlessly."""
    played = Streaming(
        script={"a": [streamed("On", "ce", ends=CUT)], "b": [streamed("Once", " upon")]}, retries=0
    ).play()

    assert [event.text for event in played.told if isinstance(event, Delta)] == ["On", "ce", " upon"]
    assert not any(isinstance(event, Restarted) for event in played.told)


def test_st1_where_the_new_answer_departs_the_consumer_is_told_to_begin_again() -> None:
    """With the route that answers now, and why the one before did not come to its end."""
    played = Streaming(
        script={"a": [streamed("On", "ce", ends=CUT)], "b": [streamed("On", "ly")]}, retries=0
    ).play()

    restarted = next(event for event in played.told if isinstance(event, Restarted))
    assert restarted == Restarted(reason="truncated", route="server:b")
    assert played.text == "Only"


def test_a_tool_call_that_was_shown_is_taken_back_before_another_attempt_speaks() -> None:
    """Whether the next attempt repeats it cannot be told; left standing, it would be there twice."""
    cut = Streamed(pieces=((0.1, TOOL),), outcome=CUT, seconds=0.2)
    played = Streaming(script={"a": [cut], "b": [streamed("On", "ly")]}, retries=0).play()

    assert [type(event) for event in played.told] == [Delta, Restarted, Delta, Delta, Finished]


def test_a_tool_call_that_was_shown_is_taken_back_from_an_answer_without_one() -> None:
    """Also if that answer says nothing at all."""
    cut = Streamed(pieces=((0.1, TOOL),), outcome=CUT, seconds=0.2)
    played = Streaming(script={"a": [cut], "b": [streamed()]}, retries=0).play()

    assert [type(event) for event in played.told] == [Delta, Restarted, Finished]


# ST2: limits


@given(story=stories())
def test_st2_first_piece_and_stall_have_limits_of_their_own(story: Streaming) -> None:
    """With a consumer who takes no time: no attempt outlives its first-piece limit without a piece, nor is
    more than the stall limit waited between pieces; nothing outlives the deadline."""
    played = replace(story, consumer=Consumer()).play()
    limits = {e.number: e.timeout for e in played.stage.events if isinstance(e, AttemptStarted)}
    for event in played.stage.events:
        if isinstance(event, FirstTokenReceived):
            assert event.elapsed <= limits[event.number] + EPSILON
    assert isinstance(played.call.ended, Result | CallError)
    sent = [record for record in played.call.ended.attempts if record.number]
    for record, (_, answer) in zip(sent, played.servers.given, strict=True):
        if record.first_token is None:
            assert record.elapsed <= limits[record.number] + EPSILON
        moments = [
            0.0,
            *(moment for moment, piece in answer.pieces if isinstance(piece, Part) and piece.told),
        ]
        heard = [moment for moment in moments if moment <= record.elapsed + EPSILON]
        assert record.first_token is None or record.elapsed - heard[-1] <= STALL + EPSILON
    assert played.call.ended_at - played.call.began <= story.deadline + EPSILON


@given(story=stories(), thinks=st.sampled_from((0.5, 2.0)))
def test_st2_while_the_consumer_thinks_no_limit_but_the_deadline_passes(
    story: Streaming, thinks: float
) -> None:
    """What comes in time for one who reads on comes in time for one who thinks."""
    patient = replace(story, deadline=1e6, consumer=Consumer())
    thinking = replace(patient, consumer=Consumer(thinks=thinks))
    if any(len(answers) > 1 for answers in story.script.values()):
        return  # an advice or an open circuit may pass meanwhile

    if whole(patient.play()):
        assert whole(thinking.play())


def test_st2_a_stall_is_a_failure_for_the_breaker() -> None:
    """It opens, and the record says what happened."""
    story = Streaming(
        targets=LONE, script={"a": [silent("a", "b")]}, retries=0, breaker=BreakerConfig(consecutive=1)
    )
    played = story.play()

    error = played.call.ended
    assert isinstance(error, StreamInterrupted)
    assert error.attempts[-1].reason == "nothing more came for 3.0 s, in the middle of the answer"
    assert not isinstance(played.gates["a"].ask(played.call.ended_at, lease=1.0), Permit)


def test_dl6_a_stream_that_the_deadline_cuts_is_no_failure_for_the_breaker() -> None:
    """The caller's deadline came before the stall limit; the reason names it."""
    story = Streaming(
        targets=LONE, script={"a": [silent("a", "b")]}, deadline=2.0, breaker=BreakerConfig(consecutive=1)
    )
    played = story.play()

    error = played.call.ended
    assert isinstance(error, StreamInterrupted)
    assert error.attempts[-1].reason == "the deadline of 2 s came in the middle of the answer"
    assert isinstance(played.gates["a"].ask(played.call.ended_at, lease=1.0), Permit)


def test_st2_a_stall_counts_however_little_time_was_left_for_the_first_piece() -> None:
    """The first-piece limit was cut short by the deadline; the stall was not."""
    story = Streaming(
        targets=LONE,
        script={"a": [silent("a")]},
        deadline=4.0,
        attempt_timeout=10.0,
        retries=0,
        breaker=BreakerConfig(consecutive=1),
    )
    stage, gates = story.stage()
    stage.alias = replace(stage.alias, deadline=30.0)

    played = story.on(stage, gates)

    assert not isinstance(played.gates["a"].ask(played.call.ended_at, lease=1.0), Permit)


@pytest.mark.parametrize("piece", [ROLE, MALFORMED])
def test_st2_what_tells_nothing_of_the_answer_puts_no_stall_off(piece: Part) -> None:
    """A server that sends pings, or what nobody can read, for ever is as silent as one that sends nothing."""
    pings = tuple((0.1 + second, piece) for second in range(1, 100))
    answer = Streamed(pieces=((0.1, Part("a", None)), *pings), outcome=said("a"), seconds=NEVER)
    played = Streaming(targets=LONE, script={"a": [answer]}, retries=0).play()

    assert isinstance(played.call.ended, StreamInterrupted)
    assert played.call.ended_at == pytest.approx(0.1 + STALL)


def test_an_answer_without_a_word_is_not_waited_for_once_its_end_is_told() -> None:
    """The server says why it ended, sends no [DONE], and keeps the connection open."""
    answer = Streamed(pieces=((0.1, ROLE),), outcome=said(""), seconds=NEVER, ending=0.2)
    played = Streaming(targets=LONE, script={"a": [answer]}).play()

    assert whole(played)
    assert played.call.ended_at < 1.0


def test_formalities_are_waited_for_once_not_as_long_as_they_come() -> None:
    """A server that pings for ever after the end of its answer has ended it."""
    pings = tuple((0.2 + 0.1 * number, ROLE) for number in range(200))
    answer = Streamed(pieces=((0.1, Part("a", None)), *pings), outcome=said("a"), seconds=NEVER, ending=0.1)
    played = Streaming(targets=LONE, script={"a": [answer]}).play()

    assert whole(played)
    assert played.call.ended_at < 1.0


# ST3: the breaker's verdict


@given(story=stories())
def test_st3_the_verdict_is_given_when_an_attempt_ends_and_none_if_the_consumer_leaves(
    story: Streaming,
) -> None:
    """Each attempt that ended was settled, once; the one that was left is as if it had not been."""
    played = story.play()

    ended = [event for event in played.stage.events if isinstance(event, AttemptFinished)]
    assert sum(gate.settled for gate in played.gates.values()) == len(ended)
    unsettled = len(played.servers.given) - len(ended)
    assert unsettled == (played.call.left and not isinstance(played.told[-1], Finished))


def test_st3_a_consumer_who_takes_his_time_makes_no_server_slow() -> None:
    """Only the seconds in which the server was waited for count."""
    config = BreakerConfig(consecutive=1, slow_after=2.0, min_calls=1, open=100.0, max_open=100.0)
    story = Streaming(
        targets=LONE, script={"a": [streamed("a", "b", "c")]}, consumer=Consumer(thinks=5.0), breaker=config
    )
    played = story.play()

    assert whole(played)
    assert isinstance(played.gates["a"].ask(played.call.ended_at, lease=1.0), Permit)


# ST4: everything is given back, once


@given(story=stories())
def test_st4_however_a_stream_ends_nothing_stays_held(story: Streaming) -> None:
    """Permits and places are given back exactly once (the watched gate refuses a second time)."""
    played = story.play()

    for gate in played.gates.values():
        assert not gate.permits
        assert not gate.tickets
    (last,) = [event for event in played.stage.events if isinstance(event, CallFinished)]
    gone = played.call.left and not isinstance(played.told[-1], Finished)
    assert (last.outcome == "cancelled") == gone


def test_st4_ten_thousand_abandoned_streams_leave_the_gates_as_they_were() -> None:
    """Slots never leak."""
    story = Streaming(
        targets=LONE, script={"a": [streamed("a", "b")]}, consumer=Consumer(leaves_after=1), concurrency=1
    )
    stage, gates = story.stage()
    before = condition(new_gate(story.gate_config), 0.0)
    for _ in range(10_000):
        gates["a"].questions = 0
        assert story.on(stage, gates).call.left

    assert condition(gates["a"].gate, AFTERWARDS) == before


# ST5: an error in the stream


@given(story=stories(), kind=st.sampled_from((FailureKind.SERVER_ERROR, FailureKind.THROTTLED)))
def test_st5_an_error_before_any_content_is_no_concern_of_the_consumer(
    story: Streaming, kind: FailureKind
) -> None:
    """Headers 200, a role, a ping, then an error: he is told what the next one says, and no more."""
    error = Streamed(pieces=((0.1, ROLE), (0.1, MALFORMED)), outcome=failed(kind), seconds=0.2)
    played = replace(
        story, targets=(("a",), ("b",)), script={"a": [error], "b": [streamed("On", "ly")]}, deadline=60.0
    ).play()

    expected = [Delta, Delta, Finished][: played.call.consumer.leaves_after]
    assert [type(event) for event in played.told] == expected


# CX: whatever interrupts


@given(story=stories(), position=st.integers(1, 14), kind=st.sampled_from(INTERRUPTIONS))
def test_cx1_an_interruption_of_a_stream_comes_out_as_the_same_object_and_counts_for_nothing(
    story: Streaming, position: int, kind: type[BaseException]
) -> None:
    """At each action: permits are given back, nothing is counted, and its end is told once."""
    stage, gates = story.stage()
    settled = [sum(gate.settled for gate in gates.values())]
    try:
        plan, action, _ = advanced(story, stage, position)
    except CallError:
        return
    settled = [gate.settled for gate in gates.values()]
    interruption = kind()

    if action is not None:
        with pytest.raises(kind) as raised:
            plan.throw(interruption)
        assert raised.value is interruption
    plan.close()
    assert [gate.settled for gate in gates.values()] == settled
    assert not any(gate.permits or gate.tickets for gate in gates.values())
    assert sum(isinstance(event, CallFinished) for event in stage.events) == 1


@given(story=stories(), position=st.integers(1, 14))
def test_cx1_a_closed_stream_leaves_the_gates_as_if_its_last_attempt_had_never_been(
    story: Streaming, position: int
) -> None:
    """Counters equal those of the same trace without what was left."""
    stage, gates = story.stage()
    with suppress(CallError):
        plan, _, _ = advanced(story, stage, position)
        plan.close()

    for gate in gates.values():
        again = new_gate(story.gate_config)
        for tell in gate.told:
            tell(again)
        for _ in range(gate.taken - gate.returned):
            again.take_token()
        assert condition(gate.gate, AFTERWARDS) == condition(again, AFTERWARDS)


# Commits


def test_another_commit_breaks_a_stream_off_before_its_text_is_shown() -> None:
    """Known with the first piece, it is refused there; the next target answers."""
    other = replace(streamed("O", "ther"), commit=commit(5))
    played = Streaming(script={"a": [other], "b": [streamed("On", "ly")]}).play()

    assert [event.text for event in played.told if isinstance(event, Delta)] == ["On", "ly"]
    assert isinstance(played.call.ended, Result)
    assert [record.outcome for record in played.call.ended.attempts] == ["pin mismatch", "success"]


def test_another_commit_that_is_let_pass_is_told_once() -> None:
    """Not with every piece."""
    outcome = replace(said("abc"), commit=commit(5))
    other = replace(streamed("a", "b", "c"), commit=commit(5), outcome=outcome)
    story = Streaming(targets=LONE, script={"a": [other]})
    stage, gates = story.stage()
    stage.alias = replace(stage.alias, refuse_mismatch=False)

    played = story.on(stage, gates)

    assert whole(played)
    assert sum(isinstance(event, PinMismatched) for event in stage.events) == 1
