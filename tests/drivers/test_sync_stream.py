"""The sync driver of streams over real sockets: what the consumer gets, and what is left when he goes."""

import gc
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from resilient_infer.core.events import AttemptFinished, CallFinished, CircuitChanged, Event
from resilient_infer.core.stream import Finished
from resilient_infer.drivers import sync_stream
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.drivers.sync_stream import Stream
from resilient_infer.errors import AllTargetsFailed, CallError, ProviderError, StreamInterrupted
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.transport.http_sync import HttpSync
from resilient_infer.transport.watchdog import WATCHDOG
from tests.scenarios.stage import Stage
from tests.transport.asking import ALLOWANCE
from tests.transport.stories import Server, hangs, hold, read_request, resets, response, says
from tests.transport.test_closing import descriptors

from .streams import (
    BEGINS,
    HEAD,
    SILENT,
    WORDS,
    Interruption,
    answer,
    chunk,
    free,
    holds,
    interrupted,
    repeats,
    shown,
    spec_of,
    stage_of,
    stream_of,
)

TEXT = "".join(WORDS)


@pytest.fixture
def client() -> Iterator[HttpSync]:
    client = HttpSync()
    yield client
    client.close(cancel=True)


def finished(stage: Any) -> str:
    """How the call ended, which was told once."""
    (event,) = (event for event in stage.events if isinstance(event, CallFinished))
    return str(event.outcome)


def closes_down_to(count: int) -> bool:
    """Whether no more descriptors are open; the server's own go a moment after the client's."""
    ends_at = monotonic() + 5
    while len(descriptors()) > count and monotonic() < ends_at:
        threading.Event().wait(0.002)
    return len(descriptors()) <= count


def test_a_whole_answer_comes_piece_by_piece_and_its_connection_is_used_again(client: HttpSync) -> None:
    stage = stage_of("a")
    with Server(repeats(answer(*WORDS))) as server:
        for _ in range(3):
            stream = stream_of(stage, client, a=server)
            events = list(stream)
            assert shown(events) == [*WORDS, "FINISHED"]
            assert isinstance(events[-1], Finished)
            assert stream.result is events[-1].result
            assert stream.result.text == TEXT
            assert list(stream) == []
            assert free(stage)
        assert server.visits == 1
    assert not WATCHDOG._live


def test_text_is_the_whole_text_wherever_the_reading_stood(client: HttpSync) -> None:
    with Server(repeats(answer(*WORDS))) as server:
        stream = stream_of(stage_of("a"), client, a=server)
        next(stream)
        assert stream.text() == TEXT
        assert stream.text() == TEXT


def test_nothing_is_sent_before_the_first_event_is_asked_for(client: HttpSync) -> None:
    stage = stage_of("a")
    with Server(repeats(answer(*WORDS))) as server:
        stream = stream_of(stage, client, a=server)
        with pytest.raises(CallError, match="has not finished"):
            _ = stream.result
        stream.close()
        assert list(stream) == []
        assert server.visits == 0
    assert stage.events == []


@pytest.mark.parametrize("story", SILENT.values(), ids=SILENT)
def test_st2_before_the_first_token_every_failure_fails_over_in_silence(
    client: HttpSync, story: Callable[..., None]
) -> None:
    """ST1, ST2, ST5: the consumer sees the second route's answer only, and soon."""
    stage = stage_of("a", "b", attempt_timeout=0.2, min_useful=0.1)
    with Server(story) as bad, Server(repeats(answer(*WORDS))) as good:
        began = monotonic()
        stream = stream_of(stage, client, a=bad, b=good)
        assert shown(list(stream)) == [*WORDS, "FINISHED"]
        assert stream.result.route == "server:b"
        assert monotonic() - began < 0.2 + 2 * ALLOWANCE
    assert free(stage, "a")
    assert free(stage, "b")
    assert not WATCHDOG._live


