"""The fault suite: what callers and providers see of each fault, over real sockets, by both clients.

In the normal run every time is divided by ten: the policy's keys, and the
faults of the sandbox. The full scale, with nothing but the defaults, is slow.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from threading import Event as Alarm

import pytest

from resilient_infer.core.events import ChunkSkipped, CircuitChanged
from resilient_infer.testing.sandbox import Refused as NobodyListens
from resilient_infer.testing.sandbox import Reply, Sandbox, Server, Sight, Status, unavailable
from resilient_infer.testing.sandbox.stream_faults import CutStream
from tests.scenarios.fault_stage import FACES, LARGE, PAYLOAD, PRICES, Pace, Seen, Stage
from tests.scenarios.fault_stories import STORIES, Answered, Story
from tests.testing.raw import ask

TENTH = Pace(scale=0.1, busy=0.5)
FULL = Pace(scale=1.0, busy=0.0)
TOLD = [
    pytest.param(story, stream, id=f"{story.name}, {'streamed' if stream else 'whole'}")
    for story in STORIES
    for stream in story.streams
]
MILLION = 1_000_000

pytestmark = pytest.mark.usefixtures("bare_environment")


@dataclass(frozen=True, slots=True)
class NoPrefill:
    """A model that continues nobody's sentence, in the words of one that does not."""

    server: Server

    def alter(self, reply: Reply, sight: Sight) -> Reply:
        body = self.server.requests[-1].body
        if body["messages"][-1]["role"] != "assistant":
            return reply
        message = "This model does not support assistant message prefill."
        message += " The conversation must end with a user message."
        error = {"message": message, "type": "invalid_request_error", "param": "messages", "code": None}
        return Status(code=400, body={"error": error}).alter(reply, sight)


@pytest.fixture(
    params=[pytest.param(TENTH, id="tenth"), pytest.param(FULL, id="full", marks=pytest.mark.slow)]
)
def pace(request: pytest.FixtureRequest) -> Pace:
    return request.param


@pytest.fixture
def sandbox(pace: Pace) -> Iterator[Sandbox]:
    """Servers whose faults take as long as the pace says."""
    with Sandbox(scale=pace.scale) as made:
        yield made


@pytest.fixture(params=sorted(FACES))
def face(request: pytest.FixtureRequest) -> str:
    """Which of the two clients calls."""
    return request.param


@pytest.mark.parametrize(("story", "stream"), TOLD)
def test_caller_and_providers_see_what_the_story_says(
    story: Story, stream: bool, face: str, pace: Pace, sandbox: Sandbox, tmp_path: Path
) -> None:
    with Stage(sandbox, tmp_path / "lockfiles", face, pace, story.model) as stage:
        if story.fault is not None:
            stage.primary.fail(story.fault, attempts=story.attempts)

        seen = stage.caller.ask(stream=stream)

        _report(story.name, stream, face, stage, seen)
        assert _counts(stage) == story.requests
        _no_sooner(stage.primary, stage, pace(story.apart))
        assert seen.elapsed <= max(pace(story.within), story.fixed + pace(1.0)) + pace.busy
        if isinstance(story.caller, Answered):
            _is_answer(seen, stage, story.caller, stream=stream)
        else:
            assert isinstance(seen.error, story.caller.error)
            assert story.caller.says in str(seen.error)
            assert seen.text == ""
        _invents_nothing(stage, seen)

        stage.primary.heal()
        seen = stage.caller.ask(stream=stream)

        assert seen.result is not None
        assert seen.attempts == [*story.afterwards]
        assert seen.elapsed < 1.0


def test_a_fallback_that_refuses_assistant_prefill_takes_over_a_cut_stream(
    face: str, pace: Pace, sandbox: Sandbox, tmp_path: Path
) -> None:
    """What was shown of a cut answer is never sent on for somebody to continue."""
    with Stage(sandbox, tmp_path / "lockfiles", face, pace) as stage:
        stage.primary.fail(CutStream(share=2 / 3))
        stage.fallback.fail(NoPrefill(stage.fallback))
        prefilled = [*PAYLOAD["messages"], {"role": "assistant", "content": "It left"}]
        refused = ask(stage.fallback, "/chat/completions", {"model": LARGE.name, "messages": prefilled})
        assert refused.status == 400
        stage.begin()

        seen = stage.caller.ask(stream=True)

        _report("a fallback that refuses prefill", True, face, stage, seen)
        assert _counts(stage) == (2, 1)
        _is_answer(seen, stage, Answered(by="fallback", restarts=1), stream=True)
        _invents_nothing(stage, seen)


