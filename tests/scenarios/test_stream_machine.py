"""A state machine of streams: any chunks, a fault at any byte, and a consumer who does as he likes.

Two streams run in step, one of each real driver over the same scripted servers; in the end the simulated
driver plays what came of it once more. Servers may change their minds between two reads.
"""

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilient_infer.core.events import AttemptFinished, CallFinished
from resilient_infer.core.http import FaultKind
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Finished, StreamEvent
from resilient_infer.drivers.aio_stream import AsyncStream
from resilient_infer.drivers.sync_stream import Stream
from resilient_infer.errors import CallError
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig
from resilient_infer.testing.streamed import NEVER, Consumer
from tests.plan.streaming import shown
from tests.plan.watched import watch
from tests.scenarios.scripted_async import ScriptedAsync, by_hand
from tests.scenarios.stage import HANG, REFUSED, SERVER_ERROR, THROTTLED, Reaction, Scripted, Stage
from tests.scenarios.streams import (
    DONE,
    GRAIN,
    IN_BAND,
    MALFORMED,
    PING,
    ROLE,
    STOP,
    Flow,
    ScriptedStreams,
    performed_simulated,
    stream_stage,
    word,
)
from tests.scenarios.test_streams import plain

LIMITS: Final = GateConfig(breaker=BreakerConfig(consecutive=2, open=3.0), concurrency=1, retries=2)
WORDS: Final = ("a", "b", "ab", "ä€𝄞", "")
"""Few, so that one answer often repeats another for a while, and departs."""
ENDS: Final = (STOP + DONE, STOP + DONE, STOP, DONE, IN_BAND + DONE, b"")
BREAKS: Final = ((None, 0.1), (None, 0.1), (None, NEVER), (FaultKind.CUT, 0.1), (FaultKind.LOST, 0.0))
"""How a connection ends, and how many seconds after the last bytes; at its end, or anywhere before."""

GAPS: Final = (*8 * (0.0,), 0.1, 0.1, 1.3, 1.3, 6.1, 16.1)
"""Seconds between pieces; the last two are longer than the first piece and any piece is waited for."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server streams, and what it is worth.

    Attributes:
        words: All that it says.
        whole: The reason why it ended is sent, so that it may be taken for the whole answer.
    """

    flow: Flow
    words: tuple[str, ...]
    whole: bool

    @property
    def text(self) -> str:
        return "".join(self.words)


sayings = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(tuple)


