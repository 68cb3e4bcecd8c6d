"""Streams as the sandbox tests read them: events, and the text in them, by the simplest of means."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from resilient_infer.testing.sandbox import Kind, Server
from tests.testing.raw import GPT2, connect, opened, read_to_end

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
CHATS: list[Kind] = ["openai", "hf-router", "vllm", "sglang", "transformers", "llamacpp", "tgi"]
WRITERS: list[Kind] = ["openai", "vllm", "sglang", "transformers", "llamacpp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where to ask and what, below the server's root."""

    path: str
    content: dict[str, Any]

    def streamed(self) -> "Question":
        path = "/generate_stream" if self.path == "/generate" else self.path
        return Question(path=path, content={**self.content, "stream": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What came: the status, headers in lower case, the body, and whether its framing says it is whole."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    @property
    def data(self) -> list[str]:
        """The data of each event that has any."""
        lines = self.body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n\n")
        return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]

    @property
    def events(self) -> list[Any]:
        return [json.loads(data) for data in self.data if data != "[DONE]"]

    @property
    def done(self) -> bool:
        return self.data[-1:] == ["[DONE]"]

    @property
    def text(self) -> str:
        return "".join(text_in(event) for event in self.events)

    @property
    def json(self) -> Any:
        """A whole answer."""
        return json.loads(self.body)

    @property
    def finish(self) -> str | None:
        """Why it ended, if it says so in OpenAI's way."""
        reasons = [choice.get("finish_reason") for event in self.events for choice in event["choices"]]
        return next((reason for reason in reasons if reason), None)


def text_in(event: Any) -> str:
    """The text of one event of either protocol."""
    if "token" in event:
        return "" if event["token"]["special"] else str(event["token"]["text"])
    choices = event.get("choices") or []
    return "".join(
        (choice["delta"].get("content") if "delta" in choice else choice["text"]) or "" for choice in choices
    )


def whole_text(content: Any) -> str:
    """The text of a whole answer of either protocol."""
    if isinstance(content, list):
        (content,) = content
    if "generated_text" in content:
        return str(content["generated_text"])
    choice = content["choices"][0]
    return str(choice["message"]["content"] if "message" in choice else choice["text"])


def chat(**more: Any) -> Question:
    messages = [{"role": "user", "content": "Tell me of the ferry"}]
    asked = {"model": LLAMA, "messages": messages, "max_tokens": 9}
    return Question(path="/v1/chat/completions", content={**asked, **more})


def completion(**more: Any) -> Question:
    asked = {"model": GPT2, "prompt": "The sea", "max_tokens": 9}
    return Question(path="/v1/completions", content={**asked, **more})


def generation(path: str, **parameters: Any) -> Question:
    return Question(
        path=path, content={"inputs": "The sea", "parameters": {"max_new_tokens": 9, **parameters}}
    )


def put(server: Server, question: Question) -> Streamed:
    """Ask at the server's root, on a connection of its own, and read to the end."""
    connection = connect(server)
    try:
        return put_on(connection, question)
    finally:
        connection.close()


def put_on(connection: http.client.HTTPConnection, question: Question) -> Streamed:
    connection.request("POST", question.path, json.dumps(question.content))
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    try:
        body, whole = response.read(), True
    except http.client.IncompleteRead as error:
        body, whole = error.partial, False
    return Streamed(status=response.status, headers=headers, body=body, whole=whole)


def on_the_wire(server: Server, question: Question, *, limit: float = 0.1) -> tuple[bytes, str]:
    """The bytes that a bare client sees, and how they end."""
    body = json.dumps(question.content).encode()
    head = f"POST {question.path} HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {len(body)}\r\n\r\n"
    with opened(server, limit) as sock:
        sock.sendall(head.encode() + body)
        return read_to_end(sock)
