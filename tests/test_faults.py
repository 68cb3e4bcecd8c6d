"""Every fault of the sandbox met by a client over real sockets: what comes of it, and when.

A lone target shows the error; a primary with a fallback shows that the call
survives. The deadlines are short, so that each fault is met within one.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from resilient_infer import AllTargetsFailed, AuthFailed, CallError, Client, PayloadRefused, Result
from resilient_infer.assembly import Assembly
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.drivers.sync import drive
from resilient_infer.testing.sandbox import (
    Chunked,
    Close,
    CloseIdle,
    ColdStart,
    CutJson,
    Delay,
    Drip,
    Empty,
    Fault,
    Garbage,
    Hang,
    Huge,
    Page,
    RateLimit,
    Redirect,
    Refused,
    Reset,
    ResetReused,
    Sandbox,
    Server,
    Status,
    Unframed,
    WrongShape,
    out_of_credits,
    throttled,
    unavailable,
)
from resilient_infer.transport.http_sync import HttpSync
from resilient_infer.transport.resolve import Address, Lookup, Resolver

from .conftest import MakeClient
from .models import CHAT, SENTIMENT, SENTIMENT_2
from .transport.asking import ALLOWANCE
from .transport.stories import deaf_place
from .transport.test_resolve import addresses_of

DEADLINE = 0.8
POLICY = {"deadline": DEADLINE, "attempt_timeout": 0.3, "retries": 1, "min_useful": 0.05}
ELSEWHERE = Redirect(location="http://127.0.0.1:9/elsewhere?token=hf_abcdefgh12345")


@dataclass(frozen=True, kw_only=True)
class Ruin:
    """A fault that every request meets, and what a call of a lone target with one retry comes to."""

    fault: Fault | Refused
    outcome: str
    says: str
    attempts: int = 2
    error: type[CallError] = AllTargetsFailed
    retry_after: float | None = None


RUINS = {
    "500": Ruin(fault=Status(code=500), outcome="server error", says="HTTP 500"),
    "500 with headers and a body": Ruin(
        fault=Status(code=500, headers=(("x-why", "none"),), body={"error": {"message": "out of memory"}}),
        outcome="server error",
        says="HTTP 500 Internal Server Error: out of memory",
    ),
    "503 that asks for patience": Ruin(
        fault=unavailable(30), outcome="server error", says="HTTP 503", attempts=1, retry_after=30
    ),
    "529, a number of nobody's": Ruin(fault=Status(code=529), outcome="server error", says="HTTP 529"),
    "429 that asks for patience": Ruin(
        fault=throttled(30), outcome="throttled", says="HTTP 429", attempts=1, retry_after=30
    ),
    "402": Ruin(fault=out_of_credits(), outcome="quota used up", says="credits", attempts=1),
    "404": Ruin(fault=Status(code=404), outcome="gone", says="HTTP 404", attempts=1),
    "501": Ruin(fault=Status(code=501), outcome="unsupported", says="HTTP 501", attempts=1),
    "401": Ruin(
        fault=Status(code=401), outcome="unauthorized", says="HTTP 401", attempts=1, error=AuthFailed
    ),
    "redirect": Ruin(
        fault=ELSEWHERE, outcome="redirected", says="HTTP 307 Temporary Redirect: to http://", attempts=1
    ),
    "delay": Ruin(fault=Delay(seconds=5), outcome="timeout", says="waiting for headers", attempts=1),
    "dripping headers": Ruin(
        fault=Drip(where="headers"), outcome="timeout", says="waiting for headers", attempts=1
    ),
    "dripping body": Ruin(fault=Drip(), outcome="timeout", says="reading the body", attempts=1),
    "dripping from the first byte": Ruin(
        fault=Drip(where="all"), outcome="timeout", says="waiting for headers", attempts=1
    ),
    "hang": Ruin(fault=Hang(), outcome="timeout", says="waiting for headers", attempts=1),
    "hang inside the headers": Ruin(
        fault=Hang(where="headers"), outcome="timeout", says="waiting for headers", attempts=1
    ),
    "hang inside the body": Ruin(
        fault=Hang(where="body"), outcome="timeout", says="reading the body", attempts=1
    ),
    "refused": Ruin(fault=Refused(), outcome="unreachable", says="connection refused"),
    "reset before the headers": Ruin(fault=Reset(), outcome="connection lost", says="before an answer"),
    "reset inside the headers": Ruin(
        fault=Reset(where="headers"), outcome="connection lost", says="inside the headers"
    ),
    "reset inside the body": Ruin(fault=Reset(where="body"), outcome="truncated", says="inside the answer"),
    "end before the headers": Ruin(
        fault=Close(where="before"), outcome="connection lost", says="before an answer"
    ),
    "end inside the headers": Ruin(fault=Close(where="headers"), outcome="truncated", says="empty body"),
    "end inside the body": Ruin(fault=Close(), outcome="truncated", says="inside the answer"),
    "truncated JSON": Ruin(fault=CutJson(), outcome="malformed", says="no JSON"),
    "invalid JSON": Ruin(fault=Garbage(), outcome="malformed", says="no JSON"),
    "not even text": Ruin(fault=Garbage(body=b"\xff\xfe\x00"), outcome="malformed", says="no JSON"),
    "nesting without end": Ruin(fault=Garbage(body=b"[" * 100_000), outcome="malformed", says="no JSON"),
    "wrong shape": Ruin(fault=WrongShape(), outcome="wrong shape", says="no text-classification"),
    "scores without labels": Ruin(
        fault=WrongShape(body=[[{"score": 1.0}]]), outcome="wrong shape", says="no text-classification"
    ),
    "web page": Ruin(fault=Page(), outcome="malformed", says="HTML page: Welcome"),
    "empty": Ruin(fault=Empty(), outcome="truncated", says="empty body"),
    "cold start": Ruin(
        fault=ColdStart(warm_up=20), outcome="loading", says="loading", attempts=1, retry_after=20
    ),
}

REFUSALS = {
    "400": (Status(code=400, body={"error": "bad inputs"}), "HTTP 400 Bad Request: bad inputs"),
    "413": (Status(code=413), "HTTP 413"),
    "422": (Status(code=422, body={"detail": [{"loc": ["inputs"], "msg": "too sad"}]}), "inputs: too sad"),
}

HARMLESS: dict[str, Fault] = {
    "chunks": Chunked(),
    "no length": Unframed(),
    "no length, in chunks of time": Delay(seconds=0.02),
    "a drip that is fast enough": Drip(rate=20_000, where="all"),
    "a limit not reached": RateLimit(requests=1, window=30.0),
    "a megabyte of blanks": Huge(size=1_000_000),
}


@pytest.fixture
def first(sandbox: Sandbox) -> Server:
    """The server of the primary, which fails in these tests."""
    return sandbox.serve("hf-inference", name="first", models=[SENTIMENT])


@pytest.fixture
def second(sandbox: Sandbox) -> Server:
    """The server of the fallback, which is well."""
    return sandbox.serve("hf-inference", name="second", models=[SENTIMENT_2])


def best_label(result: Result) -> object:
    output: Any = result.output
    return output[0]["label"]


@contextmanager
def within(deadline: float = DEADLINE) -> Iterator[None]:
    """What happens inside takes no longer than a call with this deadline may take."""
    started = monotonic()
    yield
    assert monotonic() - started < deadline + ALLOWANCE


@pytest.mark.parametrize("name", RUINS)
def test_dl1_a_lone_target_fails_in_time_with_an_error_that_says_why(
    name: str, first: Server, make_client: MakeClient
) -> None:
    """`call` returns or raises by `t0 + deadline + eps` for every fault."""
    ruin = RUINS[name]
    first.fail(ruin.fault)
    client = make_client({"sentiment": SENTIMENT}, POLICY)

    with within(), pytest.raises(ruin.error) as raised:
        client.call("sentiment", "I love it")

    error = raised.value
    assert type(error) is ruin.error
    assert error.last is not None
    assert error.last.outcome == ruin.outcome
    assert ruin.says in str(error)
    assert [record.number for record in error.attempts] == list(range(1, ruin.attempts + 1))
    assert len(first.requests) == (0 if isinstance(ruin.fault, Refused) else ruin.attempts)
    if ruin.retry_after is None:
        assert error.retry_after is None
    else:
        assert error.retry_after == pytest.approx(ruin.retry_after, abs=1)


@pytest.mark.parametrize("name", RUINS)
def test_fb1_a_fault_of_the_primary_is_answered_by_the_fallback_in_time(
    name: str, first: Server, second: Server, make_client: MakeClient
) -> None:
    """Targets are tried in order; target i+1 never before i failed."""
    ruin = RUINS[name]
    first.fail(ruin.fault)
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, POLICY)

    with within():
        result = client.call("sentiment", "I love it")

    assert (result.model, result.route) == (SENTIMENT_2, f"second:{SENTIMENT_2}")
    assert best_label(result) == "POSITIVE"
    assert result.fallback is not None
    assert ruin.says in result.fallback
    assert {record.outcome for record in result.attempts} == {ruin.outcome, "success"}
    assert len(second.requests) == 1
    assert not first.requests or first.requests[-1].moment < second.requests[0].moment


@pytest.mark.parametrize("name", [name for name in RUINS if RUINS[name].attempts == 2 and name != "refused"])
def test_a_fault_that_passes_is_answered_by_the_primary(
    name: str, first: Server, second: Server, make_client: MakeClient
) -> None:
    first.fail(RUINS[name].fault, attempts=1)
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, POLICY)

    with within():
        result = client.call("sentiment", "I love it")

    assert result.fallback is None
    assert [record.outcome for record in result.attempts] == [RUINS[name].outcome, "success"]
    assert (len(first.requests), len(second.requests)) == (2, 0)


def test_a_server_that_comes_back_is_asked_first_again(
    first: Server, second: Server, make_client: MakeClient
) -> None:
    first.fail(Refused())
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, POLICY)

    assert client.call("sentiment", "I love it").fallback is not None
    first.heal()
    assert client.call("sentiment", "I love it").fallback is None


@pytest.mark.parametrize("name", REFUSALS)
def test_fb2_a_fault_of_the_request_ends_the_call_with_one_request(
    name: str, first: Server, second: Server, make_client: MakeClient
) -> None:
    """A stop-class error raises at once with exactly one request sent."""
    fault, says = REFUSALS[name]
    first.fail(fault)
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, POLICY)

    with pytest.raises(PayloadRefused) as raised:
        client.call("sentiment", "I love it")

    assert says in str(raised.value)
    assert (len(first.requests), len(second.requests)) == (1, 0)


def test_a_conflict_is_asked_again_on_its_own_server_and_nowhere_else(
    first: Server, second: Server, make_client: MakeClient
) -> None:
    first.fail(Status(code=409))
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, POLICY)

    with within(), pytest.raises(AllTargetsFailed, match="no other target may be asked"):
        client.call("sentiment", "I love it")

    assert (len(first.requests), len(second.requests)) == (2, 0)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_like_a_fault_is_an_answer(name: str, first: Server, make_client: MakeClient) -> None:
    first.fail(HARMLESS[name])
    client = make_client({"sentiment": SENTIMENT}, POLICY)

    result = client.call("sentiment", "I love it")

    assert best_label(result) == "POSITIVE"
    assert len(first.requests) == 1


def test_an_answer_of_100_mb_is_given_up_at_the_cap_and_answered_by_the_fallback(
    first: Server, second: Server, make_client: MakeClient
) -> None:
    first.fail(Huge(size=100 * 1024 * 1024))
    client = make_client(
        {"sentiment": [SENTIMENT, SENTIMENT_2]}, {"deadline": 2, "retries": 1, "max_response": 1_000_000}
    )

    with within(2):
        result = client.call("sentiment", "I love it")

    assert [record.outcome for record in result.attempts] == ["oversized", "success"]
    assert len(first.requests) == 1


@pytest.mark.parametrize("fault", [ResetReused(), CloseIdle()], ids=["reset", "closed"])
def test_a_connection_that_went_stale_costs_one_resend_and_counts_for_nothing(
    fault: Fault, first: Server, make_client: MakeClient
) -> None:
    client = make_client({"sentiment": SENTIMENT}, {**POLICY, "retries": 0})
    first.fail(fault)

    results = []
    for _ in range(4):
        results.append(client.call("sentiment", "I love it"))
        threading.Event().wait(0.01)  # the end of an idle connection needs a moment to arrive

    assert all(best_label(result) == "POSITIVE" for result in results)
    outcomes = {record.outcome for result in results for record in result.attempts}
    assert outcomes <= {"success", "stale connection"}
    assert len({request.connection for request in first.requests}) > 1


def test_a_cold_start_that_fits_the_deadline_is_waited_for_without_polling(
    first: Server, make_client: MakeClient
) -> None:
    """S10: requests during warm-up at the most 1, the wait is the estimate and one latency."""
    first.fail(ColdStart(warm_up=0.15))
    client = make_client({"sentiment": SENTIMENT}, {"deadline": 2, "retries": 1})

    result = client.call("sentiment", "I love it")

    assert [record.outcome for record in result.attempts] == ["loading", "success"]
    assert first.requests[1].moment - first.requests[0].moment >= 0.15


def test_a_cold_start_does_not_hold_up_a_call_that_has_a_fallback(
    first: Server, second: Server, make_client: MakeClient
) -> None:
    first.fail(ColdStart(warm_up=0.3))
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, {"max_wait": 0.1, "retries": 1})

    assert client.call("sentiment", "I love it").route.startswith("second:")
    threading.Event().wait(0.35)
    assert client.call("sentiment", "I love it").route.startswith("first:")
    assert len(first.requests) == 2


def test_ra7_a_rate_limit_is_heard_once_and_kept_by_all_calls(
    first: Server, second: Server, make_client: MakeClient
) -> None:
    """The advice also closes that route for other callers until then."""
    first.fail(RateLimit(requests=2, window=0.3))
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, {"max_wait": 0.01, "retries": 1})

    routes = [client.call("sentiment", "I love it").route.partition(":")[0] for _ in range(6)]
    asked = len(first.requests)
    threading.Event().wait(0.35)
    again = client.call("sentiment", "I love it").route.partition(":")[0]

    assert (routes, again) == (["first", "first", "second", "second", "second", "second"], "first")
    assert asked == 3  # two that were admitted, and the one that was told to wait


def test_ra5_a_lone_target_waits_out_a_rate_limit_and_is_never_early(
    first: Server, make_client: MakeClient
) -> None:
    """Chosen delay >= advice."""
    first.fail(RateLimit(requests=1, window=0.2))
    client = make_client({"sentiment": SENTIMENT}, {"deadline": 3, "retries": 1})

    client.call("sentiment", "I love it")
    result = client.call("sentiment", "I love it")

    assert [record.outcome for record in result.attempts] == ["throttled", "success"]
    assert first.requests[-1].moment - first.requests[0].moment >= 0.2


def test_what_is_not_safe_is_sent_on_once_when_the_answer_is_lost(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    for name in ("one", "two", "three"):
        sandbox.serve("openai", name=name, models=[CHAT]).fail(Reset())
    client = make_client({"chat": CHAT}, POLICY)

    with within(), pytest.raises(AllTargetsFailed, match="may have been carried out twice"):
        client.call("chat", "Hello")

    assert [len(server.requests) for server in sandbox.servers] == [1, 1, 0]


def test_any_fault_of_a_dedicated_endpoint_s_container_is_asked_once_more(
    sandbox: Sandbox, second: Server, make_client: MakeClient
) -> None:
    """The toolkit's container answers 400 to any fault: once more, then on."""
    container = sandbox.serve("hf-endpoint", name="container", models=[SENTIMENT])
    container.fail(Status(code=400, body={"error": "CUDA out of memory"}))
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, POLICY)

    result = client.call("sentiment", "I love it")

    assert result.route.startswith("second:")
    assert result.fallback is not None
    assert "CUDA out of memory" in result.fallback
    assert len(container.requests) == 2


