"""`Client.stream` over real sockets, through lockfiles: what it tells, and how the manifest governs it."""

from typing import Any

import pytest

from resilient_infer import CallError, ConfigError
from resilient_infer.core.stream import Delta, Finished
from resilient_infer.errors import StreamInterrupted
from resilient_infer.testing.sandbox import CutStream, LateToken, Sandbox, Stall

from .conftest import MakeClient
from .models import CHAT, GENERATION, SENTIMENT


@pytest.mark.parametrize(("kind", "model"), [("openai", CHAT), ("tgi", GENERATION)])
def test_a_stream_tells_the_whole_answer_and_then_its_result(
    sandbox: Sandbox, make_client: MakeClient, kind: Any, model: str
) -> None:
    sandbox.serve(kind, name="ours", models=[model])
    client = make_client({"alias": model})
    whole = client.call("alias", "Hello")

    with client.stream("alias", "Hello") as stream:
        with pytest.raises(CallError, match="has not finished"):
            _ = stream.result
        events = list(stream)

    assert isinstance(events[-1], Finished)
    assert stream.result is events[-1].result
    assert "".join(each.text for each in events if isinstance(each, Delta)) == whole.text
    assert client.stream("alias", "Hello").text() == whole.text


def test_a_closed_client_refuses_a_stream(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.serve("openai", name="ours", models=[CHAT])
    client = make_client({"chat": CHAT})
    client.close()

    with pytest.raises(CallError, match="the client is closed"):
        client.stream("chat", "Hello")


def test_a_task_that_does_not_stream_is_refused_with_what_to_do(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    server = sandbox.serve("hf-inference", name="ours", models=[SENTIMENT])
    client = make_client({"sentiment": SENTIMENT})

    with pytest.raises(ConfigError, match="none of its routes streams text-classification"):
        client.stream("sentiment", "Hello")
    assert not server.requests


def test_a_cut_stream_is_an_error_if_the_manifest_says_so(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.serve("openai", name="ours", models=[CHAT]).fail(CutStream(after=2))
    client = make_client({"chat": CHAT}, {"recover": "fail"})
    stream = client.stream("chat", "Hello")
    told = [next(stream), next(stream)]

    with pytest.raises(StreamInterrupted) as raised:
        next(stream)

    assert raised.value.partial == "".join(each.text for each in told if isinstance(each, Delta)) != ""


@pytest.mark.parametrize(
    ("fault", "policy"),
    [
        (LateToken(seconds=30), {"first_token_timeout": 0.2}),
        (Stall(after=2, seconds=30), {"stall_timeout": 0.2}),
    ],
)
def test_the_manifest_s_time_limits_break_a_silent_stream_off(
    sandbox: Sandbox, make_client: MakeClient, fault: Any, policy: dict[str, float]
) -> None:
    """The next server answers, long before the first one would have."""
    first = sandbox.serve("openai", name="first", models=[CHAT])
    first.fail(fault)
    sandbox.serve("openai", name="second", models=[CHAT])
    client = make_client({"chat": CHAT}, policy)
    stream = client.stream("chat", "Hello", deadline=20)

    assert stream.text()
    assert stream.result.route == f"second:{CHAT}"


def test_streams_left_by_break_give_their_slots_back(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.serve("openai", name="ours", models=[CHAT])
    client = make_client({"chat": CHAT}, {"concurrency": 1})

    for _ in range(5):
        with client.stream("chat", "Hello") as stream:
            for _ in stream:
                break
    assert client.stream("chat", "Hello").text()
