"""Asking: what a request has to be, whatever the payload."""

import copy
import json
from collections import Counter
from dataclasses import replace
from urllib.parse import urlsplit

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest
from resilient_infer.core.payload import Payload
from resilient_infer.core.target import Endpoint
from resilient_infer.providers.base import Codec, Unfit
from resilient_infer.testing.provider_kit.calls import asked, broken, payload_shown
from resilient_infer.testing.provider_kit.goldens import MAX_RESPONSE, OWN_HEADER, TOKEN, Golden, attempt_of


def request_is_golden(codec: Codec, golden: Golden) -> None:
    """Method, URL, headers and body, exactly."""
    attempt = attempt_of(codec.kind, golden)
    given = payload_shown(attempt.payload)
    request = _golden(codec, attempt)
    for what, seen, due in (
        ("method", request.method, golden.method),
        ("url", request.url, golden.url + golden.path),
        ("body", _as(golden.body, request.body), golden.body),
    ):
        if seen != due:
            raise broken(f"the {what} is {seen!r}, not {due!r}", given)
    headers = {name.lower(): value for name, value in (*request.headers, *request.call_headers)}
    for name, due in golden.headers.items():
        if headers.get(name.lower()) != due:
            raise broken(f"the header {name} is {headers.get(name.lower())!r}, not {due!r}", given)


def build_is_pure(codec: Codec, golden: Golden) -> None:
    """The same request for the same attempt, which is left as it was; without a key there is none in it."""
    attempt = attempt_of(codec.kind, golden)
    given = payload_shown(attempt.payload)
    before = copy.deepcopy(attempt)
    first, second = _golden(codec, attempt), _golden(codec, attempt)
    if attempt != before:
        raise broken("build() changes the attempt", given)
    if first != second:
        raise broken("build() gives another request the second time", given)
    keyless = _golden(codec, replace(attempt, secret=None))
    if any(name.lower() == "authorization" or TOKEN in value for name, value in keyless.headers):
        raise broken("build() sends a credential where the attempt has none", given)


def stream_is_asked_for(codec: Codec, golden: Golden) -> None:
    """A request that is as sound as the other, and not the same."""
    attempt = attempt_of(codec.kind, golden)
    streamed = replace(attempt, stream=True)
    given = payload_shown(attempt.payload)
    request = _golden(codec, streamed)
    if request != _golden(codec, streamed):
        raise broken("build() gives another request the second time", given)
    if request == _golden(codec, attempt):
        raise broken("build() takes no notice of attempt.stream", given)


def build_takes_each_parameter(codec: Codec, golden: Golden) -> None:
    """A good request or `Unfit` for every well-known parameter with every type of value."""
    from resilient_infer.testing.provider_kit.garbage import single_parameters

    for payload in single_parameters(golden):
        build_takes(codec, golden, payload)


def build_takes(codec: Codec, golden: Golden, payload: Payload | None) -> None:
    """A good request or `Unfit`, whatever the payload; None is one that no call lets through."""
    if payload is None:
        return
    attempt = attempt_of(codec.kind, golden, payload)
    try:
        _built(codec, attempt)
    except Unfit as unfit:
        if not str(unfit).strip() or TOKEN in str(unfit):
            said = "shows the credential" if TOKEN in str(unfit) else "does not say what is unfit"
            raise broken(f"build() raised an Unfit that {said}", payload_shown(payload)) from unfit


def request_is_sound(request: object, endpoint: Endpoint, hosts: tuple[str, ...], given: str) -> HttpRequest:
    """To a host that the key is for, and the credential in one header and nowhere else."""
    if not isinstance(request, HttpRequest):
        raise broken(f"a {type(request).__name__} is given, not an HttpRequest", given)
    allowed = {urlsplit(host)[:2] for host in hosts}
    if urlsplit(request.url)[:2] not in allowed:
        raise broken(f"the request goes to {request.url}, which is no place of {endpoint.url}", given)
    if TOKEN in repr(request) or TOKEN in request.url or TOKEN.encode() in request.body:
        raise broken("the credential is not only in a header, but where it is shown or logged", given)
    headers = (*request.headers, *request.call_headers)
    twice = [name for name, count in Counter(name.lower() for name, _ in headers).items() if count > 1]
    if twice:
        raise broken(f"the header {twice[0]} is given twice", given)
    for name, value in headers:
        if not (name + value).isprintable() or not (name + value).isascii():
            raise broken(f"the header {name!r} cannot be sent: {value!r}", given)
    if sum(TOKEN in value for _, value in headers) != 1:
        raise broken("the credential is in no header (see providers.request.fixed_headers)", given)
    if OWN_HEADER not in headers:
        raise broken(f"the manifest's own headers are not sent: {OWN_HEADER[0]} is missing", given)
    return request


def _golden(codec: Codec, attempt: Attempt) -> HttpRequest:
    """The request for a golden payload, which every codec can say."""
    try:
        return _built(codec, attempt)
    except Unfit as unfit:
        raise broken(f"build() raised Unfit: {unfit}", payload_shown(attempt.payload)) from unfit


def _built(codec: Codec, attempt: Attempt) -> HttpRequest:
    given, endpoint = payload_shown(attempt.payload), attempt.route.endpoint
    made = asked(codec.build, attempt, given=given)
    if attempt.secret is None:
        return made
    request = request_is_sound(made, endpoint, (endpoint.url,), given)
    if request.max_response != MAX_RESPONSE:
        raise broken("max_response is not the endpoint's", given)
    return request


def _as(due: object, body: bytes) -> object:
    """A request's body in the spelling of the golden one."""
    if isinstance(due, bytes):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return body
