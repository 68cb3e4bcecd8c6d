"""Answer: a result or a failure, as lines for people and as one JSON object."""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from resilient_infer.cli.render import Ink, one_block
from resilient_infer.cli.timeline import duration
from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.result import Result
from resilient_infer.core.target import Pin
from resilient_infer.core.task import Json
from resilient_infer.errors import CallError, ConfigError, ResilientInferError

SCHEMA_VERSION: Final = "1.0"
"""Of the JSON object: a new key raises the second number, a changed one the first."""

PIN_MEANINGS: Final[Mapping[Pin, str]] = {
    Pin.ENFORCED: "the request named the commit, and the server obeys or refuses",
    Pin.ATTESTED: "the server reported the commit it runs, and it was compared",
    Pin.DECLARED: "taken on trust; nothing proves the commit",
    Pin.VERSIONED: "the provider's name carries a version; there is no commit",
    Pin.FLOATING: "whatever the name means today",
}
"""Each pin in words."""

_NAME: Final = 10
"""Columns of the longest name, "request id"."""

_KEYS: Final = (
    "task",
    "output",
    "model",
    "revision",
    "pin",
    "route",
    "served_model",
    "fallback",
    "cost",
    "usage",
    "elapsed",
    "request_id",
    "finish_reason",
    "warnings",
    "attempts",
)


def explanation(result: Result, ink: Ink) -> list[str]:
    """Who answered, how surely, and why; a line each, the name of the line first."""
    said = {
        "model": result.model or "",
        "revision": result.revision or "none is locked",
        "pin": f"{result.pin}: {PIN_MEANINGS[result.pin]}",
        "route": result.route,
        "served as": result.served_model if result.served_model != result.model else None,
        "fallback": result.fallback,
        "ended by": result.finish_reason,
        "cost": _cost(result.cost),
        "tokens": None if result.usage is None else f"{result.usage.input} in, {result.usage.output} out",
        "elapsed": duration(result.elapsed),
        "request id": result.request_id,
    }
    pairs = [(name, text) for name, text in said.items() if text is not None]
    pairs += [("warning", text) for text in result.warnings]
    return [line for name, text in pairs for line in _lines(name, text, ink)]


def result_record(result: Result) -> dict[str, Json]:
    """All of a result; the same keys as `failure_record`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "alias": result.alias,
        "task": result.task,
        "output": result.output,
        "model": result.model,
        "revision": result.revision,
        "pin": result.pin.value,
        "route": result.route,
        "served_model": result.served_model,
        "fallback": result.fallback,
        "cost": None if result.cost is None else format(result.cost, "f"),
        "usage": None if result.usage is None else dataclasses.asdict(result.usage),
        "elapsed": result.elapsed,
        "request_id": result.request_id,
        "finish_reason": result.finish_reason,
        "warnings": list(result.warnings),
        "attempts": _attempts(result.attempts),
        "error": None,
    }


def failure_record(alias: str, error: ResilientInferError) -> dict[str, Json]:
    """All of a failure; the same keys as `result_record`."""
    nothing: dict[str, Json] = dict.fromkeys(_KEYS)
    call = error if isinstance(error, CallError) else CallError("")  # nothing was attempted
    return {
        "schema_version": SCHEMA_VERSION,
        "alias": alias,
        **nothing,
        "elapsed": call.elapsed,
        "warnings": [],
        "attempts": _attempts(call.attempts),
        "error": error_record(error),
    }


def error_record(error: ResilientInferError) -> dict[str, Json]:
    """What went wrong, for the key `error` of any command's object."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    return {
        "kind": type(error).__name__,
        "message": one_block(error.message),
        "hint": one_block(error.hint),
        "problems": [one_block(str(problem)) for problem in problems],
        "retry_after": error.retry_after if isinstance(error, CallError) else None,
    }


def _attempts(attempts: tuple[AttemptRecord, ...]) -> list[Json]:
    return [dataclasses.asdict(record) for record in attempts]


def _lines(name: str, text: str, ink: Ink) -> list[str]:
    first = f"  {ink.paint(f'{name:<{_NAME}}', 'cyan')}  "
    return ink.wrap(one_block(text), first=first, indent=_NAME + 4)


def _cost(cost: Decimal | None) -> str:
    if cost is None:
        return "unknown"
    return f"{cost:f} USD" if cost else "free"