@pytest.mark.parametrize("how", ["cut", "silent"])
def test_st1_the_same_text_goes_on_seamlessly_after_a_cut(client: HttpSync, how: str) -> None:
    stage = stage_of("a", "b")
    stories = {"cut": resets(BEGINS), "silent": holds(BEGINS)}
    with Server(stories[how]) as bad, Server(repeats(answer(*WORDS))) as good:
        events = shown(list(stream_of(stage, client, stall=0.2, a=bad, b=good)))
    assert events == [*WORDS, "FINISHED"]


def test_st1_another_text_is_a_restart(client: HttpSync) -> None:
    stage = stage_of("a", "b")
    with Server(resets(BEGINS)) as bad, Server(repeats(answer("Gold", "en"))) as good:
        events = shown(list(stream_of(stage, client, a=bad, b=good)))
    assert events == ["Silver ", "RESTARTED", "Gold", "en", "FINISHED"]


def test_st1_a_cut_answer_is_an_error_where_nothing_may_be_begun_anew(client: HttpSync) -> None:
    stage = stage_of("a", "b")
    with Server(resets(BEGINS)) as bad, Server(repeats(answer(*WORDS))) as good:
        stream = stream_of(stage, client, restart=False, a=bad, b=good)
        next(stream)
        with pytest.raises(StreamInterrupted) as raised:
            next(stream)
        assert raised.value.partial == "Silver "
        assert list(stream) == []
        with pytest.raises(CallError, match="has not finished"):
            stream.text()
    assert free(stage)


def test_errors_carry_no_frames_of_the_library_s_inside(client: HttpSync) -> None:
    stage = stage_of("a")
    with (
        Server(says(response(b"{}", status="500 Oh"))) as server,
        pytest.raises(AllTargetsFailed) as raised,
    ):
        next(stream_of(stage, client, a=server))
    frames = {entry.name for entry in raised.traceback}
    assert frames <= {"__next__", "test_errors_carry_no_frames_of_the_library_s_inside"}


def test_a_consumer_may_think_longer_than_the_server_may_be_silent(client: HttpSync) -> None:
    go_on = threading.Event()

    def story(sock: Any, visit: int) -> None:
        read_request(sock)
        sock.sendall(BEGINS)
        go_on.wait(5)
        sock.sendall(chunk({"content": "rain"}, "stop") + b"0\r\n\r\n")

    with Server(story) as server:
        stream = stream_of(stage_of("a", attempt_timeout=0.1, min_useful=0.05), client, stall=0.1, a=server)
        next(stream)
        threading.Event().wait(0.3)
        threading.Timer(0.03, go_on.set).start()
        assert stream.text() == "Silver rain"


def abandon_by_close(stream: Stream) -> None:
    next(stream)
    stream.close()
    stream.close()


def abandon_by_break(stream: Stream) -> None:
    for _ in stream:
        break


def abandon_by_error(stream: Stream) -> None:
    def consume() -> None:
        with stream:
            next(stream)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        consume()


def abandon_in_a_cycle(stream: Stream) -> None:
    next(stream)
    cycle: list[Any] = [stream]
    cycle.append(cycle)


WAYS = (abandon_by_close, abandon_by_break, abandon_by_error)


@pytest.mark.parametrize("way", [*WAYS, abandon_in_a_cycle])
def test_st4_a_stream_that_is_abandoned_gives_everything_back(
    client: HttpSync, way: Callable[[Stream], None]
) -> None:
    """Permit, slot and connection, exactly once; nobody's failure."""
    stage = stage_of("a", breaker=BreakerConfig(consecutive=1))
    with Server(holds(BEGINS)) as server:
        before = len(descriptors())
        way(stream_of(stage, client, a=server))
        gc.collect()
        assert free(stage)
        assert not WATCHDOG._live
        assert closes_down_to(before)
    assert finished(stage) == "cancelled"
    assert not [event for event in stage.events if isinstance(event, AttemptFinished | CircuitChanged)]


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_st4_slots_never_leak_after_many_abandoned_streams(client: HttpSync, count: int) -> None:
    """Generator close/GC releases permit, bulkhead slot, connection exactly once."""
    stage = stage_of("a")
    with Server(holds(BEGINS)) as server:
        WAYS[0](stream_of(stage, client, a=server))
        before = len(descriptors()) + 1
        threads = {thread for thread in threading.enumerate() if thread.name.startswith("resilient-infer")}
        for number in range(count):
            WAYS[number % len(WAYS)](stream_of(stage, client, a=server))
            assert not WATCHDOG._live
        assert free(stage)
        assert closes_down_to(before)
        assert {
            thread for thread in threading.enumerate() if thread.name.startswith("resilient-infer")
        } == threads


