"""Sleeps that end early: by a called ticket, by closing, and never by anything else."""

import os
import threading
import time
from collections.abc import Callable

import pytest

from resilient_infer.core.gates import Ticket
from resilient_infer.drivers.sleepers import Sleepers

LONG = 30.0
"""Seconds; a test that sleeps them out has failed."""


def timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def asleep(sleepers: Sleepers, *tickets: Ticket) -> threading.Thread:
    """A thread that sleeps already."""
    thread = threading.Thread(target=sleepers.sleep, args=(LONG, tickets), daemon=True)
    thread.start()
    while not sleepers._asleep:
        time.sleep(0.0005)
    return thread


def test_a_sleep_takes_its_time_and_leaves_nothing_behind() -> None:
    """Not shorter than asked for."""
    sleepers = Sleepers()

    assert timed(lambda: sleepers.sleep(0.01)) >= 0.01
    assert not sleepers._asleep


def test_a_called_ticket_ends_the_sleep() -> None:
    """`Wait(until, tickets)` ends early when one of them is called."""
    sleepers, one, other = Sleepers(), Ticket(), Ticket()
    thread = asleep(sleepers, one, other)

    other.called = True
    other.wake()

    thread.join(1.0)
    assert not thread.is_alive()


def test_a_ticket_called_before_the_sleep_is_not_missed() -> None:
    """The call may come between the gate's refusal and the sleep."""
    ticket = Ticket()
    ticket.called = True

    assert timed(lambda: Sleepers().sleep(LONG, (ticket,))) < 1.0


def test_cx2_closing_wakes_everyone_within_50_ms() -> None:
    """Sync sleep is `Event.wait`, so `close()` interrupts it."""
    sleepers = Sleepers()
    threads = [asleep(sleepers) for _ in range(4)]

    def close() -> None:
        sleepers.close()
        for thread in threads:
            thread.join(1.0)

    assert timed(close) < 0.05 * 5  # five threads share two busy processors
    assert not any(thread.is_alive() for thread in threads)


def test_who_is_closed_sleeps_no_more() -> None:
    """A second close changes nothing."""
    sleepers = Sleepers()
    sleepers.close()
    sleepers.close()

    assert timed(lambda: sleepers.sleep(LONG)) < 1.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_ts2_a_forked_child_sleeps_and_closes_although_the_parent_held_the_lock() -> None:
    """Locks are recreated in the child; who slept in the parent is not there."""
    sleepers = Sleepers()
    held = sleepers._lock
    with held:
        child = os.fork()
        if child == 0:
            sleepers.sleep(0.001)
            sleepers.close()
            os._exit(7 if sleepers.closed and sleepers._lock is not held else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 7
    assert not sleepers.closed
