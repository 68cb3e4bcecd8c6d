"""Random stories: any targets, routes, reactions, policies and states of the gates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from resilient_infer.core.gates import SkipReason
from resilient_infer.core.http import FaultKind
from resilient_infer.core.payload import Payload
from resilient_infer.core.task import Json
from resilient_infer.policies.deadline import least_useful
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig, RouteGate
from tests.plan.watched import WatchedGate, watch
from tests.scenarios.stage import (
    BAD_REQUEST,
    CONFLICT,
    CUT,
    FILTERED,
    GENERATED,
    HANG,
    LOST,
    MISSING,
    NO_CREDITS,
    NOT_JSON,
    OK,
    REFUSED,
    SERVER_ERROR,
    STALE,
    THROTTLED,
    TOO_LONG,
    UNAUTHORIZED,
    Reaction,
    Stage,
    commit,
    loading,
    throttled,
)

NEUTRAL = BreakerConfig(consecutive=10**9, min_calls=10**9)
BREAKERS = (None, BreakerConfig(), BreakerConfig(consecutive=1, open=2.0), BreakerConfig(consecutive=2))
FAULTS = (
    BAD_REQUEST,
    CONFLICT,
    CUT,
    FILTERED,
    LOST,
    MISSING,
    NO_CREDITS,
    NOT_JSON,
    REFUSED,
    SERVER_ERROR,
    STALE,
    THROTTLED,
    TOO_LONG,
    UNAUTHORIZED,
    replace(SERVER_ERROR, headers={"x-should-retry": "false"}),
    replace(BAD_REQUEST, headers={"x-should-retry": "true"}),
    Reaction(fault=FaultKind.REJECTED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What happened to a route before the call.

    Attributes:
        emptied: Its retry bucket was used up.
        postponed: A moment and a reason before which it lets nothing through, or None.
        held: Leases, in seconds, of attempts in flight whose end nobody reports.
    """

    emptied: bool
    postponed: tuple[float, SkipReason] | None
    held: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drama:
    """A story that Hypothesis made up; `stage()` builds it anew each time, always the same."""

    targets: Sequence[Sequence[str]]
    task: str
    deadline: float
    attempt_timeout: float
    retries: int
    max_wait: float
    min_useful: float
    refusal_fallback: bool
    breaker: BreakerConfig | None
    concurrency: int | None
    contexts: Sequence[int | None]
    keys: Mapping[str, str | None]
    kinds: Mapping[str, str]
    unusable: Mapping[str, str]
    payload: Payload
    before: Mapping[str, Before]
    script: Mapping[str, Sequence[Reaction]]
    refuse_mismatch: bool
    elsewhere: frozenset[str]
    seed: int

    @property
    def useful(self) -> float:
        """Seconds with less than which no attempt starts."""
        return least_useful(self.min_useful, self.deadline)

    def target_of(self, route: str) -> int:
        """Index of the target that a route ("server:a", or "a") belongs to."""
        name = route.removeprefix("server:")
        return next(index for index, names in enumerate(self.targets) if name in names)

    def stage(self, *, listening: bool = True) -> tuple[Stage, dict[str, WatchedGate]]:
        """A stage with watched gates in the state they are in before the call."""
        stage = Stage(
            targets=self.targets,
            task=self.task,
            deadline=self.deadline,
            attempt_timeout=self.attempt_timeout,
            retries=self.retries,
            max_wait=self.max_wait,
            min_useful=self.min_useful,
            refusal_fallback=self.refusal_fallback,
            contexts=self.contexts,
            route_key=lambda name: self.keys[name],
            kinds=self.kinds,
            unusable=self.unusable,
            payload=self.payload,
            refuse_mismatch=self.refuse_mismatch,
            elsewhere=self.elsewhere,
            listening=listening,
            seed=self.seed,
        )
        stage.alias, gates = watch(stage.alias, self.gate_config)
        for name, gate in gates.items():
            self.prepare(name, gate)
            gate.taken = gate.questions = 0
            gate.permits.clear()
        return stage, gates

    @property
    def gate_config(self) -> GateConfig:
        return GateConfig(breaker=self.breaker, concurrency=self.concurrency, retries=self.retries)

    def prepare(self, name: str, gate: WatchedGate | RouteGate) -> None:
        """Put a new gate into the state it is in before the call."""
        before = self.before[name]
        while before.emptied and gate.take_token():
            pass
        if self.concurrency is not None:
            for lease in before.held[: self.concurrency]:
                gate.ask(0.0, lease=lease)
        if before.postponed is not None:
            moment, reason = before.postponed
            gate.postpone(moment, reason, "before the call")


