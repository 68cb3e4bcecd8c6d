"""Pins told truly, over real sockets: what each kind of server says of its commit, and what a result claims.

The lock holds the commit that the server really serves, unless it is moved to another one.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from resilient_infer import CallError, Client, PinMismatch, Result
from resilient_infer.core.target import Pin
from resilient_infer.events import Event, PinMismatched
from resilient_infer.testing.sandbox import Delay, Kind, Sandbox, Server, Status

from .conftest import MakeClient
from .models import CHAT, EMBEDDING

OTHER = "f" * 40
PRIVATE = "for nobody else's eyes"

ASKED: dict[Kind, str] = {"tgi": CHAT, "tei": EMBEDDING, "vllm": CHAT, "sglang": CHAT, "llamacpp": CHAT}
"""Kinds that are asked which commit they run before they see a payload, and a model they serve."""

NAMED: dict[Kind, str] = {"transformers": CHAT}
"""Kinds whose every request names the commit."""

PROVING = ASKED | NAMED
SILENT: dict[Kind, str] = {"hf-inference": EMBEDDING, "hf-router": CHAT, "openai": CHAT}
"""Kinds that say nothing."""

NO_COMMIT = (None, "main", "", "v1.0", "refs/pr/3", "f" * 7, "f" * 39, "f" * 41, "g" * 40)
"""What names no commit in full."""

MEND = "redeploy the pinned commit, or ask for the served one in the manifest and lock it"


def payloads(server: Server) -> list[bytes]:
    """What arrived that was more than a question about the server itself."""
    return [request.raw for request in server.requests if request.raw]


def mismatch_of(client: Client) -> PinMismatch:
    with pytest.raises(PinMismatch) as raised:
        client.call("it", PRIVATE, deadline=8)
    return raised.value


def served(sandbox: Sandbox, kind: Kind, reports: str | None = "right") -> Server:
    return sandbox.serve(kind, name="ours", models=[{**PROVING, **SILENT}[kind]], reports=reports)


# What is claimed


@pytest.mark.parametrize("kind", PROVING)
def test_the_right_commit_is_attested_or_enforced(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    server, model = served(sandbox, kind), PROVING[kind]
    result = make_client({"it": model}).call("it", PRIVATE)

    assert result.pin is (Pin.ENFORCED if kind in NAMED else Pin.ATTESTED)
    assert result.served_revision == result.revision == server.models[model]
    assert result.warnings == ()
    assert [record.identity for record in result.attempts] == ([False] if kind in NAMED else [True, False])
    assert [request.model for request in server.requests] == ([model] if kind in NAMED else [None, model])


@pytest.mark.parametrize("kind", PROVING)
@pytest.mark.parametrize("policy", ["refuse", "warn"])
@pytest.mark.parametrize("reports", NO_COMMIT)
def test_null_a_branch_or_half_a_commit_attests_nothing(
    kind: Kind, policy: str, reports: str | None, sandbox: Sandbox, make_client: MakeClient
) -> None:
    """It gets the payload, for it contradicts nothing, and its answer is claimed to be nothing more."""
    served(sandbox, kind, reports)
    result = make_client({"it": PROVING[kind]}, {"on_pin_mismatch": policy}).call("it", PRIVATE)

    assert (result.pin, result.served_revision, result.warnings) == (Pin.DECLARED, None, ())


@pytest.mark.parametrize("kind", SILENT)
def test_who_says_nothing_is_declared_whatever_it_serves(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    server, model = served(sandbox, kind), SILENT[kind]
    client = make_client({"it": model})
    before = client.call("it", PRIVATE)
    server.move(model, OTHER)
    after = client.call("it", PRIVATE)

    assert [each.pin for each in (before, after)] == [Pin.DECLARED] * 2
    assert [each.served_revision for each in (before, after)] == [None] * 2
    assert all(request.model == model for request in server.requests), "it is asked nothing else"


# Another commit


@pytest.mark.parametrize("kind", ASKED)
def test_a_server_on_another_commit_never_sees_the_payload(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    server = served(sandbox, kind, OTHER)
    client = make_client({"it": ASKED[kind]})
    error, again = mismatch_of(client), mismatch_of(client)

    assert [(request.method, request.model) for request in server.requests] == [("GET", None)]
    assert payloads(server) == []
    assert f"@{server.models[ASKED[kind]][:7]} but the server runs @fffffff" in str(error)
    assert error.hint.startswith(MEND)
    assert error.retry_after == pytest.approx(60, abs=2)
    assert again.retry_after == pytest.approx(60, abs=8)


def test_an_answer_of_another_commit_than_the_named_one_is_thrown_away(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """A server that has only one model answers with that, whatever the request names."""
    server = served(sandbox, "transformers", OTHER)
    error = mismatch_of(make_client({"it": CHAT}, {"retries": 3}))

    assert len(server.requests) == 1, "it would say the same again"
    assert [record.outcome for record in error.attempts] == ["pin mismatch"]
    assert "but the server runs @fffffff" in str(error)


@pytest.mark.parametrize("kind", PROVING)
def test_where_another_commit_is_let_pass_it_is_told(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    server, events = served(sandbox, kind, OTHER), list[Event]()
    client = make_client({"it": PROVING[kind]}, {"on_pin_mismatch": "warn"}, listeners=[events.append])
    result = client.call("it", PRIVATE)

    assert (result.pin, result.served_revision) == (Pin.FLOATING, OTHER)
    assert result.revision == server.models[PROVING[kind]]
    (warning,) = result.warnings
    assert warning.endswith("but the server runs @" + "f" * 40)
    told = [event for event in events if isinstance(event, PinMismatched)]
    assert [(event.reported, event.refused) for event in told] == [(OTHER, False)]


@pytest.mark.parametrize("kind", ASKED)
def test_the_next_server_answers_in_place_of_one_on_another_commit(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    wrong = served(sandbox, kind, OTHER)
    right = sandbox.serve(kind, name="right", models=[ASKED[kind]])
    result = make_client({"it": ASKED[kind]}).call("it", PRIVATE)

    assert (result.pin, result.route) == (Pin.ATTESTED, f"right:{ASKED[kind]}")
    assert payloads(wrong) == []
    assert len(payloads(right)) == 1


# A server that is redeployed between two calls


def redeployed(sandbox: Sandbox, make_client: MakeClient, kind: Kind, policy: str) -> tuple[Client, Server]:
    """A client that has asked, and the server that runs another commit since."""
    server = served(sandbox, kind)
    client = make_client({"it": PROVING[kind]}, {"on_pin_mismatch": policy, "retries": 1})
    assert client.call("it", PRIVATE).pin in (Pin.ATTESTED, Pin.ENFORCED)
    server.move(PROVING[kind], OTHER)
    return client, server


@pytest.mark.parametrize("kind", ["tgi", "tei", "llamacpp"])
def test_after_a_failure_a_moved_server_is_refused(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    """Its word held for a minute; a server that fails may be another one, and is asked anew."""
    client, server = redeployed(sandbox, make_client, kind, "refuse")
    server.fail(Status(code=503), model=ASKED[kind], attempts=1)
    with pytest.raises(CallError) as raised:
        client.call("it", PRIVATE)
    mismatch_of(client)

    assert "but the server runs @fffffff" in str([record.reason for record in raised.value.attempts])
    assert [request.method for request in server.requests] == ["GET", "POST", "POST", "GET"]


@pytest.mark.parametrize("kind", ["sglang", "vllm"])
def test_a_moved_server_whose_answers_tell_it_is_found_out_at_once(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    """vLLM no longer knows the name with the old commit; SGLang's answer has the new one in it."""
    client, server = redeployed(sandbox, make_client, kind, "refuse")
    mismatch_of(client)
    seen = len(payloads(server))
    error = mismatch_of(client)

    assert len(payloads(server)) == seen
    assert error.retry_after == pytest.approx(60, abs=8), "it is not left alone as a model that is gone"


