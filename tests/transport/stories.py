"""A scripted server on loopback: each connection is told one story, in a thread of its own.

A story is a function of the accepted socket and the visit's number. What it
raises because the client has gone away is the end of the story.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

Story = Callable[[socket.socket, int], None]

OK = b'{"ok": true}'


class Server:
    """Tells the given stories to the connections as they come, the last one again and again."""

    def __init__(self, *stories: Story, tls: ssl.SSLContext | None = None) -> None:
        self._stories = stories
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        self.visits = 0

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/v1/models?key=querysecret"

    def __enter__(self) -> "Server":
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shut(self._listener)
        self._acceptor.join()
        with self._lock:
            for connection in self._open:
                shut(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                with self._lock:
                    self.visits += 1
                    self._open.append(connection)
                    story = self._stories[min(self.visits, len(self._stories)) - 1]
                    thread = threading.Thread(
                        target=self._tell, args=(story, connection, self.visits), daemon=True
                    )
                    self._threads.append(thread)
                thread.start()

    def _tell(self, story: Story, connection: socket.socket, visit: int) -> None:
        try:
            if self._tls is not None:
                raw, connection = connection, self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._open[self._open.index(raw)] = connection
            with connection:
                story(connection, visit)
        except (OSError, EOFError):
            connection.close()


def shut(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return


def read_request(sock: socket.socket) -> bytes:
    """Head and body of one request; EOFError when the client has gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(sock)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
    while len(body) < length:
        body += _some(sock)
    return head + b"\r\n\r\n" + body


def _some(sock: socket.socket) -> bytes:
    piece = sock.recv(65536)
    if not piece:
        raise EOFError
    return piece


def response(body: bytes = OK, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def says(*answers: bytes) -> Story:
    """Each request of a connection gets the next answer; after the last the connection ends."""

    def story(sock: socket.socket, visit: int) -> None:
        for reply in answers:
            read_request(sock)
            sock.sendall(reply)

    return story


def keeps_answering(sock: socket.socket, visit: int) -> None:
    """Every request is answered with the number of its connection."""
    while True:
        read_request(sock)
        sock.sendall(response(str(visit).encode()))


def hangs(sock: socket.socket, visit: int) -> None:
    """The request is read and never answered."""
    read_request(sock)
    hold(sock)


def hold(sock: socket.socket) -> None:
    """Wait until the client goes."""
    while sock.recv(65536):
        pass


def drips(start: bytes, drop: bytes) -> Story:
    """`start` at once, then `drop` every few milliseconds for ever: no single read ever waits long."""

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(start)
        pause = threading.Event()
        while not pause.wait(0.005):
            sock.sendall(drop)

    return story


def resets(after: bytes = b"") -> Story:
    """Answers with `after`, then breaks the connection off with a reset."""

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        if after:
            sock.sendall(after)
            threading.Event().wait(0.03)  # a reset sent at once would overtake the bytes before it
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    return story


@contextmanager
def deaf_place() -> Iterator[tuple[str, int]]:
    """A loopback address whose queue is full: connecting to it is never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()
        finally:
            for filler in fillers:
                filler.close()
