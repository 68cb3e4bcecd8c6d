"""HTTP over requests' own machinery: one request, one time limit, one value back.

requests prepares a request and its adapter pools the connections, without all
that a Session does behind our back: no environment at send time, no
netrc, no cookies, no retries, no redirects. What does not change from call to
call (URL, headers, proxy, certificates) is worked out once and kept; that is
half the cost of `Session.post`.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import requests
from urllib3 import BaseHTTPResponse
from urllib3.util import Retry, Url

from resilient_infer.core.http import FaultKind, HttpRequest, Reception, TransportFault
from resilient_infer.errors import ConfigError
from resilient_infer.transport.connection import CURRENT, LimitedAdapter, LimitedPool
from resilient_infer.transport.environment import proxy_for
from resilient_infer.transport.faults import EXPECTED, ended_fault, fault_of
from resilient_infer.transport.fork import renew_in_children
from resilient_infer.transport.headers import Unshown, check_header
from resilient_infer.transport.prepared import MOST_TEMPLATES, place_of, prepared
from resilient_infer.transport.receive import Opened, whole
from resilient_infer.transport.resolve import RESOLVER, Resolver
from resilient_infer.transport.watchdog import WATCHDOG, Ending, Limit

LONGEST: Final = 86_400.0
"""Seconds; no attempt takes longer, and sockets refuse much larger timeouts."""

MOST_SERVERS: Final = 128
"""Servers whose connections are kept; beyond, the one known longest is let go."""

_NO_RETRIES: Final = Retry(total=False)

Received = TypeVar("Received")
Receive = Callable[[BaseHTTPResponse, Limit, str, int], Received]
"""Reads an answer, within its limit, from a place (host:port), and at most so many bytes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """One scheme, host and port, with the way to it.

    Attributes:
        place: "host:port", for messages.
        absolute: Requests name the whole URL, as a forwarding proxy wants it.
    """

    pool: LimitedPool
    place: str
    absolute: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """A request as far as it is the same every time.

    Attributes:
        given: The request's own tuple. Kept, so that its identity stays taken.
        headers: All headers but the framing and those of a single call.
        spelling: Lower case to the spelling in `headers`.
    """

    server: _Server
    target: str
    given: tuple[tuple[str, str], ...] = field(repr=False)
    headers: Mapping[str, Unshown] = field(repr=False)
    spelling: Mapping[str, str]

    def with_call_headers(self, extra: tuple[tuple[str, str], ...]) -> dict[str, str]:
        """The headers of one call.

        Raises:
            ConfigError: One of them cannot be sent.
        """
        headers: dict[str, str] = dict(self.headers)
        for name, value in extra:
            check_header(name, value)
            headers[self.spelling.get(name.lower(), name)] = value
        return headers


