"""Bounded: at most so long, and so many at a time, whatever hangs.

Threads are daemons: one that hangs in a read that nothing can interrupt is
left behind, and does not keep the process from ending.
"""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic
from typing import Final, TypeVar

T = TypeVar("T")

_IDLE: Final = 1.0
"""Seconds that a thread waits for its next task before it ends; to start one takes as long as a request."""

_LOOK: Final = 0.2
"""Seconds that a wait lasts before it begins anew.

Python acts on Ctrl-C when a wait is interrupted or ends. A signal that comes in the moment
before a wait has begun does not interrupt it, and none does that another thread received.
"""

_Tasks = queue.SimpleQueue[Callable[[], None]]

_idle: Final[deque[_Tasks]] = deque()
"""Where each thread that has nothing to do takes its next task from."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # the threads stay with the parent


class TookTooLong(Exception):
    """The time was up; what was asked goes on unheard."""


def within(seconds: float, act: Callable[[], T]) -> T:
    """What `act` returns or raises, if it does so in time.

    Raises:
        TookTooLong: It did not. Its thread takes no other task before it is through.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
    tasks = _take()

    def answer() -> None:
        try:
            said: tuple[T | None, BaseException | None] = (act(), None)
        except BaseException as error:
            said = (None, error)
        _idle.append(tasks)  # first: who has the answer may ask again at once
        answers.put(said)

    tasks.put(answer)
    try:
        value, error = _next(answers, until=monotonic() + seconds)
    except queue.Empty:
        raise TookTooLong from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # without an error it is what act returned


def _next(items: "queue.SimpleQueue[T]", *, until: float = inf) -> T:
    """The next item, or queue.Empty when the moment has come. Ctrl-C ends the wait, whenever it comes."""
    while True:
        left = until - monotonic()
        try:
            return items.get(timeout=max(0.0, min(left, _LOOK)))
        except queue.Empty:
            if left <= _LOOK:
                raise


def _take() -> _Tasks:
    """The tasks of a thread that is idle, or of a new one."""
    try:
        return _idle.pop()
    except IndexError:
        tasks: _Tasks = queue.SimpleQueue()
    threading.Thread(target=_work, args=(tasks,), daemon=True, name="resilient-infer-hub").start()
    return tasks


def _work(tasks: _Tasks) -> None:
    """Do one task after another, until none comes for a while."""
    while True:
        try:
            task = tasks.get(timeout=_IDLE)
        except queue.Empty:
            try:
                _idle.remove(tasks)
            except ValueError:  # somebody has just taken it, or it is new: a task comes
                task = tasks.get()
            else:
                return
        task()
        del task  # holds what was asked and answered


def gather(
    questions: Sequence[Callable[[], T]], *, jobs: int, progress: Callable[[int], None] = lambda done: None
) -> list[T]:
    """Ask all questions, `jobs` at a time, and give the answers in their order.

    Args:
        progress: Told how many are done, in the caller's thread, after each.

    Raises:
        Exception: The first that a question raised; the others are no longer waited for.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for position in range(len(questions)):
        waiting.put(position)
    done: queue.SimpleQueue[tuple[int, T | None, BaseException | None]] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                position = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((position, questions[position](), None))
            except BaseException as error:
                done.put((position, None, error))

    for _ in range(min(jobs, len(questions))):
        threading.Thread(target=work, daemon=True, name="resilient-infer-ask").start()
    answers: dict[int, T] = {}
    try:
        while len(answers) < len(questions):
            position, value, error = _next(done)
            if error is not None:
                raise error
            answers[position] = value  # type: ignore[assignment]  # without an error it is the answer
            progress(len(answers))
    finally:
        stop.set()
    return [answers[position] for position in range(len(questions))]
