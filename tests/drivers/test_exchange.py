"""One attempt put in words and read again; a codec that breaks its contract is told apart from a server."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.gates import Permit
from resilient_infer.core.http import FaultKind, HttpRequest, HttpResponse, TransportFault
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.payload import Payload
from resilient_infer.core.target import Endpoint, Pin, Route
from resilient_infer.core.task import TASKS
from resilient_infer.core.testimony import UNSAID, Identity
from resilient_infer.drivers import exchange
from resilient_infer.drivers.sync import drive
from resilient_infer.errors import ProviderError
from resilient_infer.providers import registry
from resilient_infer.providers.base import Unfit
from resilient_infer.state.attestation import Attestation
from tests.scenarios.stage import OK, Scripted, ScriptedTransport, Stage, commit, play_simulated

PAYLOAD = "the secret plans of the payload"
ANSWER = HttpResponse(status=200, headers={}, body=b"{}", framed=True, received_at=0.0)


class Rogue:
    """A codec of kind "rogue" that does what it is told, not what it should."""

    kind = "rogue"
    tasks = frozenset({"text-classification"})

    def __init__(self) -> None:
        self.on_build: Callable[[Attempt], object] = lambda attempt: HttpRequest(
            method="POST", url=f"{attempt.route.endpoint.url}/", headers=()
        )
        self.on_parse: Callable[[Attempt], object] = lambda attempt: Success(output=[])

    def build(self, attempt: Attempt) -> HttpRequest:
        return self.on_build(attempt)  # type: ignore[return-value]  # a rogue returns what it likes

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        return self.on_parse(attempt)  # type: ignore[return-value]  # a rogue returns what it likes


@pytest.fixture
def rogue() -> Iterator[Rogue]:
    """A rogue that the process's table of codecs knows for the length of a test."""
    codec, table = Rogue(), registry._INSTALLED._codecs
    table["rogue", "text-classification"] = codec
    yield codec
    del table["rogue", "text-classification"]


def attempt(kind: str = "rogue", *, safe: bool = True) -> Attempt:
    endpoint = Endpoint(provider="server", kind=kind, url="http://127.0.0.1:9/a")
    return Attempt(
        number=1,
        call_id="call-1",
        alias="story",
        task=TASKS["text-classification"],
        route=Route(endpoint=endpoint, name="a"),
        model="org/a",
        revision=None,
        pin=Pin.FLOATING,
        payload=Payload(inputs=PAYLOAD),
        secret=None,
        timeout=1.0,
        safe=safe,
    )


def raising(error: Exception) -> Callable[[Attempt], object]:
    def act(attempt: Attempt) -> object:
        raise error

    return act


def test_what_a_codec_builds_and_reads_is_passed_on(rogue: Rogue) -> None:
    """The ordinary way."""
    assert isinstance(exchange.build(attempt()), HttpRequest)
    assert exchange.read(attempt(), ANSWER) == Success(output=[])


def test_a_payload_that_the_route_cannot_say_is_a_value(rogue: Rogue) -> None:
    """Unfit is a failure of kind UNFIT with the codec's words."""
    rogue.on_build = raising(Unfit("no mood here"))

    assert exchange.build(attempt()) == Failure(kind=FailureKind.UNFIT, reason="no mood here")


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (raising(ValueError(PAYLOAD)), "build() raised ValueError"),
        (raising(KeyError(PAYLOAD)), "build() raised KeyError"),
        (lambda attempt: None, "build() gave NoneType"),
        (lambda attempt: PAYLOAD, "build() gave str"),
        (lambda attempt: Failure(kind=FailureKind.UNFIT, reason=PAYLOAD), "build() gave Failure"),
    ],
)
def test_a_codec_that_builds_nonsense_is_a_provider_error_without_payload_text(
    rogue: Rogue, act: Callable[[Attempt], object], what: str
) -> None:
    """The error names the kind and what it did; nothing of the payload."""
    rogue.on_build = act

    with pytest.raises(ProviderError, match=r"kind 'rogue' broke its contract") as raised:
        exchange.build(attempt())

    assert what in str(raised.value)
    assert PAYLOAD not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (raising(ValueError(PAYLOAD)), "parse() raised ValueError"),
        (raising(Unfit(PAYLOAD)), "parse() raised Unfit"),
        (lambda attempt: None, "parse() gave NoneType"),
        (lambda attempt: {"output": PAYLOAD}, "parse() gave dict"),
    ],
)
def test_a_codec_that_reads_nonsense_is_a_provider_error_without_payload_text(
    rogue: Rogue, act: Callable[[Attempt], object], what: str
) -> None:
    """Whatever a server sends, a codec answers with an outcome."""
    rogue.on_parse = act

    with pytest.raises(ProviderError, match=r"kind 'rogue' broke its contract") as raised:
        exchange.read(attempt(), ANSWER)

    assert what in str(raised.value)
    assert PAYLOAD not in str(raised.value)


