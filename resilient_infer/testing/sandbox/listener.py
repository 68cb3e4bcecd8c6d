"""Listener: one port of this machine, open or refusing, and the connections made to it."""

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable

_HOST = "127.0.0.1"
_BACKLOG = 1024
_JOIN_LIMIT = 2.0
"""Seconds `close` waits for a thread; all are daemons, so a stuck one costs nothing but this."""

_BREATH = 0.005
"""Seconds until a failed accept is tried again."""

Serve = Callable[[socket.socket, int], None]


class Listener:
    """Accepts connections and serves each on a thread of its own.

    Args:
        serve: Called with the socket and the connection's number, from 1; the
            socket is closed when it returns.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._made = 0
        self._closed = False
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._accepting: _Accepting | None = None
        self.admit()

    def admit(self) -> None:
        """Listen, on the same port as ever."""
        with self._lock:
            if self._closed or self._accepting is not None:
                return
            self._socket.listen(_BACKLOG)
            self._accepting = _Accepting(self._socket, self._welcome)

    def refuse(self) -> None:
        """Stop listening and cut all connections off; the port stays reserved, so nobody else gets it."""
        with self._lock:
            if self._closed or self._accepting is None:
                return
            self._accepting.stop()
            self._accepting = None
            self._socket.close()
            self._socket = _bound(self.port)
        self._hang_up(rudely=True)

    def close(self) -> None:
        """Stop listening and end all connections and threads. Safe to call again."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._accepting is not None:
                self._accepting.stop()
            self._socket.close()
        self._hang_up(rudely=False)

    def _hang_up(self, *, rudely: bool) -> None:
        with self._lock:
            threads = list(self._open.values())
            for sock in self._open:
                _shut(sock, rudely=rudely)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_LIMIT)

    def _welcome(self, sock: socket.socket) -> None:
        # Called by the accepting thread only, which `stop` has ended before `_hang_up` looks.
        self._made += 1
        thread = threading.Thread(
            target=self._attend,
            args=(sock, self._made),
            name=f"sandbox-{self.port}-{self._made}",
            daemon=True,
        )
        self._open[sock] = thread
        try:
            thread.start()
        except RuntimeError:  # no more threads: this one connection is lost, the server is not
            del self._open[sock]
            sock.close()

    def _attend(self, sock: socket.socket, number: int) -> None:
        try:
            self._serve(sock, number)
        finally:
            with (
                self._lock
            ):  # `_hang_up` must not meet a closed socket, whose number may be another's by then
                self._open.pop(sock, None)
                sock.close()


class _Accepting:
    """The thread that accepts, until it is stopped."""

    def __init__(self, listening: socket.socket, welcome: Callable[[socket.socket], None]) -> None:
        self._listening = listening
        self._welcome = welcome
        self._heard, self._rope = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="sandbox-accept", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._rope.close()  # closing one end makes the other readable
        self._thread.join(_JOIN_LIMIT)
        self._heard.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            selector.register(self._heard, selectors.EVENT_READ)
            while not any(key.fileobj is self._heard for key, _ in selector.select()):
                self._accept()

    def _accept(self) -> None:
        try:
            sock, _ = self._listening.accept()
        except OSError:  # the client changed its mind, or no file descriptor is left, which must not spin
            time.sleep(_BREATH)
            return
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._welcome(sock)


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((_HOST, port))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _shut(sock: socket.socket, *, rudely: bool) -> None:
    """Wake whoever reads or writes this socket; its own thread closes it."""
    try:
        if rudely:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        pass
