"""llama-cpp-python's server: not llama.cpp's own, so it has no `/props` and proves nothing of a commit.

It answers to any name and repeats it, and its file lies where the Hub's cache would have it: all that could
tempt a claim is there.
"""

from typing import Any

import pytest

from resilient_infer.core.target import Pin
from resilient_infer.errors import AllTargetsFailed, PayloadRefused
from tests.live.conftest import MakeClient
from tests.live.lockfiles import ALIAS
from tests.live.serving import Server
from tests.live.tiny_gguf import COMMIT, CONTEXT

pytestmark = pytest.mark.live

REPO = "acme/tiny-gguf"
CHAT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "the sea"}],
    "max_tokens": 6,
    "temperature": 0,
}
PROMPT: dict[str, Any] = {"inputs": "the sea is", "parameters": {"max_new_tokens": 6, "temperature": 0}}
KINDS = ("openai", "llamacpp")


def locked(kind: str, task: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "task": task, "locked": {"model": REPO, "revision": COMMIT}, **more}


@pytest.mark.parametrize("kind", [*KINDS, "vllm", "sglang"])
@pytest.mark.parametrize(("task", "payload"), [("chat", CHAT), ("text-generation", PROMPT)])
def test_an_answer_is_declared_and_never_more(
    llama_cpp_server: Server, make_live: MakeClient, kind: str, task: str, payload: dict[str, Any]
) -> None:
    """Also under a kind that this server is not, whose proof it cannot give."""
    result = make_live(llama_cpp_server, **locked(kind, task)).call(ALIAS, payload)

    assert (result.pin, result.served_revision) == (Pin.DECLARED, None)
    assert result.served_model == REPO
    assert result.text
    assert result.finish_reason == "length"


@pytest.mark.parametrize("kind", [*KINDS, "vllm"])
def test_a_name_with_the_commit_is_repeated_and_proves_nothing(
    llama_cpp_server: Server, make_live: MakeClient, kind: str
) -> None:
    name = f"{REPO}@{COMMIT}"
    result = make_live(llama_cpp_server, **locked(kind, "chat", name=name)).call(ALIAS, CHAT)

    assert result.served_model == name
    assert (result.pin, result.served_revision) == (Pin.DECLARED, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", ["chat", "text-generation"])
def test_a_text_longer_than_the_context_is_the_payloads_own_fault(
    llama_cpp_server: Server, make_live: MakeClient, kind: str, task: str
) -> None:
    text = "sea " * CONTEXT
    payload = {"messages": [{"role": "user", "content": text}]} if task == "chat" else {"inputs": text}
    with pytest.raises(PayloadRefused, match="maximum context length is 256 tokens"):
        make_live(llama_cpp_server, **locked(kind, task)).call(ALIAS, payload)


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_by_token_are_no_embedding(
    llama_cpp_server: Server, make_live: MakeClient, kind: str
) -> None:
    """Without pooling the server sends a vector for each token, as lists even where base64 is asked for."""
    with pytest.raises(AllTargetsFailed) as failed:
        make_live(llama_cpp_server, **locked(kind, "feature-extraction")).call(ALIAS, {"inputs": "the sea"})

    assert failed.value.last is not None
    assert failed.value.last.outcome == "wrong shape"
