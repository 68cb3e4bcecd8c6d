"""What the sandbox tests speak: whole answers through http.client, and bytes through a bare socket."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from resilient_infer.testing.sandbox import Server

SENTIMENT = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
GPT2 = "openai-community/gpt2"
MINI = "gpt-4.1-mini-2025-04-14"
PATIENCE = 5.0
"""Seconds after which a test that should have ended gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def address(server: Server) -> tuple[str, int]:
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(*address(server), timeout=PATIENCE)


def ask(
    server: Server,
    path: str,
    content: object = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] = {},
) -> Answer:
    """One request below the server's base path, on a connection of its own."""
    connection = connect(server)
    try:
        return ask_on(connection, server, path, content, method=method, headers=headers)
    finally:
        connection.close()


def ask_on(
    connection: http.client.HTTPConnection,
    server: Server,
    path: str,
    content: object = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] = {},
) -> Answer:
    body = None if content is None else json.dumps(content)
    connection.request(method, urlsplit(server.url).path + path, body=body, headers=dict(headers))
    response = connection.getresponse()
    lowered = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=lowered, body=response.read())


def classify(server: Server, text: str = "I love it", model: str = SENTIMENT) -> Answer:
    return ask(server, f"/models/{model}", {"inputs": text})


def request_bytes(server: Server, content: object = None, model: str = SENTIMENT) -> bytes:
    """A request for a classification, as bytes."""
    body = json.dumps(content or {"inputs": "I love it"}).encode()
    path = f"{urlsplit(server.url).path}/models/{model}"
    head = f"POST {path} HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def opened(server: Server, limit: float = PATIENCE) -> socket.socket:
    return socket.create_connection(address(server), timeout=limit)


def read_to_end(sock: socket.socket) -> tuple[bytes, str]:
    """All that comes, and how it ended: "fin", "reset", or "open" if the socket's limit came first."""
    received = b""
    try:
        while piece := sock.recv(65536):
            received += piece
    except ConnectionResetError:
        return received, "reset"
    except TimeoutError:
        return received, "open"
    return received, "fin"


def seen_on_the_wire(server: Server, *, limit: float = 0.1) -> tuple[bytes, str]:
    """What a bare client sees that sends one request and reads until the end, or for `limit` seconds."""
    with opened(server, limit) as sock:
        sock.sendall(request_bytes(server))
        return read_to_end(sock)
