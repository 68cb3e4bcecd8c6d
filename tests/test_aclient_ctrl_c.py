"""Ctrl-C in a program that calls and streams on an event loop: a real signal, in a process of its own."""

import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from resilient_infer.testing.sandbox import Hang, Sandbox, Server, Stall, throttled

from .models import CHAT
from .test_client import arrived
from .transport.asking import ALLOWANCE
from .transport.async_asking import loops

PROGRAM = """
    import asyncio, importlib, os, signal, sys, threading
    from resilient_infer.aclient import AsyncClient

    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell of the tests has set
    factory, method, moment = sys.argv[1:]
    module, _, name = factory.partition(":")
    make = getattr(importlib.import_module(module), name)
    told = []

    def hear(event):
        told.append(event)
        if type(event).__name__ == moment:
            print("now", flush=True)

    async def ask(client):
        if method == "call":
            return (await client.call("chat", "Hello")).attempts
        stream = client.stream("chat", "Hello")
        async for _ in stream:
            pass
        return stream.result.attempts

    client = AsyncClient(listeners=[hear])
    with asyncio.Runner(loop_factory=make) as runner:
        try:
            runner.run(ask(client))
        except KeyboardInterrupt:
            print("interrupted", told[-1].outcome, flush=True)
        attempts = runner.run(ask(client))
        print(*(record.outcome for record in attempts if record.number), flush=True)
        runner.run(client.aclose())
        print(len(asyncio.all_tasks(runner.get_loop())), threading.active_count())
"""


def interrupted(folder: Path, loop: Any, method: str, moment: str, server: Server) -> list[str]:
    """What the program prints if a SIGINT comes behind the first event of that name."""
    factory = f"{loop.__module__}:{loop.__name__}"
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(PROGRAM), factory, method, moment]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "now\n"
        arrived(server)
        threading.Event().wait(0.05)  # until the loop waits for what follows
        started = monotonic()
        program.send_signal(signal.SIGINT)
        told = [program.stdout.readline()]
        assert monotonic() - started < ALLOWANCE
        told += program.stdout.readlines()
    assert program.returncode == 0
    return [line.strip() for line in told if line != "now\n"]


@pytest.mark.parametrize("loop", loops())
@pytest.mark.parametrize(
    ("method", "fault", "moment"),
    [
        ("call", Hang(), "AttemptStarted"),
        ("call", throttled(2), "WaitStarted"),
        ("stream", Hang(), "AttemptStarted"),
        ("stream", Stall(after=2, seconds=30), "FirstTokenReceived"),
    ],
    ids=["call", "sleep", "stream", "mid-stream"],
)
def test_cx1_ctrl_c_ends_what_waits_at_once_and_is_nobody_s_failure(
    sandbox: Sandbox,
    tmp_path: Path,
    bare_environment: Path,
    monkeypatch: pytest.MonkeyPatch,
    loop: Any,
    method: str,
    fault: Any,
    moment: str,
) -> None:
    """CX1: KeyboardInterrupt comes out of the runner; had the attempt been counted, the circuit would be
    open; had it kept its permit, the only place would be taken. No task and no thread is left."""
    server = sandbox.serve("openai", models=[CHAT])
    for name, key in sandbox.environ.items():
        monkeypatch.setenv(name, key)
    server.fail(fault, attempts=1)
    policy = {"concurrency": 1, "breaker": {"consecutive": 1, "open": 60, "max_open": 60}}
    sandbox.write(tmp_path / "lockfiles", {"chat": CHAT}, policy)

    told = interrupted(tmp_path, loop, method, moment, server)

    assert told[0] == "interrupted cancelled"
    assert told[1].split()[-1] == "success"
    assert told[2] == "0 1"