# Below HTTP


def call_of(alias: str, folder: Path, lookup: Lookup) -> Result:
    """A call as `Client.call` makes it, with a name server of the test's own."""
    assembly = Assembly.load(lockfiles=folder, environment=None, lock_mode=None, private_state=True)
    spec = assembly.call_spec(alias, "I love it", None)
    with closing(HttpSync(resolver=Resolver(lookup))) as transport:
        return drive(spec, assembly.env(None), transport, Sleepers())


@pytest.fixture
def misplaced(
    sandbox: Sandbox, first: Server, second: Server, tmp_path: Path, bare_environment: Path
) -> Callable[[str], Path]:
    """Make lockfiles whose primary is at another place than `first`."""

    def make(place: str) -> Path:
        aliases = {"sentiment": [SENTIMENT, SENTIMENT_2], "lone": SENTIMENT}
        folder = sandbox.write(tmp_path / "lockfiles", aliases, POLICY)
        manifest = folder / "models.yaml"
        manifest.write_text(manifest.read_text().replace(first.url, place))
        return folder

    return make


def test_dl1_a_name_server_that_takes_3_s_holds_up_no_call(misplaced: Callable[[str], Path]) -> None:
    """`call` returns or raises by `t0 + deadline + eps` for every fault, including DNS."""
    over = threading.Event()

    def look_up(host: str, port: int) -> list[Address]:
        over.wait(3)
        return addresses_of((host, port))

    folder = misplaced("http://slow.example:9")
    with within():
        assert call_of("sentiment", folder, look_up).route.startswith("second:")
    with within(), pytest.raises(AllTargetsFailed, match="looking up the name"):
        call_of("lone", folder, look_up)
    over.set()


