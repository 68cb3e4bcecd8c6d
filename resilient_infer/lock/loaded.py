"""Loaded: what is said of the code a model runs and the repos it loads (RI405)."""

from collections.abc import Sequence
from typing import Final

from resilient_infer.lock.findings import Level, Said
from resilient_infer.lock.locked import Need

_SHOWN: Final = 4
"""Files that a message names; the rest it counts."""


def runs_code(model: str, code: Sequence[str]) -> tuple[Said, ...]:
    """That the repo holds code which runs with the model; nothing if it holds none."""
    if not code:
        return ()
    more = f" and {len(code) - _SHOWN} more" if len(code) > _SHOWN else ""
    return (
        Said(
            code="RI405",
            message=f"{model} has code of its own, which runs where it is trusted: "
            f"{', '.join(code[:_SHOWN])}{more}",
            hint="read it before you trust it; it is locked with the model",
            level=Level.INFO,
        ),
    )


def loads_unlocked(model: str, need: Need, why: str = "") -> Said:
    """That loading the model loads whatever another repo holds on that day."""
    because = f": {why}" if why else ""
    return Said(
        code="RI405",
        message=f"{model} loads {need}, which is not locked{because}",
        hint='run "resilient-infer lock" with a token that may read it',
    )


def as_note(said: Said) -> str:
    """A finding as a sentence for people who are locking."""
    return f"{said.code}: {said.message}"
