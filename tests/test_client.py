"""The client over real sockets: what it gives, whom it tells, and what it leaves behind."""

import gc
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from time import monotonic
from typing import Any

import pybreaker
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer import (
    AllTargetsFailed,
    CallError,
    Client,
    ConfigError,
    NotAdmitted,
    ResilientInferError,
    Result,
)
from resilient_infer.errors import AttemptFailed
from resilient_infer.events import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallStarted,
    CircuitChanged,
    Event,
    RouteSkipped,
    TargetFailed,
    WaitStarted,
)
from resilient_infer.state.table import SHARED
from resilient_infer.testing.sandbox import (
    Delay,
    Hang,
    Received,
    Sandbox,
    Server,
    Status,
    throttled,
    unavailable,
)
from resilient_infer.transport.watchdog import WATCHDOG

from .conftest import MakeClient
from .models import (
    CHAT,
    CHAT_NAME_ONLY,
    EMBEDDING,
    GENERATION,
    SENTIMENT,
    SENTIMENT_2,
    ZERO_SHOT,
)
from .transport.asking import ALLOWANCE

HELLO = [{"role": "user", "content": "Hello"}]


def arrived(server: Server, count: int = 1) -> tuple[Received, ...]:
    """The requests of a server, once there are so many."""
    ends_at = monotonic() + 5
    while len(server.requests) < count:
        assert monotonic() < ends_at
        threading.Event().wait(0.002)
    return server.requests


def descriptors() -> set[str]:
    gc.collect()
    return set(os.listdir("/proc/self/fd"))


