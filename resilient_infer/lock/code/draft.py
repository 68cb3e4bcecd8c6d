"""Draft: sightings as a manifest that can be locked, each alias with the places where it was seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.secret import redact
from resilient_infer.lock.code.gather import Drafted, gathered
from resilient_infer.lock.code.naming import named_apart
from resilient_infer.lock.code.servers import Servers, servers_of
from resilient_infer.lock.code.sighting import NotTold, Reading, Sighting
from resilient_infer.lock.emit import quoted, scalar
from resilient_infer.lock.insert import reference_scalar
from resilient_infer.lock.reference import ModelReference

_PLACES: Final = 3
"""Places that are named above an alias."""

_HEAD: Final = "# What the code uses, as far as it says. Look it through, then run: resilient-infer lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A manifest made from code.

    Attributes:
        text: The manifest.
        aliases: What is in it, by name.
        providers: Names of the providers that each alias is asked through; none: the default one.
        not_told: What the code leaves open, with what came up in making the draft.
    """

    text: str
    aliases: Mapping[str, Drafted]
    providers: Mapping[str, tuple[str, ...]]
    not_told: tuple[NotTold, ...]


def draft(reading: Reading) -> Draft:
    """The manifest of what was seen; the same text for the same files."""
    seen = sorted(reading.sightings, key=_order)
    found = gathered(seen)
    servers = servers_of(found, seen, reading.keys)
    alike: dict[str, list[Drafted]] = {}
    for each in found:
        alike.setdefault(_repo_name(each), []).append(each)
    candidates = {each: _candidates(each, alike[_repo_name(each)], servers) for each in found}
    names = named_apart(candidates, taken=frozenset())
    aliases = dict(sorted((name, each) for each, name in names.items()))
    lines = [_HEAD, "version: 1", *servers.lines, "models:" if aliases else "models: {}"]
    for name, each in aliases.items():
        lines += _alias_lines(name, each, servers)
    told = {*reading.not_told, *servers.not_told}
    return Draft(
        text="\n".join(lines) + "\n",
        aliases=aliases,
        providers={name: _provider_names(each, servers) for name, each in aliases.items()},
        not_told=tuple(sorted(told, key=lambda each: (each.spot, each.how, each.why))),
    )


def in_comment(text: str) -> str:
    """`text` without secrets, and without what may not stand in a comment."""
    return "".join(char if char.isprintable() else "?" for char in redact(text))


def places(seen: Sequence[Sighting]) -> str:
    """Where an alias was seen and how, in a few words."""
    told = list(dict.fromkeys(f"{each.spot} {each.how}" for each in seen))
    more = f" and {len(told) - _PLACES} more" if len(told) > _PLACES else ""
    return ", ".join(told[:_PLACES]) + more


def _order(each: Sighting) -> tuple[object, ...]:
    return (each.spot, each.how, each.model or "", each.name or "", each.ref or "", each.task or "")


def _candidates(one: Drafted, alike: Sequence[Drafted], servers: Servers) -> list[str]:
    """Names for an alias: the model's, then with what tells it from those of the same name."""
    if one.model is None:
        server, name = one.routes[0]
        own = name or servers.names[server]
        return [own, f"{servers.names[server]}-{own}", f"{servers.names[server]}-{own}-{one.task}"]
    owner, _, name = one.model.rpartition("/")
    parts = [name]
    if len({(each.model or "").lower() for each in alike}) > 1 and owner:
        parts.insert(0, owner)
    if len({each.requested for each in alike}) > 1:
        parts.append(one.requested[:12])
    if len({each.task for each in alike if each.requested == one.requested}) > 1 and one.task:
        parts.append(one.task)
    return [name, "-".join(parts)]


def _repo_name(one: Drafted) -> str:
    """What a model is called by itself; "": only a server knows it."""
    return (one.model or "").rpartition("/")[2].lower()


def _provider_names(one: Drafted, servers: Servers) -> tuple[str, ...]:
    return tuple(servers.names[server] for server, _ in one.routes)


def _alias_lines(alias: str, one: Drafted, servers: Servers) -> Iterator[str]:
    yield f"  # {in_comment(places(one.seen))}"
    if one.model is None:
        server, name = one.routes[0]
        shown = quoted(name or servers.names[server])
        pin = "versioned" if one.is_dated else "floating"
        yield f"  {scalar(alias)}:"
        yield f"    task: {one.task}"
        yield f"    targets: [{{provider: {scalar(servers.names[server])}, name: {shown}, pin: {pin}}}]"
        return
    model = reference_scalar(ModelReference(model=one.model, ref=one.ref))
    if one.task is None and not one.routes:
        yield f"  {scalar(alias)}: {model}"
        return
    yield f"  {scalar(alias)}:"
    if one.task is not None:
        yield f"    task: {one.task}"
    yield "    targets:"
    yield f"      - model: {model}"
    if one.routes:
        routes = ", ".join(_route(servers.names[server], name) for server, name in one.routes)
        yield f"        routes: [{routes}]"


def _route(provider: str, name: str | None) -> str:
    if name is None:
        return scalar(provider)
    return f"{{provider: {scalar(provider)}, name: {quoted(name)}}}"
