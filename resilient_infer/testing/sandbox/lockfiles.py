"""Lockfiles: the manifest and the lock that point at the servers of a sandbox.

Strings are written as JSON strings, which YAML reads as they are; so no name
or URL can turn into anything else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.hf_router import PROVIDERS
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One target of an alias: a model and the servers that are asked for it, in order."""

    model: str
    by: tuple[Server, ...]

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError(f"{self.model}: name at least one server that serves it")
        for server in self.by:
            server.model(self.model)


Aliases = Mapping[str, Sequence[Served]]


def manifest_text(servers: Iterable[Server], aliases: Aliases, policy: Mapping[str, Json]) -> str:
    """`models.yaml`: every server as a provider, every alias with its targets."""
    lines = ["version: 1", "providers:"]
    for server in servers:
        provider: dict[str, Json] = {"kind": server.kind, "url": server.url}
        if server.key is not None:
            provider["key_env"] = server.key_env
        lines.append(f"  {_quoted(server.name)}: {_flow(provider)}")
    if policy:
        lines.append(f"policy: {_flow(policy)}")
    lines.append("models:")
    for alias, targets in aliases.items():
        lines.append(f"  {_quoted(alias)}:")
        lines.append(f"    task: {_quoted(_task(alias, targets))}")
        lines.append("    targets:")
        lines += [f"      - {line}" for target in targets for line in _manifest_targets(target)]
    return "\n".join(lines) + "\n"


def lock_text(aliases: Aliases) -> str:
    """`models.lock.yaml`: each model at the commit its first server serves now."""
    lines = ['lock_version: "1.0"', "models:"]
    for alias in sorted(aliases):
        targets = aliases[alias]
        lines.append(f"  {_quoted(alias)}:")
        lines.append(f"    task: {_quoted(_task(alias, targets))}")
        lines.append("    pins:")
        pins = dict.fromkeys(line for target in targets for line in _pins(target))
        lines += pins
    return "\n".join(lines) + "\n"


def _manifest_targets(target: Served) -> list[str]:
    if _model(target).hub:
        return [_flow({"model": target.model, "routes": [_route(target, server) for server in target.by]})]
    return [_flow(_name_only(target, server)) for server in target.by]


def _route(target: Served, server: Server) -> Json:
    """The provider's name alone where it knows the model by the Hub's; the router must be told by whom."""
    if server.kind != "hf-router":
        return server.name
    return {"provider": server.name, "name": f"{target.model}:{PROVIDERS[0]}"}


def _pins(target: Served) -> list[str]:
    model = _model(target)
    if not model.hub:
        return [f"      - {_flow(_name_only(target, server))}" for server in target.by]
    return [
        "\n".join(
            (
                f"      - model: {_quoted(model.name)}",
                "        requested: main",
                f"        revision: {_quoted(model.commit)}",
            )
        )
    ]


def _name_only(target: Served, server: Server) -> dict[str, Json]:
    return {"provider": server.name, "name": target.model, "pin": "versioned"}


def _model(target: Served) -> Model:
    return target.by[0].model(target.model)


def _task(alias: str, targets: Sequence[Served]) -> str:
    tasks = {_model(target).task for target in targets}
    if len(tasks) != 1:
        raise ValueError(f"{alias}: the targets of an alias have one task, not {len(tasks)}")
    return tasks.pop()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _flow(value: Mapping[str, Json]) -> str:
    return json.dumps(value, ensure_ascii=False)
