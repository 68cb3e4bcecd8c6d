"""Streams of the sandbox, each server's in its own manner."""

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import Kind, Model, Sandbox, Server
from resilient_infer.testing.sandbox.answers import pieces_of
from tests.testing.events import (
    CHATS,
    LLAMA,
    WRITERS,
    Question,
    chat,
    completion,
    generation,
    on_the_wire,
    put,
    put_on,
    whole_text,
)
from tests.testing.raw import GPT2, ask, connect

WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Z")), min_size=1)
USAGE = {"include_usage": True}
REFUSE_OPTIONS = "transformers"
"""The one that knows `stream_options` and refuses it."""


def served(sandbox: Sandbox, kind: Kind, model: str = LLAMA) -> Server:
    return sandbox.serve(kind, models=[model])


class TestTheSameText:
    @pytest.mark.parametrize("limit", [1, 4, 64])
    @pytest.mark.parametrize("kind", CHATS)
    def test_of_a_chat(self, sandbox: Sandbox, kind: Kind, limit: int) -> None:
        """A stream says what the whole answer says, and why it ended."""
        server, question = served(sandbox, kind), chat(max_tokens=limit)
        whole, streamed = put(server, question).json, put(server, question.streamed())

        assert streamed.text == whole_text(whole)
        assert streamed.finish == whole["choices"][0]["finish_reason"]
        assert streamed.whole

    @pytest.mark.parametrize("limit", [1, 4, 64])
    @pytest.mark.parametrize("kind", WRITERS)
    def test_of_completions(self, sandbox: Sandbox, kind: Kind, limit: int) -> None:
        """With its leading space and its prompt, if that is asked for."""
        echo = {} if kind == "transformers" else {"echo": True}
        server, question = served(sandbox, kind, GPT2), completion(max_tokens=limit, **echo)
        whole, streamed = put(server, question).json, put(server, question.streamed())

        assert streamed.text == whole_text(whole)
        assert streamed.finish == whole["choices"][0]["finish_reason"]

    @pytest.mark.parametrize("limit", [1, 9, 64])
    @pytest.mark.parametrize(
        ("kind", "path", "more"),
        [
            ("tgi", "/generate", {"details": True}),
            ("tgi", "/", {}),
            ("hf-inference", f"/hf-inference/models/{GPT2}", {"return_full_text": False}),
        ],
    )
    def test_of_a_generated_text(
        self, sandbox: Sandbox, kind: Kind, path: str, more: dict[str, Any], limit: int
    ) -> None:
        """The tokens that are no special ones, and the last event has it all."""
        server = served(sandbox, kind, GPT2)
        question = generation(path, **{**more, "max_new_tokens": limit})
        whole, streamed = put(server, question).json, put(server, question.streamed())

        assert streamed.text == whole_text(whole) == streamed.events[-1]["generated_text"]
        assert [event["generated_text"] for event in streamed.events[:-1]] == [None] * (
            len(streamed.events) - 1
        )
        assert [event["index"] for event in streamed.events] == list(range(1, len(streamed.events) + 1))
        assert not streamed.done

    @pytest.mark.parametrize(("limit", "reason"), [(9, "length"), (64, "eos_token")])
    def test_of_a_text_that_came_to_its_end(self, sandbox: Sandbox, limit: int, reason: str) -> None:
        """The end is a special token, a limit is none; the details stand in the last event if asked for."""
        server = served(sandbox, "tgi", GPT2)
        asked = generation("/generate", details=True, max_new_tokens=limit).streamed()
        last = put(server, asked).events[-1]

        assert last["details"]["finish_reason"] == reason
        assert last["token"]["special"] is (reason == "eos_token")

    @pytest.mark.parametrize(("limit", "reason"), [(9, "length"), (64, "stop")])
    @pytest.mark.parametrize("kind", ["vllm", "tgi"])
    def test_the_last_text_may_come_with_the_reason(
        self, sandbox: Sandbox, kind: Kind, limit: int, reason: str
    ) -> None:
        """At a limit; an end has no text."""
        streamed = put(served(sandbox, kind), chat(max_tokens=limit).streamed())

        assert streamed.finish == reason
        assert bool(streamed.events[-1]["choices"][0]["delta"]["content"]) is (reason == "length")

    def test_with_the_prompt_of_a_pipeline(self, sandbox: Sandbox) -> None:
        """Which stands before the text unless that is declined."""
        streamed = put(sandbox.serve("hf-inference"), generation(f"/hf-inference/models/{GPT2}").streamed())

        assert streamed.events[-1]["generated_text"] == f"The sea{streamed.text}"

    def test_with_the_prompt_before_it(self, sandbox: Sandbox) -> None:
        """It stands in the last event, never in a token."""
        server = served(sandbox, "tgi", GPT2)
        streamed = put(server, generation("/generate", return_full_text=True).streamed())

        assert streamed.events[-1]["generated_text"] == f"The sea{streamed.text}"

    @given(text=st.text())
    def test_pieces_of_a_text_are_the_text(self, text: str) -> None:
        """Whatever it holds, and none is empty."""
        pieces = pieces_of(text)

        assert "".join(pieces) == text
        assert all(pieces)


