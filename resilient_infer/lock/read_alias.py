"""Reading one alias: a model reference, or a mapping with targets and routes."""

import re
from collections.abc import Mapping
from typing import Final

from resilient_infer.core.target import Pin
from resilient_infer.core.task import TASKS
from resilient_infer.lock.entries import FALLBACK, Alias, Provider, RouteEntry, TargetEntry
from resilient_infer.lock.key import Level
from resilient_infer.lock.keys import AT, TARGET_ROWS
from resilient_infer.lock.nodes import MappingNode, ScalarNode, needs_quotes
from resilient_infer.lock.policy import PolicyKeys
from resilient_infer.lock.problems import quote
from resilient_infer.lock.read_provider import read_policy, read_price
from resilient_infer.lock.reference import ModelReference, parse_reference
from resilient_infer.lock.rules import LABEL
from resilient_infer.lock.values import (
    Fields,
    Place,
    entries,
    fields,
    items,
    scalar,
    seconds_at,
    text,
    text_at,
    whole_at,
    word,
)

DEFAULT_PROVIDER = "hf-inference"
ROUTER: Final = "hf-router"

AUTOMATIC: Final = frozenset({"fastest", "cheapest", "preferred"})
"""Suffixes that leave the choice to the router; source: https://huggingface.co/docs/inference-providers."""

SERVED_BY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""A provider's name, as the router has them."""

Providers = Mapping[str, Provider]


def read_alias(key: ScalarNode, place: Place, providers: Providers, environment: str | None) -> Alias | None:
    """The alias; None if it cannot be read, with the problems noted."""
    if isinstance(place.node, ScalarNode):
        target = _shorthand(place)
        if target is None:
            return None
        return Alias(
            name=key.text,
            task=None,
            policy=PolicyKeys(),
            targets=(target,),
            environment=environment,
            line=key.line,
        )
    found = fields(place, AT[Level.ALIAS])
    policy, task = read_policy(found), _task(found)
    fallback = text_at(found, "fallback") or FALLBACK
    listed = found.required("targets", "list the models in fallback order, or write the alias as org/model")
    if listed is None:
        return None
    targets = [
        _target(item, providers, first=number == 0) for number, item in enumerate(items(listed, "targets"))
    ]
    known = tuple(target for target in targets if target is not None)
    if len(known) == len(targets) and found.at("task") is None and not any(target.model for target in known):
        place.wrong("task is missing; without a Hub repo nothing else tells it")
    return Alias(
        name=key.text,
        task=task,
        policy=policy,
        targets=known,
        fallback=fallback,
        environment=environment,
        line=key.line,
    )


def hub_route(model: str, line: int) -> RouteEntry:
    """The route of a model for which none is named."""
    return RouteEntry(provider=DEFAULT_PROVIDER, name=model, line=line)


def _task(found: Fields) -> str | None:
    place = found.at("task")
    return None if place is None else word(place, tuple(TASKS))


def _shorthand(place: Place) -> TargetEntry | None:
    reference = read_reference(place)
    if reference is None:
        return None
    line = place.node.line
    return TargetEntry(
        model=reference.model,
        ref=reference.ref,
        routes=(hub_route(reference.model, line),),
        line=line,
    )


def read_reference(place: Place) -> ModelReference | None:
    """The model reference at a place."""
    node = scalar(place)
    if node is None:
        return None
    if not node.text:
        place.wrong("no model is named; write org/model or org/model@ref")
        return None
    if not node.quoted and needs_quotes(node.text):
        place.wrong(
            f"some YAML readers take {quote(node.text)} for something other than text; put it in quotes"
        )
        return None
    fault = ""
    try:
        return parse_reference(node.text)
    except ValueError as error:
        fault = str(error)
    place.wrong(f"{quote(node.text)} is no model: {fault}")
    return None


def _target(place: Place, providers: Providers, *, first: bool) -> TargetEntry | None:
    found = fields(place, TARGET_ROWS)
    labels = found.at("labels")
    if first and labels is not None:
        labels.wrong(
            "the labels of the first target are the alias's own; leave this out, or map those of the others"
        )
    if found.at("model") is not None:
        return _hub_target(found, providers)
    if found.at("provider") is not None:
        return _named_target(found, providers)
    if isinstance(place.node, MappingNode) and (found.given or not place.node.items):
        place.wrong(
            "a target needs model (a Hub repo), or provider, name and pin (a model only that provider knows)"
        )
    return None


