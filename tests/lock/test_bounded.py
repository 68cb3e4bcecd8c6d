"""Bounded: whatever hangs, who asked goes on in time; who asks again needs no new thread."""

import _thread
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.bounded import TookTooLong, gather, within

LONG = 30.0


def one_after_another(acts: list[Callable[[], object]]) -> list[object]:
    """Answers, or the classes of what was raised."""
    told: list[object] = []
    for act in acts:
        try:
            told.append(within(LONG, act))
        except Exception as error:
            told.append(type(error))
    return told


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


@given(wanted=st.lists(st.one_of(st.integers(), st.sampled_from([KeyError, OSError, ValueError]))))
def test_each_question_gets_its_own_answer_or_error(wanted: list[object]) -> None:
    """In the order of asking, whichever threads answer; an error leaves its thread fit for the next."""
    acts = [raising(each()) if isinstance(each, type) else lambda each=each: each for each in wanted]

    assert one_after_another(acts) == wanted


@given(count=st.integers(0, 40), jobs=st.integers(1, 8))
def test_bounded_questions_of_many_threads_are_not_mixed_up(count: int, jobs: int) -> None:
    """Each thread hears the answer to what it asked."""
    asks = [lambda number=number: within(LONG, lambda: number) for number in range(count)]

    assert gather(asks, jobs=jobs) == list(range(count))


def test_questions_one_after_another_share_a_thread() -> None:
    """To start a thread for each took as long as the requests themselves."""
    threads = {within(LONG, threading.current_thread) for _ in range(50)}

    assert len(threads) == 1
    assert threads.pop() is not threading.current_thread()


@pytest.mark.parametrize("wait", [lambda ask: within(LONG, ask), lambda ask: gather([ask], jobs=1)])
def test_ctrl_c_ends_a_wait_that_the_signal_did_not_interrupt(
    wait: Callable[[Callable[[], object]], object],
) -> None:
    """It came before the wait had begun, or to another thread; it was heard only with the answer."""
    heard = threading.Event()

    def ask() -> None:
        time.sleep(0.1)  # until the other thread waits
        _thread.interrupt_main()  # noted as a signal is, and nothing is woken
        heard.wait(LONG)

    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            wait(ask)
        assert time.monotonic() - started < 3
    finally:
        heard.set()


def test_what_hangs_is_left_behind_and_the_next_question_answered() -> None:
    """A thread that hangs gets nothing more to do until it is through; then it does again."""
    release, hung = threading.Event(), [within(LONG, threading.current_thread)]

    def hang() -> None:
        hung[0] = threading.current_thread()
        release.wait(LONG)

    with pytest.raises(TookTooLong):
        within(0.01, hang)
    others = {within(LONG, threading.current_thread) for _ in range(5)}
    release.set()

    assert hung[0] not in others
    assert hung[0].daemon
    assert not any(thread.daemon is False for thread in others)
    hung[0].join(LONG)
    assert not hung[0].is_alive()


def test_a_late_answer_is_heard_by_nobody() -> None:
    """Not by the next one who asks, either."""
    release = threading.Event()
    with pytest.raises(TookTooLong):
        within(0.01, lambda: release.wait(LONG) and "late")
    release.set()

    assert [within(LONG, lambda: "mine") for _ in range(20)] == ["mine"] * 20


def test_a_thread_with_nothing_to_do_ends() -> None:
    """A library leaves no threads behind; the next question starts one."""
    first = within(LONG, threading.current_thread)
    first.join(LONG)

    assert not first.is_alive()
    assert within(LONG, threading.current_thread) is not first


FORKED = """
import os, threading
from resilient_infer.lock.bounded import within
first = within(9, threading.get_ident)
child = os.fork()
if child == 0:
    os._exit(0 if within(9, lambda: "told") == "told" else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_asks_threads_of_its_own() -> None:
    """Those of its parent are not there, and a task given to them would never be done."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], timeout=LONG, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")


ENDING = """
import threading
from resilient_infer.lock.bounded import TookTooLong, within
within(9, int)
try:
    within(0.01, threading.Event().wait)
except TookTooLong:
    print("ends")
"""


def test_what_hangs_keeps_no_process_from_ending() -> None:
    """Nor do threads with nothing to do."""
    done = subprocess.run([sys.executable, "-c", ENDING], timeout=LONG, capture_output=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"ends\n", b"")
