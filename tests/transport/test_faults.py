"""Each fault of a server or network is named for what it is, and comes within its limit."""

import gzip
import socket
import threading
import tracemalloc
import zlib
from time import monotonic

import pytest

from resilient_infer.core.http import FaultKind
from resilient_infer.transport.http_sync import HttpSync
from resilient_infer.transport.resolve import Address

from .asking import ALLOWANCE, answer_of, ask, fault_of, fault_within
from .stories import (
    OK,
    Server,
    Story,
    deaf_place,
    drips,
    hangs,
    keeps_answering,
    read_request,
    resets,
    response,
    says,
)
from .test_resolve import addresses_of, resolver_of

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SQUEEZED = gzip.compress(OK * 100)
ZIPPED = "Content-Encoding: gzip"

TIMEOUTS = {
    "headers drip": (drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"), "waiting for headers", None),
    "header lines drip": (drips(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n"), "waiting for headers", None),
    "body drips": (drips(response(b"", length=10_000), b"a"), "reading the body", 200),
    "body without length drips": (drips(b"HTTP/1.1 200 OK\r\n\r\n", b"a"), "reading the body", 200),
    "chunks drip": (
        drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        "reading the body",
        200,
    ),
    "interim answers drip": (drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "waiting for headers", None),
    "never answers": (hangs, "waiting for headers", None),
}


@pytest.mark.parametrize("name", TIMEOUTS)
def test_dl1_every_slow_answer_ends_at_its_limit(client: HttpSync, name: str) -> None:
    """`call` returns or raises by `t0 + deadline + eps` for every fault, including slow-drip bodies."""
    story, phase, status = TIMEOUTS[name]
    with Server(story) as server:
        fault = fault_within(client, server.url, 0.2)

    assert (fault.kind, fault.sent, fault.status) == (FaultKind.TIMEOUT, True, status)
    assert fault.reason == f"127.0.0.1:{server.port}: no answer within 0.2 s ({phase})"


def test_dl1_a_server_that_does_not_read_ends_at_the_limit(client: HttpSync) -> None:
    with Server(lambda sock, visit: read_nothing(sock)) as server:
        fault = fault_within(client, server.url, 0.15, body=b"x" * 30_000_000)

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, True)


def read_nothing(sock: socket.socket) -> None:
    threading.Event().wait(0.4)


def test_dl1_a_host_that_never_accepts_ends_at_the_limit(client: HttpSync) -> None:
    with deaf_place() as (host, port):
        fault = fault_within(client, f"http://{host}:{port}/", 0.15)

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)
    assert "connecting" in fault.reason


def test_dl8_six_dead_addresses_share_one_limit() -> None:
    """Tries all addresses within ONE limit."""
    with deaf_place() as place:
        client = HttpSync(resolver=resolver_of(lambda host, port: addresses_of(*[place] * 6)))
        fault = fault_within(client, "http://six.example/", 0.3)
        client.close()

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)


def test_dl8_a_living_address_behind_a_dead_one_is_reached_in_time() -> None:
    with deaf_place() as dead, Server(keeps_answering) as server:
        living = ("127.0.0.1", server.port)
        client = HttpSync(resolver=resolver_of(lambda host, port: addresses_of(dead, living)))
        answer = answer_of(ask(client, "http://two.example/", 0.4))
        client.close()

    assert answer.body == b"1"


def test_dl8_a_slow_name_server_costs_no_more_than_the_limit() -> None:
    """A 3 s `getaddrinfo` runs its 3 s: resolves on a daemon thread, waited for at most the time left."""
    asleep = threading.Event()

    def slow(host: str, port: int) -> list[Address]:
        asleep.wait(3)
        return addresses_of(("127.0.0.1", port))

    client = HttpSync(resolver=resolver_of(slow))
    fault = fault_within(client, "http://slow.example/", 0.15)
    asleep.set()
    client.close()

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)
    assert "looking up the name" in fault.reason


