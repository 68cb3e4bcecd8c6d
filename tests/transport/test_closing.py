"""Closing, forking and Ctrl-C: nothing is left behind and nobody else is harmed."""

import gc
import os
import signal
import socket
import threading
from time import monotonic

import pytest

from resilient_infer.core.http import FaultKind, HttpResponse
from resilient_infer.transport.connection import CURRENT
from resilient_infer.transport.http_sync import HttpSync
from resilient_infer.transport.watchdog import WATCHDOG

from .asking import ALLOWANCE, answer_of, ask, fault_of
from .conftest import Certificates
from .stories import OK, Server, Story, drips, hangs, hold, keeps_answering, read_request, response, says
from .test_resolve import Names, resolver_of


def descriptors() -> set[str]:
    gc.collect()
    return set(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(
    "story", [keeps_answering, hangs, says(b""), drips(b"HTTP/1.1 200 OK\r\n\r\n", b"a")]
)
def test_cx4_closing_frees_every_socket_and_leaves_only_the_watchdog(
    story: Story,
) -> None:
    """`close()`: no thread or task left (leak test)."""
    threads, before = set(threading.enumerate()), descriptors()
    with Server(story) as server:
        client = HttpSync()
        for _ in range(3):
            ask(client, server.url, 0.05)
        client.close()
        client.close()

    assert descriptors() == before
    assert CURRENT.limit is None
    assert {thread.name for thread in set(threading.enumerate()) - threads} <= {"resilient-infer-watchdog"}
    assert not WATCHDOG._live


def test_cx4_closing_with_cancel_ends_what_is_in_flight_at_once() -> None:
    """`close()`: in-flight finish or are cancelled by choice, new calls rejected."""
    client, faults = HttpSync(), []
    with Server(hangs) as server:
        threads = [
            threading.Thread(target=lambda: faults.append(fault_of(ask(client, server.url, 10))))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        while server.visits < 4:
            threading.Event().wait(0.005)
        started = monotonic()
        client.close(cancel=True)
        for thread in threads:
            thread.join()
        late = fault_of(ask(client, server.url))

    assert monotonic() - started < 0.5
    assert [fault.kind for fault in faults] == [FaultKind.LOST] * 4
    assert all("the client was closed" in fault.reason for fault in [*faults, late])
    assert not late.sent


def test_cx4_closing_without_cancel_lets_what_is_in_flight_finish() -> None:
    """`close()`: in-flight finish or are cancelled by choice."""
    asked, may_answer, answers = threading.Event(), threading.Event(), []

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        asked.set()
        may_answer.wait(5)
        sock.sendall(response())
        hold(sock)

    before = descriptors()
    with Server(story) as server:
        client = HttpSync()
        thread = threading.Thread(target=lambda: answers.append(answer_of(ask(client, server.url))))
        thread.start()
        asked.wait(5)
        client.close()
        may_answer.set()
        thread.join()

    assert answers[0].body == OK
    assert descriptors() == before


@pytest.mark.parametrize("phase", ["answer", "name"])
def test_cx1_ctrl_c_comes_through_at_once_and_frees_the_connection(phase: str) -> None:
    """KeyboardInterrupt propagates as the same object."""
    before = descriptors()
    with Server(hangs) as server:
        names = Names()
        client = HttpSync(resolver=resolver_of(names.look_up)) if phase == "name" else HttpSync()
        url = "http://slow.example/" if phase == "name" else server.url
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        started = monotonic()
        with pytest.raises(KeyboardInterrupt):
            ask(client, url, 10)
        assert monotonic() - started < 0.05 + ALLOWANCE
        timer.join()
        names.may_answer.set()
        client.close()

    assert not WATCHDOG._live
    assert descriptors() == before


@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
@pytest.mark.parametrize("secure", [False, True])
def test_ts2_a_forked_child_has_connections_of_its_own_and_harms_none(
    client: HttpSync, trusted: Certificates, secure: bool
) -> None:
    """Locks, sessions and the watchdog are recreated in the child (test: fork during a call)."""
    with (
        Server(keeps_answering, tls=trusted.server if secure else None) as server,
        Server(drips(b"HTTP/1.1 200 OK\r\nX: ", b"a")) as dripping,
    ):
        assert answer_of(ask(client, server.url)).body == b"1"
        in_flight = threading.Thread(target=ask, args=(client, dripping.url, 0.4))
        in_flight.start()
        while dripping.visits < 1:
            threading.Event().wait(0.005)
        client._lock.acquire()  # as another thread may hold it at the moment of the fork
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(5)  # a child without a watchdog would read for ever
            reception = ask(client, server.url, 2.0)
            slow = ask(client, dripping.url, 0.05)
            body = reception.body if isinstance(reception, HttpResponse) else repr(reception).encode()
            os.write(writes, body + b" " + type(slow).__name__.encode())
            os._exit(0)
        client._lock.release()
        _, status = os.waitpid(child, 0)
        os.close(writes)
        with os.fdopen(reads, "rb") as told:
            assert told.read() == b"2 TransportFault"
        assert status == 0
        assert answer_of(ask(client, server.url)).body == b"1"
        in_flight.join()


def test_ts2_renewal_takes_no_lock_that_was_held_and_closes_the_idle_copies(client: HttpSync) -> None:
    """Locks, sessions and the watchdog are recreated in the child."""
    with Server(keeps_answering) as server:
        answer_of(ask(client, server.url))
        (known,) = client._servers.values()
        idle = known.pool.pool
        assert idle is not None
        sock = next(connection.sock for connection in idle.queue if connection is not None)
        idle.mutex.acquire()
        client._lock.acquire()
        del known, idle

        def renew() -> None:
            client.renew()
            gc.collect()  # urllib3 empties a pool's queue when the pool goes

        renewing = threading.Thread(target=renew, daemon=True)
        renewing.start()
        renewing.join(2)

    assert not renewing.is_alive()
    assert sock.fileno() == -1
