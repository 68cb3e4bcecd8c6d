"""Connection: urllib3's connections and pools, held to the limit of the attempt.

urllib3 does the HTTP; here each step tells the attempt's `Limit` how far it has
come, and every socket is armed before it can block: before connecting, so
before TLS starts, or when a kept-alive connection is taken up again.
"""

import http.client
import queue
import socket
import sys
import threading
from typing import Any, Final, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util import Url

from resilient_infer.transport.environment import tls_context
from resilient_infer.transport.resolve import RESOLVER, Address, Resolver
from resilient_infer.transport.watchdog import Limit, Phase

ONE_WRITE: Final = 16 * 1024
"""Bytes of a body that leaves together with the head. Source: a TLS record's size, RFC 8446, section 5.1."""


class _Current(threading.local):
    limit: Limit | None = None


CURRENT = _Current()
"""The limit of the attempt this thread is making: urllib3 has no argument to carry it."""


def _limit() -> Limit:
    limit = CURRENT.limit
    if limit is None:
        raise RuntimeError("a limited connection was used without a limit")
    return limit


class FinalResponse(http.client.HTTPResponse):
    """Reads past interim answers and notes the first byte.

    The standard library skips only status 100; a 103 would be taken for the
    answer, and the real one for that of the next request on the connection.
    """

    def begin(self) -> None:
        """Read the status line and headers of the final answer."""
        if self.fp.peek(1):
            _limit().received = True
        super().begin()
        while self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # "not read yet", as at the start
            super().begin()


class LimitedConnection(HTTPConnection):
    """A plain connection that keeps the attempt's limit informed and armed."""

    response_class = FinalResponse
    resolver: Resolver = RESOLVER
    limit: Limit | None = None  # of the attempt that has it from the pool
    _head: bytes | None = None  # b"": the head is due, and is kept back until the body comes

    def _new_conn(self) -> socket.socket:
        limit = _limit()
        limit.phase = Phase.RESOLVING
        host = self._dns_host.strip("[]")
        try:
            addresses = self.resolver.addresses(host, self.port, limit.left)
            limit.phase = Phase.CONNECTING
            sock = connect_to_any(addresses, limit)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        """Send a request, with a small body in one write: urllib3 would make two of it."""
        self._head = b"" if isinstance(body, bytes) and 0 < len(body) <= ONE_WRITE else None
        try:
            super().request(method, url, body, headers, **options)
        finally:
            self._head = None  # a tunnel to be opened anew must not be kept back

    def send(self, data: Any) -> None:
        """Write `data`, or keep it back if it is the head of what is written together."""
        if self._head == b"":
            self._head = data
            return
        head, self._head = self._head, None
        super().send(data if head is None else head + data)

    def putrequest(
        self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False
    ) -> None:
        """Begin to send; the connection stands, opened by this attempt or kept alive."""
        limit = _limit()
        if not limit.armed and self.sock is not None:
            limit.reused = True
            limit.arm(self.sock)
        super().putrequest(method, url, skip_host=skip_host, skip_accept_encoding=skip_accept_encoding)
        limit.phase = Phase.SENDING
        limit.sent = True

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 returns its own, too
        """Wait for the headers of the answer."""
        limit = _limit()
        limit.phase = Phase.WAITING
        response = super().getresponse()
        if limit.ended is not None:
            # Headers that stop at a shutdown look like an answer with status 200 and no body.
            response.close()
            limit.check()
        limit.phase = Phase.BODY
        return response


class LimitedTLSConnection(LimitedConnection, HTTPSConnection):
    """The same over TLS. The handshake, and a proxy's tunnel, are within the limit."""

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _limit().phase = Phase.SECURING
        return sock


def connect_to_any(addresses: tuple[Address, ...], limit: Limit) -> socket.socket:
    """Connect to the first address that answers, all within what the limit has left.

    Each gets an equal share of the time left, so that dead addresses cannot use
    up the share of a living one behind them.

    Raises:
        OSError: None answered; the last one's failure.
    """
    failures: list[OSError] = []
    for position, address in enumerate(addresses):
        try:
            return _connect(address, limit, share=limit.left() / (len(addresses) - position))
        except OSError as error:
            failures.append(error)
    raise failures.pop()


def _connect(address: Address, limit: Limit, share: float) -> socket.socket:
    family, kind, protocol, _, place = address
    sock = socket.socket(family, kind, protocol)
    try:
        # Head and a large body are two writes, and Nagle's algorithm, which urllib3 leaves on behind a
        # proxy, would hold the second back.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(max(share, 0.001))  # 0 would mean "do not block"
        limit.arm(sock)
        sock.connect(place)
        limit.check()  # a connect that was shut down may look like one that succeeded
        sock.settimeout(max(limit.left(), 0.001))
    except BaseException:
        sock.close()
        raise
    return sock


class LimitedPool(HTTPConnectionPool):
    """A pool whose connections are limited, and whose locks do not survive a fork."""

    ConnectionCls: Any = LimitedConnection  # urllib3's Protocol for it is one its own classes do not meet
    resolver: Resolver = RESOLVER

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.resolver = self.resolver
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        connection.limit = _limit()
        if connection.limit.fresh:
            connection.close()  # opened anew before the request is sent
        return connection

    def _validate_conn(self, conn: Any) -> None:
        # Connected before urllib3 begins to send: what fails here was not sent.
        if conn.is_closed:
            conn.connect()
        super()._validate_conn(conn)

    def _put_conn(self, conn: Any) -> None:
        # Once in the pool the connection may be another attempt's, so the limit lets go of it first.
        if conn is not None and conn.limit is not None:
            limit, conn.limit = conn.limit, None
            if not limit.finish():
                conn.close()
        super()._put_conn(conn)
        if conn is not None and self.pool is None:
            conn.close()  # the pool was closed in between

    def abandon(self) -> None:
        """In a forked child: close the child's copies of idle sockets; the parent's stay as they are."""
        idle, self.pool = self.pool, None
        if idle is None:
            return
        connections = [connection for connection in idle.queue if connection is not None]
        # New locks, and nothing left to close, for the finaliser that urllib3 attached to this queue.
        queue.LifoQueue.__init__(idle)
        for connection in connections:
            connection.close()


class LimitedTLSPool(LimitedPool, HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls: Any = LimitedTLSConnection


POOLS = {"http": LimitedPool, "https": LimitedTLSPool}


class LimitedAdapter(HTTPAdapter):
    """requests' adapter, with limited pools for direct and for proxied connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests does, with our pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """As requests does, with our pools."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def pool_for(self, url: Url, proxy: Url | None) -> LimitedPool:
        """The pool that reaches the server of `url`, directly or by way of `proxy`.

        Raises:
            ConfigError: The CA bundle of the environment cannot be used.
        """
        manager: PoolManager = self.poolmanager
        if proxy is not None:
            trusted_by_proxy = {"proxy_ssl_context": tls_context()} if proxy.scheme == "https" else {}
            manager = self.proxy_manager_for(proxy.url, **trusted_by_proxy)
        # The second for urllib3 before 2.8, which checks a proxy that forwards in TLS as it does a server.
        encrypted = url.scheme == "https" or (proxy is not None and proxy.scheme == "https")
        trusted = {"ssl_context": tls_context()} if encrypted else {}
        pool = manager.connection_from_host(url.host, port=url.port, scheme=url.scheme, pool_kwargs=trusted)
        return cast(LimitedPool, pool)  # POOLS holds no other