def run_python(program: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own that runs `program` in `folder`, with every warning an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Results

SHAPES: dict[str, tuple[Any, str, Any, Callable[[Any], bool]]] = {
    "text-classification on hf-inference": (
        "hf-inference",
        SENTIMENT,
        {"inputs": "I love it"},
        lambda out: [each["label"] for each in out] == ["POSITIVE", "NEGATIVE"],
    ),
    "text-classification on hf-endpoint": (
        "hf-endpoint",
        SENTIMENT,
        "I love it",
        lambda out: out[0]["label"] == "POSITIVE",
    ),
    "many texts": (
        "hf-inference",
        SENTIMENT,
        ["I love it", "I hate it"],
        lambda out: [each[0]["label"] for each in out] == ["POSITIVE", "NEGATIVE"],
    ),
    "zero-shot on hf-inference": (
        "hf-inference",
        ZERO_SHOT,
        {"inputs": "the cat sat", "parameters": {"candidate_labels": ["dog", "cat"]}},
        lambda out: out[0]["label"] == "cat" and set(out[0]) == {"label", "score"},
    ),
    "embeddings on hf-inference": (
        "hf-inference",
        EMBEDDING,
        ["a", "b"],
        lambda out: len(out) == 2 and all(isinstance(number, float) for number in out[0]),
    ),
    "text-generation on hf-inference": (
        "hf-inference",
        GENERATION,
        "Once upon",
        lambda out: isinstance(out, str) and out != "" and not out.startswith("Once upon"),
    ),
    "text-generation on hf-endpoint": (
        "hf-endpoint",
        GENERATION,
        {"inputs": "Once upon", "parameters": {"max_new_tokens": 5}},
        lambda out: isinstance(out, str) and out != "",
    ),
    "chat on openai": (
        "openai",
        CHAT,
        {"messages": HELLO, "max_tokens": 12},
        lambda out: out["role"] == "assistant" and isinstance(out["content"], str),
    ),
    "chat with a model that only the provider knows": (
        "openai",
        CHAT_NAME_ONLY,
        "Hello",
        lambda out: out["role"] == "assistant",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_task_has_one_shape_whichever_server_answers(
    name: str, sandbox: Sandbox, make_client: MakeClient
) -> None:
    kind, model, payload, fits = SHAPES[name]
    server = sandbox.serve(kind, name="ours", models=[model], key="sk-0123456789abcdef")
    client = make_client({"it": model})

    result = client.call("it", payload)

    assert fits(result.output)
    assert (result.alias, result.route, result.fallback) == ("it", f"ours:{model}", None)
    assert result.model == model
    assert result.revision == (None if model == CHAT_NAME_ONLY else server.models[model])
    assert result.pin == ("versioned" if model == CHAT_NAME_ONLY else "declared")
    assert [record.outcome for record in result.attempts] == ["success"]
    assert result.request_id == server.requests[0].request_id
    assert 0 < result.attempts[0].elapsed <= result.elapsed < 5
    assert pickle.loads(pickle.dumps(result)) == result


def test_the_text_of_an_answer_is_at_hand(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.serve("hf-inference")
    sandbox.serve("openai", models=[CHAT])
    client = make_client({"chat": CHAT, "write": GENERATION, "sentiment": SENTIMENT})

    chat, written = client.call("chat", "Hello"), client.call("write", "Once upon")

    assert isinstance(chat.output, dict)
    assert chat.text == chat.output["content"]
    assert written.text == written.output
    with pytest.raises(TypeError, match=r"sentiment: the output of text-classification is no text"):
        _ = client.call("sentiment", "I love it").text


def test_both_shapes_of_a_payload_ask_the_same(sandbox: Sandbox, make_client: MakeClient) -> None:
    server = sandbox.serve("openai", models=[CHAT])
    client = make_client({"chat": CHAT})

    for payload in (
        "Hello",
        {"messages": HELLO},
        {"inputs": "Hello"},
        {"inputs": "Hello", "parameters": {}},
    ):
        client.call("chat", payload)

    assert len({request.raw for request in server.requests}) == 1


def test_the_cost_is_what_the_tokens_cost(sandbox: Sandbox, make_client: MakeClient, tmp_path: Path) -> None:
    sandbox.serve("openai", name="ours", models=[CHAT_NAME_ONLY])
    make_client({"chat": CHAT_NAME_ONLY}).close()
    manifest = tmp_path / "lockfiles" / "models.yaml"
    text = manifest.read_text()
    priced = text.replace(
        '"pin": "versioned"', '"pin": "versioned", "price": {"input": 1000, "output": 2000}'
    )
    assert priced != text
    manifest.write_text(priced)

    with Client(lockfiles=tmp_path / "lockfiles", private_state=True) as client:
        result = client.call("chat", "Hello")

    assert result.usage is not None
    assert result.cost is not None
    assert result.cost * 1000 == result.usage.input + 2 * result.usage.output


def test_a_result_is_shown_in_one_line_with_output_and_server(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    server = sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    result = make_client({"sentiment": SENTIMENT}).call("sentiment", "I love it\n" * 50)

    shown = repr(result)

    assert shown.isprintable()
    assert "POSITIVE" in shown
    assert f"ours:{SENTIMENT}" in shown
    assert server.models[SENTIMENT][:12] in shown
    assert len(shown) < 500


# Errors


def test_the_traceback_of_an_error_ends_at_the_caller_s_line(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """The error says all there is to know; what the caller was busy with stays chained to it."""
    sandbox.serve("hf-inference", models=[SENTIMENT]).fail(Status(code=500))
    client = make_client({"sentiment": SENTIMENT}, {"retries": 0})

    for alias in ("sentiment", "sentimant"):
        try:
            try:
                raise KeyError("the caller's own")
            except KeyError as own:
                mine = own
                client.call(alias, "I love it")
        except ResilientInferError as error:
            raised = error
        frames = traceback.extract_tb(raised.__traceback__)
        assert {Path(frame.filename) for frame in frames} == {Path(__file__)}
        if alias == "sentimant":
            assert raised.__context__ is mine
        else:
            assert isinstance(raised.__cause__, AttemptFailed)


# Payloads

PAYLOADS = st.fixed_dictionaries(
    {"inputs": st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)},
    optional={"parameters": st.fixed_dictionaries({}, optional={"top_k": st.integers(1, 5)})},
)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Server]]:
    """One client and one server for many examples."""
    with Sandbox() as sandbox:
        server = sandbox.serve("hf-inference", models=[SENTIMENT])
        folder = sandbox.write(tmp_path_factory.mktemp("steady"), {"sentiment": SENTIMENT})
        with Client(lockfiles=folder, private_state=True) as client:
            yield client, server


@given(payload=PAYLOADS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fb5_a_payload_is_never_changed_and_arrives_as_it_is(
    steady: tuple[Client, Server], payload: dict[str, Any]
) -> None:
    """The payload sent to each target is independently derived from the caller's (never mutated)."""
    client, server = steady
    before = deepcopy(payload)

    client.call("sentiment", payload)

    assert payload == before
    body: Any = server.requests[-1].body
    assert body["inputs"] == payload["inputs"]


def test_fb5_32_threads_share_one_payload_and_one_client(sandbox: Sandbox, make_client: MakeClient) -> None:
    """The payload sent to each target is independently derived from the caller's (never mutated)."""
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(Status(code=500), attempts=range(20, 24))
    client = make_client({"sentiment": SENTIMENT}, {"retries": 5})
    payload = {"inputs": "I love it", "parameters": {"top_k": 2}}
    before = deepcopy(payload)

    def call_often(_: int) -> list[Result]:
        return [client.call("sentiment", payload) for _ in range(5)]

    with ThreadPoolExecutor(32) as pool:
        results = [result for part in pool.map(call_often, range(32)) for result in part]

    assert payload == before
    assert len({json.dumps(result.output) for result in results}) == 1
    assert len({request.raw for request in server.requests}) == 1
    assert sum(len(result.attempts) for result in results) == len(server.requests)


def test_threads_get_the_answers_to_their_own_questions(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.serve("hf-inference", models=[ZERO_SHOT])
    client = make_client({"topic": ZERO_SHOT})

    def ask(number: int) -> bool:
        labels = [f"topic{number}", f"matter{number}"]
        payload = {"inputs": f"topic{number} it is", "parameters": {"candidate_labels": labels}}
        output: Any = client.call("topic", payload).output
        return [each["label"] for each in output] == labels

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(100)))


# Listeners


def names_of(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_listener_hears_of_a_call_in_order(sandbox: Sandbox, make_client: MakeClient) -> None:
    first = sandbox.serve("hf-inference", name="first", models=[SENTIMENT])
    sandbox.serve("hf-inference", name="second", models=[SENTIMENT_2])
    first.fail(Status(code=503))
    events: list[Event] = []
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, {"retries": 1}, listeners=[events.append])

    result = client.call("sentiment", "I love it", deadline=3.0)

    assert names_of(events) == [
        "CallStarted",
        "AttemptStarted",
        "AttemptFinished",
        "WaitStarted",
        "AttemptStarted",
        "AttemptFinished",
        "TargetFailed",
        "AttemptStarted",
        "AttemptFinished",
        "CallFinished",
    ]
    started, finished = events[0], events[-1]
    assert isinstance(started, CallStarted)
    assert isinstance(finished, CallFinished)
    assert (started.alias, started.task, started.deadline) == ("sentiment", "text-classification", 3.0)
    assert (finished.outcome, finished.route, finished.attempts) == ("success", result.route, 3)
    assert len({event.call_id for event in events}) == 1
    moments = [event.at for event in events if not isinstance(event, CallStarted)]
    assert moments == sorted(moments)
    told = [event for event in events if isinstance(event, AttemptFinished)]
    assert [(event.number, event.outcome, event.request_id) for event in told] == [
        (record.number, record.outcome, record.request_id) for record in result.attempts
    ]


def test_every_kind_of_event_is_heard(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.serve("hf-inference", models=[SENTIMENT]).fail(Status(code=500))
    events: list[Event] = []
    policy = {"retries": 2, "breaker": {"consecutive": 2, "open": 60, "max_open": 60}}
    client = make_client({"sentiment": SENTIMENT}, policy, listeners=[events.append])

    with pytest.raises(AllTargetsFailed):
        client.call("sentiment", "I love it")
    with pytest.raises(NotAdmitted) as raised:
        client.call("sentiment", "I love it")

    assert {type(event) for event in events} == {
        CallStarted, AttemptStarted, AttemptFinished, RouteSkipped,
        WaitStarted, TargetFailed, CircuitChanged, CallFinished,
    }  # fmt: skip
    assert raised.value.retry_after is not None
    assert 40 < raised.value.retry_after < 80
    assert [event.outcome for event in events if isinstance(event, CallFinished)] == [
        "AllTargetsFailed",
        "NotAdmitted",
    ]


def test_ts1_a_listener_that_raises_changes_nothing_and_is_logged_once_an_event(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Listener exceptions never change the result."""
    sandbox.serve("hf-inference", models=[SENTIMENT])
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("a listener's own fault")

    client = make_client({"sentiment": SENTIMENT}, listeners=[broken, heard.append])
    with caplog.at_level(logging.DEBUG, logger="resilient_infer"):
        result = client.call("sentiment", "I love it")

    assert result.attempts[0].outcome == "success"
    assert names_of(heard) == ["CallStarted", "AttemptStarted", "AttemptFinished", "CallFinished"]
    assert [record.getMessage() for record in caplog.records] == [
        f"a listener failed on {name}; the call goes on" for name in names_of(heard)
    ]


def test_what_interrupts_a_listener_interrupts_the_call(sandbox: Sandbox, make_client: MakeClient) -> None:
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    stop = KeyboardInterrupt()

    def stops(event: Event) -> None:
        if isinstance(event, AttemptStarted):
            raise stop

    client = make_client({"sentiment": SENTIMENT}, {"concurrency": 1}, listeners=[stops])
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt) as raised:
            client.call("sentiment", "I love it")
        assert raised.value is stop

    assert server.requests == ()


def test_the_library_is_silent_unless_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.serve("hf-inference", models=[SENTIMENT]).fail(Status(code=500))
    sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT}, {"retries": 0})
    program = """
        from resilient_infer import AllTargetsFailed, Client
        with Client(listeners=[lambda event: 1 / 0]) as client:
            try:
                client.call("sentiment", "I love it")
            except AllTargetsFailed:
                pass
    """

    ended = run_python(program, tmp_path)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


class Circuits(pybreaker.CircuitBreakerListener):
    """Remembers the transitions it is told of."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        self.heard.append(("" if old_state is None else old_state.name, new_state.name))


QUICK = {"retries": 0, "breaker": {"consecutive": 2, "open": 0.1, "max_open": 0.1}}


def test_a_listener_of_pybreaker_is_told_of_the_circuits(sandbox: Sandbox, make_client: MakeClient) -> None:
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(Status(code=500), attempts=2)
    circuits = Circuits()
    client = make_client({"sentiment": SENTIMENT}, QUICK, listeners=[circuits])

    for _ in range(2):
        with pytest.raises(AllTargetsFailed):
            client.call("sentiment", "I love it")
    threading.Event().wait(0.15)  # open for 0.1 s, jitter of a fifth included
    client.call("sentiment", "I love it")

    assert circuits.heard == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]


@pytest.mark.parametrize("listener", ["a name", None, 7, [print]])
def test_what_cannot_listen_is_refused_by_name(
    listener: Any, sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.serve("hf-inference", models=[SENTIMENT])

    with pytest.raises(ConfigError, match=f"listeners: .*{type(listener).__name__}"):
        make_client({"sentiment": SENTIMENT}, listeners=[listener])


@pytest.mark.parametrize("listeners", [print, None, 7])
def test_listeners_that_are_no_list_are_refused_with_what_to_give(listeners: Any) -> None:
    with pytest.raises(ConfigError, match=r"listeners is no list, .*give listeners=\[…\]"):
        Client(listeners=listeners)


# State that clients share


def open_the_circuit(client: Client) -> None:
    for _ in range(2):
        with pytest.raises(AllTargetsFailed):
            client.call("sentiment", "I love it")


SLOW_TO_MEND = {"retries": 0, "breaker": {"consecutive": 2, "open": 60, "max_open": 60}}


def test_two_clients_share_circuits(sandbox: Sandbox, make_client: MakeClient) -> None:
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(Status(code=500))
    one, other = (make_client({"sentiment": SENTIMENT}, SLOW_TO_MEND, private_state=False) for _ in range(2))

    open_the_circuit(one)
    with pytest.raises(NotAdmitted):
        other.call("sentiment", "I love it")

    assert len(server.requests) == 2


def test_private_state_is_shared_with_nobody(sandbox: Sandbox, make_client: MakeClient) -> None:
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(Status(code=500), attempts=2)
    one, other = (make_client({"sentiment": SENTIMENT}, SLOW_TO_MEND, private_state=True) for _ in range(2))

    open_the_circuit(one)

    assert other.call("sentiment", "I love it").attempts[0].outcome == "success"


# Closing


def test_cx4_a_closed_client_refuses_new_calls(sandbox: Sandbox, make_client: MakeClient) -> None:
    """`close()`: new calls rejected."""
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    client = make_client({"sentiment": SENTIMENT})
    with client as entered:
        assert entered is client
        assert not repr(client).endswith(", closed>")
    client.close()

    with pytest.raises(CallError, match="sentiment: the client is closed; make a new Client") as raised:
        client.call("sentiment", "I love it")

    assert type(raised.value) is CallError
    assert repr(client).endswith(", closed>")
    assert server.requests == ()


def test_cx4_closing_wakes_a_call_that_sleeps(sandbox: Sandbox, make_client: MakeClient) -> None:
    """A cancel during backoff ends it: sync sleep is `Event.wait` so `close()` interrupts it."""
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(unavailable(20))
    events: list[Event] = []
    client = make_client({"sentiment": SENTIMENT}, listeners=[events.append])
    errors: list[BaseException] = []
    asleep = threading.Thread(target=lambda: errors.append(error_of(client)))
    asleep.start()
    arrived(server)
    while not any(isinstance(event, WaitStarted) for event in events):
        threading.Event().wait(0.002)
    started = monotonic()
    client.close()
    asleep.join()

    assert monotonic() - started < ALLOWANCE
    assert [type(error) for error in errors] == [CallError]
    assert "the client was closed" in str(errors[0])
    assert len(server.requests) == 1
    assert isinstance(events[-1], CallFinished)


def error_of(client: Client) -> BaseException:
    with pytest.raises(CallError) as raised:
        client.call("sentiment", "I love it")
    return raised.value


@pytest.mark.parametrize("cancel", [False, True])
def test_cx4_what_is_in_flight_finishes_or_is_cut_by_choice(
    cancel: bool, sandbox: Sandbox, make_client: MakeClient
) -> None:
    """`close()`: in-flight finish or are cancelled by choice."""
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(Delay(seconds=0.3))
    client = make_client({"sentiment": SENTIMENT})

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(client.call, "sentiment", "I love it") for _ in range(4)]
        arrived(server, 4)
        started = monotonic()
        client.close(cancel=cancel)
        errors = [call.exception(timeout=5) for call in calls]
        took = monotonic() - started

    if cancel:
        assert took < 0.2
        assert {type(error) for error in errors} == {CallError}
        assert all("the client was closed" in str(error) for error in errors)
    else:
        assert errors == [None] * 4


def test_cx4_no_thread_and_no_socket_is_left(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    """`close()`: no thread or task left (leak test)."""
    well, ill = (sandbox.serve("hf-inference", models=[model]) for model in (SENTIMENT, SENTIMENT_2))
    ill.fail(Hang())
    folder = sandbox.write(tmp_path / "lockfiles", {"well": SENTIMENT, "ill": SENTIMENT_2}, {"retries": 0})
    threads, before = {thread.ident for thread in threading.enumerate()}, descriptors()
    for cancel in (False, True):
        client = Client(lockfiles=folder, private_state=True)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _, client=client: client.call("well", "I love it"), range(16)))
        with pytest.raises(CallError):
            client.call("ill", "I love it", deadline=0.1)
        client.close(cancel=cancel)
    sandbox.close()

    left = [thread.name for thread in threading.enumerate() if thread.ident not in threads]
    assert set(left) <= {"resilient-infer-watchdog"}
    assert descriptors() <= before
    assert not WATCHDOG._live
    assert len(well.requests) == 32


# Fork and Ctrl-C


@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_ts2_a_child_forked_in_the_middle_of_calls_answers_at_once(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """Locks, sessions and the watchdog are recreated in the child (test: fork during a call)."""
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(Delay(seconds=0.01))
    client = make_client({"sentiment": SENTIMENT}, {"concurrency": 4}, private_state=False)
    over, errors = threading.Event(), list[BaseException]()

    def call_on() -> None:
        while not over.is_set():
            try:
                client.call("sentiment", "I love it")
            except BaseException as error:
                errors.append(error)

    callers = [threading.Thread(target=call_on) for _ in range(8)]
    for thread in callers:
        thread.start()
    arrived(server, 8)
    told = [child_says(lambda: answers_of_a_child(client)) for _ in range(5)]
    over.set()
    for thread in callers:
        thread.join()

    assert told == ["0 gates, 8 answers, all POSITIVE"] * 5
    assert errors == []
    assert client.call("sentiment", "I love it").attempts[0].outcome == "success"


def answers_of_a_child(client: Client) -> str:
    """What a forked child sees: no gate of its parent's, and answers to as many calls as it likes."""
    gates = len(SHARED._routes)
    with ThreadPoolExecutor(4) as pool:
        outputs: list[Any] = [
            result.output for result in pool.map(lambda _: client.call("sentiment", "I love it"), range(8))
        ]
    labels = {output[0]["label"] for output in outputs}
    return f"{gates} gates, {len(outputs)} answers, all {', '.join(labels)}"


def child_says(work: Callable[[], str]) -> str:
    """What `work` returns in a forked child, or the error it ends with; within ten seconds."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        threading.Timer(10, os._exit, (1,)).start()
        try:
            said = work()
        except BaseException as error:
            said = repr(error)
        os.write(writes, said.encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


CTRL_C = """
    import signal, sys
    from resilient_infer import Client

    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell of the tests has set
    told = []

    def hear(event):
        told.append(event)
        if type(event).__name__ == sys.argv[1]:
            print("now", flush=True)

    with Client(listeners=[hear]) as client:
        try:
            client.call("sentiment", "I love it")
        except KeyboardInterrupt as interrupted:
            assert interrupted.__context__ is None and interrupted.__cause__ is None
            print("interrupted", told[-1].outcome, flush=True)
        result = client.call("sentiment", "I love it")
        print(*(record.outcome for record in result.attempts if record.number), flush=True)
"""


def interrupted(folder: Path, moment: str, server: Server) -> list[str]:
    """What the program above prints if a real SIGINT comes at `moment`; it must react at once."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(CTRL_C), moment],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "now\n"
        arrived(server)  # a request that is not sent yet would not meet its fault
        threading.Event().wait(0.05)  # until it is in the blocking call that follows
        started = monotonic()
        program.send_signal(signal.SIGINT)
        told = program.stdout.readline().split()
        assert monotonic() - started < ALLOWANCE
        told += program.stdout.read().split("\n")
    assert program.returncode == 0
    return told


def test_cx1_ctrl_c_ends_an_attempt_at_once_and_is_nobody_s_failure(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    """KeyboardInterrupt propagates as the SAME object, uncounted, permits released, no new attempt started.

    Had it been counted, the circuit would be open; had it kept its permit, the only place would be taken.
    """
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(Hang(), attempts=1)
    policy = {"concurrency": 1, "breaker": {"consecutive": 1, "open": 60, "max_open": 60}}
    sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT}, policy)

    told = interrupted(tmp_path, "AttemptStarted", server)

    assert told[:3] == ["interrupted", "cancelled", "now"]
    assert told[3] == "success"
    assert len(server.requests) == 2


def test_cx1_ctrl_c_ends_a_sleep_at_once_and_gives_its_token_back(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    """KeyboardInterrupt propagates as the SAME object; RB5: tokens are returned if the retry is not sent.

    The bucket holds one token: had it been kept, the second call could not repeat.
    """
    server = sandbox.serve("hf-inference", models=[SENTIMENT])
    server.fail(throttled(0.4), attempts={1})
    server.fail(Status(code=500), attempts={2})
    sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT}, {"retries": 1})

    told = interrupted(tmp_path, "WaitStarted", server)

    assert told[:2] == ["interrupted", "cancelled"]
    assert told[-2] == "server error success"
    assert len(server.requests) == 3


# The client of the module


def test_the_module_s_call_uses_the_nearest_lockfiles(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    sandbox.serve("hf-inference", models=[SENTIMENT])
    sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT})
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    program = """
        from resilient_infer import call
        import resilient_infer.client as face
        assert face._default is None
        print(call("sentiment", "I love it", deadline=5).output[0]["label"])
        first = face._default
        print(call("sentiment", "I hate it").output[0]["label"], face._default is first)
    """

    ended = run_python(program, below)

    assert (ended.stdout.split(), ended.stderr) == (["POSITIVE", "NEGATIVE", "True"], "")


def test_the_module_s_client_is_made_once_by_however_many_threads(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    sandbox.serve("hf-inference", models=[SENTIMENT])
    sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT})
    program = """
        import threading
        import resilient_infer.client as face
        from resilient_infer import call

        made, together = [], threading.Barrier(16)
        class Counted(face.Client):
            def __init__(self):
                made.append(self)
                super().__init__()
        face.Client = Counted

        def run():
            together.wait()
            call("sentiment", "I love it")

        threads = [threading.Thread(target=run) for _ in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(made))
    """

    ended = run_python(program, tmp_path)

    assert (ended.stdout.split(), ended.stderr) == (["1"], "")


def test_a_module_s_client_that_could_not_be_made_is_tried_again(
    sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    sandbox.serve("hf-inference", models=[SENTIMENT])
    sandbox.write(tmp_path / "elsewhere", {"sentiment": SENTIMENT})
    (tmp_path / ".git").mkdir()
    program = """
        import os
        from resilient_infer import ConfigError, call
        try:
            call("sentiment", "I love it")
        except ConfigError as error:
            print("RESILIENT_INFER_LOCKFILES" in str(error))
        os.environ["RESILIENT_INFER_LOCKFILES"] = "elsewhere"
        print(call("sentiment", "I love it").output[0]["label"])
    """

    ended = run_python(program, tmp_path)

    assert (ended.stdout.split(), ended.stderr) == (["True", "POSITIVE"], "")
