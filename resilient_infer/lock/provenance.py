"""Provenance: which level of the manifest a policy value in force comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from resilient_infer.core.task import Task
from resilient_infer.lock.policy import BreakerKeys, PolicyKeys, resolve

DEFAULT: Final = "default"

Value = bool | int | float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One policy key: what holds, and who says so.

    Attributes:
        key: As the manifest writes it; inside the breaker, "breaker.open".
        value: Seconds, bytes and counts, as in the key table; None: off.
        source: The name of a level, or "default".
    """

    key: str
    value: Value
    source: str


def in_force(task: Task, levels: Sequence[tuple[str, PolicyKeys]]) -> tuple[InForce, ...]:
    """The policy of `policy.resolve`, key by key, each with its source.

    An attempt timeout that is cut down to the deadline is the deadline's.

    Args:
        levels: Outermost first, each with its name.
    """
    policy = resolve(task, *(keys for _, keys in levels))
    sources: dict[str, str] = {}
    asked = task.attempt_timeout
    for name, keys in levels:
        sources |= dict.fromkeys(_said(keys), name)
        asked = asked if keys.attempt_timeout is None else keys.attempt_timeout
    if policy.attempt_timeout < asked:
        sources["attempt_timeout"] = sources.get("deadline", DEFAULT)
    values: dict[str, Value] = {key: getattr(policy, key) for key in _names(PolicyKeys) if key != "breaker"}
    values |= {f"breaker.{key}": getattr(policy.breaker, key) for key in _names(BreakerKeys)}
    return tuple(
        InForce(key=key, value=value, source=sources.get(key, DEFAULT)) for key, value in values.items()
    )


def _said(keys: PolicyKeys) -> Iterator[str]:
    yield from (key for key in _names(PolicyKeys) if key != "breaker" and getattr(keys, key) is not None)
    yield from (f"breaker.{key}" for key in _names(BreakerKeys) if getattr(keys.breaker, key) is not None)


def _names(kind: type[PolicyKeys] | type[BreakerKeys]) -> Mapping[str, None]:
    return {field.name: None for field in fields(kind)}