@pytest.mark.parametrize("kind", ["sglang", "vllm"])
def test_a_moved_server_is_let_pass_and_told_at_once(
    kind: Kind, sandbox: Sandbox, make_client: MakeClient
) -> None:
    client, _ = redeployed(sandbox, make_client, kind, "warn")
    results = [client.call("it", PRIVATE) for _ in range(2)]

    assert [(each.pin, each.served_revision) for each in results] == [(Pin.FLOATING, OTHER)] * 2


def test_a_commit_that_is_not_there_any_more_is_answered_by_nobody(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    client, _ = redeployed(sandbox, make_client, "transformers", "warn")
    with pytest.raises(CallError, match="says this also of a commit that is not there"):
        client.call("it", PRIVATE)


# Many at once, and children


def test_threads_of_a_cold_client_ask_the_server_once(sandbox: Sandbox, make_client: MakeClient) -> None:
    server = served(sandbox, "tei")
    server.fail(Delay(seconds=0.2), attempts=1)  # the question is under way while all the others arrive
    client, start = make_client({"it": EMBEDDING}), threading.Barrier(16)

    def call(_: int) -> Result:
        start.wait()
        return client.call("it", PRIVATE)

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(call, range(16)))

    assert {result.pin for result in results} == {Pin.ATTESTED}
    assert sum(record.identity for result in results for record in result.attempts) == 1
    assert [request.method for request in server.requests] == ["GET"] + ["POST"] * 16


def told_by_child(work: Callable[[], Any]) -> str:
    """What `work` gives in a forked child, or the error it ends with; within ten seconds."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        threading.Timer(10, os._exit, (1,)).start()
        try:
            said = str(work())
        except BaseException as error:
            said = repr(error)
        os.write(writes, said.encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("private", [True, False])
def test_a_child_asks_for_itself_and_its_parent_does_not_ask_again(
    private: bool, sandbox: Sandbox, make_client: MakeClient
) -> None:
    server = served(sandbox, "tei")
    client = make_client({"it": EMBEDDING}, private_state=private)

    def pins() -> list[str]:
        return [str(client.call("it", PRIVATE).pin) for _ in range(2)]

    assert pins() == ["attested"] * 2
    assert told_by_child(pins) == "['attested', 'attested']"
    assert pins() == ["attested"] * 2
    asked = [request.method for request in server.requests]
    assert asked == ["GET", "POST", "POST"] * 2 + ["POST", "POST"]
