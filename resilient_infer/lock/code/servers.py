"""Servers: the providers of a draft, with their names, and the variable of the Hub's key."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from resilient_infer.lock.code.gather import HOSTED, Drafted
from resilient_infer.lock.code.naming import named_apart
from resilient_infer.lock.code.sighting import NotTold, Server, Sighting, Spot
from resilient_infer.lock.emit import quoted, scalar
from resilient_infer.lock.read_provider import BUILT_IN
from resilient_infer.lock.url import exposes_key

_DEFAULT_KEY: Final = "HF_TOKEN"
_HUB: Final = (HOSTED, "hf-router")
_COMMON: Final = frozenset({"api", "www", "inference", "router", "endpoints", "v1", "openai", "llm", "ai"})
"""Parts of a host's name that do not say whose it is."""

Key = tuple[str, Spot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The providers of a manifest.

    Attributes:
        names: What each server is called there.
        lines: `providers` as it is written; none, if the built-in ones will do.
        not_told: What could not be taken over from the code.
    """

    names: Mapping[Server, str]
    lines: tuple[str, ...]
    not_told: tuple[NotTold, ...]


def servers_of(aliases: Sequence[Drafted], seen: Sequence[Sighting], keys: Sequence[Key]) -> Servers:
    """The providers that the aliases of a draft need.

    Args:
        keys: Variables read as the Hub's key.
    """
    given = [(each.server.key_env, each.spot) for each in seen if each.server and each.server.kind in _HUB]
    key, others = _hub_key([*keys, *((name, spot) for name, spot in given if name is not None)])
    routes = list(dict.fromkeys(server for each in aliases for server, _ in each.routes))
    custom = [server for server in routes if server.kind not in _HUB and not _is_built_in(server)]
    names = named_apart({server: _candidates(server) for server in custom}, taken=frozenset(BUILT_IN))
    every = {server: names.get(server, server.kind) for server in routes}
    exposed = [server for server in custom if _exposes(server)]
    kinds = {server.kind for server in routes} | {HOSTED for each in aliases if not each.routes}
    lines = list(_lines(names, key, kinds))
    return Servers(
        names=every,
        lines=tuple(["providers:", *lines] if lines else []),
        not_told=(*others, *_plain(exposed, seen)),
    )


def _hub_key(keys: Sequence[Key]) -> tuple[str, list[NotTold]]:
    """The variable that most places read, and the places that read another one."""
    if not keys:
        return _DEFAULT_KEY, []
    counts = Counter(name for name, _ in keys)
    key = min(counts, key=lambda name: (-counts[name], name != _DEFAULT_KEY, name))
    why = f"it holds a key of the Hub, and {key}, which the draft names, another; one will do"
    return key, [NotTold(spot=spot, how=name, why=why) for name, spot in dict.fromkeys(keys) if name != key]


def _is_built_in(server: Server) -> bool:
    built_in = BUILT_IN.get(server.kind)
    if built_in is None or server.url_env is not None:
        return False
    return server.url in (None, built_in.url) and server.key_env in (None, built_in.key_env)


def _candidates(server: Server) -> list[str]:
    if server.url_env is not None:
        short = server.url_env.lower().replace("_", "-")
        return [short.removesuffix("-url").removesuffix("-endpoint").removesuffix("-base") or short, short]
    if server.url is None:
        return [f"{server.kind}-{server.key_env}"]
    parts = urlsplit(server.url)
    host = parts.hostname or ""
    labels = [label for label in host.split(".")[:-1] if label not in _COMMON]
    if host.endswith(".endpoints.huggingface.cloud"):
        labels = host.split(".")[:1]
    short = "local" if host[-1:].isdecimal() or "." not in host else (labels or host.split(".")[-2:-1])[-1]
    return [short, host, f"{host}-{parts.port}", f"{host}-{parts.port}{parts.path}-{server.kind}"]


def _exposes(server: Server) -> bool:
    return server.url is not None and server.key_env is not None and exposes_key(server.url)


def _plain(exposed: Sequence[Server], seen: Sequence[Sighting]) -> Iterator[NotTold]:
    why = "its key would travel readable over plain http, so the draft names none; use https"
    for each in seen:
        if each.server in exposed:
            yield NotTold(spot=each.spot, how=each.how, why=why)


def _lines(names: Mapping[Server, str], key: str, kinds: set[str]) -> Iterator[str]:
    if key != _DEFAULT_KEY:
        wanted = [kind for kind in _HUB if kind in kinds]
        yield from (f"  {kind}: {{kind: {kind}, key_env: {scalar(key)}}}" for kind in wanted)
    for server, name in sorted(names.items(), key=lambda pair: pair[1]):
        if server.kind == "hf-endpoint" and server.key_env is None:
            server = replace(server, key_env=key)
        fields = [f"kind: {server.kind}"]
        if server.url is not None:
            fields.append(f"url: {quoted(server.url)}")
        if server.url_env is not None:
            fields.append(f"url_env: {scalar(server.url_env)}")
        if server.key_env is not None and not _exposes(server):
            fields.append(f"key_env: {scalar(server.key_env)}")
        yield f"  {scalar(name)}: {{{', '.join(fields)}}}"
