"""Text: what any text says of models, by the addresses in it, and the tokens written out in it."""

import re
from collections.abc import Iterator
from typing import Final

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.lock.code.addresses import Address, addresses_in, models_named, named_beside
from resilient_infer.lock.code.router import routed
from resilient_infer.lock.code.sighting import NotTold, Reading, Sighting, Spot
from resilient_infer.lock.code.tokens import tokens_in
from resilient_infer.lock.rules import SERVED_NAME

_HOW: Final = "a URL"


def read_text(text: str, file: str) -> Reading:
    """What a text of any language says."""
    reading = Reading()
    lines = _Lines(text)
    found = list(addresses_in(text))
    named = models_named(text) if any(address.asks for address in found) else []
    for address in found:
        for each in _seen(address, named, Spot(file=file, line=lines.at(address.start))):
            if isinstance(each, Sighting):
                reading.sightings.append(each)
            else:
                reading.not_told.append(each)
    with_tokens = {lines.at(start) for start in tokens_in(text)}
    reading.tokens += [Spot(file=file, line=line) for line in sorted(with_tokens)]
    return reading


def by_address(address: Address, spot: Spot) -> Sighting | NotTold:
    """What an address says."""
    if address.found is None:
        return NotTold(spot=spot, how=_HOW, why=address.why)
    found = address.found
    if looks_like_secret(str(found)):
        return NotTold(spot=spot, how=_HOW, why="what stands for the model looks like an access token")
    return Sighting(
        spot=spot, how=_HOW, model=found.model, ref=found.ref, task=address.task, server=address.server
    )


def asked_by_request(address: Address, model: str, spot: Spot) -> Iterator[Sighting | NotTold]:
    """What an address says, together with the model that the request's body names."""
    if looks_like_secret(model) or not re.fullmatch(SERVED_NAME.pattern, model):
        yield NotTold(spot=spot, how=_HOW, why="what the request gives as its model is no name of one")
    elif address.server is not None and address.server.kind != "hf-router":
        yield Sighting(spot=spot, how=_HOW, model=None, task=address.task, server=address.server, name=model)
    else:
        yield from routed(model, spot=spot, how=_HOW)


def _seen(address: Address, named: list[tuple[int, str]], spot: Spot) -> Iterator[Sighting | NotTold]:
    model = named_beside(named, address.start) if address.asks else None
    if model is None:
        yield by_address(address, spot)
    else:
        yield from asked_by_request(address, model, spot)


class _Lines:
    """Counts lines as far as it is asked, once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1

    def at(self, offset: int) -> int:
        """The line of an offset; cheap where offsets are asked for in order."""
        if offset < self._at:
            self._at, self._line = 0, 1
        self._line += self._text.count("\n", self._at, offset)
        self._at = offset
        return self._line