def test_st4_what_is_dropped_where_a_lock_may_be_held_is_closed_later(client: HttpSync) -> None:
    """The garbage collector may come anywhere, also while a gate holds the lock that closing takes."""
    stage = stage_of("a")
    inside: dict[str, Any] = {"__name__": "resilient_infer.state.gate", "gc": gc}
    exec("def collect(): gc.collect()", inside)
    with Server(holds(BEGINS)) as server:
        gc.disable()
        try:
            abandon_in_a_cycle(stream_of(stage, client, a=server))
            inside["collect"]()
            assert not free(stage)
        finally:
            gc.enable()
        stream_of(stage, client, a=server)
        assert free(stage)
    assert sync_stream._DROPPED.empty()


@pytest.mark.parametrize("where", ["question", "head", "body", "sleep"])
def test_close_from_another_thread_ends_what_waits_at_once(client: HttpSync, where: str) -> None:
    """The one who reads gets an error, and everything is given back once."""
    kinds = {"a": "tgi" if where == "question" else "openai"}  # TGI is asked first which commit it runs
    stage = stage_of("a", attempt_timeout=20.0, retries=2, kinds=kinds)
    busy = says(response(b"{}", "Retry-After: 4", status="429 Slow"))
    with Server({"question": hangs, "head": hangs, "body": holds(BEGINS), "sleep": busy}[where]) as server:
        stream = stream_of(stage, client, a=server)
        if where == "body":
            next(stream)
        closing = threading.Timer(0.1, stream.close)
        closing.start()
        began = monotonic()
        with pytest.raises(CallError, match="the stream was closed"):
            next(stream)
        assert monotonic() - began < 0.1 + ALLOWANCE
        closing.join()
        assert list(stream) == []
        assert finished(stage) == "cancelled"
        assert not WATCHDOG._live
    if where != "sleep":  # where the server asked to be left alone for a while
        assert free(stage)


def test_two_threads_do_not_read_one_stream(client: HttpSync) -> None:
    with Server(holds(BEGINS)) as server:
        stream = stream_of(stage_of("a"), client, a=server)
        next(stream)
        asked, errors = threading.Event(), []

        def read() -> None:
            asked.set()
            try:
                next(stream)
            except CallError as error:
                errors.append(str(error))

        thread = threading.Thread(target=read)
        thread.start()
        asked.wait()
        while not stream._turn.locked():
            threading.Event().wait(0.001)
        with pytest.raises(CallError, match="another thread"):
            next(stream)
        stream.close()
        thread.join()
        assert errors == ["story: the stream was closed"]


@pytest.mark.parametrize("start", [b"", HEAD, BEGINS])
def test_cx1_ctrl_c_comes_through_as_the_same_object_and_everything_is_given_back(
    client: HttpSync, start: bytes
) -> None:
    stage, interruption = stage_of("a"), KeyboardInterrupt()

    def interrupt(number: int, frame: object) -> None:
        raise interruption

    main = threading.main_thread().ident or 0
    alarm = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    former = signal.signal(signal.SIGINT, interrupt)
    try:
        with Server(holds(start)) as server:
            stream = stream_of(stage, client, a=server)
            alarm.start()
            with pytest.raises(KeyboardInterrupt) as raised:
                list(stream)
            assert list(stream) == []
    finally:
        alarm.cancel()
        alarm.join()
        signal.signal(signal.SIGINT, former)
    assert raised.value is interruption
    assert free(stage)
    assert finished(stage) == "cancelled"
    assert not WATCHDOG._live


