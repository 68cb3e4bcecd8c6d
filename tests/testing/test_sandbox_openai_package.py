"""The `openai` package reads what the sandbox serves: a check of its honesty."""

from typing import Any

import pytest

from resilient_infer.testing.sandbox import (
    CATALOGUE,
    CutStream,
    Fault,
    Kind,
    LateToken,
    Malformed,
    Newlines,
    NoDone,
    Sandbox,
    Server,
    Shredded,
    Status,
    StreamError,
    throttled,
)
from resilient_infer.testing.sandbox.answers import vector_of
from tests.testing.raw import GPT2

openai = pytest.importorskip("openai")

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
BGE = "BAAI/bge-small-en-v1.5"
CHATS: list[Kind] = ["openai", "hf-router", "vllm", "sglang", "transformers", "llamacpp", "tgi"]
WRITERS: list[Kind] = ["openai", "vllm", "sglang", "transformers", "llamacpp"]
EMBEDDERS: list[Kind] = ["openai", "vllm", "sglang", "llamacpp", "tei"]


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Any:
    """Makes clients of servers, closed behind the test."""

    def make(server: Server) -> Any:
        url = server.url if server.url.endswith("/v1") else f"{server.url}/v1"
        made = openai.OpenAI(api_key=server.key or "none", base_url=url, max_retries=0, timeout=5)
        request.addfinalizer(made.close)
        return made

    return make


@pytest.mark.parametrize("kind", CHATS)
def test_chat(sandbox: Sandbox, client: Any, kind: Kind) -> None:
    """A message, why it ended, and what it took."""
    server = sandbox.serve(kind, models=[LLAMA], key="sk-key")
    name = f"{LLAMA}:together" if kind == "hf-router" else LLAMA
    made = client(server).chat.completions.create(
        model=name, messages=[{"role": "user", "content": "Go on"}], max_tokens=4
    )

    assert made.choices[0].message.content
    assert made.choices[0].finish_reason == "length"
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (2, 4)


@pytest.mark.parametrize("kind", WRITERS)
def test_completions(sandbox: Sandbox, client: Any, kind: Kind) -> None:
    """Text that goes on."""
    server = sandbox.serve(kind, models=[GPT2])
    made = client(server).completions.create(model=GPT2, prompt="The sea", max_tokens=4)

    assert len(made.choices[0].text.split()) == 4
    assert made.choices[0].finish_reason == "length"


@pytest.mark.parametrize("kind", EMBEDDERS)
def test_embeddings(sandbox: Sandbox, client: Any, kind: Kind) -> None:
    """As base64, which the package asks for unless told otherwise, and as floats: the same numbers."""
    server = sandbox.serve(kind, models=[BGE])
    asked = client(server)
    packed = asked.embeddings.create(model=BGE, input=["The sea", "A bell"])
    floats = asked.embeddings.create(model=BGE, input="The sea", encoding_format="float")

    assert server.requests[0].body["encoding_format"] == "base64"  # type: ignore[call-overload,index]  # JSON
    assert [item.index for item in packed.data] == [0, 1]
    assert packed.data[0].embedding == pytest.approx(vector_of(CATALOGUE[BGE], "The sea"), abs=1e-6)
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-7)


def test_shorter_vectors(sandbox: Sandbox, client: Any) -> None:
    """Of the one model that was made for it; they have length one again."""
    asked = client(sandbox.serve("openai"))
    short = asked.embeddings.create(model="text-embedding-3-small", input="The sea", dimensions=8)

    assert sum(part * part for part in short.data[0].embedding) == pytest.approx(1)
    with pytest.raises(openai.BadRequestError, match="does not support specifying dimensions"):
        asked.embeddings.create(model=BGE, input="The sea", dimensions=8)


@pytest.mark.parametrize("kind", CHATS)
def test_errors(sandbox: Sandbox, client: Any, kind: Kind) -> None:
    """The package tells a limit, a failure and a missing key apart."""
    server = sandbox.serve(kind, models=[LLAMA])
    asked = client(server).chat.completions

    def say() -> Any:
        return asked.create(model=LLAMA, messages=[{"role": "user", "content": "x"}])

    server.fail(throttled(2))
    with pytest.raises(openai.RateLimitError):
        say()
    server.heal()
    server.fail(Status(code=503))
    with pytest.raises(openai.InternalServerError):
        say()
    locked = client(sandbox.serve(kind, models=[LLAMA], key="sk-other")).copy(api_key="sk-wrong")
    with pytest.raises(openai.AuthenticationError):
        locked.models.list()


