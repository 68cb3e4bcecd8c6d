"""Async template: a request for aiohttp, as far as it is the same every time."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final
from urllib.parse import unquote

import requests
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload
from multidict import CIMultiDict
from requests.utils import urldefragauth
from urllib3.util import Url, parse_url
from yarl import URL

from resilient_infer.core.http import HttpRequest
from resilient_infer.core.secret import HIDDEN
from resilient_infer.errors import ConfigError
from resilient_infer.transport.async_limit import AsyncLimit
from resilient_infer.transport.body import ACCEPTED, CHUNK
from resilient_infer.transport.environment import proxy_for, tls_context
from resilient_infer.transport.headers import check_header
from resilient_infer.transport.watchdog import Phase

PORTS: Final = {"http": 80, "https": 443}

_DEFAULTS: Final = {"User-Agent": "resilient-infer", "Accept": "*/*", "Accept-Encoding": ACCEPTED}


class _Unshown(str):
    """A header's value, perhaps a token, that no tool shows which prints the variables of a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncTemplate:
    """A request without its body and the headers of a single call.

    Attributes:
        place: "host:port", for messages.
        given: The request's own tuple. Kept, so that its identity stays taken.
        proxy: Without its login, which is in `proxy_headers`, or in `headers` where no tunnel is needed.
        tls: Whom to trust; True where nothing is encrypted.
    """

    url: URL
    place: str
    given: tuple[tuple[str, str], ...] = field(repr=False)
    headers: CIMultiDict[str] = field(repr=False)
    proxy: URL | None
    proxy_headers: Mapping[str, str] | None = field(repr=False)
    tls: SSLContext | bool

    def with_call_headers(self, extra: tuple[tuple[str, str], ...]) -> CIMultiDict[str]:
        """The headers of one call.

        Raises:
            ConfigError: One of them cannot be sent.
        """
        if not extra:
            return self.headers
        headers = self.headers.copy()
        for name, value in extra:
            check_header(name, value)
            headers[name] = value
        return headers


def template_of(request: HttpRequest) -> AsyncTemplate:
    """Work out what does not change from call to call.

    Raises:
        ConfigError: A header or the environment is unusable.
        requests.RequestException: The URL is; so does a `ValueError`. Their text may quote a login.
    """
    for name, value in request.headers:
        check_header(name, value)
    headers: CIMultiDict[str] = CIMultiDict(request.headers)
    prepared = requests.Request(
        # requests would put a login from the URL in the place of ours.
        request.method, request.url, auth=_as_it_is if "authorization" in headers else None
    ).prepare()  # fmt: skip
    for name, given in (*prepared.headers.items(), *_DEFAULTS.items()):
        if name.lower() != "content-length":
            headers.setdefault(name, str(given))
    url = parse_url(str(prepared.url))
    if url.scheme not in PORTS or not url.host:
        raise ConfigError("this is not an http or https URL")
    try:
        url.host.encode("idna")
    except UnicodeError:
        raise ConfigError("the URL's host is not a host name") from None
    proxy = proxy_for(url.url)
    login = {} if proxy is None or proxy.auth is None else {"Proxy-Authorization": _basic(proxy.auth)}
    if url.scheme == "http":
        headers.update(login)
    secure = url.scheme == "https" or (proxy is not None and proxy.scheme == "https")
    return AsyncTemplate(
        url=URL(str(urldefragauth(url.url)), encoded=True),
        place=_place(url) if proxy is None else f"{_place(url)} through the proxy {_place(proxy)}",
        given=request.headers,
        headers=CIMultiDict((name, _Unshown(value)) for name, value in headers.items()),
        proxy=None if proxy is None else URL(proxy._replace(auth=None).url),
        proxy_headers=login if login and url.scheme == "https" else None,
        tls=tls_context() if secure else True,
    )


class Slices(Payload):
    """A large body, written piece by piece, so that others have a turn between."""

    _autoclose = True  # nothing is open

    def __init__(self, body: bytes, limit: AsyncLimit) -> None:
        super().__init__(body)
        self._size = len(body)
        self._limit = limit

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write all of it."""
        self._limit.phase = Phase.SENDING
        view = memoryview(self._value)
        for start in range(0, len(view), CHUNK):
            await writer.write(view[start : start + CHUNK])
        if self._limit.phase is Phase.SENDING:
            self._limit.phase = Phase.WAITING

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """For aiohttp's own errors, which quote nothing of ours."""
        return HIDDEN


def _place(url: Url) -> str:
    return f"{url.host}:{url.port or PORTS[str(url.scheme)]}"


def _basic(login: str) -> _Unshown:
    name, _, password = login.partition(":")
    plain = f"{unquote(name)}:{unquote(password)}"
    return _Unshown("Basic " + base64.b64encode(plain.encode("latin-1")).decode())


def _as_it_is(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    return prepared
