"""Goldens: what an author writes down of a protocol, and the attempts that are made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.payload import Payload, PayloadInput
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint, Pin, Route
from resilient_infer.core.task import TASKS, Json
from resilient_infer.core.testimony import UNSAID, Limits
from resilient_infer.providers.payload import normalise
from resilient_infer.providers.request import json_bytes

REVISION: Final = "0123456789abcdef0123456789abcdef01234567"
"""The commit that is locked in every attempt of the kit."""

MODEL: Final = "org/model"
"""The Hub repo that every attempt of the kit asks for."""

TOKEN: Final = "kit-token-that-nobody-may-see-0001"
"""The credential of every attempt. It has no well-known shape: only who knows it can hide it."""

OWN_HEADER: Final = ("X-Kit-Team", "of the manifest")
"""The header that the manifest of the kit adds to every request."""

MAX_RESPONSE: Final = 12_345_678

IDENTITY_URL: Final = "https://management.test/v2/endpoint/team/name"

RECEIVED_AT: Final = 1_700_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One exchange of the protocol: this payload is this request, and this answer is this output.

    Attributes:
        task: A task of the codec.
        payload: As a caller gives it.
        path: What follows the endpoint's URL.
        body: The request's body: bytes as they are, anything else as JSON.
        answer: The body of a 200, likewise.
        output: What the caller gets.
        headers: That the request must have; the credential and the manifest's own are looked for anyway.
        url: The endpoint's, as the manifest has it.
        name: The provider's name for the model.
        stream: The body of a 200 that gives the same output piece by piece, for a task that is streamed.
    """

    task: str
    payload: PayloadInput
    path: str
    body: Json | bytes
    answer: Json | bytes
    output: Json
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = "https://server.test"
    name: str = MODEL
    stream: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a server says of itself when it is asked which commit it runs, and what that proves.

    Attributes:
        body: The decoded answer to `identity`.
        commit: What `reported_commit` reads in it.
        limits: What `limits` reads in it.
    """

    body: Json
    commit: str | None
    limits: Limits = UNSAID


def attempt_of(kind: str, golden: Golden, payload: Payload | None = None) -> Attempt:
    """The attempt in which a golden payload, or another one, is asked."""
    task = TASKS[golden.task]
    return Attempt(
        number=1,
        call_id="0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        alias="kit",
        task=task,
        route=Route(endpoint=endpoint_of(kind, golden.url), name=golden.name),
        model=MODEL,
        revision=REVISION,
        pin=Pin.DECLARED,
        payload=normalise(task, golden.payload) if payload is None else payload,
        secret=Secret(TOKEN),
        timeout=10.0,
        safe=True,
    )


def endpoint_of(kind: str, url: str, identity_url: str = "") -> Endpoint:
    """A server with everything a manifest may say of it."""
    return Endpoint(
        provider="kit",
        kind=kind,
        url=url,
        headers=(OWN_HEADER,),
        max_response=MAX_RESPONSE,
        identity_url=identity_url,
    )


def answer_of(
    body: Json | bytes, status: int = 200, headers: Mapping[str, str] | None = None, *, framed: bool = True
) -> HttpResponse:
    """An answer with a golden body."""
    raw = body if isinstance(body, bytes) else json_bytes(body)
    return HttpResponse(
        status=status, headers=headers or {}, body=raw, framed=framed, received_at=RECEIVED_AT
    )
