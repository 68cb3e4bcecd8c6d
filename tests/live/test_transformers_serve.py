"""`transformers serve`: the real one, with a tiny Llama at two commits."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from resilient_infer import Client
from resilient_infer.aclient import AsyncClient
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Delta, Finished, StreamEvent
from resilient_infer.core.target import Pin
from resilient_infer.errors import AllTargetsFailed, PayloadRefused
from tests.live.conftest import LiveFolder, MakeClient
from tests.live.lockfiles import ALIAS
from tests.live.serving import Server
from tests.live.tiny_llama import FIRST, REPO, SECOND

pytestmark = pytest.mark.live

CHAT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "The sea is"}],
    "max_tokens": 6,
    "temperature": 0,
}
PROMPT: dict[str, Any] = {"inputs": "The sea is", "parameters": {"max_new_tokens": 6, "temperature": 0}}
COMMITS = (FIRST, SECOND)


def locked(commit: str) -> dict[str, Any]:
    return {"kind": "transformers", "locked": {"model": REPO, "revision": commit}}


def said(server: Server, name: str) -> Any:
    """What the server itself answers to `CHAT`, without this library."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{server.url}/v1/chat/completions", json={"model": name, **CHAT}, timeout=120)
    return answer.json()


@pytest.mark.parametrize("commit", COMMITS)
def test_a_chat_is_answered_by_the_locked_commit_and_the_pin_is_enforced(
    transformers_serve: Server, make_live: MakeClient, commit: str
) -> None:
    result = make_live(transformers_serve, task="chat", **locked(commit)).call(ALIAS, CHAT)
    direct = said(transformers_serve, f"{REPO}@{commit}")

    assert (result.pin, result.served_revision) == (Pin.ENFORCED, commit)
    assert result.served_model == f"{REPO}@{commit}"
    assert result.output == direct["choices"][0]["message"]
    assert result.finish_reason == "length"
    assert result.usage is not None
    assert result.usage.output == 6


@pytest.mark.parametrize("commit", COMMITS)
def test_a_completion_goes_on_from_the_prompt_at_the_locked_commit(
    transformers_serve: Server, make_live: MakeClient, commit: str
) -> None:
    """`max_new_tokens` arrives as `max_tokens`, and the prompt is not repeated."""
    result = make_live(transformers_serve, task="text-generation", **locked(commit)).call(ALIAS, PROMPT)

    assert (result.pin, result.served_revision) == (Pin.ENFORCED, commit)
    assert result.text
    assert not result.text.startswith("The sea is")
    assert result.usage is not None
    assert (result.usage.input, result.usage.output) == (3, 6)


def streamed(folder: Path, payload: dict[str, Any]) -> list[StreamEvent]:
    with Client(lockfiles=folder, private_state=True) as client:
        return list(client.stream(ALIAS, payload))


def streamed_on_a_loop(folder: Path, payload: dict[str, Any]) -> list[StreamEvent]:
    async def act() -> list[StreamEvent]:
        async with AsyncClient(lockfiles=folder, private_state=True) as client:
            return [event async for event in client.stream(ALIAS, payload)]

    return asyncio.run(act())


def called_on_a_loop(folder: Path, payload: dict[str, Any]) -> Result:
    async def act() -> Result:
        async with AsyncClient(lockfiles=folder, private_state=True) as client:
            return await client.call(ALIAS, payload)

    return asyncio.run(act())


@pytest.mark.parametrize("stream", [streamed, streamed_on_a_loop])
@pytest.mark.parametrize("commit", COMMITS)
@pytest.mark.parametrize(("task", "payload"), [("chat", CHAT), ("text-generation", PROMPT)])
def test_a_stream_comes_piece_by_piece_and_is_the_answer_of_a_call(
    transformers_serve: Server,
    live_folder: LiveFolder,
    task: str,
    payload: dict[str, Any],
    commit: str,
    stream: Callable[[Path, dict[str, Any]], list[StreamEvent]],
) -> None:
    """At temperature 0, and with the same pin: each chunk names the commit as the whole answer does."""
    folder = live_folder(transformers_serve, task=task, **locked(commit))
    *pieces, last = stream(folder, payload)
    whole = called_on_a_loop(folder, payload)

    assert isinstance(last, Finished)
    result = last.result
    assert all(isinstance(piece, Delta) for piece in pieces)
    assert len(pieces) > 1
    assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == result.text == whole.text
    assert (result.pin, result.served_revision) == (Pin.ENFORCED, commit)
    assert (result.output, result.finish_reason, result.usage) == (
        whole.output,
        whole.finish_reason,
        whole.usage,
    )


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_a_server_answers_on_after_a_consumer_has_left_in_mid_stream(
    transformers_serve: Server, make_live: MakeClient, leave: str
) -> None:
    client = make_live(transformers_serve, task="chat", **locked(FIRST))
    stream = client.stream(ALIAS, {**CHAT, "max_tokens": 100})
    assert isinstance(next(stream), Delta)
    if leave == "close":
        stream.close()
    del stream

    assert client.call(ALIAS, CHAT).text