def test_dl1_six_dead_addresses_hold_up_no_call(misplaced: Callable[[str], Path]) -> None:
    """`call` returns or raises by `t0 + deadline + eps` for every fault; all addresses within ONE limit."""
    folder = misplaced("http://six.example:9")
    with deaf_place() as place:

        def look_up(host: str, port: int) -> list[Address]:
            return addresses_of(*[place] * 6)

        with within():
            assert call_of("sentiment", folder, look_up).route.startswith("second:")
        with within(), pytest.raises(AllTargetsFailed, match="connecting"):
            call_of("lone", folder, look_up)


def test_dl1_a_tls_handshake_that_stalls_holds_up_no_call(misplaced: Callable[[str], Path]) -> None:
    """`call` returns or raises by `t0 + deadline + eps` for every fault, including TLS."""
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts, as the kernel does, and says nothing
        folder = misplaced(f"https://127.0.0.1:{mute.getsockname()[1]}")
        with Client(lockfiles=folder, private_state=True) as client:
            with within():
                assert client.call("sentiment", "I love it").route.startswith("second:")
            with within(), pytest.raises(AllTargetsFailed, match="opening the secure connection"):
                client.call("lone", "I love it")


def test_dl1_faults_one_after_another_never_add_up_to_more_than_the_deadline(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """Sum of attempts + sleeps <= deadline."""
    faults: list[Fault] = [Hang(), Drip(), Hang(where="body"), Drip(where="headers"), Delay(seconds=5)]
    for number, fault in enumerate(faults):
        sandbox.serve("hf-inference", name=f"server-{number}", models=[SENTIMENT]).fail(fault)
    client = make_client({"sentiment": SENTIMENT}, {"deadline": 0.6, "retries": 5, "min_useful": 0.05})

    with within(0.6), pytest.raises(CallError) as raised:
        client.call("sentiment", "I love it")

    asked = [len(server.requests) for server in sandbox.servers]
    assert asked[:3] == [1] * 3  # what ends a little late leaves too little for the last ones
    assert set(asked[3:]) <= {0, 1}
    assert raised.value.elapsed <= 0.6 + ALLOWANCE
