"""Streamed stories: raw bytes at given moments, told once and played by every driver that streams."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.events import Event
from resilient_infer.core.http import FaultKind, HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.core.outcome import Failure, Outcome
from resilient_infer.core.payload import Payload
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Finished, Piece, StreamEvent
from resilient_infer.core.task import Json
from resilient_infer.drivers import exchange
from resilient_infer.drivers.aio_stream import AsyncStream
from resilient_infer.drivers.incoming import Incoming
from resilient_infer.drivers.sync_stream import Stream
from resilient_infer.errors import CallError
from resilient_infer.plan.actions import Parts
from resilient_infer.testing.simulated import READER, Simulation
from resilient_infer.testing.streamed import NEVER, Consumer, Streamed
from tests.plan.streaming import shown
from tests.scenarios.scripted_async import ScriptedAsync, by_hand
from tests.scenarios.stage import Reaction, Scripted, ScriptedTransport, Stage, asked_of

EVENTS: Final = {"content-type": "text/event-stream"}
TALK: Final = ({"role": "user", "content": "Tell me"},)
SILENCE: Final = TransportFault(kind=FaultKind.TIMEOUT, reason="no answer in time", sent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a server does with one attempt that streams: which bytes come when, and how its body ends.

    Attributes:
        chunks: Seconds since the attempt was sent, and the bytes.
        ends: Seconds; `NEVER`: the server falls silent and keeps the connection.
        fault: How the connection fails there; None: the body comes to its clean end.
    """

    chunks: tuple[tuple[float, bytes], ...]
    ends: float = NEVER
    fault: FaultKind | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EVENTS)

    def head(self) -> HttpResponse:
        return HttpResponse(status=200, headers=self.headers, body=b"", framed=True, received_at=0.0)

    def end(self) -> TransportFault | None:
        """What comes after the last bytes."""
        if self.ends == NEVER:
            return SILENCE
        if self.fault is None:
            return None
        return TransportFault(kind=self.fault, reason=self.fault.value, sent=True, status=200)


