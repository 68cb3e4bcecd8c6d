"""Bench 10: how long does it take to read a large embeddings answer?

    python -m tests.bench.embeddings

One megabyte of JSON, as an OpenAI-compatible server sends it, read by the codec with orjson (the extra
`fast`), beside `requests`' own `.json()` of the same bytes. The bar is 0.3 of that.
"""

import json
import random
import sys
from typing import Final

import requests

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import Success
from resilient_infer.core.payload import Payload
from resilient_infer.core.target import Endpoint, Pin, Route
from resilient_infer.core.task import TASKS
from resilient_infer.drivers import exchange
from tests.bench.measure import alternating, best_cpu, cpu, ratio, verdict

BYTES: Final = 1_000_000
DIMENSION: Final = 384
TIMES: Final = 10
BAR: Final = 0.3


def main() -> bool:
    """Print the figures; whether the bar is met."""
    body, rows = _answer()
    attempt = _attempt(rows)
    answer = HttpResponse(status=200, headers={}, body=body, framed=True, received_at=0.0)
    theirs = requests.Response()
    theirs._content, theirs.status_code = body, 200
    assert isinstance(exchange.read(attempt, answer), Success)
    taken = alternating(
        {"read": lambda: exchange.read(attempt, answer), "json": lambda: theirs.json()}, times=TIMES
    )
    print(f"{len(body):,} bytes, {rows} vectors of {DIMENSION}")
    print(f"CPU of the codec's reading  {best_cpu(taken['read']) / 1000:7.2f} ms")
    print(f"CPU of Response.json()      {best_cpu(taken['json']) / 1000:7.2f} ms")
    return verdict(
        "reading an answer of 1 MB / Response.json()", ratio(taken["read"], taken["json"], cpu), BAR
    )


def _answer() -> tuple[bytes, int]:
    """A body of about a megabyte, and how many vectors it holds."""
    chance = random.Random(1)
    rows: list[object] = []
    size = 0
    while size < BYTES:
        row = {
            "object": "embedding",
            "index": len(rows),
            "embedding": [round(chance.gauss(0, 0.05), 8) for _ in range(DIMENSION)],
        }
        rows.append(row)
        size += len(json.dumps(row))
    body = {
        "object": "list",
        "data": rows,
        "model": "bench",
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
    }
    return json.dumps(body).encode(), len(rows)


def _attempt(rows: int) -> Attempt:
    endpoint = Endpoint(provider="bench", kind="openai", url="http://bench.test/v1")
    return Attempt(
        number=1,
        call_id="1",
        alias="bench",
        task=TASKS["feature-extraction"],
        route=Route(endpoint=endpoint, name="bench"),
        model="org/bench",
        revision="a" * 40,
        pin=Pin.DECLARED,
        payload=Payload(inputs=["text"] * rows),
        secret=None,
        timeout=10.0,
        safe=True,
    )


if __name__ == "__main__":
    sys.exit(not main())
