"""Request: what every request has in common, whichever protocol it speaks."""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final
from urllib.parse import quote

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json

Headers = tuple[tuple[str, str], ...]

JSON: Final = "application/json"

EVENTS: Final = "text/event-stream"

IDENTITY_RESPONSE: Final = 1024 * 1024
"""Bytes that are read of an answer to "which commit do you run?"; even a long list of models takes less."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def json_request(
    attempt: Attempt, url: str, body: Mapping[str, Json], *, call_headers: Headers = ()
) -> HttpRequest:
    """A POST of `body` to `url`, with the credential of the attempt."""
    return raw_request(attempt, url, json_bytes(body), call_headers=call_headers)


def raw_request(
    attempt: Attempt, url: str, body: bytes, content_type: str = JSON, *, call_headers: Headers = ()
) -> HttpRequest:
    """A POST of `body` as it is: the request holds the same object, however large it may be."""
    endpoint = attempt.route.endpoint
    return HttpRequest(
        method="POST",
        url=url,
        headers=fixed_headers(endpoint, attempt.secret, content_type, stream=attempt.stream),
        call_headers=call_headers,
        body=body,
        max_response=endpoint.max_response,
    )


def json_bytes(value: Json | Mapping[str, Json]) -> bytes:
    """Compact JSON in UTF-8."""
    return _ENCODER.encode(value).encode()


def get_request(endpoint: Endpoint, secret: Secret | None, url: str) -> HttpRequest:
    """A GET of `url`, as a server is asked which commit it runs: nothing of any payload is in it."""
    return HttpRequest(
        method="GET",
        url=url,
        headers=_bodiless_headers(endpoint, secret),
        max_response=min(IDENTITY_RESPONSE, endpoint.max_response),
    )


def fixed_headers(
    endpoint: Endpoint, secret: Secret | None, content_type: str = JSON, *, stream: bool = False
) -> Headers:
    """What every request to `endpoint` with `secret` carries, if its body is of `content_type`.

    The same object each time, because the transport knows it by its identity; streams have one of
    their own. The manifest's own headers replace ours of the same name, but never the credential.
    """
    return _fixed_headers(endpoint, secret, content_type, stream)


@lru_cache(maxsize=512)
def _fixed_headers(endpoint: Endpoint, secret: Secret | None, content_type: str, stream: bool) -> Headers:
    own = {name.lower() for name, _ in endpoint.headers}
    # A compressor may hold tokens back until it has enough of them.
    accepted = (("Accept", EVENTS), ("Accept-Encoding", "identity")) if stream else (("Accept", JSON),)
    ours = (("Content-Type", content_type), *accepted, ("User-Agent", user_agent()))
    headers = [(name, value) for name, value in ours if name.lower() not in own]
    if secret is None:
        return (*headers, *endpoint.headers)
    headers += [(name, value) for name, value in endpoint.headers if name.lower() != "authorization"]
    return (*headers, ("Authorization", f"Bearer {secret.reveal()}"))


@lru_cache(maxsize=512)
def _bodiless_headers(endpoint: Endpoint, secret: Secret | None) -> Headers:
    """The fixed headers without the one that speaks of a body; the same object each time, too."""
    headers = fixed_headers(endpoint, secret)
    return tuple((name, value) for name, value in headers if name.lower() != "content-type")


@cache
def user_agent() -> str:
    """Who asks, for the server's statistics: "resilient_infer/<version>"."""
    from importlib.metadata import PackageNotFoundError, version  # 10 ms, and only once

    try:
        return f"resilient_infer/{version('resilient-infer')}"
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "resilient_infer"


@lru_cache(maxsize=512)
def in_path(name: str) -> str:
    """A model's name as part of a URL's path; the slash between owner and model stays."""
    return quote(name, safe="/")