# A draw costs more than the call it is for, so whatever can be listed is drawn at once.
SECONDS = (0.001, 0.1, 1.0, 4.0, 1e9)
ADVISING = (*map(throttled, (0.5, 3.0, 8.0, 100.0)), *map(loading, (0.5, 8.0, 100.0)))
REACTIONS = tuple(replace(fault, seconds=length) for fault in (*FAULTS, *ADVISING) for length in SECONDS)
SHAPES = (("a",), ("a", "b"), ("ab", "c"), ("a", "b", "c"), ("abc",), ("a", "bc", "d"))
REASONS = (SkipReason.ADVISED, SkipReason.BARRED)
POSTPONED = (None, None, *((moment, reason) for moment in (0.5, 6.0, 200.0) for reason in REASONS))
BEFORE = tuple(
    Before(emptied=emptied, postponed=postponed, held=held)
    for emptied in (False, True)
    for postponed in POSTPONED
    for held in ((), (0.5,), (5.0, 1e6))
)
UNTOUCHED = BEFORE[0]
MEANS = tuple(
    (key, kind, lacking)
    for key in (None, "k1", "k2")
    for kind in ("hf-inference", "hf-endpoint")
    for lacking in ("", "", "", "KEY is not set")
)
PLAIN = (None, "hf-inference", "")
OTHER = "f" * 40
ATTESTING = {"text-classification": ("tei",), "text-generation": ("tgi", "sglang")}
LOST_WORDS: Mapping[str, Reaction] = {
    "hang": HANG,
    "refused": REFUSED,
    "rejected": Reaction(fault=FaultKind.REJECTED),
    "lost": LOST,
    "stale": STALE,
    "swallowed": Reaction(fault=FaultKind.TIMEOUT, sent=False, seconds=0.4),
    "missing": MISSING,
    "boom": SERVER_ERROR,
    "garbage": Reaction(body="<html>"),
    "number": Reaction(body="7"),
}
SAYINGS = ("right", "right", "right", "other", "other", "null", "branch", "crowded", *LOST_WORDS)
"""What a server may do that is asked which commit it runs; "crowded": it takes two inputs in a request."""


def saying(word: str, index: int) -> Reaction:
    """What a server of the target of this index does that is asked which commit it runs."""
    if word in LOST_WORDS:
        return LOST_WORDS[word]
    said = {"other": OTHER, "null": None, "branch": "main"}.get(word, commit(index))
    most = {"max_client_batch_size": 2} if word == "crowded" else {}
    told = {"model_id": "org/m", "model_sha": said, "weight_version": said, **most}
    return Reaction(seconds=0.01, body=json.dumps(told))


def answer(kind: str, task: str, inputs: object, word: str, index: int) -> Reaction:
    """A good answer; one of kind "sglang" names a commit, too."""
    if kind == "sglang":
        named = {"right": commit(index), "other": OTHER}.get(word)
        choice = {"index": 0, "text": "and on", "finish_reason": "stop"}
        return replace(OK, body=json.dumps({"choices": [choice], "metadata": {"weight_version": named}}))
    if task == "text-generation":
        return replace(OK, body=GENERATED)
    labels: list[object] = [{"label": "POSITIVE", "score": 0.9}]
    nested = len(inputs) * [labels] if isinstance(inputs, list) else labels if kind == "tei" else [labels]
    return replace(OK, body=json.dumps(nested))


failing = st.lists(st.sampled_from(REACTIONS), max_size=4)
endings = st.booleans()
lengths = st.sampled_from(SECONDS)
means = st.sampled_from(MEANS)
befores = st.sampled_from(BEFORE)
sayings = st.lists(st.sampled_from(SAYINGS), min_size=1, max_size=3)
commits = st.sampled_from(("right", "right", "other", "silent"))
attesting = st.sampled_from(("", "server", "server", "elsewhere"))
policies: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        # No round numbers: two clocks that differ in the last binary digit must not meet a bound exactly.
        "deadline": st.sampled_from((0.0103, 1.03, 5.07, 30.0, 60.0)),
        "attempt_timeout": st.sampled_from((0.5, 2.0, 10.0)),
        "retries": st.integers(0, 3),
        "max_wait": st.sampled_from((0.0, 1.0, 5.0)),
        "min_useful": st.sampled_from((0.0, 0.47, 1.97)),
        "refusal_fallback": st.booleans(),
        "refuse_mismatch": st.sampled_from((True, True, False)),
        "breaker": st.sampled_from(BREAKERS),
        "concurrency": st.sampled_from((None, 1, 2)),
        "task": st.sampled_from(("text-classification", "text-generation")),
        "seed": st.integers(0, 1000),
    }
)
contexts = st.sampled_from(((), (1024, 4096, None), (4096, 1024, 4096), (None, None, 1024)))


@st.composite
def dramas(draw: st.DrawFn) -> Drama:
    """Any story. One in two has gates with a past and routes that cannot be asked or say everything."""
    targets = draw(st.sampled_from(SHAPES))
    policy = draw(policies)
    odd, attested = draw(st.booleans()), draw(attesting)
    ways = {name: draw(means) if odd else PLAIN for target in targets for name in target}
    if attested:
        kinds = st.sampled_from((*ATTESTING[policy["task"]] * 2, "hf-inference"))
        ways = {name: (key, draw(kinds), lacking) for name, (key, _, lacking) in ways.items()}
    many = bool(attested) and policy["task"] == "text-classification" and draw(st.booleans())
    inputs: Json = ["x", "y", "z"] if many else "x"
    script: dict[str, Sequence[Reaction]] = {}
    for index, name in ((index, name) for index, names in enumerate(targets) for name in names):
        last = answer(ways[name][1], policy["task"], inputs, draw(commits) if attested else "", index)
        script[name] = (*draw(failing), replace(last, seconds=draw(lengths)) if draw(endings) else last)
        if attested:
            script[f"{name}/info"] = [saying(word, index) for word in draw(sayings)]
    return Drama(
        targets=targets,
        contexts=draw(contexts)[: len(targets)],
        keys={name: key for name, (key, _, _) in ways.items()},
        kinds={name: kind for name, (_, kind, _) in ways.items()},
        unusable={name: lacking for name, (_, _, lacking) in ways.items() if lacking},
        payload=Payload(inputs=inputs, parameters={"mood": "sunny"} if odd and not attested else {}),
        elsewhere=frozenset(ways) if attested == "elsewhere" else frozenset(),
        before={name: draw(befores) if odd else UNTOUCHED for name in ways},
        script=script,
        **policy,
    )