class HttpSync:
    """Sends requests from any number of threads. Safe to use after a fork.

    Args:
        pool_maxsize: Connections kept alive per server. More may be open, and are closed after use.
        resolver: Where addresses come from; the process's own by default.
    """

    def __init__(self, *, pool_maxsize: int = 64, resolver: Resolver = RESOLVER) -> None:
        self._pool_maxsize = pool_maxsize
        self._resolver = resolver
        self._closed = False
        self._start()
        renew_in_children(self)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[tuple[str, str, int | None], _Server] = {}
        self._templates: dict[tuple[str, str, int], _Template] = {}
        self._adapter = LimitedAdapter(
            pool_connections=MOST_SERVERS, pool_maxsize=self._pool_maxsize, max_retries=0
        )

    def renew(self) -> None:
        """In a forked child: new connections; the parent's go on undisturbed."""
        servers = self._servers
        self._start()
        for server in servers.values():
            server.pool.abandon()

    def send(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool = False,
        notify: Callable[[Callable[[], None]], None] | None = None,
    ) -> Reception:
        """Send one request and read the whole answer.

        Args:
            timeout: Seconds for everything: name, connection, TLS, request, answer.
            fresh: Use a new connection, because a kept-alive one has just failed.
            notify: Takes a function that breaks the exchange off, from any thread and as long as it lasts.

        Returns:
            The answer, whatever its status (redirects are not followed), or the fault. Nothing a server or
            a network does is raised. A request that cannot be sent at all is `REJECTED`.
        """
        limit = self._limit(timeout, fresh, notify)
        return self._exchange(request, limit, limit.length, whole)

    def open(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool = False,
        notify: Callable[[Callable[[], None]], None] | None = None,
    ) -> Opened | Reception:
        """Send one request and read the head of the answer; the body of a 200 is the caller's to read.

        Args:
            timeout: Seconds until the head is there; of an answer with another status, until all of it is.
            fresh: As in `send`; so is `notify`.

        Returns:
            The answer with status 200 from its head on; any other as from `send`.
        """
        limit = self._limit(timeout, fresh, notify)
        # No second net here: a stream's pauses may be long, and with a timeout each read would poll first.
        return self._exchange(request, limit, None, _opened)

    def _limit(
        self, timeout: float, fresh: bool, notify: Callable[[Callable[[], None]], None] | None
    ) -> Limit:
        limit = Limit(min(timeout, LONGEST), owner=self, fresh=fresh)
        if notify is not None:
            notify(partial(limit.end, Ending.CLOSED))
        return limit

    def _exchange(
        self, request: HttpRequest, limit: Limit, read_timeout: float | None, receive: Receive[Received]
    ) -> Received | TransportFault:
        try:
            template = self._template(request)
            headers = template.with_call_headers(request.call_headers)
        except (ConfigError, requests.RequestException, ValueError) as error:
            return TransportFault(kind=FaultKind.REJECTED, reason=_why_unsendable(error), sent=False)
        place = template.server.place
        received: Received | TransportFault | None = None
        outer, CURRENT.limit = CURRENT.limit, limit
        try:
            WATCHDOG.watch(limit)
            if self._closed:  # asked only now, so that close() either sees the limit or is seen here
                limit.end(Ending.CLOSED)
            if limit.left() <= 0:
                return ended_fault(limit, place)
            try:
                answer = _sent(template, request, headers, read_timeout)
            except EXPECTED as error:
                return fault_of(error, limit, place)
            received = receive(answer, limit, place, request.max_response)
            return received
        finally:
            CURRENT.limit = outer
            if not isinstance(received, Opened):  # it needs its limit as long as it is read
                WATCHDOG.forget(limit)
                limit.finish()

    def close(self, cancel: bool = False) -> None:
        """Close idle connections; nothing is sent from now on. A second time it changes nothing.

        Args:
            cancel: End what is in flight at once (`LOST`); otherwise it may finish.
        """
        self._closed = True
        with self._lock:
            servers, self._servers = self._servers, {}
            self._templates = {}
        for server in servers.values():
            server.pool.close()
        self._adapter.close()
        if cancel:
            WATCHDOG.end_all(self)

    def _template(self, request: HttpRequest) -> _Template:
        key = (request.method, request.url, id(request.headers))
        template = self._templates.get(key)
        if template is None:
            template = self._prepare(request)
            with self._lock:
                if len(self._templates) >= MOST_TEMPLATES:
                    self._templates = {}
                self._templates[key] = template
        return template

    def _prepare(self, request: HttpRequest) -> _Template:
        common = prepared(request)
        server = self._server(common.url)
        return _Template(
            server=server,
            target=common.url.url if server.absolute else common.path,
            given=request.headers,
            headers=common.headers,
            spelling={name.lower(): name for name in common.headers},
        )

    def _server(self, url: Url) -> _Server:
        key = (str(url.scheme), str(url.host), url.port)
        with self._lock:
            server = self._servers.get(key)
            if server is None:
                if len(self._servers) >= MOST_SERVERS:
                    self._templates = {}
                    del self._servers[next(iter(self._servers))]
                server = self._servers[key] = self._reach(url)
        return server

    def _reach(self, url: Url) -> _Server:
        proxy = proxy_for(url.url)
        pool = self._adapter.pool_for(url, proxy)
        pool.resolver = self._resolver
        return _Server(
            pool=pool, place=place_of(url, proxy), absolute=proxy is not None and url.scheme == "http"
        )


def _sent(
    template: _Template, request: HttpRequest, headers: dict[str, str], read_timeout: float | None
) -> BaseHTTPResponse:
    """The answer to a request, as far as its headers.

    Args:
        read_timeout: Seconds for each read; only a second net, should the watchdog's fail. None: no net.
    """
    return template.server.pool.urlopen(
        request.method, template.target, body=request.body or None, headers=headers,
        retries=_NO_RETRIES, redirect=False, assert_same_host=False, timeout=read_timeout,
        preload_content=False, decode_content=False,
    )  # fmt: skip


def _opened(answer: BaseHTTPResponse, limit: Limit, place: str, most: int) -> Opened | Reception:
    if answer.status != 200:
        return whole(answer, limit, place, most)
    return Opened(answer, limit, place, most)


def _why_unsendable(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    return f"the URL cannot be used ({type(error).__name__})"  # its text may quote a login
