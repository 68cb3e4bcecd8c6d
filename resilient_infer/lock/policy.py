"""Policy: how patient and how persistent a call is, put together from its levels."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Final, TypeVar

from resilient_infer.core.task import Task
from resilient_infer.lock.keys import default_flag, default_number, default_word
from resilient_infer.policies.trip import BreakerConfig

_T = TypeVar("_T")
_L = TypeVar("_L", "BreakerKeys", "PolicyKeys")

SHORTEST_WINDOW: Final = 10.0
"""Seconds a breaker remembers at the least; with slow attempts, twice their timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerKeys:
    """What one level says about the breaker; None: it says nothing about that key. Times in seconds."""

    failure_rate: float | None = None
    min_calls: int | None = None
    window: float | None = None
    consecutive: int | None = None
    slow_after: float | None = None
    open: float | None = None
    max_open: float | None = None
    probes: int | None = None


SILENT: Final = BreakerKeys()
"""A level that says nothing about the breaker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyKeys:
    """What one level says; None: it says nothing about that key. Times in seconds, sizes in bytes."""

    deadline: float | None = None
    attempt_timeout: float | None = None
    first_token_timeout: float | None = None
    stall_timeout: float | None = None
    recover: str | None = None
    retries: int | None = None
    max_wait: float | None = None
    min_useful: float | None = None
    max_response: int | None = None
    safe: bool | None = None
    refusal_fallback: bool | None = None
    balance: str | None = None
    on_pin_mismatch: str | None = None
    breaker: BreakerKeys = SILENT
    concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for one route of one alias. Times in seconds, sizes in bytes; see the key table."""

    deadline: float
    attempt_timeout: float
    first_token_timeout: float
    stall_timeout: float
    recover: str
    retries: int
    max_wait: float
    min_useful: float
    max_response: int
    safe: bool
    refusal_fallback: bool
    balance: str
    on_pin_mismatch: str
    breaker: BreakerConfig
    concurrency: int


def resolve(task: Task, *levels: PolicyKeys) -> Policy:
    """The policy in force.

    Args:
        task: Gives the defaults of `deadline`, `attempt_timeout` and `safe`.
        levels: Outermost first: the file's policy, the alias, the route, the
            provider. The innermost one that says something holds, key by key,
            also inside `breaker`.

    No attempt may outlast the call: the attempt timeout is at most the
    deadline, wherever the two were said.
    """
    given = reduce(_merged, levels, PolicyKeys())
    deadline = _or(given.deadline, task.deadline)
    attempt_timeout = min(_or(given.attempt_timeout, task.attempt_timeout), deadline)
    return Policy(
        deadline=deadline,
        attempt_timeout=attempt_timeout,
        first_token_timeout=min(
            _or(given.first_token_timeout, default_number("first_token_timeout")), deadline
        ),
        stall_timeout=min(_or(given.stall_timeout, default_number("stall_timeout")), deadline),
        recover=_or(given.recover, default_word("recover")),
        retries=_or(given.retries, int(default_number("retries"))),
        max_wait=_or(given.max_wait, default_number("max_wait")),
        min_useful=_or(given.min_useful, default_number("min_useful")),
        max_response=_or(given.max_response, int(default_number("max_response"))),
        safe=_or(given.safe, task.safe),
        refusal_fallback=_or(given.refusal_fallback, default_flag("refusal_fallback")),
        balance=_or(given.balance, default_word("balance")),
        on_pin_mismatch=_or(given.on_pin_mismatch, default_word("on_pin_mismatch")),
        breaker=_breaker(given.breaker, attempt_timeout),
        concurrency=_or(given.concurrency, int(default_number("concurrency"))),
    )


def _breaker(given: BreakerKeys, attempt_timeout: float) -> BreakerConfig:
    first_open = _or(given.open, default_number("open"))
    return BreakerConfig(
        failure_rate=_or(given.failure_rate, default_number("failure_rate")),
        min_calls=_or(given.min_calls, int(default_number("min_calls"))),
        window=_or(given.window, max(SHORTEST_WINDOW, 2 * attempt_timeout)),
        consecutive=_or(given.consecutive, int(default_number("consecutive"))),
        slow_after=given.slow_after,
        open=first_open,
        max_open=max(first_open, _or(given.max_open, default_number("max_open"))),
        probes=_or(given.probes, int(default_number("probes"))),
    )


def _or(given: _T | None, default: _T) -> _T:
    return default if given is None else given


def _merged(outer: PolicyKeys, inner: PolicyKeys) -> PolicyKeys:
    return replace(_over(outer, inner), breaker=_over(outer.breaker, inner.breaker))


def _over(outer: _L, inner: _L) -> _L:
    said = {field.name: getattr(inner, field.name) for field in fields(inner)}
    return replace(outer, **{name: value for name, value in said.items() if value is not None})


def contradictions(keys: PolicyKeys) -> Iterator[tuple[str, str]]:
    """Keys of one level that cannot hold together, each as (key, what is wrong and what to do).

    Only what this level itself says is compared; between levels the inner one
    simply holds.
    """
    deadline, timeout, breaker = keys.deadline, keys.attempt_timeout, keys.breaker
    if deadline is not None and timeout is not None and timeout > deadline:
        what = f"one attempt ({timeout:g} s) may not outlast the whole call (deadline: {deadline:g} s)"
        yield "attempt_timeout", f"{what}; lower it or raise the deadline"
    if deadline is not None and keys.min_useful is not None and keys.min_useful > deadline:
        yield "min_useful", f"above the deadline ({deadline:g} s) no attempt would ever start; lower it"
    if breaker.window is not None and timeout is not None and breaker.window < 2 * timeout:
        what = (
            "the window must be at least twice attempt_timeout, or slow failures leave it before they count"
        )
        yield "breaker.window", f"{what}; make it {2 * timeout:g} or more"
    if breaker.open is not None and breaker.max_open is not None and breaker.open > breaker.max_open:
        yield "breaker.max_open", f"below open ({breaker.open:g} s); raise it or lower open"
