"""One request, one time limit, one value back: what a server may do, over real sockets."""

import gzip
import signal
import socket
import threading
import traceback
from pathlib import Path
from time import time

import pytest

from resilient_infer.core.http import FaultKind
from resilient_infer.transport.http_sync import MOST_SERVERS, MOST_TEMPLATES, HttpSync

from .asking import answer_of, ask, fault_of, request
from .stories import (
    OK,
    Server,
    hold,
    keeps_answering,
    read_request,
    response,
    says,
)


def test_an_answer_arrives_whole_with_lower_case_joined_headers(client: HttpSync) -> None:
    with Server(says(response(OK, "X-Request-Id: r-1", "Warning: a", "WARNING: b"))) as server:
        answer = answer_of(ask(client, server.url))

    assert (answer.status, answer.body, answer.framed) == (200, OK, True)
    assert answer.headers["x-request-id"] == "r-1"
    assert answer.headers["warning"] == "a, b"
    assert abs(answer.received_at - time()) < 5


def test_the_request_is_sent_as_given(client: HttpSync) -> None:
    seen: list[bytes] = []

    def story(sock: socket.socket, visit: int) -> None:
        for _ in range(2):
            seen.append(read_request(sock))
            sock.sendall(response())

    with Server(story) as server:
        for key in ("k-1", "k-2"):
            ask(client, server.url, call_headers=(("Idempotency-Key", key), ("content-type", "text/plain")))

    for sent, key in zip(seen, (b"k-1", b"k-2"), strict=True):
        head, _, body = sent.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/models?key=querysecret HTTP/1.1\r\n")
        assert body == b'{"inputs": "bodysecret"}'
        assert b"Authorization: Bearer hf_topsecret" in head
        assert b"Idempotency-Key: " + key in head
        assert head.lower().count(b"content-type") == head.lower().count(b"content-length") == 1
        assert b"Content-Type: text/plain" in head


def test_a_request_without_a_body_names_no_length_for_get(client: HttpSync) -> None:
    seen: list[bytes] = []

    def story(sock: socket.socket, visit: int) -> None:
        seen.append(read_request(sock))
        sock.sendall(response())

    with Server(story) as server:
        answer_of(ask(client, server.url, method="GET", body=b""))

    assert b"content-length" not in seen[0].lower()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SQUEEZED = gzip.compress(OK * 100)
ZIPPED = "Content-Encoding: gzip"


def test_an_answer_cut_inside_its_headers_is_never_called_framed(client: HttpSync) -> None:
    """A connection cut inside the headers gives 200 with an empty body."""
    with Server(says(b"HTTP/1.1 200 OK\r\nContent-Ty")) as server:
        answer = answer_of(ask(client, server.url))

    assert (answer.status, answer.body, answer.framed) == (200, b"", False)


def test_an_answer_without_length_ends_with_its_connection(client: HttpSync) -> None:
    with Server(says(b"HTTP/1.1 200 OK\r\n\r\n" + OK)) as server:
        answer = answer_of(ask(client, server.url))

    assert (answer.body, answer.framed) == (OK, False)


def test_chunked_and_compressed_answers_are_decoded_and_keep_the_connection(client: HttpSync) -> None:
    pieces = b"".join(b"%x\r\n%b\r\n" % (1, SQUEEZED[i : i + 1]) for i in range(len(SQUEEZED)))
    chunked = CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n" + pieces + b"0\r\n\r\n"
    with Server(says(chunked, response(SQUEEZED, ZIPPED), response())) as server:
        bodies = [answer_of(ask(client, server.url)) for _ in range(3)]

    assert [answer.body for answer in bodies] == [OK * 100, OK * 100, OK]
    assert all(answer.framed for answer in bodies)
    assert server.visits == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_status_without_a_body_is_framed_and_keeps_the_connection(client: HttpSync, status: str) -> None:
    bare = f"HTTP/1.1 {status}\r\n\r\n".encode()
    with Server(says(bare, response())) as server:
        first, second = (answer_of(ask(client, server.url)) for _ in range(2))

    assert (first.status, first.body, first.framed, second.body) == (int(status[:3]), b"", True, OK)
    assert server.visits == 1


