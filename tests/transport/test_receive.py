"""An answer read piece by piece over real sockets: framing, limits, and the connection afterwards."""

import gzip
import os
import signal
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.core.http import FaultKind, HttpResponse, TransportFault
from resilient_infer.transport.http_sync import HttpSync
from resilient_infer.transport.receive import Opened
from resilient_infer.transport.watchdog import WATCHDOG, Limit
from tests.sockets import closed_down_to, internet_sockets

from .asking import ALLOWANCE, answer_of, ask, fault_of, request
from .conftest import Certificates
from .either import Either, EitherOpened
from .stories import Server, Story, drips, hangs, hold, keeps_answering, read_request, resets, response

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TEXT = b"data: one\n\ndata: two\n\ndata: [DONE]\n\n"


def chunks(text: bytes, size: int = 11) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in split(text, size))


def split(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def framed(framing: str, text: bytes = TEXT) -> bytes:
    """A whole answer; with framing "eof" the connection must end after it."""
    if framing == "chunked":
        return CHUNKED + chunks(text) + b"0\r\n\r\n"
    if framing == "length":
        return HEAD + b"Content-Length: %d\r\n\r\n" % len(text) + text
    return HEAD + b"Connection: close\r\n\r\n" + text


def sends(*pieces: bytes, then: Callable[[socket.socket], object] | None = None) -> Story:
    """The first request is answered by these pieces, each in a packet of its own."""

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            sock.sendall(piece)
        if then is not None:
            then(sock)

    return story


def holds(*pieces: bytes) -> Story:
    return sends(*pieces, then=hold)


def in_two(first: bytes, second: bytes) -> Story:
    """The second part comes when the first has been read."""

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(first)
        threading.Event().wait(0.03)
        sock.sendall(second)
        hold(sock)

    return story


@contextmanager
def opening(
    either: Either, url: str, timeout: float = 5.0, lasts: float = 5.0, **changes: int
) -> Iterator[EitherOpened]:
    opened = either.open(request(url, **changes), timeout=timeout)
    assert not isinstance(opened, HttpResponse | TransportFault), opened
    opened.ends_at = monotonic() + lasts
    try:
        yield opened
    finally:
        opened.close()


def rest(opened: EitherOpened, seconds: float = 5.0) -> tuple[bytes, TransportFault | None]:
    """All that comes, and the fault it ended with."""
    text = b""
    while True:
        data = opened.read(monotonic() + seconds)
        if isinstance(data, TransportFault):
            assert "secret" not in data.reason
            return text, data
        if not data:
            return text, None
        text += data


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("framing", ["chunked", "length", "eof"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_body_comes_whole_whatever_its_framing_and_its_packets(
    either: Either, trusted: Certificates, framing: str, size: int, secure: bool
) -> None:
    tls = trusted.server if secure else None
    with (
        Server(sends(*split(framed(framing), size)), tls=tls) as server,
        opening(either, server.url) as opened,
    ):
        assert opened.head.status == 200
        assert opened.head.body == b""
        assert opened.head.headers["content-type"] == "text/event-stream"
        assert opened.head.framed == (framing != "eof")
        assert rest(opened) == (TEXT, None)
        assert opened.read(monotonic() + 1) == b""
    assert not WATCHDOG._live


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("framing", ["chunked", "length", "eof"])
def test_a_piece_is_handed_on_as_soon_as_it_is_there(
    either: Either, trusted: Certificates, framing: str, secure: bool
) -> None:
    """The server sends the second only once the first has been read."""
    go_on = threading.Event()
    first, second = (
        (chunks(b"one"), chunks(b"two") + b"0\r\n\r\n") if framing == "chunked" else (b"one", b"two")
    )
    head = {"chunked": CHUNKED, "length": HEAD + b"Content-Length: 6\r\n\r\n", "eof": HEAD + b"\r\n"}[framing]

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(head + first)
        assert go_on.wait(5)
        sock.sendall(second)

    with (
        Server(story, tls=trusted.server if secure else None) as server,
        opening(either, server.url) as opened,
    ):
        assert opened.read(monotonic() + 2) == b"one"
        go_on.set()
        assert rest(opened) == (b"two", None)


@pytest.mark.parametrize("framing", ["chunked", "length"])
@given(at=st.integers(0, 40))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_body_cut_anywhere_is_a_cut_and_what_came_is_handed_on_first(
    either: Either, framing: str, at: int
) -> None:
    """ST3: an early end is a failure."""
    whole = framed(framing)
    start = whole.index(b"\r\n\r\n") + 4
    end = whole.rindex(b"0\r\n\r\n") if framing == "chunked" else len(whole)
    cut = min(start + at, end - 1)
    with Server(sends(whole[:cut])) as server, opening(either, server.url) as opened:
        text, fault = rest(opened)
        assert fault is not None
        assert fault.kind is FaultKind.CUT
        assert fault.status == 200
        assert TEXT.startswith(text)
        assert opened.read(monotonic() + 1) == fault


def test_a_reset_in_mid_stream_is_a_cut(either: Either) -> None:
    with Server(resets(CHUNKED + chunks(b"one"))) as server, opening(either, server.url) as opened:
        text, fault = rest(opened)
        assert text == b"one"
        assert fault is not None
        assert fault.kind is FaultKind.CUT


@pytest.mark.parametrize(
    "story",
    [
        holds(CHUNKED),
        drips(CHUNKED, b"0"),  # a chunk's length that never ends
        drips(CHUNKED + b"1;", b"x"),
    ],
)
def test_dl1_a_read_ends_at_its_moment_whatever_the_server_does(either: Either, story: Story) -> None:
    """No read waits longer than it may, however many bytes of framing come."""
    with Server(story) as server, opening(either, server.url) as opened:
        began = monotonic()
        fault = opened.read(began + 0.15)
        assert isinstance(fault, TransportFault)
        assert fault.kind is FaultKind.TIMEOUT
        assert 0.14 < monotonic() - began < 0.15 + ALLOWANCE
        assert opened.read(monotonic() + 1) == fault
    assert not WATCHDOG._live


def test_a_read_whose_moment_has_passed_breaks_off(either: Either) -> None:
    with Server(holds(CHUNKED + chunks(b"one"))) as server, opening(either, server.url) as opened:
        fault = opened.read(monotonic() - 1)
        assert isinstance(fault, TransportFault)
        assert fault.kind is FaultKind.TIMEOUT


def test_while_nobody_reads_no_limit_but_the_last_breaks_it_off(either: Either) -> None:
    """The consumer thinks for longer than the server may be silent; then the read has all its time again."""
    go_on = threading.Event()

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(CHUNKED + chunks(b"one"))
        go_on.wait(5)
        sock.sendall(chunks(b"two") + b"0\r\n\r\n")

    with Server(story) as server, opening(either, server.url, timeout=0.1) as opened:
        assert opened.read(monotonic() + 0.1) == b"one"
        threading.Event().wait(0.3)
        threading.Timer(0.05, go_on.set).start()
        assert rest(opened, 0.5) == (b"two", None)


def test_dl1_the_last_moment_holds_although_nobody_reads(either: Either) -> None:
    gone = threading.Event()
    with (
        Server(sends(CHUNKED + chunks(b"one"), then=lambda sock: (hold(sock), gone.set()))) as server,
        opening(either, server.url, lasts=0.2) as opened,
    ):
        assert opened.read(monotonic() + 5) == b"one"
        assert gone.wait(0.2 + ALLOWANCE)
        fault = opened.read(monotonic() + 5)
        assert isinstance(fault, TransportFault)
        assert fault.kind is FaultKind.TIMEOUT


@pytest.mark.parametrize("status", [201, 204, 307, 429, 500])
def test_an_answer_with_another_status_is_read_whole(either: Either, status: int) -> None:
    body = b"" if status == 204 else b"{}"
    with Server(sends(response(body, status=f"{status} Thus"))) as server:
        answer = either.open(request(server.url), timeout=5)
        assert isinstance(answer, HttpResponse)
        assert (answer.status, answer.body) == (status, body)
    assert not WATCHDOG._live


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\nhalf"])
def test_dl1_a_head_or_a_failure_that_does_not_come_is_a_timeout(either: Either, start: bytes) -> None:
    with Server(holds(start)) as server:
        began = monotonic()
        fault = fault_of(either.open(request(server.url), timeout=0.1))  # type: ignore[arg-type]  # checked there
        assert fault.kind is FaultKind.TIMEOUT
        assert monotonic() - began < 0.1 + ALLOWANCE
    assert not WATCHDOG._live


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_the_connection_of_a_whole_body_is_used_again(either: Either, framing: str) -> None:
    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(framed(framing))
        keeps_answering(sock, visit)

    with Server(story) as server:
        with opening(either, server.url) as opened:
            assert rest(opened) == (TEXT, None)
        assert answer_of(ask(either, server.url)).body == b"1"
        assert server.visits == 1


def test_an_answer_that_is_over_gives_its_connection_back_if_its_end_comes_at_once(either: Either) -> None:
    """[DONE] has been read, and the last chunk comes in a packet of its own."""

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(CHUNKED + chunks(TEXT, 100))
        threading.Event().wait(0.003)
        sock.sendall(b"0\r\n\r\n")
        keeps_answering(sock, visit)

    with Server(story) as server:
        with opening(either, server.url) as opened:
            assert opened.read(monotonic() + 2) == TEXT
            opened.finish()
        assert answer_of(ask(either, server.url)).body == b"1"


@pytest.mark.parametrize("end", [b"", chunks(b": ping\n\n")])
def test_an_answer_that_is_over_is_not_waited_for(either: Either, end: bytes) -> None:
    with Server(holds(CHUNKED + chunks(TEXT, 100) + end), keeps_answering) as server:
        with opening(either, server.url) as opened:
            data = opened.read(monotonic() + 2)
            assert isinstance(data, bytes)
            assert data.startswith(TEXT)
            began = monotonic()
            opened.finish()
            assert monotonic() - began < ALLOWANCE
        assert answer_of(ask(either, server.url)).body == b"2"


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_what_is_closed_early_does_not_poison_the_pool(either: Either, framing: str) -> None:
    """The next request must not read the rest of this answer."""
    start = CHUNKED + chunks(b"one") if framing == "chunked" else HEAD + b"Content-Length: 99\r\n\r\none"
    with Server(holds(start), keeps_answering) as server:
        before = internet_sockets()
        with opening(either, server.url) as opened:
            assert opened.read(monotonic() + 2) == b"one"
            opened.close()
            opened.close()
            late = opened.read(monotonic() + 2)
            assert isinstance(late, TransportFault)
        assert answer_of(ask(either, server.url)).body == b"2"
        assert closed_down_to(before, and_more=2)  # the connection that is kept, at both ends
    assert not WATCHDOG._live


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_thread_that_waits_is_woken_by_another_that_closes(either: Either, where: str) -> None:
    breaks: list[Callable[[], None]] = []
    before = internet_sockets()
    with Server(hangs if where == "head" else holds(CHUNKED)) as server:
        closing = threading.Timer(0.1, lambda: breaks[0]())
        began = monotonic()
        closing.start()
        opened = either.open(request(server.url), timeout=10, notify=breaks.append)
        if where == "body":
            assert not isinstance(opened, HttpResponse | TransportFault)
            fault = opened.read(monotonic() + 10)
        else:
            fault = opened  # type: ignore[assignment]  # asserted next
        assert isinstance(fault, TransportFault)
        assert fault.kind is FaultKind.LOST
        assert monotonic() - began < 0.1 + ALLOWANCE
        closing.join()
    assert not WATCHDOG._live
    either.close()
    del opened
    assert closed_down_to(before)


def test_close_from_another_thread_wakes_the_one_who_reads(either: Either) -> None:
    with Server(holds(CHUNKED)) as server, opening(either, server.url, lasts=10) as opened:
        closing = threading.Timer(0.1, opened.close)
        closing.start()
        began = monotonic()
        fault = opened.read(began + 10)
        closing.join()
        assert isinstance(fault, TransportFault)
        assert monotonic() - began < 0.1 + ALLOWANCE
    assert not WATCHDOG._live


def test_a_stream_may_be_read_elsewhere_and_other_requests_come_between(either: Either) -> None:
    """Each connection is under its own limit, whoever's thread it is read in."""
    with (
        Server(in_two(CHUNKED + chunks(TEXT[:5]), chunks(TEXT[5:]) + b"0\r\n\r\n")) as server,
        Server(keeps_answering) as other,
        opening(either, server.url) as opened,
    ):
        first = opened.read(monotonic() + 2)
        assert isinstance(first, bytes)
        read: list[object] = []
        assert answer_of(ask(either, other.url)).body == b"1"
        elsewhere = threading.Thread(target=lambda: read.append(rest(opened)))
        elsewhere.start()
        elsewhere.join()
        assert TEXT.startswith(first)
        assert read == [(TEXT[len(first) :], None)]
        assert answer_of(ask(either, other.url)).body == b"1"


@pytest.mark.parametrize("cancel", [False, True])
def test_cx4_a_stream_finishes_when_the_client_is_closed_unless_it_is_cancelled(
    either: Either, cancel: bool
) -> None:
    """`close()`: in-flight finish or are cancelled by choice; nothing is left."""
    before = internet_sockets()
    with Server(sends(framed("chunked"), then=hold)) as server, opening(either, server.url) as opened:
        either.close(cancel=cancel)
        text, fault = rest(opened)
        assert (text, fault is None) == ((b"", False) if cancel else (TEXT, True))
        assert fault is None or "the client was closed" in fault.reason
    assert closed_down_to(before)
    assert not WATCHDOG._live


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_a_compression_nobody_asked_for_is_undone_as_it_comes(either: Either, coding: str) -> None:
    packer = zlib.compressobj(wbits={"gzip": 31, "deflate": 15}.get(coding, 15))
    first = packer.compress(b"one") + packer.flush(zlib.Z_SYNC_FLUSH)
    second = packer.compress(b"two") + packer.flush()
    if coding == "identity":
        first, second = b"one", b"two"
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: %b\r\n\r\n" % coding.encode())
    go_on = threading.Event()

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(head + chunks(first, 3))
        assert go_on.wait(5)
        sock.sendall(chunks(second, 3) + b"0\r\n\r\n")

    with Server(story) as server, opening(either, server.url) as opened:
        text = b""
        while len(text) < 3:
            data = opened.read(monotonic() + 2)
            assert isinstance(data, bytes)
            text += data
        assert text == b"one"
        go_on.set()
        assert rest(opened) == (b"two", None)


RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
MEMBERS = gzip.compress(TEXT[:10], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(TEXT[10:], mtime=0)
COMPRESSED = {
    "several members": ("gzip", MEMBERS),
    "something behind": ("gzip", MEMBERS + b"and no more of it" * 9),
    "zlib": ("deflate", zlib.compress(TEXT)),
    "raw": ("deflate", RAW.compress(TEXT) + RAW.flush()),
}


@pytest.mark.parametrize("size", [1, 13, 1000])
@pytest.mark.parametrize("name", COMPRESSED)
def test_a_compression_in_several_parts_or_without_a_wrapper_is_undone_to_its_end(
    either: Either, name: str, size: int
) -> None:
    """A truncated answer is never presented as a success."""
    coding, body = COMPRESSED[name]
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: %b\r\n\r\n" % coding.encode())
    packets = [chunks(part, size) for part in split(body, size)]
    with Server(holds(head, *packets, b"0\r\n\r\n")) as server, opening(either, server.url) as opened:
        assert rest(opened) == (TEXT, None)


def test_what_is_no_compression_behind_one_is_let_go_wherever_it_is_cut(either: Either) -> None:
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    more = chunks(b"nd no more of it") + b"0\r\n\r\n"
    with (
        Server(in_two(head + chunks(MEMBERS + b"a", 100), more)) as server,
        opening(either, server.url) as opened,
    ):
        assert rest(opened) == (TEXT, None)


def test_nothing_compressed_is_nothing(either: Either) -> None:
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    with Server(holds(head + b"0\r\n\r\n")) as server, opening(either, server.url) as opened:
        assert rest(opened) == (b"", None)


@pytest.mark.parametrize(
    ("head", "body", "kind"),
    [
        (b"Content-Encoding: br\r\n", b"x", FaultKind.GARBLED),
        (b"Content-Encoding: gzip\r\n", b"no gzip at all", FaultKind.GARBLED),
        (b"Content-Encoding: gzip\r\n", gzip.compress(TEXT)[:-9], FaultKind.CUT),
        (b"", b"x" * 2000, FaultKind.OVERSIZED),
        (b"Content-Encoding: gzip\r\n", gzip.compress(b"x" * 100_000), FaultKind.OVERSIZED),
    ],
    ids=["unknown", "not gzip", "cut", "long", "long when unpacked"],  # gzip writes the time into its bytes
)
def test_bytes_are_bounded_and_broken_compression_is_a_fault(
    either: Either, head: bytes, body: bytes, kind: FaultKind
) -> None:
    start = CHUNKED.replace(b"\r\n\r\n", b"\r\n" + head + b"\r\n")
    with (
        Server(holds(start + chunks(body, 100) + b"0\r\n\r\n")) as server,
        opening(either, server.url, max_response=1000) as opened,
    ):
        text, fault = rest(opened)
        assert len(text) <= 1000
        assert fault is not None
        assert fault.kind is kind


def test_broken_chunked_coding_is_garbled_at_once(either: Either) -> None:
    with Server(in_two(CHUNKED, b"zz\r\nhello\r\n")) as server, opening(either, server.url) as opened:
        began = monotonic()
        _, fault = rest(opened)
        assert monotonic() - began < 0.03 + ALLOWANCE  # at once, and not when it is tired of waiting
        assert fault is not None
        assert fault.kind is FaultKind.GARBLED


def test_all_that_has_come_is_read_in_one_go(either: Either) -> None:
    """A server that is quicker than the consumer costs one read for many tokens."""
    with Server(holds(CHUNKED + chunks(TEXT, 1))) as server, opening(either, server.url) as opened:
        received = opened.read(monotonic() + 2)
        assert isinstance(received, bytes)
        while received != TEXT:
            more = opened.read(monotonic() + 2)
            assert isinstance(more, bytes)
            assert len(more) > 1
            received += more


def test_what_follows_a_whole_answer_unasked_is_not_taken_for_the_next_one(either: Either) -> None:
    """Else the next request on the connection would be given it."""
    unasked = response(b"not for you")
    with Server(holds(framed("chunked") + unasked), keeps_answering) as server:
        with opening(either, server.url) as opened:
            assert rest(opened) == (TEXT, None)
        assert answer_of(ask(either, server.url)).body == b"2"


def test_cx1_ctrl_c_while_reading_comes_through_and_frees_the_connection() -> None:
    """KeyboardInterrupt propagates as the same object."""
    before = internet_sockets()
    either = HttpSync()
    with Server(holds(CHUNKED)) as server, opening(either, server.url, lasts=10) as opened:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            opened.read(monotonic() + 10)
        timer.join()
        assert isinstance(opened.read(monotonic() + 1), TransportFault)  # and no end of a body
        either.close()
    assert not WATCHDOG._live
    assert closed_down_to(before)


@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_ts2_a_forked_child_reads_nothing_of_its_parent_s_stream(client: HttpSync) -> None:
    """Sockets are not shared: the child neither reads nor ends what the parent reads."""
    go_on = threading.Event()

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(CHUNKED + chunks(b"one"))
        go_on.wait(5)
        sock.sendall(chunks(b"two") + b"0\r\n\r\n")

    with Server(story) as server, opening(client, server.url) as opened:
        assert opened.read(monotonic() + 2) == b"one"
        assert isinstance(opened, Opened)
        opened._limit._lock.acquire()  # as another thread may hold it at the moment of the fork
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            fault = opened.read(monotonic() + 2)
            opened.close()
            os._exit(isinstance(fault, TransportFault) and fault.kind is FaultKind.LOST)
        opened._limit._lock.release()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 1
        go_on.set()
        assert rest(opened) == (b"two", None)


def test_a_limit_may_be_moved_earlier_and_later() -> None:
    """The watchdog wakes for the earlier moment, and not for the one that was moved away."""
    early, late = Limit(60.0), Limit(0.1)
    WATCHDOG.watch(early)
    WATCHDOG.watch(late)
    began = monotonic()
    WATCHDOG.move(late, began + 60)
    WATCHDOG.move(early, began + 0.2)
    while early.ended is None and monotonic() < began + 2:
        threading.Event().wait(0.005)
    assert 0.19 < monotonic() - began < 0.2 + ALLOWANCE
    assert late.ended is None
    WATCHDOG.forget(late)
