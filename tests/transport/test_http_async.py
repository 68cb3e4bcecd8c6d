"""The faults of servers and networks on event loops: each is named as the sync transport names it."""

import asyncio
import gzip
import socket
import threading
import tracemalloc
from time import monotonic
from typing import Any

import pytest

from resilient_infer.core.http import FaultKind
from resilient_infer.transport.resolve import Address
from tests.sockets import closed_down_to, internet_sockets

from .asking import answer_of, fault_of
from .async_asking import Runner, ask, fault_within, loops
from .conftest import Certificates
from .stories import (
    OK,
    Server,
    Story,
    deaf_place,
    hold,
    keeps_answering,
    read_request,
    response,
    says,
)
from .test_faults import BROKEN, TIMEOUTS, bomb, declared, huge, read_nothing
from .test_http_sync import UNSENDABLE
from .test_resolve import addresses_of, resolver_of

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SQUEEZED = gzip.compress(OK * 100)
ZIPPED = "Content-Encoding: gzip"


@pytest.fixture(params=loops())
def run(request: pytest.FixtureRequest) -> Runner:
    return Runner(request.param)


@pytest.mark.parametrize("name", TIMEOUTS)
def test_dl1_every_slow_answer_ends_at_its_limit(run: Runner, name: str) -> None:
    """`call` returns or raises by `t0 + deadline + eps` for every fault, including slow-drip bodies."""
    story, phase, status = TIMEOUTS[name]
    with Server(story) as server:
        fault = run(lambda client: fault_within(client, server.url, 0.2))

    assert (fault.kind, fault.sent, fault.status) == (FaultKind.TIMEOUT, True, status)
    assert fault.reason == f"127.0.0.1:{server.port}: no answer within 0.2 s ({phase})"


def test_dl1_a_server_that_does_not_read_ends_at_the_limit(run: Runner) -> None:
    with Server(lambda sock, visit: read_nothing(sock)) as server:
        fault = run(lambda client: fault_within(client, server.url, 0.15, body=b"x" * 30_000_000))

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, True)
    assert "sending the request" in fault.reason


def test_dl1_a_host_that_never_accepts_ends_at_the_limit(run: Runner) -> None:
    with deaf_place() as (host, port):
        fault = run(lambda client: fault_within(client, f"http://{host}:{port}/", 0.15))

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)
    assert "connecting" in fault.reason


def test_dl8_a_living_address_behind_a_dead_one_is_reached_in_time(run: Runner) -> None:
    with deaf_place() as dead, Server(keeps_answering) as server:
        resolver = resolver_of(lambda host, port: addresses_of(dead, ("127.0.0.1", server.port)))
        answer = answer_of(run(lambda client: ask(client, "http://two.example/", 0.6), resolver=resolver))

    assert answer.body == b"1"


def test_dl8_a_slow_name_server_costs_no_more_than_the_limit(run: Runner) -> None:
    asleep = threading.Event()

    def slow(host: str, port: int) -> list[Address]:
        asleep.wait(3)
        return addresses_of(("127.0.0.1", port))

    fault = run(lambda client: fault_within(client, "http://slow.example/", 0.15), resolver=resolver_of(slow))
    asleep.set()

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)
    assert "looking up the name" in fault.reason


