"""Policy keys: rows of the table in `keys.py` that say how patient and how persistent a call is."""

from typing import Final

from resilient_infer.lock.key import LENGTH, WAIT, A, Key, Level, P, R, V
from resilient_infer.lock.rules import Choice, Flag, Number, Shape, ValueType

POLICY_KEYS: Final = (
    Key(
        name="balance",
        levels=(P, A),
        type=Choice(words=("ordered",)),
        default="ordered",
        text="Order of routes.",
    ),
    Key(name="deadline", levels=(P, A), type=LENGTH, text="The whole call; default: by task."),
    Key(name="attempt_timeout", levels=(P, A, R), type=LENGTH, text="One attempt; default: by task."),
    Key(
        name="first_token_timeout",
        levels=(P, A, R),
        type=LENGTH,
        default=10.0,
        text="One attempt of a streamed answer, until its first piece.",
    ),
    Key(
        name="stall_timeout",
        levels=(P, A, R),
        type=LENGTH,
        default=15.0,
        text="Silence in the middle of a streamed answer after which it is broken off.",
    ),
    Key(
        name="recover",
        levels=(P, A),
        type=Choice(words=("restart", "fail")),
        default="restart",
        text="What becomes of a streamed answer that is cut: begun anew elsewhere, or an error.",
    ),
    Key(
        name="retries",
        levels=(P, A),
        type=Number(whole=True, most=100),
        default=2,
        text="Further rounds per target.",
    ),
    Key(
        name="max_wait",
        levels=(P, A),
        type=WAIT,
        default=5.0,
        text="Longest advice worth waiting for while another route or target is left.",
    ),
    Key(
        name="min_useful",
        levels=(P, A),
        type=WAIT,
        default=0.5,
        text="No attempt is started with less time left.",
    ),
    Key(
        name="max_response",
        levels=(P, A, V),
        type=Number(unit="bytes", least=1, whole=True),
        default=64 * 1024 * 1024,
        text="Bytes of an answer that are read.",
    ),
    Key(
        name="safe",
        levels=(A,),
        type=Flag(),
        text="May be sent again after a failure that leaves open whether it ran; default: by task.",
    ),
    Key(
        name="refusal_fallback",
        levels=(P, A),
        type=Flag(),
        default=False,
        text="A content-filter refusal may go to the next target.",
    ),
    Key(
        name="on_pin_mismatch",
        levels=(P, A),
        type=Choice(words=("refuse", "warn")),
        default="refuse",
        text="What becomes of a route whose server says that it runs another commit than the locked one.",
    ),
    Key(name="breaker", levels=(P, A, V), type=Shape(name="breaker"), text="When a route's circuit opens."),
    Key(
        name="concurrency",
        levels=(P, A, V),
        type=Number(least=1, most=65_535, whole=True),
        default=64,
        text="Attempts in flight per route.",
    ),
)


def _breaker(name: str, type_: ValueType, default: float | None, text: str) -> Key:
    return Key(name=name, levels=(Level.BREAKER,), type=type_, default=default, text=text)


# Defaults: half of at least 10 answers in the window, or 5 failures in a row; one second, doubling to five.
BREAKER_KEYS: Final = (
    _breaker("failure_rate", Number(above=True, most=1), 0.5, "Share of failures in the window that opens."),
    _breaker("min_calls", Number(least=1, whole=True), 10, "Answers below which the share is unknown."),
    _breaker("window", LENGTH, None, "What is remembered; default: 10 s or twice the attempt timeout."),
    _breaker("consecutive", Number(least=1, whole=True), 5, "Failures in a row that open."),
    _breaker(
        "slow_after", LENGTH, None, "An answer slower than this counts as a failure; default: none does."
    ),
    _breaker("open", LENGTH, 1.0, "How long it stays open the first time; doubles each time."),
    _breaker("max_open", LENGTH, 5.0, "Where the doubling ends."),
    _breaker(
        "probes", Number(least=1, most=1000, whole=True), 1, "Attempts let through to see if it is well."
    ),
)
