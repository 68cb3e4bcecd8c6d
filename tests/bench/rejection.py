"""Rejection: CPU that a call costs when every circuit is open and nothing may be sent.

Beside it, as a measure of the machine, what `requests.Session.post` costs its caller in the same run.
"""

import gc
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import requests

from resilient_infer.errors import NotAdmitted
from resilient_infer.plan.call import call_plan
from resilient_infer.plan.spec import Env
from tests.bench.ours import BENCH, alias_spec, call_spec, gates, route_spec

ROUNDS: Final = 7
CALLS: Final = 2000
POSTS: Final = 100
BAR: Final = 50.0
"""Microseconds."""


def rejection_cost() -> float:
    """Microseconds of CPU for one rejected call over two open targets, best of seven rounds."""
    guards = gates(BENCH, 1, ("A", "B"))
    for gate in guards.values():
        gate.isolate()
    spec = call_spec(
        alias_spec(BENCH, {name: route_spec(BENCH, name, gate) for name, gate in guards.items()}), 0
    )
    env = Env(lambda: 0.5)

    def reject() -> None:
        with suppress(NotAdmitted):
            next(call_plan(spec, env, 1.0))

    return best_of_rounds(reject, CALLS)


def post_cost() -> float:
    """Microseconds of the caller's CPU for one `requests.Session.post` on loopback, best of seven rounds."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    try:
        with requests.Session() as session:
            return best_of_rounds(lambda: session.post(url, json={"inputs": "x"}).close(), POSTS)
    finally:
        server.shutdown()
        server.server_close()


def best_of_rounds(act: Callable[[], None], times: int) -> float:
    """Microseconds of this thread's CPU for one act, in the best of seven rounds."""
    gc.collect()
    costs = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(times):
            act()
        costs.append((time.thread_time() - began) / times * 1e6)
    return min(costs)


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as in the base class
        """Nothing is printed."""