def test_a_head_request_has_no_body_whatever_length_is_told(client: HttpSync) -> None:
    with Server(says(response(b"", length=500), response())) as server:
        head = answer_of(ask(client, server.url, method="HEAD", body=b""))
        after = answer_of(ask(client, server.url))

    assert (head.body, head.framed, after.body, server.visits) == (b"", True, OK, 1)


def test_interim_answers_are_skipped_and_never_shift_later_answers(client: HttpSync) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    with Server(says(interim + response(b"first"), response(b"second"))) as server:
        answers = [answer_of(ask(client, server.url)) for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, b"first"), (200, b"second")]
    assert server.visits == 1


def test_an_answer_given_before_the_request_was_read_is_still_read(client: HttpSync) -> None:
    def refuses(sock: socket.socket, visit: int) -> None:
        sock.recv(1000)
        sock.sendall(response(b"too large", status="413 Content Too Large"))
        hold(sock)

    with Server(refuses) as server:
        answer = answer_of(ask(client, server.url, body=b"x" * 5_000_000))

    assert answer.status == 413


@pytest.mark.parametrize("timeout", [0.0, -1.0, 1e-9])
def test_no_time_left_sends_nothing(client: HttpSync, timeout: float) -> None:
    with Server(keeps_answering) as server:
        fault = fault_of(ask(client, server.url, timeout))

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)


def test_a_very_long_timeout_is_no_error(client: HttpSync) -> None:
    with Server(keeps_answering) as server:
        assert answer_of(ask(client, server.url, 1e12)).status == 200


UNSENDABLE = {
    "no scheme": {"url": "example.org/x"},
    "other scheme": {"url": "ftp://example.org/x"},
    "no host": {"url": "http:///x"},
    "bad port": {"url": "http://user:urlsecret@example.org:http/"},
    "line break in a header": {"headers": (("Authorization", "Bearer topsecret\r\nX: y"),)},
    "bad call header": {"call_headers": (("X Y", "topsecret"),)},
    "label too long": {"url": "http://" + "a" * 70 + ".example/"},
}


@pytest.mark.parametrize("name", UNSENDABLE)
def test_what_cannot_be_sent_is_rejected_and_not_raised(client: HttpSync, name: str) -> None:
    fault = fault_of(ask(client, **({"url": "http://127.0.0.1:9/"} | UNSENDABLE[name])))

    assert not fault.sent
    assert fault.kind is FaultKind.REJECTED


def test_headers_made_anew_each_time_work_and_what_is_kept_of_them_is_bounded(client: HttpSync) -> None:
    url = "http://127.0.0.1:9/"
    for number in range(2 * MOST_TEMPLATES):
        client._template(request(url, headers=(("X-Number", str(number)),)))
    assert len(client._templates) <= MOST_TEMPLATES

    with Server(keeps_answering) as server:
        for number in range(3):
            answer_of(ask(client, server.url, headers=(("X-Number", str(number)),)))
    assert server.visits == 1


def test_servers_are_let_go_in_order_and_come_back(client: HttpSync) -> None:
    with Server(keeps_answering) as server:
        answer_of(ask(client, server.url))
        for port in range(1, MOST_SERVERS + 1):
            client._template(request(f"http://127.0.0.1:{port}/"))
        again = answer_of(ask(client, server.url))

    assert len(client._servers) == MOST_SERVERS
    assert again.body == b"2"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_the_traceback_of_a_ctrl_c_does_not_show_the_token(client: HttpSync, start: bytes) -> None:
    """Nor do tools that print its variables: it comes through as it is, with the frames it came from."""

    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(start)
        threading.Event().wait(0.05)  # by then the client waits for more
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        hold(sock)

    with Server(story) as server, pytest.raises(KeyboardInterrupt) as raised:
        ask(client, server.url)

    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    frames = [frame for frame in shown.stack if Path(frame.filename).parent != Path(__file__).parent]
    told = "".join(traceback.StackSummary.from_list(frames).format())
    assert "_exchange" in told
    assert "topsecret" not in told