@st.composite
def answers(draw: st.DrawFn, known: tuple[str, ...] = ()) -> Answer:
    """Events in any chunks, at any pace; ended anywhere by any fault. Of `known` words, the first ones."""
    words = known[: draw(st.integers(1, len(known)))] if known else draw(sayings)
    events = [draw(st.sampled_from((word(each), _in_two_lines(word(each))))) for each in words]
    for odd in draw(st.lists(st.sampled_from((ROLE, PING, MALFORMED)), max_size=2)):
        events.insert(draw(st.integers(0, len(events))), odd)
    ending = draw(st.sampled_from(ENDS))
    line_end = draw(st.sampled_from((b"\n", b"\r\n", b"\r")))
    told, ending = b"".join(events).replace(b"\n", line_end), ending.replace(b"\n", line_end)
    body = told + ending
    reason = len(told + STOP.replace(b"\n", line_end)) if STOP in ending.replace(line_end, b"\n") else NEVER
    fault, ends = draw(st.sampled_from(BREAKS))
    kept = draw(st.integers(len(body) // 3, len(body))) if fault else len(body)
    sizes = draw(st.lists(st.integers(1, 200), min_size=1, max_size=5))
    gaps = draw(st.lists(st.sampled_from(GAPS), min_size=1, max_size=5))
    chunks, moment = [], 0.0
    rest = body[:kept]
    while rest:
        turn = len(chunks)
        moment += gaps[turn % len(gaps)] + GRAIN
        chunks.append((moment, rest[: sizes[turn % len(sizes)]]))
        rest = rest[sizes[turn % len(sizes)] :]
    flow = Flow(chunks=tuple(chunks), ends=moment + ends + GRAIN, fault=fault)
    # An event is complete with the first byte of its blank line; what a clean end leaves open counts, too.
    return Answer(flow=flow, words=words, whole=kept >= reason - len(line_end) * 2)


def _in_two_lines(event: bytes) -> bytes:
    return event.replace(b', "choices"', b',\ndata: "choices"')


failures = st.sampled_from((HANG, REFUSED, SERVER_ERROR, THROTTLED))
reactions = st.integers(0, 9).flatmap(lambda number: answers() if number else failures)


def _alike(first: Answer | Reaction) -> st.SearchStrategy[tuple[Answer | Reaction, Answer | Reaction]]:
    """It, and one that says the same, or the beginning of it."""
    second = answers(first.words) if isinstance(first, Answer) else reactions
    return st.tuples(st.just(first), second)


pairs = st.one_of(st.tuples(reactions, reactions), reactions.flatmap(_alike))
"""What the two servers answer at first."""


class Moody(Scripted):
    """Servers that do with each attempt what they feel like at that moment; `given` keeps it."""

    def __init__(self, moods: dict[str, Answer | Reaction]) -> None:
        super().__init__({})
        self._moods = moods
        self.given: dict[str, list[Answer | Reaction]] = {"a": [], "b": []}

    def react(self, name: str, now: float) -> Any:
        self.asked.append((name, now))
        self.given[name].append(mood := self._moods[name])
        return mood.flow if isinstance(mood, Answer) else mood


class Reading:
    """One driver's stream, and all that is watched of it."""

    def __init__(self, moods: dict[str, Answer | Reaction], stage: Stage, *, on_loop: bool) -> None:
        self.stage = stage
        self.stage.alias, self.gates = watch(stage.alias, LIMITS)
        self.servers = Moody(moods)
        self.world = ScriptedStreams(self.servers, 0.0)
        self.told: list[StreamEvent] = []
        self.error: CallError | None = None
        self.over = False
        spec = replace(stage.spec(), stream=True)
        side: Any = ScriptedAsync(self.world) if on_loop else self.world
        make: Any = AsyncStream if on_loop else Stream
        self._stream: Any = make(spec, stage.env, side, side, self.world.clock)
        self._on_loop = on_loop

    def read(self) -> None:
        try:
            stream = self._stream
            self.told.append(by_hand(stream.__anext__()) if self._on_loop else next(stream))
        except (StopIteration, StopAsyncIteration):
            self.over = True
        except CallError as error:
            self.error, self.over = error, True

    def close(self) -> None:
        by_hand(self._stream.aclose()) if self._on_loop else self._stream.close()
        self.over = True

    def drop(self) -> None:
        self._stream = None
        gc.collect()
        self.over = True

    def fail(self) -> None:
        with suppress(ZeroDivisionError):
            by_hand(self._failing_on_loop()) if self._on_loop else self._failing()
        self.over = True

    async def _failing_on_loop(self) -> None:
        async with self._stream:
            raise ZeroDivisionError

    def _failing(self) -> None:
        with self._stream:
            raise ZeroDivisionError

    @property
    def finished(self) -> bool:
        return bool(self.told) and isinstance(self.told[-1], Finished)

    @property
    def answers(self) -> list[Answer]:
        """What was streamed to it."""
        given = [each for attempts in self.servers.given.values() for each in attempts]
        return [each for each in given if isinstance(each, Answer)]


class Streaming(RuleBasedStateMachine):
    """Reads, thinks, leaves; servers change their minds."""

    @initialize(
        both=pairs,
        thinks=st.sampled_from((0.0, 0.0, 0.37, 4.1, 16.0)),
        restart=st.sampled_from((True, True, True, False)),
        retries=st.integers(0, 2),
    )
    def begin(self, both: tuple[Any, Any], thinks: float, restart: bool, retries: int) -> None:
        self.moods = dict(zip("ab", both, strict=True))
        self.thinks = thinks
        self.left = False

        def stage() -> Stage:
            return stream_stage(restart=restart, retries=retries, deadline=47.03)

        self.new_stage: Callable[[], Stage] = stage
        self.sides = [Reading(self.moods, stage(), on_loop=on_loop) for on_loop in (False, True)]

    @rule(name=st.sampled_from("ab"), mood=reactions)
    def a_server_changes_its_mind(self, name: str, mood: Answer | Reaction) -> None:
        self.moods[name] = mood

    @precondition(lambda self: not self.sides[0].over)
    @rule(events=st.integers(1, 8))
    def the_consumer_reads_on(self, events: int) -> None:
        for _ in range(events):
            for side in self.sides:
                side.read()
                side.world.now += self.thinks

    @precondition(lambda self: self.sides[0].told and not self.sides[0].over)
    @rule(how=st.sampled_from(("close", "drop", "fail")))
    def the_consumer_leaves(self, how: str) -> None:
        settled = [[gate.settled for gate in side.gates.values()] for side in self.sides]
        self.left = True
        for side in self.sides:
            getattr(side, how)()
        # ST3: nobody's failure, and nobody's success.
        assert settled == [[gate.settled for gate in side.gates.values()] for side in self.sides]

    @precondition(lambda self: self.sides[0].over)
    @rule()
    def what_is_over_stays_over(self) -> None:
        for side in self.sides:
            if side._stream is not None:
                told = len(side.told)
                side.close()
                side.read()
                assert len(side.told) == told

    @invariant()
    def both_drivers_tell_the_same(self) -> None:
        """PA1."""
        sync, on_loop = self.sides
        assert plain(sync.told) == plain(on_loop.told)
        assert type(sync.error) is type(on_loop.error)
        assert (sync.over, sync.servers.asked) == (on_loop.over, on_loop.servers.asked)
        assert plain(sync.stage.events) == plain(on_loop.stage.events)

    @invariant()
    def the_consumer_has_the_beginning_of_one_answer(self) -> None:
        """ST1: never a mixture; and what is finished is whole, and nothing but it."""
        for side in self.sides:
            text = shown(side.told)
            assert text == "" or any(answer.text.startswith(text) for answer in side.answers)
            if side.finished:
                assert any(answer.whole and answer.text == text for answer in side.answers)

    @invariant()
    def a_verdict_is_given_when_an_attempt_ends(self) -> None:
        """ST3, ST4: one permit while an answer is read, none afterwards; each connection is closed once."""
        for side in self.sides:
            ended = [event.outcome for event in side.stage.events if isinstance(event, AttemptFinished)]
            assert sum(gate.settled for gate in side.gates.values()) == len(ended)
            held = sum(len(gate.permits) for gate in side.gates.values())
            # When an answer is whole, what it left out may still be taken back.
            reading = bool(side.told) and not side.over and "success" not in ended
            assert held == (1 if reading else 0)
            assert sum(not opened.closed for opened in side.world.opened) == held
            assert sum(isinstance(event, CallFinished) for event in side.stage.events) == (
                side.over and bool(side.told or side.error)
            )

    def teardown(self) -> None:
        """Whoever did not leave leaves now; and the simulated driver comes to the same."""
        if not hasattr(self, "sides") or not (self.sides[0].told or self.sides[0].error):
            return
        sync = self.sides[0]
        if not sync.over:
            self.the_consumer_leaves("close")
            self.a_verdict_is_given_when_an_attempt_ends()
        script = {
            name: [each.flow if isinstance(each, Answer) else each for each in given] or [HANG]
            for name, given in sync.servers.given.items()
        }
        consumer = Consumer(thinks=self.thinks, leaves_after=len(sync.told) if self.left else None)
        stage = self.new_stage()
        stage.alias, gates = watch(stage.alias, LIMITS)
        played = performed_simulated(stage, script, consumer)

        assert played.order == "".join(name for name, _ in sync.servers.asked)
        assert plain(played.told) == plain(sync.told)
        assert plain(played.events) == plain(sync.stage.events)
        if not self.left:
            assert type(played.ended) is (type(sync.error) if sync.error else Result)
        assert not any(gate.permits or gate.tickets for gate in gates.values())


TestStreaming = Streaming.TestCase
TestStreaming.settings = settings(max_examples=400, stateful_step_count=12)