def test_what_is_no_exception_of_the_codec_comes_through(rogue: Rogue) -> None:
    """Ctrl-C inside a codec is the user's, not the plug-in's."""
    interruption = KeyboardInterrupt()

    def interrupted(attempt: Attempt) -> object:
        raise interruption

    rogue.on_parse = interrupted

    with pytest.raises(KeyboardInterrupt) as raised:
        exchange.read(attempt(), ANSWER)
    assert raised.value is interruption


@pytest.mark.parametrize(
    ("said", "read"),
    [("main", None), ("f" * 39, None), ("", None), (7, None), ("F" * 40, "f" * 40), ("f" * 40, "f" * 40)],
)
def test_only_a_full_commit_counts_whatever_a_codec_says_of_an_answer(
    rogue: Rogue, said: object, read: str | None
) -> None:
    """A branch name is not attested, and no mismatch either."""
    rogue.on_parse = lambda attempt: Success(output=[], commit=said)  # type: ignore[arg-type]  # a rogue

    outcome = exchange.read(attempt(), ANSWER)

    assert isinstance(outcome, Success)
    assert outcome.commit == read


@pytest.mark.parametrize("confirmed", [True, False])
def test_what_the_answer_does_not_confirm_was_not_enforced(rogue: Rogue, confirmed: bool) -> None:
    """A codec that only says so is not believed, not even where the server attested it before."""
    told = commit(0) if confirmed else None
    rogue.on_parse = lambda attempt: Success(output=[], commit=told, enforced=True)
    stage = Stage(targets=(("a",),), kinds={"a": "rogue"})
    attestation = Attestation()
    attestation.tell(commit(0), UNSAID, 0.0)
    (target,) = stage.alias.targets
    question = Identity(request=HttpRequest(method="GET", url="http://127.0.0.1:9/a/info", headers=()))
    route = replace(target.routes[0], attestation=attestation, identity=question)
    stage.alias = replace(stage.alias, targets=(replace(target, routes=(route,)),))

    result = play_simulated(stage, {"a": [OK]}).result

    assert result.pin is (Pin.ENFORCED if confirmed else Pin.ATTESTED)


@pytest.mark.parametrize("safe", [True, False])
def test_a_fault_of_the_network_needs_no_codec(safe: bool) -> None:
    """A stale connection is as bad as a lost one where the task is not safe."""
    fault = TransportFault(kind=FaultKind.STALE, reason="closed", sent=True)

    outcome = exchange.read(attempt("no such kind", safe=safe), fault)

    assert isinstance(outcome, Failure)
    assert outcome.kind is (FailureKind.STALE if safe else FailureKind.LOST)


@pytest.mark.parametrize("method", ["on_build", "on_parse"])
def test_a_broken_codec_ends_the_call_and_gives_everything_back(rogue: Rogue, method: str) -> None:
    """Both drivers raise it; the call's end is told by its name, and the slot is free again."""
    setattr(rogue, method, raising(ValueError(PAYLOAD)))
    by_sync = Stage(targets=(("a",),), kinds={"a": "rogue"}, concurrency=1)
    simulated = Stage(targets=(("a",),), kinds={"a": "rogue"}, concurrency=1)
    world = ScriptedTransport(Scripted({"a": [OK]}), 0.0)

    with pytest.raises(ProviderError):
        drive(by_sync.spec(), by_sync.env, world, world, world.clock)
    with pytest.raises(ProviderError):
        play_simulated(simulated, {"a": [OK]})

    for stage in (by_sync, simulated):
        assert stage.events[-1].outcome == "ProviderError"  # type: ignore[union-attr]  # a CallFinished
        assert isinstance(stage.route("a").gate.ask(1.0, lease=1.0), Permit)
