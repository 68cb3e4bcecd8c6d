"""A server's life: fast to start, quick to end, refusing, healing, many clients at once."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest

from resilient_infer.testing.sandbox import (
    CloseIdle,
    Delay,
    Drip,
    Fault,
    Hang,
    Huge,
    Kind,
    Model,
    Refused,
    Sandbox,
    Server,
    commit_of,
    unavailable,
)
from tests.testing.raw import (
    GPT2,
    SENTIMENT,
    address,
    ask,
    ask_on,
    classify,
    connect,
    opened,
    read_to_end,
    request_bytes,
)

KINDS: tuple[str, ...] = get_args(Kind)


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.serve("hf-inference")


def took(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 2
    while not condition():
        assert time.monotonic() < limit, "it never came to pass"
        time.sleep(0.002)


def sandbox_threads() -> int:
    return sum(thread.name.startswith("sandbox") for thread in threading.enumerate())


def test_servers_start_fast(sandbox: Sandbox) -> None:
    """Less than 50 ms each, best of three."""
    assert min(took(lambda: sandbox.serve("hf-inference")) for _ in range(3)) < 0.05


@pytest.mark.parametrize("fault", [Hang(), Hang(where="body"), Delay(seconds=60), Drip(rate=1)])
def test_closing_does_not_wait_for_what_hangs(fault: Fault) -> None:
    """Ten clients hang, and the sandbox with all its threads is gone in less than 200 ms."""
    before = sandbox_threads()
    with Sandbox() as sandbox:
        server = sandbox.serve("hf-inference")
        server.fail(fault)
        clients = [opened(server) for _ in range(10)]
        for client in clients:
            client.sendall(request_bytes(server))
        until(lambda: len(server.requests) == 10)
        closing = took(sandbox.close)
    received = [read_to_end(client) for client in clients]
    for client in clients:
        client.close()

    assert closing < 0.2
    assert {end for _, end in received} <= {"fin", "reset"}
    assert not any(b"NEGATIVE" in answer for answer, _ in received), "a wait that is given up is no answer"
    assert sandbox_threads() == before


def test_closing_does_not_wait_for_who_does_not_read(sandbox: Sandbox, server: Server) -> None:
    """A client that never reads a huge answer blocks the server's send; closing ends that, too."""
    server.fail(Huge(size=1 << 30))
    with opened(server) as client:
        client.sendall(request_bytes(server))
        until(lambda: len(server.requests) == 1)
        assert took(sandbox.close) < 0.2


def test_closing_twice_and_without_a_request_is_fine(sandbox: Sandbox, server: Server) -> None:
    """Both are silent; afterwards nobody listens and nothing more can be served."""
    with server:
        server.fail(Refused())
    server.heal()
    server.fail(Refused())
    sandbox.close()
    sandbox.close()

    with pytest.raises(ConnectionRefusedError):
        opened(server)
    with pytest.raises(ValueError, match="closed"):
        sandbox.serve("openai")


def test_a_client_that_gives_up_frees_its_thread(server: Server) -> None:
    """A hanging answer ends when the client hangs up, so that thousands of time-outs leave nothing behind."""
    idle = sandbox_threads()
    server.fail(Hang())
    clients = [opened(server) for _ in range(20)]
    for client in clients:
        client.sendall(request_bytes(server))
    until(lambda: len(server.requests) == 20)
    for client in clients:
        client.sendall(request_bytes(server))  # the next request, sent early, is no sign of leaving
    assert sandbox_threads() == idle + 20
    busy = time.process_time()
    time.sleep(0.1)
    assert time.process_time() - busy < 0.05, "waiting takes no work"
    server.heal()
    for client in clients:
        client.close()
    until(lambda: sandbox_threads() == idle)

    server.fail(Hang())
    with opened(server) as client:
        client.sendall(request_bytes(server))
        until(lambda: sandbox_threads() == idle + 1)
    until(lambda: sandbox_threads() == idle)