def test_the_commit_in_the_name_decides_which_weights_answer(transformers_serve: Server) -> None:
    """What "enforced" rests upon: the name is obeyed, `main` is what refs/main says, and the answer tells."""
    answers = {name: said(transformers_serve, name) for name in (REPO, *(f"{REPO}@{c}" for c in COMMITS))}
    texts = {name: answer["choices"][0]["message"]["content"] for name, answer in answers.items()}

    assert texts[REPO] == texts[f"{REPO}@{SECOND}"] != texts[f"{REPO}@{FIRST}"]
    assert answers[REPO]["model"] == f"{REPO}@main"
    for commit in COMMITS:
        assert answers[f"{REPO}@{commit}"]["model"] == f"{REPO}@{commit}"


@pytest.mark.parametrize(("task", "payload"), [("chat", CHAT), ("text-generation", PROMPT)])
def test_a_commit_that_is_not_there_is_a_failure_and_no_claim(
    transformers_serve: Server, make_live: MakeClient, task: str, payload: dict[str, Any]
) -> None:
    """The server breaks over it with a bare 500; it does not fall back to another commit."""
    client = make_live(transformers_serve, task=task, **locked("0" * 40))
    with pytest.raises(AllTargetsFailed, match="says this also of a commit that is not there") as failed:
        client.call(ALIAS, payload)

    assert [(record.revision, record.status) for record in failed.value.attempts] == [("0" * 40, 500)]


def test_a_server_that_was_started_for_the_locked_commit_enforces_it(
    transformers_serve_one: Server, make_live: MakeClient
) -> None:
    result = make_live(transformers_serve_one, task="chat", **locked(FIRST)).call(ALIAS, CHAT)

    assert (result.pin, result.served_revision) == (Pin.ENFORCED, FIRST)


def test_a_server_that_was_started_for_another_commit_refuses(
    transformers_serve_one: Server, make_live: MakeClient
) -> None:
    """400 "Server is pinned to …" means that this route has not the model, not that the payload is bad."""
    client = make_live(transformers_serve_one, task="chat", **locked(SECOND))
    with pytest.raises(AllTargetsFailed, match="Server is pinned to"):
        client.call(ALIAS, CHAT)


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_tokens": 3},
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"seed": 3},
        {"stop": ["."]},
        {"stop": "."},
        {"frequency_penalty": 0},
        {"logit_bias": {"5": -1.0}},
        {"logit_bias": {"5": -1}},
        {"logit_bias": {}},
        {"max_completion_tokens": 3},
        {"parameters": {"chat_template_kwargs": {"mood": "calm"}}},
        {"parameters": {"generation_config": '{"max_new_tokens": 3}'}},
        {"tools": [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]},
    ],
    ids=str,
)
def test_a_parameter_that_is_sent_is_one_that_the_server_takes(
    transformers_serve: Server, make_live: MakeClient, parameters: dict[str, Any]
) -> None:
    client = make_live(transformers_serve, task="chat", **locked(FIRST))

    assert client.call(ALIAS, {"messages": CHAT["messages"], **parameters}).text


@pytest.mark.parametrize(
    ("task", "payload"),
    [
        ("chat", {**CHAT, "n": 2}),
        ("chat", {**CHAT, "response_format": {"type": "json_object"}}),
        ("chat", {**CHAT, "top_k": 3}),
        ("chat", {**CHAT, "frequency_penalty": 0.5}),
        ("text-generation", {"inputs": ["The sea", "The ferry"]}),
        ("text-generation", {"inputs": "The sea", "parameters": {"top_k": 3}}),
    ],
    ids=str,
)
def test_what_the_server_would_ignore_or_refuse_is_not_sent(
    transformers_serve: Server, make_live: MakeClient, task: str, payload: dict[str, Any]
) -> None:
    before = len(transformers_serve.log)
    with pytest.raises(PayloadRefused):
        make_live(transformers_serve, task=task, **locked(FIRST)).call(ALIAS, payload)

    assert transformers_serve.log[before:] == []
