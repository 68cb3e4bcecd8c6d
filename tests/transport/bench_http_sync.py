"""CPU time of one keep-alive POST of 200 bytes, beside `requests.Session.post` in the same run.

    python -m tests.transport.bench_http_sync

Best of 7 rounds. The server is a process of its own, so only the client's time is counted.
"""

import json
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from time import monotonic, process_time

import requests

from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.transport.http_sync import HttpSync

from .stories import Server, keeps_answering

ROUNDS = 7
CALLS = 500
PAYLOAD = {"inputs": "x" * 185}
HEADERS = (("Authorization", "Bearer x"), ("Content-Type", "application/json"))


def serve(told: Connection) -> None:
    with Server(keeps_answering) as server:
        told.send(server.url)
        told.recv()


def micros(call: Callable[[], object]) -> float:
    started = process_time()
    for _ in range(CALLS):
        call()
    return (process_time() - started) / CALLS * 1e6


def rate(call: Callable[[], object], threads: int) -> float:
    """Calls per second of that many threads together."""
    each = 3200 // threads
    working = [threading.Thread(target=lambda: [call() for _ in range(each)]) for _ in range(threads)]
    started = monotonic()
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()
    return each * threads / (monotonic() - started)


def main() -> None:
    ours_end, server_end = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(server_end,))
    process.start()
    url = ours_end.recv()
    client, session, body = HttpSync(), requests.Session(), json.dumps(PAYLOAD).encode()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def ours() -> object:
        extra = (("Idempotency-Key", "0123456789abcdef"),)
        request = HttpRequest(method="POST", url=url, headers=HEADERS, call_headers=extra, body=body)
        answer = client.send(request, timeout=10)
        assert isinstance(answer, HttpResponse)
        return answer

    def theirs() -> object:
        return session.post(url, json=PAYLOAD, headers=dict(HEADERS), timeout=10).content

    ours(), theirs()
    rounds = [(micros(ours), micros(theirs)) for _ in range(ROUNDS)]
    mine, other = (min(column) for column in zip(*rounds, strict=True))
    print(f"HttpSync.send {mine:.0f} us, Session.post {other:.0f} us, ratio {mine / other:.2f}")
    for threads in (1, 8, 32):
        print(
            f"{threads:2} threads: {rate(ours, threads):.0f} and {rate(theirs, threads):.0f} calls a second"
        )
    client.close()
    session.close()
    ours_end.send("done")
    process.join()


if __name__ == "__main__":
    main()