def test_healing_answers_what_waits_and_cuts_off_what_hangs(server: Server) -> None:
    """At once, and without the old faults from then on."""
    server.fail(Delay(seconds=60), model=SENTIMENT)
    server.fail(Drip(rate=1), model=SENTIMENT)
    server.fail(Hang(), model=GPT2)
    with opened(server) as waiting, opened(server) as hanging, ThreadPoolExecutor() as pool:
        waiting.sendall(request_bytes(server))
        hanging.sendall(request_bytes(server, model=GPT2))
        until(lambda: len(server.requests) == 2)
        ends = pool.submit(read_to_end, hanging)
        time.sleep(0.02)
        server.heal()
        assert ends.result(timeout=1) == (b"", "fin")
        answer = waiting.recv(65536)
        while b"NEGATIVE" not in answer:
            answer += waiting.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert took(lambda: classify(server)) < 0.5


def test_a_refusing_server_keeps_its_port(server: Server) -> None:
    """Connects are refused, open connections end; healed, it listens at the same address again."""
    connection = connect(server)
    ask_on(connection, server, "/models", method="GET")
    for _ in range(2):
        server.fail(Refused())
        server.fail(Refused())
        with pytest.raises(ConnectionRefusedError):
            opened(server)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address(server))
        server.heal()
        server.heal()
        assert classify(server).status == 200
    with pytest.raises(ConnectionError):
        ask_on(connection, server, "/models", method="GET")
    connection.close()


@pytest.mark.parametrize("limits", [{"model": SENTIMENT}, {"attempts": 1}, {"chance": 0.5}])
def test_a_server_refuses_all_or_nothing(server: Server, limits: dict[str, object]) -> None:
    """No model, attempts or chance: nobody knows what a refused connection would have asked."""
    with pytest.raises(ValueError, match="leave out"):
        server.fail(Refused(), **limits)  # type: ignore[arg-type]  # wrong on purpose
    assert classify(server).status == 200


def test_fifty_clients_at_once(server: Server) -> None:
    """Each gets its own right answer; the journal misses and mixes up nothing."""
    start = threading.Barrier(50)

    def client(number: int) -> list[bool]:
        connection = connect(server)
        start.wait(5)
        try:
            text = f"text {number} is fun"
            answers = [ask_on(connection, server, f"/models/{SENTIMENT}", {"inputs": text}) for _ in range(5)]
        finally:
            connection.close()
        return [answer.json == answers[0].json and answer.status == 200 for answer in answers]

    with ThreadPoolExecutor(50) as pool:
        assert all(all(right) for right in pool.map(client, range(50)))
    requests = server.requests
    assert sorted(received.attempt for received in requests) == list(range(1, 251))
    assert len({received.request_id for received in requests}) == 250
    assert set(Counter(received.connection for received in requests).values()) == {5}
    assert [received.moment for received in requests] == sorted(received.moment for received in requests)


def test_the_journal_tells_what_arrived(server: Server) -> None:
    """Method, path, headers, body, model and attempt; None where there is no model or no JSON."""
    ask(server, f"/models/{GPT2}?wait=1", {"inputs": "x"}, headers={"X-One": "1"})
    ask(server, "/models", method="GET")
    posted, got = server.requests

    assert (posted.method, posted.path, posted.model) == ("POST", f"/hf-inference/models/{GPT2}", GPT2)
    assert (posted.body, posted.raw, posted.attempt) == ({"inputs": "x"}, b'{"inputs": "x"}', 1)
    assert posted.headers["x-one"] == "1"
    assert (got.method, got.body, got.raw, got.model, got.attempt) == ("GET", None, b"", None, 1)
    assert posted.moment <= got.moment <= time.monotonic()


def test_several_servers_of_a_kind_are_strangers(sandbox: Sandbox) -> None:
    """Own ports, names, faults, journals and commits."""
    first, second = sandbox.serve("hf-inference"), sandbox.serve("hf-inference")
    first.fail(unavailable())
    first.move(SENTIMENT, commit_of(SENTIMENT, 1))

    assert (classify(first).status, classify(second).status) == (503, 200)
    assert (first.name, second.name) == ("hf-inference-1", "hf-inference-2")
    assert first.url != second.url
    assert first.models[SENTIMENT] != second.models[SENTIMENT]
    sandbox.heal()
    assert classify(first).status == 200