def _hub_target(found: Fields, providers: Providers) -> TargetEntry | None:
    for key in AT[Level.ROUTE]:
        misplaced = found.at(key)
        if misplaced is not None:
            misplaced.wrong("beside model this key belongs into routes: routes: [{provider: …, …}]")
    place = found.at("model")
    reference = None if place is None else read_reference(place)
    model = "" if reference is None else reference.model
    line = found.place.node.line
    routes = _routes(found.at("routes"), model, providers) or (hub_route(model, line),)
    context, labels = whole_at(found, "context"), _labels(found.at("labels"))
    if reference is None:
        return None
    return TargetEntry(
        model=model, ref=reference.ref, routes=routes, context=context, labels=labels, line=line
    )


def _labels(place: Place | None) -> tuple[tuple[str, str], ...]:
    if place is None:
        return ()
    if isinstance(place.node, MappingNode) and not place.node.items:
        place.wrong("an empty map; write each label of this model: the first target's, or leave the key out")
    pairs = [(key.text, text(value, LABEL)) for key, value in entries(place, LABEL, "label")]
    return tuple(sorted((own, meant) for own, meant in pairs if meant is not None))


def _routes(place: Place | None, model: str, providers: Providers) -> tuple[RouteEntry, ...]:
    if place is None:
        return ()
    routes: list[RouteEntry] = []
    seen: dict[tuple[str, str], int] = {}
    for item in items(place, "routes"):
        route = _route(item, model, providers)
        if route is None:
            continue
        if model and providers[route.provider].kind == ROUTER:
            _check_router_name(item, route.name, model)
        first = seen.setdefault((route.provider, route.name), route.line)
        if len(seen) == len(routes):
            item.wrong(f"the same route stands at line {first} already; keep one")
            continue
        routes.append(route)
    return tuple(routes)


def _route(place: Place, model: str, providers: Providers) -> RouteEntry | None:
    if isinstance(place.node, ScalarNode):
        provider = _known_provider(place, providers)
        if provider is None:
            return None
        return RouteEntry(provider=provider, name=model, line=place.node.line)
    return _route_of(fields(place, AT[Level.ROUTE]), model, providers)


def _route_of(found: Fields, model: str, providers: Providers) -> RouteEntry | None:
    named = found.required("provider", "say which provider this route uses")
    provider = None if named is None else _known_provider(named, providers)
    pin = text_at(found, "pin")
    route = RouteEntry(
        provider=provider or "",
        name=text_at(found, "name") or model,
        price=read_price(found.at("price")),
        attempt_timeout=seconds_at(found, "attempt_timeout"),
        first_token_timeout=seconds_at(found, "first_token_timeout"),
        stall_timeout=seconds_at(found, "stall_timeout"),
        pin=None if pin is None else Pin(pin),
        line=found.place.node.line,
    )
    return route if provider else None


def _check_router_name(place: Place, name: str, model: str) -> None:
    """A pinned alias must not be answered by whoever is the fastest or the cheapest that day."""
    repo, _, served_by = name.partition(":")
    wanted = f'write {{provider: …, name: "{model}:together"}}, with the provider that shall serve it'
    if repo != model:
        place.wrong(f"the name is of {quote(repo)}, and the target's model is {quote(model)}; {wanted}")
    elif not served_by:
        place.wrong(f"the name says no provider, and the router would choose one with each call; {wanted}")
    elif served_by.casefold() in AUTOMATIC:
        place.wrong(f"with :{served_by} the router chooses a provider with each call; {wanted}")
    elif not SERVED_BY.fullmatch(served_by):
        place.wrong(f"{quote(served_by)} is no provider of the router; {wanted}")


def _known_provider(place: Place, providers: Providers) -> str | None:
    node = scalar(place)
    if node is None:
        return None
    if node.text in providers:
        return node.text
    place.wrong(f"no provider {quote(node.text)} under providers{place.problems.meant(node.text, providers)}")
    return None


def _named_target(found: Fields, providers: Providers) -> TargetEntry | None:
    """A model that only a provider knows: the target is its own and only route."""
    routes = found.at("routes")
    if routes is not None:
        routes.wrong("a target without model is its own route; leave routes out, or name the model")
    found.required("name", "say what the provider calls the model")
    found.required(
        "pin", "say pin: versioned if the provider's name never changes its meaning, else pin: floating"
    )
    route = _route_of(found, "", providers)
    context, labels = whole_at(found, "context"), _labels(found.at("labels"))
    if route is None or not route.name or route.pin is None:
        return None
    if providers[route.provider].kind in ("hf-inference", ROUTER):
        found.place.wrong(
            "this provider serves Hub repos; write model: org/model, so that its commit is locked"
        )
        return None
    return TargetEntry(
        model=None,
        ref=None,
        routes=(route,),
        context=context,
        labels=labels,
        pin=route.pin,
        line=found.place.node.line,
    )
