"""`resilient-infer explain`: what a call of an alias would go through, told without asking anybody."""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from resilient_infer.cli.answer import PIN_MEANINGS, SCHEMA_VERSION, error_record
from resilient_infer.cli.exit_codes import ExitCode
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.options import alias_argument, environment_option, format_option, lockfiles_option
from resilient_infer.cli.render import Ink, ink_of, one_block, to_json
from resilient_infer.core.target import Pin, Price
from resilient_infer.core.task import Json
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.problems import quote
from resilient_infer.lock.provenance import DEFAULT, InForce

if TYPE_CHECKING:
    from resilient_infer.cli.needed import NeededOutline
    from resilient_infer.cli.outline import Outline, RouteOutline, TargetOutline
    from resilient_infer.cli.variables import Variable

_NAME: Final = 19
"""Columns of the longest name, "first_token_timeout"."""

_UNITS: Final = {"image": "per image", "second": "per second"}
_FALLBACKS: Final = {
    "contract": "only to a target whose answers mean what the first one's mean",
    "any": "to every target, whatever its labels or weights",
}
_CLAIMS: Final = {
    Pin.ENFORCED: "enforced, if the server confirms the commit that each request names; else declared",
    Pin.ATTESTED: "attested, if the server says that it runs the locked commit; else declared",
    Pin.DECLARED: "declared: nothing here tells which commit answers",
}
"""What an answer over a route can come to, if the target is locked."""

_SECONDS: Final = frozenset(
    {
        "deadline",
        "attempt_timeout",
        "first_token_timeout",
        "stall_timeout",
        "max_wait",
        "min_useful",
        "breaker.window",
        "breaker.open",
        "breaker.max_open",
        "breaker.slow_after",
    }
)


@click.command(short_help="Tell what a call would go through.")
@alias_argument
@environment_option
@lockfiles_option
@format_option
def explain(alias: str, environment: str | None, lockfiles: str | None, **options: Any) -> None:
    """Tell what a call of ALIAS would go through, and where each of it is written.

    Its targets and routes in order, the commit each is locked to and how surely
    that is what answers, whether the variables are set, prices, and the policy
    in force. Nobody is asked, and no value of a variable is shown.

    \b
    resilient-infer explain sentiment
    resilient-infer explain sentiment --env prod --format json
    """
    from resilient_infer.cli.outline import outline  # loads yaml; a help page needs none of it

    as_json = options["format"] == "json"
    try:
        told = outline(alias, lockfiles, environment)
    except ResilientInferError as error:
        if as_json:
            _print(_record(alias, None, error))
        raise
    if as_json:
        _print(_record(alias, told, None))
        return
    ink = ink_of(sys.stdout)
    for line in _lines(told, ink):
        click.echo(ink.text(line), color=ink.colour)


def _lines(told: "Outline", ink: Ink) -> Iterator[str]:
    locked = f", {told.lock_place}" if told.lock_place else ""
    yield f"{ink.paint(told.alias, bold=True)}  {told.task or 'task not known'}  {told.place}"
    yield from _named("lock", f"{told.state}{locked}", 2, ink)
    if len(told.targets) > 1:
        yield from _named("fallback", f"{told.fallback}: {_FALLBACKS[told.fallback]}", 2, ink)
    for number, target in enumerate(told.targets, 1):
        yield ""
        yield from _target_lines(number, target, ink)
    if told.needed:
        yield f"\n  {ink.paint('loaded with its models', bold=True)}"
    for needed in told.needed:
        yield from _needed_lines(needed, ink)
    if told.policy:
        yield f"\n  {ink.paint('policy of a call', bold=True)}"
        yield from _policy_lines(told.policy, 4, ink)


def _target_lines(number: int, target: "TargetOutline", ink: Ink) -> Iterator[str]:
    name = target.model or "known to its provider only"
    yield f"  {number}  {ink.paint(name, bold=True)}  {target.place}"
    if target.model is not None:
        commit = target.revision or "none is locked"
        where = f"  {target.lock_place}" if target.lock_place else ""
        yield from _named("commit", f"{commit} ({target.requested}){where}", 5, ink)
    yield from _named("pin", f"{target.pin}: {PIN_MEANINGS[target.pin]}", 5, ink)
    if target.floats:
        yield from _named("warning", f"RI502: {target.floats}", 5, ink)
    if target.context is not None:
        yield from _named("context", f"{target.context} tokens", 5, ink)
    if target.labels:
        labels = ", ".join(f"{quote(own)}: {quote(meant)}" for own, meant in target.labels)
        yield from _named("labels", labels, 5, ink)
    if target.clash:
        yield from _named("not used", f"RI406: {target.clash}", 5, ink)
    for place, route in enumerate(target.routes, 1):
        yield f"     {number}.{place}  {ink.paint(f'{route.provider}:{route.name}', 'cyan')}  {route.place}"
        yield from _route_lines(route, ink)


def _needed_lines(needed: "NeededOutline", ink: Ink) -> Iterator[str]:
    yield f"     {ink.paint(needed.model, 'cyan')}"
    where = f"  {needed.lock_place}" if needed.lock_place else ""
    commit = needed.revision or "none is locked"
    yield from _named("commit", f"{commit} ({needed.requested}){where}", 10, ink)
    by = ", ".join(f"{model} ({kind})" for model, kind in needed.needed_by)
    yield from _named("needed by", by, 10, ink)