class TestManners:
    @pytest.mark.parametrize("kind", CHATS)
    def test_the_first_chunk(self, sandbox: Sandbox, kind: Kind) -> None:
        """A role before any text; TGI says it with every token."""
        events = put(served(sandbox, kind), chat().streamed()).events
        deltas = [event["choices"][0]["delta"] for event in events]

        assert deltas[0]["role"] == "assistant"
        assert bool(deltas[0].get("content")) is (kind == "tgi")
        assert [delta.get("role") for delta in deltas[1:-1]] == ["assistant" if kind == "tgi" else None] * (
            len(deltas) - 2
        )
        assert {event["object"] for event in events} == {"chat.completion.chunk"}
        assert len({event["id"] for event in events}) == 1

    @pytest.mark.parametrize("kind", CHATS)
    def test_headers(self, sandbox: Sandbox, kind: Kind) -> None:
        """An event stream in chunks, one token each."""
        streamed = put(served(sandbox, kind), chat().streamed())

        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert streamed.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in streamed.headers
        assert streamed.headers["x-request-id"]

    @pytest.mark.parametrize("kind", CHATS)
    def test_the_word_that_ends_it(self, sandbox: Sandbox, kind: Kind) -> None:
        """transformers serve has none."""
        streamed = put(served(sandbox, kind), chat().streamed())

        assert streamed.done is (kind != "transformers")

    @pytest.mark.parametrize("kind", [kind for kind in CHATS if kind != REFUSE_OPTIONS])
    def test_usage_that_is_asked_for(self, sandbox: Sandbox, kind: Kind) -> None:
        """In a chunk of its own at the end, the same as of a whole answer; and not unless it is asked for."""
        server, question = served(sandbox, kind), chat()
        whole = put(server, question).json
        asked = put(server, chat(stream_options=USAGE).streamed()).events
        unasked = put(server, question.streamed()).events

        assert asked[-1]["choices"] == []
        assert asked[-1]["usage"] == whole["usage"]
        assert not any(event.get("usage") for event in [*asked[:-1], *unasked])

    @pytest.mark.parametrize("question", [chat(), completion(model=LLAMA)])
    def test_usage_of_transformers_comes_unasked(self, sandbox: Sandbox, question: Question) -> None:
        """With the reason why it ended; asking for it is refused."""
        server = served(sandbox, "transformers")
        events = put(server, question.streamed()).events
        refused = put(
            server, Question(path=question.path, content={**question.content, "stream_options": USAGE})
        )

        assert events[-1]["usage"]["completion_tokens"] == 9
        assert not any("usage" in event for event in events[:-1])
        assert refused.status == 422

    def test_no_null_in_a_stream_of_transformers(self, sandbox: Sandbox) -> None:
        """Fields without a value are left out."""
        body = put(served(sandbox, "transformers"), chat().streamed()).body

        assert b"null" not in body

    def test_several_prompts(self, sandbox: Sandbox) -> None:
        """Each has its index, its text and its end."""
        question = completion(model=GPT2, prompt=["The sea", "A bell"])
        server = served(sandbox, "vllm", GPT2)
        whole, streamed = put(server, question).json, put(server, question.streamed())
        texts = ["", ""]
        for event in streamed.events:
            (choice,) = event["choices"]
            texts[choice["index"]] += choice["text"]

        assert texts == [choice["text"] for choice in whole["choices"]]

    def test_the_router_says_who_serves(self, sandbox: Sandbox) -> None:
        """In the header, as ever."""
        streamed = put(served(sandbox, "hf-router"), chat(model=f"{LLAMA}:groq").streamed())

        assert streamed.headers["x-inference-provider"] == "groq"

    @pytest.mark.parametrize("kind", ["vllm", "transformers"])
    def test_the_commit_stands_in_each_chunk(self, sandbox: Sandbox, kind: Kind) -> None:
        """Where a whole answer has it, too; the other kinds say it elsewhere."""
        server = served(sandbox, kind)
        commit = server.models[LLAMA]
        name = f"{LLAMA}@{commit}"
        streamed = put(server, chat(model=name).streamed())

        assert {event["model"] for event in streamed.events} == {name}

    def test_sglang_says_no_commit_in_a_stream(self, sandbox: Sandbox) -> None:
        """Its chunks have no metadata."""
        server, question = served(sandbox, "sglang"), chat()

        assert put(server, question).json["metadata"]["weight_version"] == server.models[LLAMA]
        assert not any("metadata" in event for event in put(server, question.streamed()).events)