@pytest.mark.parametrize(
    "down", [NobodyListens(), pytest.param(unavailable(), marks=pytest.mark.slow)], ids=["refused", "503"]
)
def test_twenty_requests_are_answered_while_the_primary_is_down_for_a_minute_and_recovers(
    down: NobodyListens | Status, face: str, pace: Pace, sandbox: Sandbox, tmp_path: Path
) -> None:
    """They come every 4 s, streamed and whole in turn. The circuit keeps the probes few, and none waits
    for the primary to be tried out; it serves again within 30 s of its recovery."""
    with Stage(sandbox, tmp_path / "lockfiles", face, pace) as stage:
        stage.primary.fail(down)
        began, seen = time.monotonic(), []
        for number in range(20):
            Alarm().wait(began + pace(4.0 * number) - time.monotonic())  # as the requests come
            if number == 15:
                stage.primary.heal()
            seen.append(stage.caller.ask(stream=number % 2 == 0))

    assert all(each.result is not None and each.elapsed <= 1.0 for each in seen)
    tries = [each.attempts.count("primary") for each in seen]
    slowest = max(each.elapsed for each in seen)
    print("measured", "down for 60 s, " + str(down), face, f"{slowest:.3f} at the most", tries, sep=" | ")
    assert any(isinstance(event, CircuitChanged) and event.new == "open" for event in seen[2].events)
    assert max(tries[3:15]) <= 1
    # Five failures open the circuit; after 1, 2, 4, 5, 5 … s, give or take a fifth, it lets one through.
    assert sum(tries[:15]) <= 13
    back = next(number for number in range(15, 20) if seen[number].attempts == ["primary"])
    assert 4 * (back - 15) <= 30
    assert all(each.attempts == ["primary"] for each in seen[back:])
    if isinstance(down, Status):
        assert len(stage.journal(stage.primary)) == sum(tries)


def _is_answer(seen: Seen, stage: Stage, told: Answered, *, stream: bool) -> None:
    """The whole answer of one provider, and its bill; a stream leaves just that on the screen."""
    assert seen.error is None
    assert seen.result is not None
    truth, server = stage.truths[told.by], stage.server(told.by)
    whole = truth["choices"][0]["message"]["content"]
    if told.cut:
        assert seen.result.text
        assert whole.startswith(seen.result.text)
        assert seen.result.text != whole
    else:
        assert seen.result.text == whole
    if stream:
        assert seen.text == seen.result.text
    assert seen.restarts == told.restarts
    assert seen.result.finish_reason == told.finish_reason
    assert sum(isinstance(event, ChunkSkipped) for event in seen.events) == told.skipped
    assert seen.result.model == seen.result.served_model == next(iter(server.models))
    assert (seen.result.fallback is None) == (told.by == "primary")
    _is_bill(seen, truth["usage"], told.by)


def _is_bill(seen: Seen, usage: dict[str, int], by: str) -> None:
    """What the answer took costs; attempts that failed cost nothing."""
    assert seen.result is not None
    assert seen.result.usage is not None
    assert (seen.result.usage.input, seen.result.usage.output) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    price = PRICES[by]
    dollars = usage["prompt_tokens"] * price["input"] + usage["completion_tokens"] * price["output"]
    assert seen.result.cost == Decimal(dollars) / MILLION


def _invents_nothing(stage: Stage, seen: Seen) -> None:
    """The providers saw what the caller said and no more, so no answer was put in the assistant's mouth;
    and the caller is told of each request."""
    for server in (stage.primary, stage.fallback):
        for request in stage.journal(server):
            assert isinstance(request.body, dict)
            assert request.body["messages"] == PAYLOAD["messages"]
            assert request.body["messages"][-1]["role"] == "user"
    assert (seen.attempts.count("primary"), seen.attempts.count("fallback")) == _counts(stage)


def _counts(stage: Stage) -> tuple[int, int]:
    return len(stage.journal(stage.primary)), len(stage.journal(stage.fallback))


def _no_sooner(server: Server, stage: Stage, seconds: float) -> None:
    for earlier, later in pairwise(stage.journal(server)):
        assert later.moment - earlier.moment >= seconds


def _report(name: str, stream: bool, face: str, stage: Stage, seen: Seen) -> None:
    """One line of the table of measured values (pytest -rP)."""
    moments = [
        " ".join(f"{request.moment - seen.began:.3f}" for request in stage.journal(server)) or "-"
        for server in (stage.primary, stage.fallback)
    ]
    ending = type(seen.error).__name__ if seen.result is None else seen.result.route.partition(":")[0]
    first = "-" if seen.first is None else f"{seen.first:.3f}"
    kind = "streamed" if stream else "whole"
    told = [name, kind, face, ending, f"{seen.elapsed:.3f}", first, str(seen.restarts), *moments]
    print("measured", *told, sep=" | ")