def _route_lines(route: "RouteOutline", ink: Ink) -> Iterator[str]:
    where = f"  {route.provider_place}" if route.provider_place else "  built in"
    yield from _named("provider", f"{route.kind}{where}", 10, ink)
    if route.fault:
        yield from _named("not used", route.fault, 10, ink)
    elif route.strongest in _CLAIMS:
        yield from _named("pin", _claim(route), 10, ink)
    if route.deployment is not None:
        yield from _named("endpoint", route.deployment, 10, ink)
    if route.url is not None:
        yield from _named("url", route.url, 10, ink)
    for variable in route.variables:
        yield from _named(variable.use, _variable(variable), 10, ink)
    if route.hub_token:
        yield from _named("key", "asked of huggingface_hub with every call", 10, ink)
    yield from _named("price", _price(route.price), 10, ink)
    shown = [each for each in route.policy if not each.key.startswith("breaker.") or each.source != DEFAULT]
    yield from _policy_lines(shown, 10, ink)


def _claim(route: "RouteOutline") -> str:
    if route.kind == "hf-endpoint" and route.deployment is None:
        return "declared; with endpoint: namespace/name at the provider its commit would be asked for"
    return _CLAIMS[route.strongest]


def _policy_lines(policy: Sequence[InForce], indent: int, ink: Ink) -> Iterator[str]:
    for each in policy:
        yield from _named(each.key, f"{_value(each):<16}  {each.source}", indent, ink)


def _named(name: str, text: str, indent: int, ink: Ink) -> list[str]:
    first = f"{' ' * indent}{ink.paint(f'{name:<{_NAME}}', dim=True)}  "
    return ink.wrap(one_block(text), first=first, indent=indent + _NAME + 2)


def _variable(variable: "Variable") -> str:
    instead = f", but {variable.instead}" if variable.instead else ""
    fault = f"; {variable.fault}" if variable.fault else ""
    return f"{variable.name}: {'set' if variable.set else 'not set'}{instead}{fault}"


def _price(price: Price | None) -> str:
    parts = {} if price is None else _parts(price)
    told = (
        f"{name} {part} USD {_UNITS.get(name, 'per million tokens')}"
        for name, part in parts.items()
        if part is not None
    )
    return ", ".join(told) or "unknown"


def _parts(price: Price) -> dict[str, Json]:
    """Each part as text, exact; None: unknown."""
    parts = ((field.name, getattr(price, field.name)) for field in dataclasses.fields(price))
    return {name: None if part is None else f"{part:f}" for name, part in parts}


def _value(each: InForce) -> str:
    match each.value:
        case None:
            return "off"
        case bool() as value:
            return "true" if value else "false"
        case int() | float() as value:
            if each.key == "max_response":
                return f"{value:,} bytes"
            return f"{value:g} s" if each.key in _SECONDS else f"{value}"
        case value:
            return value


def _record(alias: str, told: "Outline | None", error: ResilientInferError | None) -> dict[str, Json]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "explain",
        "exit_code": int(ExitCode.OK) if error is None else int(code_of(error)),
        "alias": alias,
        "environment": None if told is None else told.environment,
        "task": None if told is None else told.task,
        "state": None if told is None else one_block(told.state),
        "fallback": None if told is None else told.fallback,
        "place": None if told is None else told.place,
        "lock_place": None if told is None else told.lock_place,
        "targets": [] if told is None else [_target_record(target) for target in told.targets],
        "needed": [] if told is None else _needed_records(told),
        "policy": {} if told is None else _policy_record(told.policy),
        "error": None if error is None else error_record(error),
    }


def _needed_records(told: "Outline") -> list[Json]:
    from resilient_infer.cli.needed import needed_record

    return [needed_record(needed) for needed in told.needed]


def _target_record(target: "TargetOutline") -> dict[str, Json]:
    return {
        "model": target.model,
        "requested": target.requested,
        "revision": target.revision,
        "pin": target.pin.value,
        "context": target.context,
        "labels": dict(target.labels),
        "floats": one_block(target.floats),
        "clash": one_block(target.clash),
        "place": target.place,
        "lock_place": target.lock_place,
        "routes": [_route_record(route) for route in target.routes],
    }


def _route_record(route: "RouteOutline") -> dict[str, Json]:
    return {
        "provider": route.provider,
        "kind": route.kind,
        "name": route.name,
        "url": route.url,
        "place": route.place,
        "provider_place": route.provider_place,
        "variables": [dataclasses.asdict(variable) for variable in route.variables],
        "hub_token": route.hub_token,
        "endpoint": route.deployment,
        "strongest_pin": route.strongest.value,
        "fault": one_block(route.fault),
        "price": None if route.price is None else _parts(route.price),
        "policy": _policy_record(route.policy),
    }


def _policy_record(policy: Sequence[InForce]) -> dict[str, Json]:
    return {each.key: {"value": each.value, "source": each.source} for each in policy}


def _print(record: dict[str, Json]) -> None:
    click.echo(to_json(record, compact=False, stream=sys.stdout))