@pytest.mark.parametrize("cancel", [False, True])
def test_cx4_closing_the_client_lets_a_stream_finish_or_cuts_it_short(cancel: bool) -> None:
    stage, client, sleepers, closed = stage_of("a", "b"), HttpSync(), Sleepers(), threading.Event()
    whole = answer(*WORDS)
    begun = whole.index(WORDS[1].encode())

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(whole[:begun])
        closed.wait(5)
        sock.sendall(whole[begun:])
        hold(sock)

    with Server(story) as server:
        stream = stream_of(stage, client, sleepers, a=server, b=server)
        next(stream)
        sleepers.close()
        client.close(cancel=cancel)
        closed.set()
        if cancel:
            with pytest.raises(CallError, match="story: the client was closed"):
                stream.text()
            assert finished(stage) == "CallError"
        else:
            assert stream.text() == TEXT
            assert finished(stage) == "success"
    assert free(stage)
    assert not WATCHDOG._live


def test_a_codec_that_reads_no_streams_is_told_of_and_the_call_ends(client: HttpSync) -> None:
    stage = Stage(targets=(("a",),), kinds={"a": "hf-endpoint"}, concurrency=1)
    with Server(holds(BEGINS)) as server:
        spec = replace(spec_of(stage, a=server), payload=stage.payload)
        with pytest.raises(ProviderError, match="reads none"):
            next(Stream(spec, stage.env, client, Sleepers()))
    assert free(stage)
    assert finished(stage) == "ProviderError"
    assert not WATCHDOG._live


def test_cx1_an_interruption_before_the_first_byte_is_read_lets_the_connection_go(
    client: HttpSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the head has come, and nothing reads the body yet."""
    monkeypatch.setattr("resilient_infer.drivers.exchange.reader", interrupted)
    stage = stage_of("a")
    with Server(holds(BEGINS)) as server, pytest.raises(Interruption):
        next(stream_of(stage, client, a=server))
    assert free(stage)
    assert finished(stage) == "cancelled"
    assert not WATCHDOG._live


def test_a_stream_that_is_closed_while_its_end_is_recorded_tells_it(client: HttpSync) -> None:
    """The call was told as a success, and so it is."""
    stage = stage_of("a")
    with Server(repeats(answer(*WORDS))) as server:
        spec = spec_of(stage, a=server)

        def emit(event: Event) -> None:
            stage.events.append(event)
            if isinstance(event, AttemptFinished):
                stream.close()

        stream = Stream(spec, replace(stage.env, emit=emit), client, Sleepers())
        assert shown(list(stream))[-1] == "FINISHED"
    assert finished(stage) == "success"


def test_what_a_codec_breaks_beside_its_contract_is_told_of_the_call(
    client: HttpSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece that is none; nobody left."""
    monkeypatch.setattr("resilient_infer.providers.streamed.AnswerReader.feed", lambda self, data: ["text"])
    stage = stage_of("a")
    with Server(holds(BEGINS)) as server, pytest.raises(AttributeError):
        next(stream_of(stage, client, a=server))
    assert free(stage)
    assert finished(stage) == "AttributeError"
    assert not WATCHDOG._live


def test_a_server_that_does_not_stream_is_read_as_a_whole(client: HttpSync) -> None:
    message = {"role": "assistant", "content": TEXT}
    body = json.dumps({"model": "m", "choices": [{"finish_reason": "stop", "message": message}]}).encode()
    with Server(says(response(body, "Content-Type: application/json"))) as server:
        events = list(stream_of(stage_of("a"), client, a=server))
    assert shown(events) == [TEXT, "FINISHED"]
