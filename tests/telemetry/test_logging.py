"""Logging: one readable line for each event."""

import logging
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer import AllTargetsFailed
from resilient_infer.events import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallStarted,
    ChunkSkipped,
    CircuitChanged,
    Event,
    FirstTokenReceived,
    PinMismatched,
    RouteSkipped,
    TargetFailed,
    WaitStarted,
)
from resilient_infer.telemetry.logging import log_events
from resilient_infer.testing.sandbox import Sandbox, Status
from tests.conftest import MakeClient
from tests.models import SENTIMENT, SENTIMENT_2

ID = "3f9c2ab1d4e5f60718293a4b5c6d7e8f"
ROUTE = "hf-inference:org/model"
STARTED = CallStarted(call_id=ID, alias="sentiment", task="text-classification", deadline=30.0)
EVENTS = st.one_of([st.from_type(kind) for kind in get_args(Event)])


class Page(logging.Handler):
    """Keeps what is logged as a file would show it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def logger(page: Page) -> logging.Logger:
    """A logger of its own that lets everything through."""
    made = logging.Logger("only here", logging.DEBUG)
    made.addHandler(page)
    return made


@given(event=EVENTS)
def test_every_event_is_one_line_without_line_breaks_or_secrets(event: Event) -> None:
    """Whatever names and reasons hold."""
    page, logger = Page(), logging.Logger("only here", logging.DEBUG)
    logger.addHandler(page)

    log_events(logger)(event)

    assert len(page.lines) == 1
    assert len(page.lines[0].splitlines()) == 1
    assert page.lines[0].isprintable()


def test_a_secret_in_a_reason_is_not_written(logger: logging.Logger, page: Page) -> None:
    log_events(logger)(
        RouteSkipped(call_id=ID, at=0.0, route=ROUTE, reason="no hf_AbCdEfGhIjKlMn\nhere", retry_after=None)
    )

    assert page.lines == [f"INFO ? 3f9c2ab1 passes over {ROUTE}: no [secret] here"]


SHA, OTHER = "3f9c2ab" + "0" * 33, "91d04e7" + "0" * 33
FINISHED = AttemptFinished(
    call_id=ID,
    at=1.0,
    number=1,
    route=ROUTE,
    outcome="success",
    reason="",
    status=200,
    elapsed=0.123,
    request_id=None,
)
LINES = [
    (STARTED, "DEBUG", "starts: text-classification, at most 30.00 s"),
    (
        AttemptStarted(call_id=ID, at=0.0, number=1, route=ROUTE, model=None, revision=None, timeout=10.0),
        "DEBUG",
        f"attempt 1 to {ROUTE}, at most 10.00 s",
    ),
    (
        AttemptStarted(
            call_id=ID, at=0.0, number=2, route="ours:m", model=None, revision=SHA, timeout=2.0, identity=True
        ),
        "DEBUG",
        "attempt 2 asks ours:m which commit it runs",
    ),
    (FINISHED, "DEBUG", f"attempt 1 to {ROUTE}: success after 0.12 s"),
    (
        AttemptFinished(
            call_id=ID,
            at=1.0,
            number=3,
            route=ROUTE,
            outcome="server error",
            reason="HTTP 500 Internal Server Error",
            status=500,
            elapsed=1.0,
            request_id="req-7",
        ),
        "WARNING",
        f"attempt 3 to {ROUTE}: server error after 1.00 s: HTTP 500 Internal Server Error (request req-7)",
    ),
    (
        RouteSkipped(call_id=ID, at=0.0, route=ROUTE, reason="the circuit is open", retry_after=0.8),
        "INFO",
        f"passes over {ROUTE}: the circuit is open; again in 0.80 s",
    ),
    (
        FirstTokenReceived(call_id=ID, at=0.5, number=1, route=ROUTE, elapsed=0.41),
        "DEBUG",
        f"attempt 1 to {ROUTE}: first token after 0.41 s",
    ),
    (
        ChunkSkipped(call_id=ID, at=0.5, route=ROUTE, reason="no JSON"),
        "WARNING",
        f"skips a chunk from {ROUTE}: no JSON",
    ),
    (
        PinMismatched(
            call_id=ID, at=0.0, route="ours:m", model="org/m", revision=SHA, reported=OTHER, refused=True
        ),
        "WARNING",
        "ours:m runs 91d04e700000, not the locked 3f9c2ab00000: not asked",
    ),
    (
        PinMismatched(
            call_id=ID, at=0.0, route="ours:m", model="org/m", revision=SHA, reported=OTHER, refused=False
        ),
        "WARNING",
        "ours:m runs 91d04e700000, not the locked 3f9c2ab00000: answers all the same",
    ),
    (
        WaitStarted(
            call_id=ID, at=0.0, route=ROUTE, seconds=0.41, reason="before the next attempt after throttled"
        ),
        "INFO",
        f"waits 0.41 s before the next attempt after throttled ({ROUTE})",
    ),
    (
        WaitStarted(call_id=ID, at=0.0, route="", seconds=0.4, reason="until a route may be asked again"),
        "INFO",
        "waits 0.40 s until a route may be asked again",
    ),
    (
        TargetFailed(call_id=ID, at=0.0, model="org/a", next_model="org/b", reason="HTTP 500"),
        "WARNING",
        "gives up org/a, goes on to org/b: HTTP 500",
    ),
    (
        TargetFailed(call_id=ID, at=0.0, model=None, next_model=None, reason="HTTP 500"),
        "WARNING",
        "gives up a target: HTTP 500",
    ),
    (
        CircuitChanged(call_id=ID, at=0.0, route=ROUTE, old="closed", new="open", open_for=1.0),
        "WARNING",
        f"circuit of {ROUTE} open for 1.00 s (was closed)",
    ),
    (
        CircuitChanged(call_id=ID, at=0.0, route=ROUTE, old="half-open", new="closed", open_for=0.0),
        "INFO",
        f"circuit of {ROUTE} closed (was half-open)",
    ),
    (
        CircuitChanged(call_id=ID, at=0.0, route=ROUTE, old="open", new="half-open", open_for=0.0),
        "INFO",
        f"circuit of {ROUTE} half-open (was open)",
    ),
    (
        CallFinished(call_id=ID, at=2.3, alias="sentiment", outcome="success", route=ROUTE, attempts=3),
        "INFO",
        f"answered by {ROUTE} after 2.30 s, 3 attempts",
    ),
    (
        CallFinished(
            call_id=ID, at=2.3, alias="sentiment", outcome="AllTargetsFailed", route=None, attempts=1
        ),
        "ERROR",
        "failed with AllTargetsFailed after 2.30 s, 1 attempt",
    ),
    (
        CallFinished(call_id=ID, at=0.1, alias="sentiment", outcome="cancelled", route=None, attempts=1),
        "WARNING",
        "cancelled after 0.10 s, 1 attempt",
    ),
]


@pytest.mark.parametrize(("event", "level", "line"), LINES, ids=[line for _, _, line in LINES])
def test_a_line_says_who_and_what(
    event: Event, level: str, line: str, logger: logging.Logger, page: Page
) -> None:
    """Every line of a call begins with its alias and the first digits of its id."""
    listener = log_events(logger)
    listener(STARTED)
    listener(event)

    assert page.lines[-1] == f"{level} sentiment 3f9c2ab1 {line}"


def test_every_kind_of_event_has_its_line() -> None:
    assert {type(event) for event, _, _ in LINES} == set(get_args(Event))


def test_lines_below_the_level_are_left_out(logger: logging.Logger, page: Page) -> None:
    listener = log_events(logger, level=logging.WARNING)
    for event, _, _ in LINES:
        listener(event)

    assert {line.partition(" ")[0] for line in page.lines} == {"WARNING", "ERROR"}


def test_the_logger_decides_too(logger: logging.Logger, page: Page) -> None:
    logger.setLevel(logging.ERROR)
    for event, _, _ in LINES:
        log_events(logger)(event)

    assert {line.partition(" ")[0] for line in page.lines} == {"ERROR"}


def test_a_call_that_is_over_is_forgotten(logger: logging.Logger, page: Page) -> None:
    listener = log_events(logger)
    for event in (STARTED, LINES[-1][0], FINISHED):
        listener(event)

    assert [line.split()[1] for line in page.lines] == ["sentiment", "sentiment", "?"]


def test_an_interrupted_call_is_forgotten_after_many_others(logger: logging.Logger, page: Page) -> None:
    """It was never told to be over; its name must not be kept for ever."""
    logger.setLevel(logging.WARNING)
    listener = log_events(logger)
    listener(STARTED)
    failed = RouteSkipped(call_id=ID, at=0.0, route=ROUTE, reason="full", retry_after=None)
    for number in range(9_999):
        listener(CallStarted(call_id=f"{number:032x}", alias="other", task="chat", deadline=1.0))
    logger.setLevel(logging.INFO)
    listener(failed)
    listener(CallStarted(call_id="f" * 32, alias="other", task="chat", deadline=1.0))
    listener(failed)

    assert page.lines == [
        f"INFO sentiment 3f9c2ab1 passes over {ROUTE}: full",
        f"INFO ? 3f9c2ab1 passes over {ROUTE}: full",
    ]


def test_a_bad_day_can_be_read(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Real calls on the logger of its own name."""
    sandbox.serve("hf-inference", name="first", models=[SENTIMENT]).fail(Status(code=500))
    sandbox.serve("hf-inference", name="second", models=[SENTIMENT_2]).fail(Status(code=500))
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, {"retries": 0}, listeners=[log_events()])

    with caplog.at_level(logging.INFO, logger="resilient_infer"), pytest.raises(AllTargetsFailed) as raised:
        client.call("sentiment", "I love it")

    told = [(record.levelname, record.name) for record in caplog.records]
    assert told == [("WARNING", "resilient_infer.calls")] * 4 + [("ERROR", "resilient_infer.calls")]
    calls = {tuple(record.getMessage().split()[:2]) for record in caplog.records}
    assert len(calls) == 1
    assert calls.pop()[0] == "sentiment"
    assert f"attempt 1 to {raised.value.attempts[0].route}: server error" in caplog.messages[0]
    assert "failed with AllTargetsFailed" in caplog.messages[-1]
