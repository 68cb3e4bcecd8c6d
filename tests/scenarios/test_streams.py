"""Streamed stories, each told once and played by every driver."""

import re
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.events import AttemptFinished, ChunkSkipped, Event
from resilient_infer.core.gates import Permit
from resilient_infer.core.http import FaultKind, HttpRequest, Reception
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Delta, Finished, Restarted, StreamEvent
from resilient_infer.drivers.sync_stream import Stream
from resilient_infer.errors import AllTargetsFailed, StreamInterrupted
from resilient_infer.testing.streamed import NEVER, Consumer
from tests.scenarios.scripted_async import by_hand
from tests.scenarios.stage import HANG, REFUSED, SERVER_ERROR, THROTTLED, Reaction, Scripted
from tests.scenarios.streams import (
    DONE,
    IN_BAND,
    MALFORMED,
    PING,
    ROLE,
    STOP,
    STREAM_DRIVERS,
    Flow,
    PlayStream,
    ScriptedOpened,
    ScriptedStreams,
    StreamPerformance,
    StreamScript,
    consumed,
    event,
    flow,
    performed_async,
    performed_simulated,
    performed_sync,
    recut,
    spoken,
    stream_stage,
    word,
)

USAGE = event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
WHOLE = Reaction(body='{"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Once"}}]}')


@pytest.fixture(params=sorted(STREAM_DRIVERS))
def play(request: pytest.FixtureRequest) -> PlayStream:
    """One of the drivers."""
    return STREAM_DRIVERS[request.param]


def deltas(told: StreamPerformance) -> list[str]:
    return [item.text for item in told.told if isinstance(item, Delta)]


def test_an_answer_comes_word_by_word_and_is_the_result_at_the_end(play: PlayStream) -> None:
    """Its usage with it; nothing is waited for after [DONE]."""
    told = play(stream_stage(), {"a": [flow(ROLE, "On", "ce", STOP, USAGE, DONE, ends=NEVER)]})

    assert deltas(told) == ["On", "ce"]
    assert isinstance(told.ended, Result)
    assert told.ended.text == "Once"
    assert told.ended.usage is not None
    assert told.elapsed == pytest.approx(0.6)


def test_one_malformed_event_is_skipped_and_told(play: PlayStream) -> None:
    """Not fatal."""
    told = play(stream_stage(), {"a": [flow(ROLE, "On", MALFORMED, "ce", STOP, DONE)]})

    assert told.text == "Once"
    assert told.order == "a"
    assert sum(isinstance(item, ChunkSkipped) for item in told.events) == 1
    assert isinstance(told.ended, Result)
    assert told.ended.warnings == ("1 chunk could not be read: something may be missing in the text",)


def test_without_done_the_answer_is_whole_once_its_reason_is_told(play: PlayStream) -> None:
    """The connection is closed, or kept open for ever."""
    for end in (0.5, NEVER):
        told = play(stream_stage(), {"a": [flow(ROLE, "On", "ce", STOP, ends=end)]})

        assert isinstance(told.ended, Result)
        assert told.elapsed <= 0.4 + 0.5 + 1e-6


def test_without_a_reason_the_answer_is_truncated_and_begun_anew(play: PlayStream) -> None:
    """Whether [DONE] came or the connection just ended."""
    for cut in (flow(ROLE, "On", "ce", DONE), flow(ROLE, "On", "ce")):
        told = play(stream_stage(retries=0), {"a": [cut], "b": [spoken("On", "ce", " upon")]})

        assert deltas(told) == ["On", "ce", " upon"]
        assert told.order == "ab"


def test_an_error_in_the_stream_before_a_word_is_none_of_the_consumers_business(play: PlayStream) -> None:
    """ST5."""
    told = play(stream_stage(retries=0), {"a": [flow(ROLE, PING, IN_BAND)], "b": [spoken("Once")]})

    assert deltas(told) == ["Once"]
    assert isinstance(told.ended, Result)
    assert [record.outcome for record in told.ended.attempts] == ["server error", "success"]


