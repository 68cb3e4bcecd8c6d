"""Seeing: what a program uses, in the few words that the tests compare."""

from resilient_infer.lock.code.parse import parse
from resilient_infer.lock.code.python import read_python
from resilient_infer.lock.code.sighting import Reading, Sighting, Spot

Seen = tuple[str | None, ...]
"""Model, ref, task, kind of the server, name there; what is missing at the end is None."""

REF = "4225332178759948e04347560002921719079454"


def reading_of(source: str) -> Reading:
    """What a program in one file named app.py uses."""
    return read_python(parse(source), source, lambda line: Spot(file="app.py", line=line))


def models_of(source: str) -> list[Seen]:
    """The sightings in the order of the lines."""
    return [in_short(each) for each in sorted(reading_of(source).sightings, key=lambda each: each.spot)]


def in_short(each: Sighting) -> Seen:
    kind = None if each.server is None else each.server.kind
    words = [each.model, each.ref, each.task, kind, each.name]
    while words[-1] is None:
        words.pop()
    return tuple(words)
