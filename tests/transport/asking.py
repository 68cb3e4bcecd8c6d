"""One request as the tests send it, and how long it took."""

import os
from time import monotonic
from typing import Any

from resilient_infer.core.http import HttpRequest, HttpResponse, Reception, TransportFault

from .either import Either

HEADERS = (("Authorization", "Bearer hf_topsecret"), ("Content-Type", "application/json"))
ALLOWANCE = 0.5 if "PYTEST_XDIST_WORKER" in os.environ else 0.1
"""Seconds over the limit that DL1 allows a synchronous call; more where workers crowd each other's cores."""


def request(url: str, **changes: Any) -> HttpRequest:
    settings: dict[str, Any] = {"method": "POST", "headers": HEADERS, "body": b'{"inputs": "bodysecret"}'}
    return HttpRequest(url=url, **(settings | changes))


def ask(client: Either, url: str, timeout: float = 5.0, fresh: bool = False, **changes: Any) -> Reception:
    return client.send(request(url, **changes), timeout=timeout, fresh=fresh)


def answer_of(reception: Reception) -> HttpResponse:
    assert isinstance(reception, HttpResponse), reception
    return reception


def fault_of(reception: Reception) -> TransportFault:
    assert isinstance(reception, TransportFault), reception
    assert "secret" not in reception.reason
    return reception


def fault_within(client: Either, url: str, timeout: float, **changes: Any) -> TransportFault:
    """The fault of an attempt, which must have come within its limit."""
    started = monotonic()
    fault = fault_of(ask(client, url, timeout, **changes))
    assert monotonic() - started < timeout + ALLOWANCE
    return fault