@pytest.mark.parametrize("kind", CHATS)
def test_the_list_of_models(sandbox: Sandbox, client: Any, kind: Kind) -> None:
    """What is served stands in it."""
    listed = [card.id for card in client(sandbox.serve(kind, models=[LLAMA])).models.list()]

    assert LLAMA in listed


class TestStreams:
    """The package's own parser, of bytes, of events and of chunks."""

    @pytest.mark.parametrize("kind", CHATS)
    def test_chat(self, sandbox: Sandbox, client: Any, kind: Kind) -> None:
        """The text of the whole answer, why it ended and, if it was asked for, what it took."""
        asked = client(sandbox.serve(kind, models=[LLAMA])).chat.completions
        question: dict[str, Any] = {
            "model": LLAMA,
            "messages": [{"role": "user", "content": "Go on"}],
            "max_tokens": 4,
        }
        options = {} if kind == "transformers" else {"stream_options": {"include_usage": True}}
        whole = asked.create(**question)
        chunks = list(asked.create(**question, stream=True, **options))
        choices = [choice for chunk in chunks for choice in chunk.choices]

        assert "".join(choice.delta.content or "" for choice in choices) == whole.choices[0].message.content
        assert choices[0].delta.role == "assistant"
        assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["length"]
        assert chunks[-1].usage == whole.usage

    @pytest.mark.parametrize("kind", WRITERS)
    def test_completions(self, sandbox: Sandbox, client: Any, kind: Kind) -> None:
        """The same of a text that goes on."""
        asked = client(sandbox.serve(kind, models=[GPT2])).completions
        question: dict[str, Any] = {"model": GPT2, "prompt": "The sea", "max_tokens": 4}
        options = {} if kind == "transformers" else {"stream_options": {"include_usage": True}}
        whole = asked.create(**question)
        chunks = list(asked.create(**question, stream=True, **options))
        choices = [choice for chunk in chunks for choice in chunk.choices]

        assert "".join(choice.text for choice in choices) == whole.choices[0].text
        assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["length"]
        assert chunks[-1].usage == whole.usage

    @pytest.mark.parametrize(
        "fault", [Shredded(), Newlines(), Newlines(newline=b"\r"), NoDone(), LateToken(seconds=0.05)]
    )
    def test_harmless_faults(self, sandbox: Sandbox, client: Any, fault: Fault) -> None:
        """What the format allows changes nothing."""
        server = sandbox.serve("openai")
        asked = client(server).chat.completions
        right, other = self._told(asked), self._fault(server, asked, fault)

        assert other == right

    @pytest.mark.parametrize("kind", CHATS)
    def test_an_error_within(self, sandbox: Sandbox, client: Any, kind: Kind) -> None:
        """Is an error of the package, with the server's words wherever they are at their place."""
        server = sandbox.serve(kind, models=[LLAMA])
        words = "error occurred during streaming" if kind == "transformers" else "no memory"

        with pytest.raises(openai.APIError, match=words):
            self._fault(server, client(server).chat.completions, StreamError(after=2, message="no memory"))

    def test_a_cut_and_a_malformed_event(self, sandbox: Sandbox, client: Any) -> None:
        """The package gives up at both."""
        server = sandbox.serve("openai", models=[LLAMA])
        asked = client(server).chat.completions
        with pytest.raises(openai.APIConnectionError):
            self._fault(server, asked, CutStream(after=2))
        server.heal()
        with pytest.raises(ValueError, match="Expecting"):
            self._fault(server, asked, Malformed())

    def _fault(self, server: Server, asked: Any, fault: Fault) -> str:
        server.fail(fault)
        return self._told(asked)

    def _told(self, asked: Any) -> str:
        chunks = asked.create(model=LLAMA, messages=[{"role": "user", "content": "Go on"}], stream=True)
        return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