class TestWhatIsNotStreamed:
    @pytest.mark.parametrize("kind", [kind for kind in CHATS if kind != "tgi"])
    def test_a_wrong_question(self, sandbox: Sandbox, kind: Kind) -> None:
        """Refused with its status before any stream begins."""
        refused = put(served(sandbox, kind), chat(messages=[]).streamed())

        assert refused.status in (400, 422)
        assert refused.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        ("question", "done"),
        [(generation("/generate", max_new_tokens=10**6), False), (chat(max_tokens=10**6), True)],
    )
    def test_a_wrong_parameter_of_tgi_is_told_in_the_stream(
        self, sandbox: Sandbox, question: Question, done: bool
    ) -> None:
        """Status 200 and an error; without a stream it is a 422."""
        server = served(sandbox, "tgi")
        streamed = put(server, question.streamed())

        assert put(server, question).status == 422
        assert streamed.status == 200
        assert "Input validation error" in str(streamed.events[0]["error"])
        assert streamed.done is done

    def test_a_container_and_a_classifier_have_no_streams(self, sandbox: Sandbox) -> None:
        """They refuse to be asked for one; so does a pipeline with several inputs."""
        container = served(sandbox, "hf-endpoint", GPT2)
        hosted = sandbox.serve("hf-inference")
        several = generation(f"/hf-inference/models/{GPT2}").streamed()
        several.content["inputs"] = ["a", "b"]

        assert ask(container, "/", {"inputs": "x", "stream": True}).status == 400
        assert put(hosted, several).status == 400


class TestPace:
    def test_first_token_and_those_after_it(self, sandbox: Sandbox) -> None:
        """The stream takes as long as its tokens, also once the server is healed."""
        server, question = served(sandbox, "openai"), chat(max_tokens=4).streamed()
        server.pace(first_token=0.1, between=0.02)
        server.heal()
        start = time.monotonic()
        put(server, question)
        # Four tokens and the chunk that says why it ended.
        assert 0.1 + 4 * 0.02 <= time.monotonic() - start < 2

    def test_what_comes_before_the_first_token_comes_at_once(self, sandbox: Sandbox) -> None:
        """Status, headers and role."""
        server = served(sandbox, "openai")
        server.pace(first_token=30)
        received, end = on_the_wire(server, chat().streamed(), limit=0.2)

        assert received.startswith(b"HTTP/1.1 200 OK")
        assert b'"role":"assistant"' in received
        assert end == "open"

    def test_whole_answers_have_no_pace(self, sandbox: Sandbox) -> None:
        """They come at once."""
        server = served(sandbox, "openai")
        server.pace(first_token=30, between=30)

        assert put(server, chat()).status == 200

    @pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
    def test_no_such_pace(self, sandbox: Sandbox, seconds: float) -> None:
        """A finite number, not below 0."""
        with pytest.raises(ValueError, match="pace"):
            served(sandbox, "openai").pace(between=seconds)


def test_the_connection_carries_one_stream_after_another(sandbox: Sandbox) -> None:
    """A stream that is read to its end leaves it as it was."""
    server = served(sandbox, "vllm")
    connection = connect(server)
    answers = [put_on(connection, chat().streamed()) for _ in range(3)]
    connection.close()

    assert len({answer.text for answer in answers}) == 1
    assert {received.connection for received in server.requests} == {1}


@settings(max_examples=20, deadline=None)
@given(
    words=st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Z")), min_size=1), min_size=1
    )
)
def test_a_model_tells_its_own_story(words: list[str]) -> None:
    """In any script, streamed as raw UTF-8; the text is the same as ever."""
    model = Model(name="org/poet", task="chat", story=" ".join(words))
    with Sandbox() as sandbox:
        server = sandbox.serve("openai", models=[model])
        question = chat(model="org/poet")
        streamed = put(server, question.streamed())

        assert streamed.text == whole_text(put(server, question).json)
        assert b"\\u" not in streamed.body.replace(b"\\\\", b"")


def test_a_story_has_words(sandbox: Sandbox) -> None:
    """And nothing else is told."""
    with pytest.raises(ValueError, match="story"):
        Model(name="org/poet", task="chat", story="  ")
    server = sandbox.serve("openai", models=[Model(name="org/poet", task="chat", story="你好 ☕")])

    assert set(put(server, chat(model="org/poet").streamed()).text.split()) == {"你好", "☕"}


def test_events_come_one_by_one(sandbox: Sandbox) -> None:
    """Each is a chunk of its own."""
    server = served(sandbox, "openai")
    received, _ = on_the_wire(server, chat().streamed(), limit=0.2)
    chunks = received.partition(b"\r\n\r\n")[2].split(b"\r\n")[1::2]

    assert all(chunk.startswith(b"data: ") and chunk.count(b"\n\n") == 1 for chunk in chunks if chunk)
    assert len([chunk for chunk in chunks if chunk]) == len(put(server, chat().streamed()).data)
    assert all(one != other for one, other in pairwise(chunks))
