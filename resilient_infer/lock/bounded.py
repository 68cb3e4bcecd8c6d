"""Bounded: at most so long, and so many at a time, whatever hangs.

Threads are daemons: one that hangs in a read that nothing can interrupt is
left behind, and does not keep the process from ending.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class TookTooLong(Exception):
    """The time was up; what was asked goes on unheard."""


def within(seconds: float, act: Callable[[], T]) -> T:
    """What `act` returns or raises, if it does so in time.

    Raises:
        TookTooLong: It did not.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put((act(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=answer, daemon=True, name="resilient-infer-hub").start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TookTooLong from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # without an error it is what act returned


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
            position, value, error = done.get()
            if error is not None:
                raise error
            answers[position] = value  # type: ignore[assignment]  # without an error it is the answer
            progress(len(answers))
    finally:
        stop.set()
    return [answers[position] for position in range(len(questions))]
