"""What a server sends unasked on a connection that is kept: it is nobody's answer."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from resilient_infer.transport.http_async import HttpAsync

from . import async_asking
from .asking import answer_of, ask
from .async_asking import Runner, loops
from .either import Either
from .stories import Server, keeps_answering, read_request, response
from .test_receive import CHUNKED, TEXT, chunks, opening, rest

UNASKED = response(b"not for you", status="408 Request Timeout")
ANSWERS = {
    "length": response(TEXT),
    "chunked": CHUNKED + chunks(TEXT) + b"0\r\n\r\n",
    "empty": response(b""),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "500": response(TEXT, status="500 Internal Server Error"),
}


class Meddler:
    """Answers once, sends something more when it is told to, and answers what comes then."""

    def __init__(self, first: bytes, unasked: bytes) -> None:
        self.first, self.unasked = first, unasked
        self.due, self.sent = threading.Event(), threading.Event()

    def __call__(self, sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(self.first)
        assert self.due.wait(5)
        sock.sendall(self.unasked)
        self.sent.set()
        keeps_answering(sock, visit)

    def meddle(self) -> None:
        self.due.set()
        assert self.sent.wait(5)


@pytest.mark.parametrize(
    "unasked", [UNASKED, UNASKED[:-3], UNASKED[:20], b"\r\n"], ids=["whole", "cut", "begun", "line"]
)
@pytest.mark.parametrize("name", ANSWERS)
def test_what_comes_between_two_requests_is_not_taken_for_the_second_one_s_answer(
    either: Either, name: str, unasked: bytes
) -> None:
    """A server that closes an idle connection may say 408 first."""
    meddler = Meddler(ANSWERS[name], unasked)
    with Server(meddler, keeps_answering) as server:
        answer_of(ask(either, server.url))
        meddler.meddle()
        assert answer_of(ask(either, server.url)).body == b"2"


@pytest.mark.parametrize("name", ["length", "chunked"])
def test_nor_is_it_behind_a_streamed_answer(either: Either, name: str) -> None:
    meddler = Meddler(ANSWERS[name], UNASKED)
    with Server(meddler, keeps_answering) as server:
        with opening(either, server.url) as opened:
            assert rest(opened)[1] is None
        meddler.meddle()
        assert answer_of(ask(either, server.url)).body == b"2"


@pytest.mark.parametrize("name", ANSWERS)
def test_nor_is_what_comes_along_with_an_answer(either: Either, name: str) -> None:
    def story(sock: socket.socket, visit: int) -> None:
        read_request(sock)
        sock.sendall(ANSWERS[name] + UNASKED)
        keeps_answering(sock, visit)

    with Server(story, keeps_answering) as server:
        answer_of(ask(either, server.url))
        assert answer_of(ask(either, server.url)).body in (b"1", b"2")


@pytest.mark.parametrize("loop", loops())
def test_nor_is_what_came_while_the_loop_was_held_up(loop: Any) -> None:
    """It lies in the socket unread when the next request is due."""
    meddler = Meddler(ANSWERS["length"], UNASKED)

    async def act(client: HttpAsync) -> bytes:
        answer_of(await async_asking.ask(client, server.url))
        await asyncio.sleep(0)
        meddler.meddle()
        return answer_of(await async_asking.ask(client, server.url)).body

    with Server(meddler, keeps_answering) as server:
        assert Runner(loop)(act) == b"2"
