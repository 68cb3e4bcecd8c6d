"""What the OpenAI family answers, the router among them, and how each of them complains."""

from typing import Any

import pytest

from resilient_infer.testing.sandbox import Kind, Model, Sandbox, Server, out_of_credits
from tests.testing.raw import GPT2, ask

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
BGE = "BAAI/bge-small-en-v1.5"


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"model": LLAMA, "messages": [{"role": "user", "content": text}], **more}


class TestRouter:
    @pytest.fixture
    def server(self, sandbox: Sandbox) -> Server:
        return sandbox.serve("hf-router")

    @pytest.mark.parametrize(
        ("suffix", "provider"),
        [(":groq", "groq"), (":novita", "novita"), ("", "together"), (":cheapest", "groq")],
    )
    def test_the_provider_is_named_by_the_model(self, server: Server, suffix: str, provider: str) -> None:
        """And told by a header; without one, or with a wish, the router chooses."""
        answer = ask(server, "/chat/completions", say("x", model=LLAMA + suffix))

        assert answer.headers["x-inference-provider"] == provider
        assert [received.model for received in server.requests] == [LLAMA]

    @pytest.mark.parametrize("name", [f"{LLAMA}:nobody", "acme/none:groq", "acme/none"])
    def test_what_nobody_serves_is_a_400(self, server: Server, name: str) -> None:
        """With OpenAI's form and a code of its own."""
        answer = ask(server, "/chat/completions", say("x", model=name))

        assert (answer.status, answer.json["error"]["code"]) == (400, "model_not_supported")

    def test_credits_run_out(self, server: Server) -> None:
        """402 and one sentence."""
        server.fail(out_of_credits())
        answer = ask(server, "/chat/completions", say("x", model=f"{LLAMA}:groq"))

        assert answer.status == 402
        assert answer.json["error"].startswith("You have exceeded your monthly included credits")


class TestTheOpenAiFamily:
    @pytest.mark.parametrize("kind", ["openai", "vllm", "sglang", "transformers", "llamacpp"])
    def test_completions(self, sandbox: Sandbox, kind: Kind) -> None:
        """The continuation alone, as {text, finish_reason}; the prompt is text."""
        server = sandbox.serve(kind, models=[GPT2])
        asked = {"model": GPT2, "prompt": "The sea", "max_tokens": 3}
        answer = ask(server, "/completions", asked).json
        (choice,) = answer["choices"]

        assert answer["object"] == "text_completion"
        assert choice["finish_reason"] == "length"
        assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
        assert not choice["text"].startswith("The sea")

    @pytest.mark.parametrize("kind", ["openai", "vllm", "sglang", "llamacpp"])
    def test_one_choice_for_each_prompt_and_one_vector_for_each_input(
        self, sandbox: Sandbox, kind: Kind
    ) -> None:
        """Lists are answered by index."""
        writer, embedder = sandbox.serve(kind, models=[GPT2]), sandbox.serve(kind, models=[BGE])
        texts = ask(writer, "/completions", {"model": GPT2, "prompt": ["The sea", "A bell"]}).json
        vectors = ask(embedder, "/embeddings", {"model": BGE, "input": ["The sea", "A bell"]}).json

        assert [choice["index"] for choice in texts["choices"]] == [0, 1]
        assert [len(item["embedding"]) for item in vectors["data"]] == [384, 384]

    def test_errors_have_each_servers_form(self, sandbox: Sandbox) -> None:
        """Nested, nested with a number, flat, FastAPI's own."""
        wrong = say("x", max_tokens=0)
        told = {
            kind: ask(sandbox.serve(kind, models=[LLAMA]), "/chat/completions", wrong)
            for kind in ("openai", "vllm", "sglang", "transformers", "llamacpp")
        }

        assert {answer.status for answer in told.values()} == {400}
        assert told["openai"].json["error"]["code"] == "invalid_value"
        assert told["vllm"].json["error"]["code"] == 400
        assert told["sglang"].json["object"] == "error"
        assert told["sglang"].json["code"] == 400
        assert told["transformers"].json.keys() == {"detail"}
        assert told["llamacpp"].json["error"]["type"] == "invalid_request_error"

    @pytest.mark.parametrize("kind", ["vllm", "sglang", "llamacpp", "openai"])
    def test_too_long_is_a_400(self, sandbox: Sandbox, kind: Kind) -> None:
        """In each server's words."""
        server = sandbox.serve(kind, models=[Model(name=LLAMA, task="chat", context=8)])
        answer = ask(server, "/chat/completions", say("one two three four five", max_tokens=5))

        assert answer.status == 400
        assert b"context" in answer.body
        assert (answer.json.get("error", {}).get("type") == "exceed_context_size_error") is (
            kind == "llamacpp"
        )

    def test_transformers_refuses_what_it_does_not_heed(self, sandbox: Sandbox) -> None:
        """422 for fields of OpenAI's and unknown ones; an assistant's last word is no question."""
        server = sandbox.serve("transformers")
        for field in ("max_completion_tokens", "n", "top_k"):
            assert ask(server, "/chat/completions", say("x", **{field: 1})).status == 422
        last = {"model": LLAMA, "messages": [{"role": "assistant", "content": "x"}]}
        assert ask(server, "/chat/completions", last).json == {}

    def test_no_embeddings_where_there_are_none(self, sandbox: Sandbox) -> None:
        """404 or 501, as each server does; and a chat model of OpenAI's embeds nothing."""
        asked = {"model": LLAMA, "input": "x"}
        statuses = {
            kind: ask(sandbox.serve(kind, models=[LLAMA]), "/embeddings", asked).status
            for kind in ("openai", "vllm", "sglang", "transformers", "llamacpp")
        }

        assert statuses == {"openai": 403, "vllm": 404, "sglang": 400, "transformers": 404, "llamacpp": 501}
