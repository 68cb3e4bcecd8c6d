"""Installed: the listeners that other distributions bring along."""

import logging
import os
import pickle
import warnings
from collections.abc import Callable
from importlib.metadata import EntryPoint
from threading import Barrier, Thread

import pybreaker
import pytest

from resilient_infer.telemetry import installed
from resilient_infer.telemetry.installed import GROUP, INSTALLED, Installed


def hear(event):
    """A listener."""


class Counting:
    """Made without arguments; a listener that remembers how often it was made."""

    made = 0

    def __init__(self):
        type(self).made += 1

    def __call__(self, event):
        """Listen."""


class Circuits(pybreaker.CircuitBreakerListener):
    """Of pybreaker's kind."""


CIRCUITS = Circuits()
NO_LISTENER = "a string"


class Explosive:
    """Cannot be made."""

    def __init__(self):
        raise RuntimeError("no luck with hf_AbCdEfGhIjKl\nat all")


class Interrupted:
    """Is stopped by Ctrl-C when it is first made."""

    made = 0

    def __init__(self):
        type(self).made += 1
        if self.made == 1:
            raise KeyboardInterrupt

    def __call__(self, event):
        """Listen."""


class Recursive:
    """Asks for the installed listeners while it is being loaded, as a client does."""

    def __init__(self):
        self.heard = PLUGGED[0].listeners()

    def __call__(self, event):
        """Listen."""


PLUGGED = []


def plugged(*values: str) -> Installed:
    """A table of this module's listeners."""
    points = [EntryPoint(name=value, value=f"{__name__}:{value}", group=GROUP) for value in values]
    return Installed(lambda: points)


def test_functions_objects_and_classes_listen():
    """A class is made without arguments; what it makes may be of pybreaker's kind."""
    listeners = plugged("hear", "Counting", "CIRCUITS", "Circuits").listeners()

    assert listeners[0] is hear
    assert isinstance(listeners[1], Counting)
    assert listeners[2] is CIRCUITS
    assert isinstance(listeners[3], Circuits)
    assert [installed.hears_events(each) for each in listeners] == [True, True, False, False]
    assert [installed.hears_circuits(each) for each in listeners] == [False, False, True, True]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Missing", "cannot be loaded: AttributeError"),
        ("Explosive", r"cannot be loaded: RuntimeError: no luck with \[secret\] at all"),
        ("NO_LISTENER", "neither callable nor a pybreaker.CircuitBreakerListener"),
    ],
)
def test_a_broken_one_is_warned_about_once_and_left_out(value, words, caplog):
    """Telemetry must never take production down."""
    table = plugged(value, "hear")
    with pytest.warns(RuntimeWarning, match=words) as caught:
        assert table.listeners() == (hear,)

    message = str(caught[0].message)
    assert f"{value} = {__name__}:{value}" in message
    assert message.endswith("calls go on without it")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, message)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert table.listeners() == (hear,)


def test_a_warning_that_is_an_error_is_raised_once():
    """Whoever makes errors of warnings is told; the listeners that work are there all the same."""
    table = plugged("Explosive", "hear")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning):
            table.listeners()
        assert table.listeners() == (hear,)


def test_each_is_loaded_once_whoever_asks():
    """Threads that ask at once wait for the one that loads: a second exporter might find its port taken."""
    Counting.made = 0
    table, together, seen = plugged("Counting"), Barrier(8, timeout=10.0), []

    def ask() -> None:
        together.wait()
        seen.append(table.listeners())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counting.made == 1
    assert len({id(found) for found in seen}) == 1
    assert len(seen) == 8


def test_a_plug_in_that_asks_while_it_is_loaded_gets_none_and_no_deadlock():
    """For example one that makes a client of its own."""
    table = plugged("Recursive")
    PLUGGED[:] = [table]

    assert table.listeners()[0].heard == ()
    assert len(table.listeners()) == 1


def test_after_ctrl_c_the_next_client_loads_them():
    """What was interrupted is no answer."""
    Interrupted.made = 0
    table = plugged("Interrupted")
    with pytest.raises(KeyboardInterrupt):
        table.listeners()

    assert isinstance(table.listeners()[0], Interrupted)


def in_child(work: Callable[[], object]) -> object:
    """What `work` gives in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, pickle.dumps(work()))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return pickle.loads(told)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cannot fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_while_another_thread_loads_loads_by_itself():
    """The lock that was held belongs to nobody there, and what was half loaded is loaded anew."""
    loading, done, parent = Barrier(2, timeout=10.0), Barrier(2, timeout=10.0), os.getpid()

    def points():
        if os.getpid() == parent:
            loading.wait()
            done.wait()
        return [EntryPoint(name="hear", value=f"{__name__}:hear", group=GROUP)]

    table = Installed(points)
    thread = Thread(target=table.listeners)
    thread.start()
    loading.wait()
    try:
        assert in_child(lambda: len(table.listeners())) == 1
    finally:
        done.wait()
        thread.join()


def test_the_process_has_one_table():
    """Nothing is installed where these tests run."""
    assert INSTALLED.listeners() is INSTALLED.listeners()
