"""The manifest `lockfiles/models.yaml`: what people write, read and checked as a whole.

Every problem of the file is found in one reading and told with its place, the
environments that were not chosen included.
"""

from collections.abc import Mapping

from resilient_infer.errors import ConfigError
from resilient_infer.lock.entries import Alias, Manifest, Provider, RouteEntry, TargetEntry
from resilient_infer.lock.key import Level
from resilient_infer.lock.keys import AT
from resilient_infer.lock.leaks import refuse_secrets
from resilient_infer.lock.nodes import MappingNode, ScalarNode
from resilient_infer.lock.policy import PolicyKeys
from resilient_infer.lock.problems import Problems, meant, quote
from resilient_infer.lock.read_alias import read_alias
from resilient_infer.lock.read_provider import read_policy, read_providers
from resilient_infer.lock.reader import Parser, read_yaml
from resilient_infer.lock.rules import NAME
from resilient_infer.lock.values import Fields, Place, entries, fields, number_at

__all__ = ["Alias", "Manifest", "Provider", "RouteEntry", "TargetEntry", "parse_manifest"]


def parse_manifest(
    text: bytes,
    file: str,
    environment: str | None,
    *,
    kinds: frozenset[str] = frozenset(),
    parser: Parser = "auto",
) -> Manifest:
    """Read a manifest as `environment` sees it (None: the default one).

    Args:
        file: Its path, for messages.
        kinds: Protocols that plug-ins add to the built-in ones.
        parser: See `read_yaml`.

    Raises:
        ConfigError: With every problem as `file:line:column: path: what, why, what to do`.
    """
    problems = Problems(file)
    root = read_yaml(text, file, parser=parser, problems=problems)
    refuse_secrets(root, text, problems)
    found = fields(Place(root, (), problems), AT[Level.FILE])
    _check_version(found)
    providers = read_providers(found.at("providers"), kinds)
    policy = found.at("policy")
    keys = PolicyKeys() if policy is None else read_policy(fields(policy, AT[Level.POLICY]))
    models = found.required("models", "name what can be called, as alias: org/model")
    aliases = {} if models is None else _aliases(models, providers, None)
    replaced = _environments(found, models, providers)
    problems.raise_if_any()
    if environment is not None and environment not in replaced:
        raise _unknown_environment(environment, replaced, file)
    return Manifest(
        version=1,
        policy=keys,
        providers=providers,
        aliases={**aliases, **replaced.get(environment or "", {})},
        environment=environment,
        environments=tuple(sorted(replaced)),
        file=file,
        policy_line=0 if policy is None else policy.node.line,
    )


def _check_version(found: Fields) -> None:
    place = found.required("version", "write version: 1 as the first line")
    if place is not None and isinstance(place.node, ScalarNode) and place.node.text in ("2", "3", "4"):
        place.wrong("this release reads version 1; use a newer release, or write version: 1")
    else:
        number_at(found, "version")


def _aliases(place: Place, providers: Mapping[str, Provider], environment: str | None) -> dict[str, Alias]:
    found: dict[str, Alias] = {}
    for key, value in entries(place, NAME, "alias"):
        alias = read_alias(key, value, providers, environment)
        if alias is not None:
            found[key.text] = alias
    return found


def _environments(
    found: Fields, models: Place | None, providers: Mapping[str, Provider]
) -> dict[str, dict[str, Alias]]:
    place = found.at("environments")
    if place is None:
        return {}
    known = frozenset(key.text for key in _keys(models))
    environments: dict[str, dict[str, Alias]] = {}
    for name, value in entries(place, NAME, "environment"):
        for key in _keys(value):
            if key.text not in known:
                what = f"this replaces no alias of models{value.problems.meant(key.text, known)}"
                value.problems.add(key, (*value.path, key.text), what)
        environments[name.text] = _aliases(value, providers, name.text)
    return environments


def _keys(place: Place | None) -> list[ScalarNode]:
    node = None if place is None else place.node
    return [key for key, _ in node.items] if isinstance(node, MappingNode) else []


def _unknown_environment(name: str, known: Mapping[str, object], file: str) -> ConfigError:
    what = f"{file} has no environment {quote(name)}{meant(name, known)}"
    return ConfigError(what, hint="see environments: in the manifest and RESILIENT_INFER_ENV")
