"""Bench 2: 32 threads with one client, against a server that takes 20 ms.

    python -m tests.bench.threads

Beside it, what the same threads get out of one prepared request, `Session.send`
and a pool that has room for all of them. The bar is held against a session as
requests makes it. The other figure is that of a session which neither looks at the
environment nor knows a timeout: there the machine, not the library, sets the pace.
"""

import sys
import threading
from time import perf_counter, process_time
from typing import Final

import requests
from requests.adapters import HTTPAdapter

from resilient_infer import Client
from tests.bench.loopback import ALIAS, TEXT, serving
from tests.bench.measure import Act, Spent, alternating, ratio, verdict, wall

THREADS: Final = 32
DELAY: Final = 0.02
EACH: Final = 50
BAR: Final = 0.95
PAYLOAD: Final = {"inputs": TEXT}


def main() -> bool:
    """Print the figures; whether the bar is met."""
    with serving(delay=DELAY) as server, requests.Session() as plain, requests.Session() as blind:
        blind.trust_env = False
        for session in (plain, blind):
            session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
        prepared = plain.prepare_request(requests.Request("POST", server.model_url, json=PAYLOAD))
        with Client(lockfiles=server.folder, private_state=True) as client:
            acts: dict[str, Act] = {
                "client.call": lambda: client.call(ALIAS, PAYLOAD),
                "Session.send": lambda: plain.send(prepared).content,
                "Session.send, blind": lambda: blind.send(prepared).content,
            }
            taken = alternating(acts, times=EACH, measure=together)
    for name, rounds in taken.items():
        print(f"{name:<22} {1 / min(map(wall, rounds)):7,.0f} a second in the best round")
    call, send, unaided = taken.values()
    print(f"throughput / that of a blind session: {1 / ratio(call, unaided, wall):.2f}")
    share = 1 / ratio(call, send, wall)
    return verdict(f"throughput of {THREADS} threads / bare prepared sends", share, BAR, at_least=True)


def together(act: Act, times: int) -> Spent:
    """What one act takes when 32 threads do it `times` each, by the clock of all of them together."""
    threads = [threading.Thread(target=_repeat, args=(act, times)) for _ in range(THREADS)]
    began, cpu_began = perf_counter(), process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acts = THREADS * times
    return Spent((perf_counter() - began) / acts, (process_time() - cpu_began) / acts)


def _repeat(act: Act, times: int) -> None:
    for _ in range(times):
        act()


if __name__ == "__main__":
    sys.exit(not main())