def test_models_of_ones_own(sandbox: Sandbox) -> None:
    """Only what was named is served, at the commit that was named."""
    mine = Model(name="acme/mine", task="text-classification", commit="a" * 40, labels=("no", "yes"))
    server = sandbox.serve("hf-inference", models=[mine, GPT2])

    assert server.models == {"acme/mine": "a" * 40, GPT2: commit_of(GPT2)}
    assert classify(server, model="acme/mine").json[0][0]["label"] == "yes"
    assert classify(server).status == 404


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("hf", {}, f"no kind 'hf'; there are {', '.join(KINDS)}"),
        ("tei", {"models": [GPT2]}, "tei serves no model for text-generation"),
        ("openai", {"models": ["acme/mine"]}, "not in the catalogue"),
        ("openai", {"models": []}, "at least one model"),
        ("hf-endpoint", {"models": [SENTIMENT, GPT2]}, "serves one model"),
        ("openai", {"name": "taken"}, "already"),
    ],
)
def test_what_cannot_be_served(
    sandbox: Sandbox, kind: str, arguments: dict[str, object], message: str
) -> None:
    """Said at once, with what there is instead, and nothing is left open."""
    sandbox.serve("openai", name="taken")
    with pytest.raises(ValueError, match=message):
        sandbox.serve(kind, **arguments)  # type: ignore[arg-type]  # wrong on purpose
    assert len(sandbox.servers) == 1


def test_a_move_is_checked(server: Server) -> None:
    """Only models that are served move, and only to commits."""
    with pytest.raises(ValueError, match="does not serve acme/none"):
        server.move("acme/none", "a" * 40)
    with pytest.raises(ValueError, match="40 lower-case hex"):
        server.move(SENTIMENT, "main")


def test_one_client_on_one_connection_is_served_fast(server: Server) -> None:
    """Far from a benchmark's 3,000 a second, so that a busy machine does not fail it."""
    message = request_bytes(server)
    with opened(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def hundred() -> None:
            for _ in range(100):
                sock.sendall(message)
                assert sock.recv(65536)

        assert min(took(hundred) for _ in range(5)) < 0.2


def run_alone(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_a_forgotten_sandbox_ends_with_the_process() -> None:
    """Even while an answer hangs; no warning, no traceback."""
    done = run_alone(
        "import socket, time\n"
        "from resilient_infer.testing.sandbox import Hang, Sandbox\n"
        "server = Sandbox().serve('hf-endpoint')\n"
        "server.fail(Hang())\n"
        "client = socket.create_connection(('127.0.0.1', int(server.url.rpartition(':')[2])))\n"
        "client.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')\n"
        "while not server.requests: time.sleep(0.005)\n"
        "client.close()\n"
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_sandbox_loads_no_http_client() -> None:
    """A user's test suite pays milliseconds for it, not tenths."""
    done = run_alone(
        "import sys, resilient_infer.testing.sandbox\n"
        "heavy = {'requests', 'urllib3', 'yaml', 'asyncio', 'huggingface_hub', 'pybreaker', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process there")
def test_the_module_serves_until_ctrl_c() -> None:
    """It prints one URL of each kind, and leaves quietly."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-X", "dev", "-m", "resilient_infer.testing.sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith(KINDS[-1]):
            lines.append(program.stdout.readline())
        program.send_signal(signal.SIGINT)
        rest, complaints = program.communicate(timeout=10)

    assert [line.split()[0] for line in lines if "http" in line] == list(KINDS)
    assert (program.returncode, rest.splitlines()[-1], complaints) == (0, "bye", "")


def test_a_connection_closed_while_idle_is_not_missed(server: Server) -> None:
    """The server that closes idle connections serves new ones as before."""
    server.fail(CloseIdle())

    assert [classify(server).status for _ in range(3)] == [200, 200, 200]
