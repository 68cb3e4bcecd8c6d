"""Connections are kept, renewed, verified, and held to the limit from their first moment."""

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resilient_infer.core.http import FaultKind
from resilient_infer.transport.connection import CURRENT, ONE_WRITE, LimitedConnection, LimitedPool
from resilient_infer.transport.http_sync import HttpSync
from resilient_infer.transport.watchdog import Ending, Limit

from .asking import answer_of, ask, fault_of, fault_within
from .conftest import Certificates
from .stories import OK, Server, Story, drips, hold, keeps_answering, read_request, resets, response, says


@pytest.mark.parametrize("last", [lambda sock, visit: read_request(sock), resets()])
def test_a_kept_alive_connection_that_ends_before_any_byte_is_stale(client: HttpSync, last: Story) -> None:
    def story(sock: socket.socket, visit: int) -> None:
        says(response())(sock, visit)
        last(sock, visit)

    with Server(story, keeps_answering) as server:
        answer_of(ask(client, server.url))
        fault = fault_of(ask(client, server.url))
        again = answer_of(ask(client, server.url, fresh=True))

    assert (fault.kind, fault.sent) == (FaultKind.STALE, True)
    assert again.body == b"2"


def test_a_reused_connection_that_fails_after_a_byte_is_lost_not_stale(client: HttpSync) -> None:
    with Server(says(response(), b"HTTP/1.1 2")) as server:
        answer_of(ask(client, server.url))
        fault = fault_of(ask(client, server.url))

    assert (fault.kind, fault.sent) == (FaultKind.LOST, True)


def test_a_connection_closed_while_idle_is_replaced_unnoticed(client: HttpSync) -> None:
    with Server(says(response(b"1")), keeps_answering) as server:
        answer_of(ask(client, server.url))
        threading.Event().wait(0.02)
        assert answer_of(ask(client, server.url)).body == b"2"


def test_fresh_uses_a_new_connection_and_keeps_it(client: HttpSync) -> None:
    with Server(keeps_answering) as server:
        bodies = [
            answer_of(ask(client, server.url, fresh=fresh)).body for fresh in (False, False, True, False)
        ]

    assert bodies == [b"1", b"1", b"2", b"2"]


