"""Loaded: what is said of the code a model runs and the repos it loads (RI405).

What is not locked the lock itself tells, at no cost. What the lock does not
know of, and code, is in the config files at the locked commit.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault, HubModel
from resilient_infer.lock.findings import Level, Said
from resilient_infer.lock.locked import LockedModel, Need
from resilient_infer.lock.missing import unchecked
from resilient_infer.lock.needs import needs_of, own_code
from resilient_infer.lock.read_configs import read_configs
from resilient_infer.lock.tied import name_of

_SHOWN: Final = 4
"""Files that a message names; the rest it counts."""


def left_unlocked(pin: LockedModel) -> tuple[Said, ...]:
    """What the pin needs and the lock could not take, by what the lock says."""
    return tuple(loads_unlocked(pin.model, need) for need in pin.needs if need.revision is None)


def loads(hub: Hub, pin: LockedModel, seen: HubModel) -> tuple[Said, ...]:
    """What the config files say of it, as far as the lock does not; a request for each.

    None is read where the lock knows the needs, as `check` shows, and there is no code to run.

    Args:
        seen: The repo at the locked commit.
    """
    if pin.check is not None and not any(file.path.endswith(".py") for file in seen.files):
        return ()
    contents = read_configs(hub, pin.model, seen)
    if isinstance(contents, HubFault):
        return (unchecked(contents.reason, about=f"what {pin.model} loads"),)
    known = {name_of(need) for need in pin.needs}
    new = [need for need in needs_of(pin.model, contents) if name_of(need) not in known]
    paths = frozenset(file.path for file in seen.files)
    code = runs_code(pin.model, own_code(pin.model, paths, contents))
    return (*(loads_unlocked(pin.model, need) for need in new), *code)


def of_needed(said: Said) -> Said:
    """What is said of a repo that is needed: nobody here writes its name into a manifest."""
    if said.code != "RI203":
        return said
    return replace(said, hint="its name is in the config of the model that loads it; tell the author")


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
