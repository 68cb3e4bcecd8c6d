"""Random streamed stories: what servers stream, how it ends, and how the consumer goes about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.stream import Delta, Part, Piece, Restarted, StreamEvent, Unread
from resilient_infer.plan.actions import (
    Action,
    Cancel,
    Deliver,
    Done,
    Parts,
    Plan,
    Receive,
    Receiver,
    Reply,
    Start,
)
from resilient_infer.plan.call import call_plan
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig
from resilient_infer.testing.simulated import READER, SimulatedCall, Simulation
from resilient_infer.testing.streamed import NEVER, Arriving, Consumer, Streamed, at_once
from tests.plan.watched import WatchedGate, watch
from tests.scenarios.stage import Stage

STALL = 3.0
ROLE = Part("", {"role": "assistant"}, told=False)
TOOL = Part("", {"tool_calls": []})
MALFORMED = Unread("an event is no JSON")


def said(text: str) -> Success:
    """The whole answer."""
    return Success(output={"role": "assistant", "content": text}, raw={"end": text}, finish_reason="stop")


def failed(kind: FailureKind) -> Failure:
    return Failure(kind=kind, reason=kind.value, status=200)


def streamed(*words: str, every: float = 0.1, ends: Outcome | None = None) -> Streamed:
    """One word after another; whole, unless it `ends` in another way right after the last."""
    moments = [every * (number + 1) for number in range(len(words))]
    last = moments[-1] if moments else every
    pieces = tuple((moment, Part(word, {"word": word})) for moment, word in zip(moments, words, strict=True))
    whole = ends is None
    outcome = said("".join(words)) if ends is None else ends
    return Streamed(pieces=pieces, outcome=outcome, seconds=last, ending=last if whole else NEVER)


def silent(*words: str) -> Streamed:
    """The words, and then nothing more."""
    return replace(streamed(*words, ends=said("never told")), seconds=NEVER)


def shown(events: Sequence[StreamEvent]) -> str:
    """What a consumer has who appends each delta and throws all away at `Restarted`."""
    text = ""
    for event in events:
        if isinstance(event, Restarted):
            text = ""
        elif isinstance(event, Delta):
            text += event.text
    return text


Answer = Streamed | tuple[float, Outcome]


@dataclass
class Servers:
    """A world: what each route answers at its first, second, … attempt; the last one stays."""

    script: Mapping[str, Sequence[Answer]]
    given: list[tuple[str, Streamed]] = field(default_factory=list)

    def __call__(self, attempt: Attempt, now: float) -> Streamed:
        answers = self.script[attempt.route.name]
        seen = sum(name == attempt.route.name for name, _ in self.given)
        answer = answers[min(seen, len(answers) - 1)]
        whole = answer if isinstance(answer, Streamed) else at_once(*answer)
        self.given.append((attempt.route.name, whole))
        return whole


@dataclass(frozen=True, kw_only=True)
class Streaming:
    """A streamed story; `stage()` builds it anew each time, always the same."""

    targets: Sequence[Sequence[str]] = (("a",), ("b",))
    script: Mapping[str, Sequence[Answer]]
    consumer: Consumer = READER
    restart: bool = True
    deadline: float = 30.07
    attempt_timeout: float = 5.0
    retries: int = 1
    safe: bool = True
    concurrency: int | None = 2
    breaker: BreakerConfig | None = field(default_factory=BreakerConfig)

    @property
    def gate_config(self) -> GateConfig:
        return GateConfig(breaker=self.breaker, concurrency=self.concurrency, retries=self.retries)

    def stage(self) -> tuple[Stage, dict[str, WatchedGate]]:
        """A stage with watched gates, and the limits of streams."""
        stage = Stage(
            targets=self.targets,
            task="text-generation",
            deadline=self.deadline,
            attempt_timeout=self.attempt_timeout,
            retries=self.retries,
            safe=self.safe,
        )
        alias, gates = watch(stage.alias, self.gate_config)
        targets = [
            replace(target, routes=tuple(replace(route, stall_timeout=STALL) for route in target.routes))
            for target in alias.targets
        ]
        stage.alias = replace(alias, targets=tuple(targets), restart=self.restart)
        return stage, gates

    def play(self) -> "Played":
        """One call in virtual time."""
        return self.on(*self.stage())

    def on(self, stage: Stage, gates: dict[str, WatchedGate]) -> "Played":
        """One call in virtual time, on a stage that was built before."""
        servers = Servers(self.script)
        simulation = Simulation(servers)
        call = simulation.start(replace(stage.spec(), stream=True), stage.env, consumer=self.consumer)
        simulation.run()
        return Played(stage, gates, servers, call)


@dataclass(frozen=True)
class Played:
    """How a streamed story went."""

    stage: Stage
    gates: Mapping[str, WatchedGate]
    servers: Servers
    call: SimulatedCall

    @property
    def told(self) -> list[StreamEvent]:
        return self.call.told

    @property
    def text(self) -> str:
        """What the consumer has at the end."""
        return shown(self.told)


class OutOfSteps(Exception):
    """A hand may do nothing more."""


@dataclass
class StreamHand:
    """Answers a plan's actions, in so many steps at the most: an action is one, and so is what is heard
    of an answer, and so is each time its consumer wants more."""

    servers: Servers
    consumer: Consumer
    steps: int
    now: float = 0.0
    arriving: Arriving | None = None

    def step(self) -> None:
        if not self.steps:
            raise OutOfSteps
        self.steps -= 1

    def answer(self, action: Action) -> Reply:
        value: Done | None = None
        if isinstance(action, Start):
            self.arriving = Arriving(action.attempt, self.now, self.servers(action.attempt, self.now))
        elif isinstance(action, Cancel):
            self.arriving = None
        elif isinstance(action, Deliver):
            self.now += len(action.events) * self.consumer.thinks
        elif isinstance(action, Receive):
            value = self.received(action.receiver)
        elif self.arriving is None:
            self.now = action.until
        else:
            heard = self.heard(action.until)
            assert isinstance(heard, Done)
            value = heard
        return Reply(self.now, value)

    def received(self, receiver: Receiver) -> Done | None:
        while not receiver.enough:
            self.step()
            heard = self.heard(receiver.until)
            if isinstance(heard, Done):
                return heard
            events = receiver.take(heard, self.now)
            self.step()
            self.now += len(events) * self.consumer.thinks
            receiver.resume(self.now)
        return None

    def heard(self, until: float) -> Done | Parts:
        assert self.arriving is not None
        self.now, heard = self.arriving.heard(self.now, until)
        if isinstance(heard, Done):
            self.arriving = None
        return heard


def advanced(story: Streaming, stage: Stage, steps: int) -> tuple[Plan, Action | None, float]:
    """The plan after so many steps, its action, not answered yet, or None if it ended; and the time."""
    hand = StreamHand(Servers(story.script), story.consumer, steps)
    plan = call_plan(replace(stage.spec(), stream=True), stage.env, 0.0)
    action: Action | None = None
    try:
        while True:
            hand.step()
            action = next(plan) if action is None else plan.send(hand.answer(action))
    except StopIteration:
        return plan, None, hand.now
    except OutOfSteps:
        pass
    return plan, action, hand.now


# A few texts that begin alike, so that attempts repeat one another, and depart.
TEXTS = ("", "a", "abc", "abcabc", "abd", "abcabd", "xyz")
GAPS = (0.0, 0.1, 1.0, 2.9, 3.1, 6.0)
FAULTS = (FailureKind.TRUNCATED, FailureKind.MALFORMED, FailureKind.SERVER_ERROR, FailureKind.LOST)
BEFORE_ANY = (
    (0.001, failed(FailureKind.UNREACHABLE)),
    (0.1, failed(FailureKind.SERVER_ERROR)),
    (0.1, failed(FailureKind.UNAUTHORIZED)),
    (1e9, said("too late")),
    (0.2, said("abcabc")),
)


@st.composite
def streams(draw: st.DrawFn) -> Streamed:
    """Any answer: any chunking and pace, with roles, tool calls and malformed events in it; any end."""
    text = draw(st.sampled_from(TEXTS))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=4)))
    edges = [0, *(cut for cut in cuts if cut < len(text)), len(text)]
    pieces: list[Piece] = [Part(text[i:j], {"at": i}) for i, j in pairwise(edges) if i < j]
    for odd in draw(st.lists(st.sampled_from((ROLE, ROLE, MALFORMED, TOOL)), max_size=2)):
        pieces.insert(draw(st.integers(0, len(pieces))), odd)
    gaps = draw(st.lists(st.sampled_from(GAPS), min_size=len(pieces) + 1, max_size=len(pieces) + 1))
    moments = list(accumulate(gaps))
    timed = tuple(zip(moments, pieces, strict=False))
    last = moments[-2] if pieces else moments[-1]
    end = draw(st.sampled_from(("whole", "whole", "formal", "open", "fault", "silent")))
    if end == "whole":
        return Streamed(pieces=timed, outcome=said(text), seconds=last, ending=last)
    if end in ("formal", "open"):  # a usage and [DONE] follow, or do not
        seconds = moments[-1] if end == "formal" else NEVER
        return Streamed(pieces=timed, outcome=said(text), seconds=seconds, ending=last)
    if end == "silent":
        return Streamed(pieces=timed, outcome=said(text), seconds=NEVER)
    kept = draw(st.integers(0, len(timed)))
    outcome = failed(draw(st.sampled_from(FAULTS)))
    return Streamed(pieces=timed[:kept], outcome=outcome, seconds=moments[kept])


answers = st.one_of(streams(), streams(), streams(), st.sampled_from(BEFORE_ANY))
consumers = st.builds(
    Consumer,
    thinks=st.sampled_from((0.0, 0.0, 0.4, 4.0, 20.0)),
    leaves_after=st.sampled_from((None, None, None, 1, 2, 4)),
)
SHAPES = ((("a",),), (("a",), ("b",)), (("a", "b"),), (("a", "b"), ("c",)))


@st.composite
def stories(draw: st.DrawFn) -> Streaming:
    """Any streamed story."""
    targets = draw(st.sampled_from(SHAPES))
    names = [name for target in targets for name in target]
    return Streaming(
        targets=targets,
        script={name: draw(st.lists(answers, min_size=1, max_size=3)) for name in names},
        consumer=draw(consumers),
        restart=draw(st.booleans()),
        deadline=draw(st.sampled_from((1.03, 8.07, 30.07, 60.0))),
        retries=draw(st.integers(0, 2)),
        safe=draw(st.booleans()),
        concurrency=draw(st.sampled_from((None, 1))),
        breaker=draw(st.sampled_from((None, BreakerConfig(), BreakerConfig(consecutive=1, open=2.0)))),
    )
