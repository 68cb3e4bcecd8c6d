"""Async template: a request for aiohttp's connections, as far as it is the same every time."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final
from urllib.parse import unquote

import aiohttp
from multidict import CIMultiDict
from urllib3.util import Url
from yarl import URL

from resilient_infer.core.http import HttpRequest
from resilient_infer.transport.environment import proxy_for, tls_context
from resilient_infer.transport.headers import Unshown, UnshownBytes, check_header
from resilient_infer.transport.prepared import PORTS, place_of, prepared

_MAY_LACK_BODY: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that say no length where there is no body. Source: RFC 9110, section 8.6."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AsyncTemplate:
    """A request without its body and the headers of a single call.

    Attributes:
        place: "host:port", for messages.
        given: The request's own tuple. Kept, so that its identity stays taken.
        start: The request line.
        lines: The header lines by their names in lower case, without a length.
        proxy: Without its login, which is in `proxy_headers`, or in `lines` where no tunnel is needed.
        tls: Whom to trust; True where nothing is encrypted.
    """

    url: URL
    place: str
    given: tuple[tuple[str, str], ...] = field(repr=False)
    start: bytes = field(repr=False)
    lines: Mapping[str, UnshownBytes] = field(repr=False)
    proxy: URL | None
    proxy_headers: Mapping[str, str] | None = field(repr=False)
    tls: SSLContext | bool

    def head(self, request: HttpRequest) -> UnshownBytes:
        """The head of one call's request.

        Raises:
            ConfigError: One of its headers cannot be sent.
        """
        lines = self.lines
        if request.call_headers:
            own = {name.lower(): _line(name, value) for name, value in request.call_headers}
            lines = {**lines, **own}
        length = b"Content-Length: %d\r\n" % len(request.body)
        if not request.body and request.method in _MAY_LACK_BODY:
            length = b""
        return UnshownBytes(b"".join((self.start, *lines.values(), length, b"\r\n")))

    def way(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientRequest:
        """What aiohttp's connector wants to know of where to connect to, in a loop."""
        return aiohttp.ClientRequest(
            "GET",
            self.url,
            loop=loop,
            proxy=self.proxy,
            proxy_headers=None if self.proxy_headers is None else CIMultiDict(self.proxy_headers),
            ssl=self.tls,
        )


def template_of(request: HttpRequest) -> AsyncTemplate:
    """Work out what does not change from call to call.

    Raises:
        ConfigError: As `prepared`, and if the environment is unusable; so are the other errors.
    """
    common = prepared(request)
    url, proxy = common.url, proxy_for(common.url.url)
    login = {} if proxy is None or proxy.auth is None else {"Proxy-Authorization": _basic(proxy.auth)}
    forwarded = proxy is not None and url.scheme == "http"
    headers = {"Host": _host(url), **common.headers, **(login if forwarded else {})}
    secure = url.scheme == "https" or (proxy is not None and proxy.scheme == "https")
    return AsyncTemplate(
        url=URL(url.url, encoded=True),
        place=place_of(url, proxy),
        given=request.headers,
        start=f"{request.method} {url.url if forwarded else common.path} HTTP/1.1\r\n".encode("ascii"),
        lines={name.lower(): _line(name, value) for name, value in headers.items()},
        proxy=None if proxy is None else URL(proxy._replace(auth=None).url),
        proxy_headers=None if forwarded else login or None,
        tls=tls_context() if secure else True,
    )


def _line(name: str, value: str) -> UnshownBytes:
    check_header(name, value)
    return UnshownBytes(f"{name}: {value}\r\n".encode("latin-1"))


def _host(url: Url) -> str:
    """As the request names it: without the scheme's own port, and without the dot of a full name."""
    host = str(url.host).rstrip(".")
    return host if url.port in (None, PORTS[str(url.scheme)]) else f"{host}:{url.port}"


def _basic(login: str) -> Unshown:
    name, _, password = login.partition(":")
    plain = f"{unquote(name)}:{unquote(password)}"
    return Unshown("Basic " + base64.b64encode(plain.encode("latin-1")).decode())
