"""Gather: many sightings of one model as one alias."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from resilient_infer.lock.code.sighting import Server, Sighting
from resilient_infer.lock.reference import DEFAULT_REF

HOSTED: Final = "hf-inference"

_DEFAULT: Final = (Server(kind=HOSTED), None)

_DATED: Final = re.compile(r"(?<![0-9])20[0-9]{2}-?[01][0-9]-?[0-3][0-9](?![0-9])")
"""A name that carries a date is promised to mean the same for ever; no other name is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """One alias of a draft.

    Attributes:
        routes: Servers that are asked, each with its name for the model; none: the default one.
        seen: All sightings of it, in the order of files and lines.
    """

    model: str | None
    ref: str | None
    task: str | None
    routes: tuple[tuple[Server, str | None], ...]
    seen: tuple[Sighting, ...]

    @property
    def requested(self) -> str:
        """The ref in words."""
        return self.ref or DEFAULT_REF

    @property
    def is_dated(self) -> bool:
        """Whether the server's name for it carries a date."""
        return any(_DATED.search(name or "") for _, name in self.routes)


def gathered(seen: Sequence[Sighting]) -> list[Drafted]:
    """The aliases: one for each model, ref and task; a sighting that says no task belongs to them all."""
    groups: dict[tuple[object, ...], list[Sighting]] = {}
    for each in seen:
        if each.model is None:
            key: tuple[object, ...] = (each.server, each.name, each.task)
        else:
            key = (each.model, each.ref or DEFAULT_REF)
        groups.setdefault(key, []).append(each)
    return [alias for group in groups.values() for alias in _of_group(group)]


def _of_group(group: list[Sighting]) -> Iterator[Drafted]:
    tasks: list[str | None] = [task for task in dict.fromkeys(map(_task, group)) if task is not None]
    ref = next((each.ref for each in group if each.ref is not None), None)
    for task in tasks or [None]:
        fitting = tuple(each for each in group if _task(each) in (task, None))
        yield Drafted(model=group[0].model, ref=ref, task=task, routes=_routes(fitting, task), seen=fitting)


def _task(each: Sighting) -> str | None:
    """What it is used for; a chat on a server that cannot chat is left to the repo's own task."""
    if each.task == "chat" and (each.server is None or each.server.kind == HOSTED):
        return None
    return each.task


def _routes(seen: Sequence[Sighting], task: str | None) -> tuple[tuple[Server, str | None], ...]:
    found = dict.fromkeys((_asked(each.server), each.name) for each in seen if each.server is not None)
    if set(found) <= {_DEFAULT}:
        return ()
    # Where something else answers a chat, the servers that cannot are no help.
    return tuple(route for route in found if task != "chat" or route != _DEFAULT)


def _asked(server: Server) -> Server:
    """The server; the Hub's own have one key for all, which is found apart."""
    return Server(kind=server.kind) if server.kind in (HOSTED, "hf-router") else server
