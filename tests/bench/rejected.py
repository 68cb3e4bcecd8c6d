"""Bench 6: a call that no circuit lets through, beside `requests.Session.post`.

    python -m tests.bench.rejected

Two targets, both down: one failure opens the circuit of each for a long time, and
from then on every `client.call` raises `NotAdmitted` without sending anything.
"""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import requests

from resilient_infer import AllTargetsFailed, Client, NotAdmitted
from tests.bench.loopback import ALIAS, KEY_VARIABLE, MODEL, TEXT, serving, write_lockfiles
from tests.bench.measure import BEST_OF, alternating, best_cpu, verdict

CALLS: Final = 1_000
POSTS: Final = 300
BAR: Final = 50.0
PAYLOAD: Final = {"inputs": TEXT}
POLICY: Final = "policy: {retries: 0, breaker: {consecutive: 1, open: 300, max_open: 300}}"


def main() -> bool:
    """Print the figures; whether the bar is met."""
    with serving() as server, requests.Session() as session:
        post = best_cpu(
            alternating(
                {"post": lambda: session.post(server.model_url, json=PAYLOAD).json()},
                times=POSTS,
                rounds=BEST_OF,
            )["post"]
        )
    print(f"CPU of one Session.post(…).json()     {post:7.1f} µs")
    os.environ[KEY_VARIABLE] = "a key for the bench"
    with TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{_closed_port()}"
        write_lockfiles(Path(folder), url, models=(MODEL, f"{MODEL}-small"), policy=POLICY)
        with Client(lockfiles=folder, private_state=True) as client:
            with suppress(AllTargetsFailed):
                client.call(ALIAS, PAYLOAD)
            rejected = alternating({"call": lambda: _rejected(client)}, times=CALLS, rounds=BEST_OF)["call"]
    return verdict("client.call with every circuit open, CPU", best_cpu(rejected), BAR, unit=" µs")


def _rejected(client: Client) -> None:
    try:
        client.call(ALIAS, PAYLOAD)
    except NotAdmitted:
        return
    raise AssertionError("the circuit is not open")


def _closed_port() -> int:
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        return int(once.getsockname()[1])


if __name__ == "__main__":
    sys.exit(not main())