BROKEN = {
    "no answer": (says(b""), FaultKind.LOST, None),
    "reset before an answer": (resets(), FaultKind.LOST, None),
    "reset in the headers": (resets(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"), FaultKind.LOST, None),
    "cut in the status line": (says(b"HTTP/1.1 20"), FaultKind.LOST, None),
    "cut in the body": (says(response(OK, length=100)), FaultKind.CUT, 200),
    "reset in the body": (resets(response(OK, length=100)), FaultKind.CUT, 200),
    "reset in an unframed body": (resets(b"HTTP/1.1 200 OK\r\n\r\nabc"), FaultKind.CUT, 200),
    "cut in the headers after the length": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"),
        FaultKind.CUT,
        200,
    ),
    "cut in a chunk": (says(CHUNKED + b"5\r\nab"), FaultKind.CUT, 200),
    "cut between chunks": (says(CHUNKED + b"2\r\nab\r\n"), FaultKind.CUT, 200),
    "bad chunk": (says(CHUNKED + b"zz\r\nab\r\n"), FaultKind.GARBLED, 200),
    "bad gzip": (says(response(b"\x1f\x8bnot gzip", ZIPPED)), FaultKind.GARBLED, 200),
    "short gzip": (says(response(SQUEEZED[:-9], ZIPPED)), FaultKind.CUT, 200),
    "foreign coding": (says(response(b"abc", "Content-Encoding: br")), FaultKind.GARBLED, 200),
    "not http": (says(b"SSH-2.0-OpenSSH_9.9\r\n"), FaultKind.GARBLED, None),
    "status without number": (says(b"HTTP/1.1 fine\r\n\r\n"), FaultKind.GARBLED, None),
    "endless header line": (
        says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"),
        FaultKind.GARBLED,
        None,
    ),
    "two lengths": (says(response(OK, "Content-Length: 7")), FaultKind.GARBLED, None),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_named_for_what_it_is(client: HttpSync, name: str) -> None:
    story, kind, status = BROKEN[name]
    with Server(story, keeps_answering) as server:
        fault = fault_within(client, server.url, 2.0)
        assert (fault.kind, fault.sent, fault.status) == (kind, True, status)
        assert fault.reason.startswith(f"127.0.0.1:{server.port}: ")
        if "gzip" in name:
            return  # all bytes of the answer came: the connection itself is sound and is kept
        assert answer_of(ask(client, server.url)).body == b"2"


def test_a_refused_connection_is_unreachable_at_once(client: HttpSync) -> None:
    with Server(keeps_answering) as server:
        port = server.port
    started = monotonic()
    fault = fault_of(ask(client, f"http://127.0.0.1:{port}/"))

    assert (fault.kind, fault.sent) == (FaultKind.UNREACHABLE, False)
    assert fault.reason == f"127.0.0.1:{port}: connection refused"
    assert monotonic() - started < ALLOWANCE


def huge(sock: socket.socket, visit: int) -> None:
    read_request(sock)
    sock.sendall(CHUNKED)
    piece = b"%x\r\n%b\r\n" % (1_000_000, b"a" * 1_000_000)
    for _ in range(100):
        sock.sendall(piece)


def bomb(sock: socket.socket, visit: int) -> None:
    read_request(sock)
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    squeezed = b"".join(squeezer.compress(b"\0" * 1_000_000) for _ in range(100)) + squeezer.flush()
    sock.sendall(response(squeezed, ZIPPED))
    sock.recv(1)


def declared(sock: socket.socket, visit: int) -> None:
    read_request(sock)
    sock.sendall(response(b"a" * 2_000_000, length=100_000_000))
    sock.recv(1)


@pytest.mark.parametrize("story", [huge, bomb, declared])
def test_an_answer_over_the_cap_stops_there_in_time_and_memory(client: HttpSync, story: Story) -> None:
    with Server(story) as server:
        ask(client, server.url, 0.01)
        tracemalloc.start()
        fault = fault_within(client, server.url, 3.0, max_response=500_000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (fault.kind, fault.sent, fault.status) == (FaultKind.OVERSIZED, True, 200)
    assert "500000 bytes" in fault.reason
    assert peak < 12_000_000  # the scripted server's own megabytes are in it


def test_an_answer_of_exactly_the_cap_is_whole(client: HttpSync) -> None:
    with Server(says(response(b"a" * 1000))) as server:
        assert len(answer_of(ask(client, server.url, max_response=1000)).body) == 1000