def test_a_name_that_is_not_known_is_unreachable(run: Runner) -> None:
    def unknown(host: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    fault = fault_of(
        run(lambda client: ask(client, "http://nowhere.example/"), resolver=resolver_of(unknown))
    )

    assert (fault.kind, fault.sent) == (FaultKind.UNREACHABLE, False)
    assert fault.reason == "nowhere.example:80: the name was not resolved (Name or service not known)"


HEADERS_ONLY = ("bad chunk", "reset in the headers")
"""aiohttp takes head and body of one packet together, and tells nothing of headers that were reset."""


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_named_for_what_it_is(run: Runner, name: str) -> None:
    story, kind, status = BROKEN[name]

    async def act(client: Any) -> None:
        fault = await fault_within(client, server.url, 2.0)
        assert (fault.kind, fault.sent) == (kind, True)
        assert fault.status == (None if name in HEADERS_ONLY else status)
        assert fault.reason.startswith(f"127.0.0.1:{server.port}: ")
        if "gzip" in name or "coding" in name:
            return  # all bytes of the answer came: the connection itself is sound and is kept
        assert answer_of(await ask(client, server.url)).body == b"2"

    with Server(story, keeps_answering) as server:
        run(act)


def test_chunks_that_break_after_the_headers_came_are_garbled(run: Runner) -> None:
    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(CHUNKED + b"2\r\nab\r\n")
        threading.Event().wait(0.03)
        sock.sendall(b"zz\r\nab\r\n")
        hold(sock)

    with Server(story) as server:
        began = monotonic()
        fault = run(lambda client: fault_within(client, server.url, 5.0))

    assert monotonic() - began < 1.0
    assert (fault.kind, fault.status) == (FaultKind.GARBLED, 200)
    assert fault.reason.endswith("the answer's chunked coding is broken")


def test_an_answer_cut_inside_its_headers_is_cut(run: Runner) -> None:
    with Server(says(b"HTTP/1.1 200 OK\r\nContent-Ty")) as server:
        fault = run(lambda client: fault_within(client, server.url, 1.0))

    assert (fault.kind, fault.sent, fault.status) == (FaultKind.CUT, True, 200)
    assert fault.reason.endswith("the connection ended inside the headers")


def test_a_refused_connection_is_unreachable_at_once(run: Runner) -> None:
    with Server(keeps_answering) as server:
        port = server.port
    fault = run(lambda client: fault_within(client, f"http://127.0.0.1:{port}/", 0.1))

    assert (fault.kind, fault.sent) == (FaultKind.UNREACHABLE, False)
    assert fault.reason == f"127.0.0.1:{port}: connection refused"


def test_a_kept_alive_connection_that_was_closed_is_stale_and_a_new_one_serves(run: Runner) -> None:
    """Nothing is sent again by itself, not even a GET."""

    async def act(client: Any) -> None:
        for method in ("POST", "GET"):
            assert answer_of(await ask(client, server.url, fresh=True)).body == OK
            fault = fault_of(await ask(client, server.url, method=method))
            assert (fault.kind, fault.sent) == (FaultKind.STALE, True)
            assert fault.reason.endswith("the kept-alive connection had been closed")

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(response())
        read_request(sock)

    with Server(story) as server:
        run(act)
        assert server.visits == 2


def test_a_fresh_connection_is_a_new_one_and_is_kept(run: Runner) -> None:
    async def act(client: Any) -> list[bytes]:
        return [answer_of(await ask(client, server.url, fresh=fresh)).body for fresh in (0, 0, 1, 0)]

    with Server(keeps_answering) as server:
        assert run(act) == [b"1", b"1", b"2", b"2"]


@pytest.mark.parametrize("story", [huge, bomb, declared])
def test_an_answer_over_the_cap_stops_there_in_time_and_memory(run: Runner, story: Story) -> None:
    async def act(client: Any) -> Any:
        await ask(client, server.url, 0.01)
        tracemalloc.start()
        fault = await fault_within(client, server.url, 3.0, max_response=500_000)
        return fault, tracemalloc.get_traced_memory()[1]

    with Server(story) as server:
        fault, peak = run(act)
        tracemalloc.stop()

    assert (fault.kind, fault.sent, fault.status) == (FaultKind.OVERSIZED, True, 200)
    assert "500000 bytes" in fault.reason
    assert peak < 12_000_000  # the scripted server's own megabytes are in it


def test_an_answer_of_exactly_the_cap_is_whole(run: Runner) -> None:
    with Server(says(response(b"a" * 1000))) as server:
        answer = answer_of(run(lambda client: ask(client, server.url, max_response=1000)))

    assert len(answer.body) == 1000


def test_an_answer_arrives_whole_with_lower_case_joined_headers(run: Runner) -> None:
    with Server(says(response(OK, "X-Request-Id: r-1", "Warning: a", "WARNING: b"))) as server:
        answer = answer_of(run(lambda client: ask(client, server.url)))

    assert (answer.status, answer.body, answer.framed) == (200, OK, True)
    assert answer.headers["x-request-id"] == "r-1"
    assert answer.headers["warning"] == "a, b"


def test_the_request_is_sent_as_given(run: Runner) -> None:
    seen: list[bytes] = []

    def story(sock: socket.socket, visit: int) -> None:
        for _ in range(2):
            seen.append(read_request(sock))
            sock.sendall(response(OK, "Set-Cookie: a=b"))

    async def act(client: Any) -> None:
        for key in ("k-1", "k-2"):
            extra = (("Idempotency-Key", key), ("content-type", "text/plain"))
            answer_of(await ask(client, server.url, call_headers=extra))

    with Server(story) as server:
        run(act)

    for sent, key in zip(seen, (b"k-1", b"k-2"), strict=True):
        head, _, body = sent.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/models?key=querysecret HTTP/1.1\r\n")
        assert body == b'{"inputs": "bodysecret"}'
        assert b"Authorization: Bearer hf_topsecret" in head
        assert key in head
        assert head.lower().count(b"content-type") == head.lower().count(b"content-length") == 1
        assert b"text/plain" in head
        assert b"Accept-Encoding: gzip, deflate\r\n" in head
        assert b"cookie" not in head.lower()


def test_a_login_in_the_url_is_sent_unless_there_is_a_credential(run: Runner) -> None:
    seen: list[bytes] = []

    def story(sock: socket.socket, visit: int) -> None:
        for _ in range(2):
            seen.append(read_request(sock))
            sock.sendall(response())

    async def act(client: Any) -> None:
        url = server.url.replace("//", "//user:pass%20word@")
        answer_of(await ask(client, url))
        answer_of(await ask(client, url, headers=(("X-A", "b"),)))

    with Server(story) as server:
        run(act)

    assert b"Authorization: Bearer hf_topsecret" in seen[0]
    assert b"Authorization: Basic dXNlcjpwYXNzIHdvcmQ=" in seen[1]
    assert all(b"user:" not in each for each in seen)


def test_a_large_body_arrives_whole(run: Runner) -> None:
    seen: list[bytes] = []

    def story(sock: socket.socket, visit: int) -> None:
        seen.append(read_request(sock))
        sock.sendall(response())

    body = bytes(range(256)) * 20_000
    with Server(story) as server:
        answer_of(run(lambda client: ask(client, server.url, body=body)))

    assert seen[0].endswith(b"\r\n\r\n" + body)
    assert b"chunked" not in seen[0][:2000].lower()


def test_chunked_and_compressed_answers_are_decoded_and_keep_the_connection(run: Runner) -> None:
    pieces = b"".join(b"%x\r\n%b\r\n" % (1, SQUEEZED[i : i + 1]) for i in range(len(SQUEEZED)))
    chunked = CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n" + pieces + b"0\r\n\r\n"

    async def act(client: Any) -> list[Any]:
        return [answer_of(await ask(client, server.url)) for _ in range(3)]

    with Server(says(chunked, response(SQUEEZED, ZIPPED), response())) as server:
        answers = run(act)

    assert [answer.body for answer in answers] == [OK * 100, OK * 100, OK]
    assert all(answer.framed for answer in answers)
    assert server.visits == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_status_without_a_body_is_framed_and_keeps_the_connection(run: Runner, status: str) -> None:
    async def act(client: Any) -> list[Any]:
        return [answer_of(await ask(client, server.url)) for _ in range(2)]

    with Server(says(f"HTTP/1.1 {status}\r\n\r\n".encode(), response())) as server:
        first, second = run(act)

    assert (first.status, first.body, first.framed, second.body) == (int(status[:3]), b"", True, OK)
    assert server.visits == 1


def test_interim_answers_are_skipped_and_a_redirect_is_not_followed(run: Runner) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    away = response(b"", "Location: http://127.0.0.1:9/", status="307 Temporary Redirect")

    async def act(client: Any) -> list[Any]:
        return [answer_of(await ask(client, server.url)) for _ in range(2)]

    with Server(says(interim + response(b"first"), away)) as server:
        answers = run(act)

    assert [(answer.status, answer.body) for answer in answers] == [(200, b"first"), (307, b"")]


def test_an_answer_given_before_the_request_was_read_is_still_read(run: Runner) -> None:
    def refuses(sock: socket.socket, visit: int) -> None:
        sock.recv(1000)
        sock.sendall(response(b"too large", status="413 Content Too Large"))
        hold(sock)

    with Server(refuses) as server:
        answer = answer_of(run(lambda client: ask(client, server.url, body=b"x" * 5_000_000)))

    assert answer.status == 413


def test_a_server_that_refuses_a_request_and_reads_no_more_of_it_leaves_no_connection_open(
    run: Runner,
) -> None:
    before, over = internet_sockets(), threading.Event()

    async def act(client: Any) -> None:
        assert answer_of(await ask(client, server.url, body=b"x" * 20_000_000)).status == 413
        for _ in range(3):
            await asyncio.sleep(0)
        assert closed_down_to(before, and_more=2)  # the server's own

    def refuses(sock: socket.socket, visit: int) -> None:
        sock.recv(1000)
        sock.sendall(response(b"too large", status="413 Content Too Large"))
        over.wait(5)

    with Server(refuses) as server:
        try:
            run(act)
        finally:
            over.set()


@pytest.mark.parametrize("timeout", [0.0, -1.0, 1e-9])
def test_no_time_left_sends_nothing(run: Runner, timeout: float) -> None:
    with Server(keeps_answering) as server:
        fault = fault_of(run(lambda client: ask(client, server.url, timeout)))

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)