def test_64_threads_keep_64_connections_and_no_more(client: HttpSync) -> None:
    together = threading.Barrier(64)
    statuses: list[int] = []

    def work(url: str) -> None:
        together.wait()
        statuses.extend(answer_of(ask(client, url)).status for _ in range(5))

    with Server(keeps_answering) as server:
        for _ in range(2):
            threads = [threading.Thread(target=work, args=(server.url,)) for _ in range(64)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    assert statuses == [200] * 640
    assert server.visits <= 64


class Noting(socket.socket):
    """Remembers each write instead of making it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]  # what urllib3 writes
        self.writes.append(data)


@pytest.mark.parametrize(
    ("size", "writes"), [(0, 1), (1, 1), (200, 1), (ONE_WRITE, 1), (ONE_WRITE + 1, 2), (1_000_000, 2)]
)
def test_a_small_body_leaves_with_the_head_in_one_write(size: int, writes: int) -> None:
    body = b"x" * size
    with Noting() as sock, written_by(sock) as connection:
        connection.request("POST", "/", body or None, {"Content-Length": str(size)})

    assert len(sock.writes) == writes
    head, end, sent = b"".join(sock.writes).partition(b"\r\n\r\n")
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    assert (end, sent) == (b"\r\n\r\n", body)


def test_what_is_written_after_a_request_that_broke_off_is_not_kept_back() -> None:
    with Noting() as sock, written_by(sock) as connection:
        with pytest.raises(ValueError, match="header"):
            connection.request("POST", "/", b"body", {"Bad": "line\nbreak"})
        connection.send(b"CONNECT")

    assert sock.writes == [b"CONNECT"]


@contextmanager
def written_by(sock: socket.socket) -> Iterator[LimitedConnection]:
    """A connection that stands, by way of `sock`."""
    connection = LimitedConnection("127.0.0.1", 80)
    connection.sock = sock
    CURRENT.limit = Limit(10.0)
    try:
        yield connection
    finally:
        CURRENT.limit.finish()
        CURRENT.limit = None


def test_a_redirect_is_an_answer_and_nothing_is_sent_on(client: HttpSync) -> None:
    with Server(keeps_answering) as elsewhere:
        move = response(b"", f"Location: {elsewhere.url}", status="307 Temporary Redirect")
        with Server(says(move)) as server:
            answer = answer_of(ask(client, server.url))

    assert (answer.status, answer.headers["location"]) == (307, elsewhere.url)
    assert elsewhere.visits == 0


def test_neither_netrc_nor_cookies_nor_a_login_in_the_url_touch_the_request(
    client: HttpSync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password somethingelse\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    seen: list[bytes] = []

    def story(sock: socket.socket, visit: int) -> None:
        while True:
            seen.append(read_request(sock))
            sock.sendall(response(OK, "Set-Cookie: session=abc; Path=/"))

    with Server(story) as server:
        answer_of(ask(client, server.url, headers=()))
        for url in (server.url, server.url, server.url.replace("127", "user:pass@127")):
            answer_of(ask(client, url))

    assert b"authorization" not in seen[0].lower()
    assert all(b"Authorization: Bearer hf_topsecret\r\n" in request for request in seen[1:])
    assert not any(b"cookie" in request.lower() for request in seen)


def test_dl8_a_drip_on_a_kept_alive_connection_ends_at_the_limit(client: HttpSync) -> None:
    """A reused connection registers its socket when the request starts."""

    def story(sock: socket.socket, visit: int) -> None:
        says(response())(sock, visit)
        drips(b"HTTP/1.1 200 OK\r\nX: ", b"a")(sock, visit)

    with Server(story) as server:
        answer_of(ask(client, server.url))
        fault = fault_within(client, server.url, 0.15)

    assert (fault.kind, fault.sent, server.visits) == (FaultKind.TIMEOUT, True, 1)


def test_small_packets_are_not_held_back(client: HttpSync) -> None:
    with Server(keeps_answering) as server:
        answer_of(ask(client, server.url))
        (known,) = client._servers.values()
        idle = [connection for connection in known.pool.pool.queue if connection is not None]

    assert [connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for connection in idle] == [1]


class Spy:
    """Stands for a connection that is given back."""

    closed = False
    limit: Limit | None = None

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("late", [False, True])
def test_dl8_a_connection_whose_limit_has_ended_never_goes_back_to_the_pool_open(late: bool) -> None:
    """At the limit the watchdog shuts down the socket, and nobody else may be using it by then."""
    pool, spy, limit = LimitedPool("127.0.0.1", 9, maxsize=2), Spy(), Limit(10)
    assert pool.pool is not None
    pool.pool.get()  # the place the connection was taken from
    if late:
        limit.end(Ending.EXPIRED)
    spy.limit = limit
    pool._put_conn(spy)

    assert spy.closed is late
    assert limit.finish() is not late
    pool.pool = None


def test_cx4_a_connection_given_back_while_the_pool_closes_is_closed() -> None:
    """`close()`: nothing is left, whatever it comes between."""
    pool, spy = LimitedPool("127.0.0.1", 9), Spy()

    class Closing(queue.LifoQueue[object]):
        def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
            pool.close()
            super().put(item, block, timeout)

    pool.pool = Closing()
    pool._put_conn(spy)

    assert spy.closed


def test_tls_answers_are_verified_against_the_environments_bundle(
    client: HttpSync, trusted: Certificates
) -> None:
    with Server(keeps_answering, tls=trusted.server) as server:
        bodies = [answer_of(ask(client, server.url)).body for _ in range(3)]

    assert bodies == [b"1"] * 3


def test_an_unknown_authority_or_another_hosts_certificate_is_rejected(
    client: HttpSync, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(keeps_answering, tls=certificates.server) as server:
        unknown = fault_of(ask(client, server.url))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle))
    with Server(keeps_answering, tls=certificates.elsewhere) as server:
        mismatch = fault_of(ask(client, server.url))

    for fault in (unknown, mismatch):
        assert (fault.kind, fault.sent) == (FaultKind.REJECTED, False)
        assert "certificate" in fault.reason


def test_a_bad_bundle_is_rejected_naming_variable_and_path(
    client: HttpSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    fault = fault_of(ask(client, "https://127.0.0.1:9/"))

    assert fault.kind is FaultKind.REJECTED
    assert "REQUESTS_CA_BUNDLE=/nowhere/bundle.pem" in fault.reason


def test_dl8_a_tls_handshake_that_stalls_ends_at_the_limit(client: HttpSync, trusted: Certificates) -> None:
    """Registers the raw socket with one watchdog before TLS starts."""
    with Server(lambda sock, visit: hold(sock)) as server:
        fault = fault_within(client, server.url.replace("http:", "https:"), 0.15)

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)
    assert "opening the secure connection" in fault.reason


def test_dl8_a_tls_handshake_that_drips_ends_at_the_limit(client: HttpSync, trusted: Certificates) -> None:
    def story(sock: socket.socket, visit: int) -> None:
        sock.recv(10_000)
        sock.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KiB
        pause = threading.Event()
        while not pause.wait(0.005):
            sock.sendall(b"\0")

    with Server(story) as server:
        fault = fault_within(client, server.url.replace("http:", "https:"), 0.15)

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", response(b"", length=10_000)])
def test_dl8_drips_over_tls_end_at_the_limit(client: HttpSync, trusted: Certificates, start: bytes) -> None:
    """Seen on plain and TLS sockets: shutdown wakes a blocked read."""
    with Server(drips(start, b"a"), tls=trusted.server) as server:
        fault = fault_within(client, server.url, 0.2)

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, True)


def test_a_handshake_that_breaks_off_is_unreachable(client: HttpSync, trusted: Certificates) -> None:
    with Server(lambda sock, visit: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        fault = fault_of(ask(client, server.url.replace("http:", "https:")))

    assert (fault.kind, fault.sent) == (FaultKind.UNREACHABLE, False)
