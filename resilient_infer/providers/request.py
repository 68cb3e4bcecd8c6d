"""Request: what every JSON request has in common, whichever protocol it speaks."""

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

IDENTITY_RESPONSE: Final = 1024 * 1024
"""Bytes that are read of an answer to "which commit do you run?"; even a long list of models takes less."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def json_request(
    attempt: Attempt, url: str, body: Mapping[str, Json], *, call_headers: Headers = ()
) -> HttpRequest:
    """A POST of `body` to `url`, with the credential of the attempt."""
    endpoint = attempt.route.endpoint
    return HttpRequest(
        method="POST",
        url=url,
        headers=fixed_headers(endpoint, attempt.secret),
        call_headers=call_headers,
        body=_ENCODER.encode(body).encode(),
        max_response=endpoint.max_response,
    )


def get_request(endpoint: Endpoint, secret: Secret | None, url: str) -> HttpRequest:
    """A GET of `url`, as a server is asked which commit it runs: nothing of any payload is in it."""
    return HttpRequest(
        method="GET",
        url=url,
        headers=_bodiless_headers(endpoint, secret),
        max_response=min(IDENTITY_RESPONSE, endpoint.max_response),
    )


@lru_cache(maxsize=512)
def fixed_headers(endpoint: Endpoint, secret: Secret | None) -> Headers:
    """What every request to `endpoint` with `secret` carries.

    The same object each time, because the transport knows it by its identity. The manifest's
    own headers replace ours of the same name, but never the credential.
    """
    own = {name.lower() for name, _ in endpoint.headers}
    ours = (
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
        ("User-Agent", user_agent()),
    )
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


def in_path(name: str) -> str:
    """A model's name as part of a URL's path; the slash between owner and model stays."""
    return quote(name, safe="/")
