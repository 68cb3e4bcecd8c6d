"""Router: names by which the Hub's router is asked for a chat model, `org/model:provider`."""

from collections.abc import Iterator
from typing import Final

from resilient_infer.lock.code.models import repo_named
from resilient_infer.lock.code.sighting import NotTold, Server, Sighting, Spot
from resilient_infer.lock.read_alias import AUTOMATIC, SERVED_BY

_CHAT: Final = "chat"


def routed(name: str, *, spot: Spot, how: str, key_env: str | None = None) -> Iterator[Sighting | NotTold]:
    """A model asked for at the router; where nobody is named who serves it, only the model."""
    repo, _, served_by = name.partition(":")
    named = repo_named(repo)
    if named.model is None:
        yield NotTold(spot=spot, how=how, why=named.why)
        return
    if not SERVED_BY.fullmatch(served_by) or served_by.casefold() in AUTOMATIC:
        why = f'the router chooses who serves it; name one in a route, as "{named.model}:together"'
        yield NotTold(spot=spot, how=how, why=why)
        yield Sighting(spot=spot, how=how, model=named.model)
        return
    server = Server(kind="hf-router", key_env=key_env)
    yield Sighting(spot=spot, how=how, model=named.model, task=_CHAT, server=server, name=name)