def test_an_error_in_the_stream_after_a_word_begins_anew(play: PlayStream) -> None:
    """With a `Restarted` where the new text departs."""
    told = play(stream_stage(retries=0), {"a": [flow(ROLE, "On", IN_BAND)], "b": [spoken("Only")]})

    assert [type(item) for item in told.told] == [Delta, Delta, Finished]
    assert told.text == "Only"

    told = play(stream_stage(retries=0), {"a": [flow(ROLE, "One", IN_BAND)], "b": [spoken("Only")]})

    assert [type(item) for item in told.told] == [Delta, Restarted, Delta, Finished]
    assert told.text == "Only"


def test_with_recover_fail_a_cut_stream_raises_with_what_came(play: PlayStream) -> None:
    """And asks nobody else."""
    told = play(
        stream_stage(restart=False),
        {"a": [flow(ROLE, "On", "ce", fault=FaultKind.CUT)], "b": [spoken("Once")]},
    )

    assert isinstance(told.ended, StreamInterrupted)
    assert told.ended.partial == told.text == "Once"
    assert told.ended.events == 2
    assert told.order == "a"


def test_a_stall_is_broken_off_at_its_limit(play: PlayStream) -> None:
    """15 s, whatever the first-piece limit and the pings of the server."""
    pings = tuple((0.3 + second, PING) for second in range(100))
    stalled = Flow(chunks=((0.1, ROLE), (0.2, word("On")), *pings))
    told = play(stream_stage(), {"a": [stalled], "b": [spoken("Once")]})

    assert told.asked == [("a", 0.0), ("b", pytest.approx(15.2))]
    assert told.text == "Once"


def test_pings_are_no_first_piece(play: PlayStream) -> None:
    """The first-piece limit holds."""
    pings = Flow(chunks=((0.05, ROLE), *((0.3 + second, PING) for second in range(100))))
    told = play(stream_stage(attempt_timeout=4.0), {"a": [pings], "b": [spoken("Once")]})

    assert told.asked == [("a", 0.0), ("b", pytest.approx(4.0))]


def test_the_deadline_bounds_an_endless_answer(play: PlayStream) -> None:
    """Words without end."""
    told = play(stream_stage(deadline=8.0), {"a": [flow(*("ha" * 500))], "b": [spoken("Once")]})

    assert isinstance(told.ended, StreamInterrupted)
    assert told.elapsed == pytest.approx(8.0)


def test_a_server_that_does_not_stream_is_heard_all_the_same(play: PlayStream) -> None:
    """Its answer is one piece."""
    told = play(stream_stage(), {"a": [WHOLE]})

    assert deltas(told) == ["Once"]
    assert told.text == "Once"


def test_failures_before_the_first_piece_go_on_as_in_a_call(play: PlayStream) -> None:
    """Refused, broken, hanging."""
    for failing in (REFUSED, SERVER_ERROR, THROTTLED, HANG):
        told = play(stream_stage(retries=0), {"a": [failing], "b": [spoken("Once")]})

        assert told.order == "ab"
        assert deltas(told) == ["Once"]


def test_where_nobody_answers_nothing_is_told(play: PlayStream) -> None:
    """The error is as from a call."""
    told = play(stream_stage(retries=0), {"a": [REFUSED], "b": [SERVER_ERROR]})

    assert isinstance(told.ended, AllTargetsFailed)
    assert told.told == []


def test_a_consumer_who_thinks_longer_than_every_limit_gets_it_all(play: PlayStream) -> None:
    """Only the deadline counts his time."""
    told = play(stream_stage(deadline=1e4), {"a": [spoken("On", "ce", " upon")]}, Consumer(thinks=100.0))

    assert told.text == "Once upon"
    assert told.order == "a"


def test_a_consumer_who_leaves_gives_everything_back(play: PlayStream) -> None:
    """ST4; the verdict is none (ST3)."""
    stage = stream_stage(targets=(("a",),), concurrency=1)
    told = play(stage, {"a": [spoken("On", "ce")]}, Consumer(leaves_after=1))

    assert told.ended is None
    assert not any(isinstance(item, AttemptFinished) for item in told.events)
    assert isinstance(stage.route("a").gate.ask(1.0, lease=1.0), Permit)


class Slow(ScriptedStreams):
    """Each look at the clock finds it a little later; `ends` keeps until when an answer is waited for."""

    def __init__(self, script: StreamScript) -> None:
        super().__init__(Scripted(script), 0.0)  # type: ignore[arg-type]  # it only hands reactions on
        self.ends: list[float] = []

    def clock(self) -> float:
        self.now += 0.125
        return self.now

    def open(self, request: HttpRequest, *, timeout: float, **rest: Any) -> ScriptedOpened | Reception:
        self.ends.append(self.now + timeout)
        return super().open(request, timeout=timeout, **rest)