def test_a_very_long_timeout_is_no_error(run: Runner) -> None:
    with Server(keeps_answering) as server:
        assert answer_of(run(lambda client: ask(client, server.url, 1e12))).status == 200


@pytest.mark.parametrize("name", UNSENDABLE)
def test_what_cannot_be_sent_is_rejected_and_not_raised(run: Runner, name: str) -> None:
    changes: dict[str, Any] = {"url": "http://127.0.0.1:9/"} | UNSENDABLE[name]
    fault = fault_of(run(lambda client: ask(client, **changes)))

    assert not fault.sent
    assert fault.kind is FaultKind.REJECTED


# TLS


def test_a_server_with_a_trusted_certificate_is_asked(run: Runner, trusted: Certificates) -> None:
    async def act(client: Any) -> list[bytes]:
        return [answer_of(await ask(client, server.url)).body for _ in range(2)]

    with Server(keeps_answering, tls=trusted.server) as server:
        assert run(act) == [b"1", b"1"]


def test_an_unknown_authority_and_another_host_s_certificate_are_rejected(
    run: Runner, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(keeps_answering, tls=certificates.server) as server:
        unknown = fault_of(run(lambda client: ask(client, server.url)))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle))
    with Server(keeps_answering, tls=certificates.elsewhere) as server:
        foreign = fault_of(run(lambda client: ask(client, server.url)))

    for fault in (unknown, foreign):
        assert (fault.kind, fault.sent) == (FaultKind.REJECTED, False)
        assert "the certificate was not accepted: " in fault.reason


def test_a_server_that_speaks_no_tls_is_unreachable(run: Runner) -> None:
    with Server(lambda sock, visit: sock.sendall(b"220 mail.example\r\n")) as server:
        url = server.url.replace("http:", "https:")
        fault = run(lambda client: fault_within(client, url, 1.0))

    assert (fault.kind, fault.sent) == (FaultKind.UNREACHABLE, False)
    assert "TLS handshake broke off" in fault.reason