def event(body: Json) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def word(text: str | None = None, *, finish: str | None = None) -> bytes:
    """One chunk of a chat."""
    delta = {"role": "assistant"} if text is None else {"content": text}
    return event({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


ROLE = word()
DONE = b"data: [DONE]\n\n"
STOP = word("", finish="stop")
MALFORMED = b"data: {not json\n\n"
PING = b": ping\n\n"
IN_BAND = event({"error": {"message": "boom", "type": "server_error", "code": 500}})


def flow(
    *chunks: str | bytes, every: float = 0.1, ends: float | None = None, fault: FaultKind | None = None
) -> Flow:
    """Words, and bytes as they are, at regular intervals; it ends with the last unless told otherwise."""
    raw = [word(chunk) if isinstance(chunk, str) else chunk for chunk in chunks]
    timed = tuple((every * (number + 1), chunk) for number, chunk in enumerate(raw))
    return Flow(chunks=timed, ends=every * (len(raw) + 1) if ends is None else ends, fault=fault)


def spoken(*words: str, every: float = 0.1) -> Flow:
    """A whole answer, with all formalities."""
    return flow(ROLE, *words, STOP, DONE, every=every)


def recut(given: Flow, sizes: Sequence[int]) -> Flow:
    """The same bytes, each chunk cut into pieces of these sizes, in turn, that come one after another."""
    chunks: list[tuple[float, bytes]] = []
    turn = 0
    for moment, data in given.chunks:
        while data:
            size = sizes[turn % len(sizes)]
            turn += 1
            chunks.append((moment + turn * GRAIN, data[:size]))
            data = data[size:]
    return replace(given, chunks=tuple(chunks), ends=given.ends + (turn + 1) * GRAIN)


GRAIN: Final = 1e-4
"""Seconds between pieces of one chunk: a driver may tell of pieces one by one that come at one moment."""

StreamScript = Mapping[str, Sequence[Reaction | Flow]]


class ScriptedOpened:
    """An answer that comes as a flow tells. `ends_at` is the watchdog's, and nobody's here."""

    ends_at = math.inf

    def __init__(self, given: Flow, world: "ScriptedStreams") -> None:
        self.head = given.head()
        self.closed = self._finished = False
        self._flow = given
        self._chunks = list(given.chunks)
        self._world = world
        self._sent_at = world.now

    def read(self, until: float) -> bytes | TransportFault:
        assert not self.closed
        seconds = self._chunks[0][0] if self._chunks else self._flow.ends
        moment = max(self._world.now, self._sent_at + seconds)
        if moment > until:
            self._world.now = max(self._world.now, until)
            return SILENCE
        self._world.now = moment
        if self._chunks:
            return self._chunks.pop(0)[1]
        return self._flow.end() or b""

    def finish(self) -> None:
        assert not self.closed, "given back twice"
        self.closed = self._finished = True

    def close(self) -> None:
        assert self._finished or not self.closed, "given back twice"
        self.closed = True


class ScriptedStreams(ScriptedTransport):
    """A scripted transport that also streams; `opened` keeps what it opened."""

    def __init__(self, servers: Scripted, at: float) -> None:
        super().__init__(servers, at)
        self.opened: list[ScriptedOpened] = []

    def open(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool,
        notify: Callable[[Callable[[], None]], None],
    ) -> ScriptedOpened | Reception:
        reaction: Reaction | Flow = self._servers.react(request.url.split("/")[3], self.now)
        if isinstance(reaction, Reaction) and reaction.status == 200 and reaction.fault is None:
            body = (reaction.seconds, reaction.body.encode())
            reaction = Flow(chunks=(body,), ends=reaction.seconds, headers=reaction.headers)
        if isinstance(reaction, Flow):
            self.opened.append(ScriptedOpened(reaction, self))
            return self.opened[-1]
        seconds, self.now = reaction.seconds, self.now + min(timeout, reaction.seconds)
        return SILENCE if seconds > timeout else reaction.reception()


@dataclass(frozen=True, slots=True)
class StreamPerformance:
    """How a streamed story went: what the consumer got, and how it ended; None if he left."""

    ended: Result | CallError | None
    told: list[StreamEvent]
    asked: list[tuple[str, float]]
    events: list[Event]
    elapsed: float

    @property
    def text(self) -> str:
        """What the consumer has at the end."""
        return shown(self.told)

    @property
    def order(self) -> str:
        """The routes that were asked, in order."""
        return "".join(name for name, _ in self.asked)


def stream_stage(
    *, targets: Sequence[Sequence[str]] = (("a",), ("b",)), restart: bool = True, **rest: Any
) -> Stage:
    """A stage of chats."""
    kinds = {name: "openai" for names in targets for name in names}
    stage = Stage(
        targets=targets,
        task="chat",
        kinds=kinds,
        safe=True,
        payload=Payload(inputs=None, messages=TALK),
        **rest,
    )
    stage.alias = replace(stage.alias, restart=restart)
    return stage


def performed_sync(stage: Stage, script: StreamScript, consumer: Consumer = READER) -> StreamPerformance:
    servers = Scripted(script)  # type: ignore[arg-type]  # it only hands reactions on
    world, told = ScriptedStreams(servers, 0.0), list[StreamEvent]()
    stream = Stream(replace(stage.spec(), stream=True), stage.env, world, world, world.clock)
    ended: Result | CallError | None = None
    try:
        with closing(stream):
            for item in stream:
                told.append(item)
                if isinstance(item, Finished):
                    ended = item.result
                if len(told) == consumer.leaves_after:
                    break
                world.now += consumer.thinks
    except CallError as error:
        ended = error
    assert all(opened.closed for opened in world.opened)
    return StreamPerformance(ended, told, servers.asked, stage.events, world.now)


def performed_async(stage: Stage, script: StreamScript, consumer: Consumer = READER) -> StreamPerformance:
    servers = Scripted(script)  # type: ignore[arg-type]  # it only hands reactions on
    world, told = ScriptedStreams(servers, 0.0), list[StreamEvent]()
    ended: Result | CallError | None = None
    try:
        ended = by_hand(consumed(stage, world, consumer, told))
    except CallError as error:
        ended = error
    assert all(opened.closed for opened in world.opened)
    return StreamPerformance(ended, told, servers.asked, stage.events, world.now)


async def consumed(
    stage: Stage, world: ScriptedStreams, consumer: Consumer, told: list[StreamEvent]
) -> Result | None:
    """Read a stream as the consumer does; None: he left."""
    side = ScriptedAsync(world)
    async with AsyncStream(replace(stage.spec(), stream=True), stage.env, side, side, world.clock) as stream:
        async for item in stream:
            told.append(item)
            if len(told) == consumer.leaves_after:
                return item.result if isinstance(item, Finished) else None
            world.now += consumer.thinks
        return stream.result


def recorded(attempt: Attempt, given: Flow) -> Streamed:
    """A flow as its reader reads it."""
    incoming, ending = Incoming(attempt, given.head()), NEVER
    pieces: list[tuple[float, Piece]] = []
    commit: str | None = None

    def heard(moment: float, outcome: Outcome) -> Streamed:
        return Streamed(pieces=tuple(pieces), outcome=outcome, seconds=moment, ending=ending, commit=commit)

    for moment, parts in _fed(incoming, given):
        if parts is not None:
            pieces += [(moment, piece) for piece in parts.pieces]
            commit = parts.commit or commit
            ending = min(ending, moment) if parts.ending else ending
        if incoming.over is not None:
            return heard(moment, incoming.over.outcome)
    raise AssertionError("a flow that does not end")


def _fed(incoming: Incoming, given: Flow) -> Iterator[tuple[float, Parts | None]]:
    for moment, data in given.chunks:
        yield moment, incoming.feed(data)
    yield given.ends, incoming.end(given.end())


def performed_simulated(stage: Stage, script: StreamScript, consumer: Consumer = READER) -> StreamPerformance:
    servers = Scripted(script)  # type: ignore[arg-type]  # it only hands reactions on

    def world(attempt: Attempt, now: float) -> tuple[float, Outcome] | Streamed:
        request = exchange.build(attempt)
        if isinstance(request, Failure):
            return 0.0, request
        reaction: Reaction | Flow = servers.react(asked_of(attempt), now)
        if isinstance(reaction, Flow):
            return recorded(attempt, reaction)
        return reaction.seconds, exchange.read(attempt, reaction.reception())

    simulation = Simulation(world)
    call = simulation.start(replace(stage.spec(), stream=True), stage.env, consumer=consumer)
    simulation.run()
    ended = call.ended
    if call.told and isinstance(call.told[-1], Finished):
        ended = call.told[-1].result
    assert ended is None or isinstance(ended, Result | CallError)
    return StreamPerformance(ended, call.told, servers.asked, stage.events, simulation.now)


class PlayStream(Protocol):
    """Plays a streamed story on a stage."""

    def __call__(
        self, stage: Stage, script: StreamScript, consumer: Consumer = READER
    ) -> StreamPerformance: ...


STREAM_DRIVERS: Mapping[str, PlayStream] = {
    "async": performed_async,
    "sync": performed_sync,
    "simulated": performed_simulated,
}
