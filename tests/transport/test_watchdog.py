"""Limits end when they are due, once, and leave nothing behind."""

import socket
import threading
from collections.abc import Iterator
from math import inf
from time import monotonic

import pytest

from resilient_infer.transport.watchdog import Ended, Ending, Limit, Watchdog

from .asking import ALLOWANCE


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_dl8_a_blocked_read_is_woken_at_the_limit_and_marked_expired(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """At the limit the watchdog sets the attempt's `expired` flag, then calls shutdown, never close."""
    ours, _ = pair
    limit = Limit(0.05)
    limit.arm(ours)
    Watchdog().watch(limit)
    started = monotonic()

    assert ours.recv(1) == b""
    assert 0.04 < monotonic() - started < 0.05 + ALLOWANCE
    assert limit.ended is Ending.EXPIRED
    assert ours.fileno() >= 0
    assert not limit.finish()


def test_dl8_a_finished_limit_never_touches_its_connection_again(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """Whoever takes the connection from the pool next is safe from the limit before."""
    ours, theirs = pair
    limit = Limit(0.01)
    limit.arm(ours)

    assert limit.finish()
    limit.end(Ending.EXPIRED)
    theirs.sendall(b"x")
    assert ours.recv(1) == b"x"
    assert limit.ended is None


def test_a_limit_armed_too_late_refuses_and_keeps_no_descriptor(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    limit = Limit(10)
    limit.end(Ending.CLOSED)
    with pytest.raises(Ended):
        limit.arm(pair[0])

    assert not limit.armed
    assert limit.left() == 0


def test_arming_anew_lets_the_connection_before_go(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    limit = Limit(10)
    limit.arm(ours)
    limit.arm(theirs)
    limit.end(Ending.CLOSED)

    assert theirs.recv(1) == b""
    limit.finish()


def test_limits_end_in_order_of_time_whatever_order_they_came_in() -> None:
    watchdog, ended = Watchdog(), []

    class Told(Limit):
        def end(self, why: Ending) -> None:
            ended.append(self.length)
            last.set() if len(ended) == 3 else None

    last = threading.Event()
    for length in (0.06, 0.02, 0.04):
        watchdog.watch(Told(length))

    assert last.wait(1)
    assert ended == [0.02, 0.04, 0.06]


def test_dl8_finished_limits_leave_no_trace() -> None:
    """Stale 30 s entries at 1,000 calls/s are a leak."""
    watchdog = Watchdog()
    for _ in range(2000):
        limit = Limit(30)
        watchdog.watch(limit)
        watchdog.forget(limit)
        watchdog.forget(limit)

    assert not watchdog._live


def test_closing_an_owner_ends_its_limits_and_no_others() -> None:
    watchdog, mine, yours = Watchdog(), object(), object()
    limits = [Limit(30, owner=owner) for owner in (mine, yours, mine)]
    for limit in limits:
        watchdog.watch(limit)
    watchdog.end_all(mine)

    assert [limit.ended for limit in limits] == [Ending.CLOSED, None, Ending.CLOSED]


def test_one_thread_is_enough_and_none_is_started_for_nothing() -> None:
    before = threading.active_count()
    watchdog = Watchdog()
    assert threading.active_count() == before
    for _ in range(50):
        watchdog.watch(Limit(inf))

    assert threading.active_count() == before + 1


def test_ts2_a_forked_child_starts_a_watchdog_of_its_own() -> None:
    """Locks, sessions and the watchdog are recreated in the child."""
    watchdog = Watchdog()
    watchdog._changed.acquire()  # as another thread may hold it at the moment of the fork
    watchdog.watch(Limit(30))
    renewed = threading.Thread(target=watchdog.renew)
    renewed.start()
    renewed.join(1)

    assert not renewed.is_alive()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        limit = Limit(0.01)
        limit.arm(ours)
        watchdog.watch(limit)
        assert ours.recv(1) == b""
        limit.finish()


def test_dl8_a_machine_that_is_out_of_threads_for_a_moment_does_not_disarm_the_watchdog(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next limit starts the thread that this one could not."""

    def out_of_threads(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    watchdog = Watchdog()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", out_of_threads)
        with pytest.raises(RuntimeError):
            watchdog.watch(Limit(0.01))

    limit = Limit(0.01)
    limit.arm(pair[0])
    pair[0].settimeout(2.0)
    watchdog.watch(limit)

    assert pair[0].recv(1) == b""
    assert limit.ended is Ending.EXPIRED
    limit.finish()