@pytest.mark.parametrize("on_loop", [False, True])
def test_dl4_time_spent_on_putting_a_payload_in_words_is_the_attempt_s_own(on_loop: bool) -> None:
    """Of a streamed attempt, too: its first piece must come within the deadline."""
    stage, world = stream_stage(targets=(("a",),), deadline=5.0), Slow({"a": [spoken("Once")]})
    if on_loop:
        by_hand(consumed(stage, world, Consumer(), []))
    else:
        list(Stream(replace(stage.spec(), stream=True), stage.env, world, world, world.clock))

    assert world.ends == [pytest.approx(5.0 + 0.125)]  # of which the first look counts for nothing


# PA1


words = st.lists(st.sampled_from(("On", "ce", " upon", " ä€𝄞", "")), max_size=5)
oddities = st.lists(st.sampled_from((ROLE, PING, MALFORMED)), max_size=2)
endings = st.sampled_from((STOP + DONE, STOP + USAGE + DONE, STOP, STOP + USAGE, DONE, IN_BAND, b""))
paces = st.sampled_from((0.0, 0.1, 1.3, 6.1, 16.1))
cuts = st.lists(st.integers(1, 60), min_size=1, max_size=4)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """Any answer, in any chunks, at any pace; any end."""
    chunks: list[str | bytes] = [*draw(words)]
    for odd in draw(oddities):
        chunks.insert(draw(st.integers(0, len(chunks))), odd)
    chunks.append(draw(endings))
    faults = st.sampled_from((None, None, FaultKind.CUT, FaultKind.LOST))
    every, fault = draw(paces), draw(faults)
    ends = NEVER if draw(st.booleans()) else every * (len(chunks) + 1)
    return recut(flow(*chunks, every=every, ends=ends, fault=fault), draw(cuts))


reactions = st.one_of(
    flows(), flows(), flows(), st.sampled_from((REFUSED, SERVER_ERROR, THROTTLED, HANG, WHOLE))
)
scripts = st.fixed_dictionaries(
    {name: st.lists(reactions, min_size=1, max_size=2) for name in "ab"}  # as in most stories: two targets
)
consumers = st.builds(
    Consumer, thinks=st.sampled_from((0.0, 0.37, 4.1)), leaves_after=st.sampled_from((None, None, 1, 3))
)


def plain(events: list[Event] | list[StreamEvent]) -> list[object]:
    """Events as values. Clocks differ in the last digits, and transports in their words for a timeout."""
    return [(type(item), _rounded(asdict(item))) for item in events]


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, str):
        return re.sub(r"no answer (in time|within).*", "no answer", value)
    if isinstance(value, dict):
        late = value.get("outcome") == "timeout"
        return {name: None if late and name == "status" else _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value


@given(script=scripts, consumer=consumers, restart=st.booleans(), retries=st.integers(0, 1))
def test_pa1_a_stream_is_the_same_on_every_driver(
    script: StreamScript, consumer: Consumer, restart: bool, retries: int
) -> None:
    """What the consumer is told, what is asked of whom and when, and how it ends."""
    sync, *others = (
        play(stream_stage(restart=restart, retries=retries, deadline=47.03), script, consumer)
        for play in (performed_sync, performed_simulated, performed_async)
    )

    for other in others:
        assert sync.order == other.order
        assert deltas(sync) == deltas(other)
        assert plain(sync.told) == plain(other.told)
        assert type(sync.ended) is type(other.ended)
        assert plain(sync.events) == plain(other.events)


@given(text=words, first=cuts, second=cuts)
def test_any_chunking_tells_the_consumer_the_same(
    text: list[str], first: list[int], second: list[int]
) -> None:
    """Cut within an event, a line, a character."""
    told = [performed_sync(stream_stage(), {"a": [recut(spoken(*text), sizes)]}) for sizes in (first, second)]

    assert deltas(told[0]) == deltas(told[1])
    assert isinstance(told[0].ended, Result)
    assert told[0].ended.text == "".join(text)
