"""Reading `providers` and the keys of a policy."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from resilient_infer.core.target import Price
from resilient_infer.lock.entries import Provider
from resilient_infer.lock.key import Level
from resilient_infer.lock.keys import AT
from resilient_infer.lock.policy import BreakerKeys, PolicyKeys, contradictions
from resilient_infer.lock.problems import quote
from resilient_infer.lock.rules import NAME, Text
from resilient_infer.lock.url import exposes_key, parse_url
from resilient_infer.lock.values import (
    Fields,
    Place,
    entries,
    fields,
    flag_at,
    number_at,
    scalar,
    seconds_at,
    text,
    text_at,
    whole_at,
    word,
)

KINDS: Final = frozenset(
    {
        "hf-endpoint",
        "hf-inference",
        "hf-router",
        "llamacpp",
        "openai",
        "sglang",
        "tei",
        "tgi",
        "transformers",
        "vllm",
    }
)
"""Kinds understood without a plug-in."""

BUILT_IN: Final[Mapping[str, Provider]] = {
    provider.name: provider
    for provider in (
        Provider(
            name="hf-inference",
            kind="hf-inference",
            url="https://router.huggingface.co/hf-inference",
            key_env="HF_TOKEN",
        ),
        Provider(
            name="hf-router",
            kind="hf-router",
            url="https://router.huggingface.co/v1",
            key_env="HF_TOKEN",
        ),
        Provider(name="openai", kind="openai", url="https://api.openai.com/v1", key_env="OPENAI_API_KEY"),
    )
}
"""Providers that need no entry. An entry of the same name takes the place of one."""

# RFC 9110: a field name is a token; a value is visible ASCII with single blanks and tabs between.
HEADER_NAME: Final = Text(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", rule="a header's name")
HEADER_VALUE: Final = Text(
    pattern=r"^[!-~](?:[ -~]*[!-~])?$",
    rule="a header's value: visible ASCII, no line breaks, no blanks at its ends",
    private=True,
)

# Carry a credential: of RFC 9110 and RFC 6265, and the names API gateways use.
_CREDENTIAL_HEADER: Final = re.compile(
    r"(?i)(?:proxy-)?authorization|cookie2?|set-cookie2?|(?:.*-)?api-?key|(?:.*-)?subscription-key"
    r"|x-(?:auth|access|session|csrf|amz-security)(?:-token)?|(?:.*-)?(?:auth|access|session|bearer|security)-token"
)
# Written by the transport, or by the protocol: a second one would disagree with the request.
_OWN_HEADER: Final = re.compile(
    r"(?i)host|content-length|content-type|content-encoding|transfer-encoding|connection|keep-alive|te|trailer"
    r"|upgrade|expect|accept-encoding|idempotency-key"
)


def read_providers(place: Place | None, kinds: frozenset[str]) -> Mapping[str, Provider]:
    """Providers by name, with the built-in ones.

    A provider with a problem is there all the same, so that its routes are not called unknown.
    """
    found = dict(BUILT_IN)
    if place is None:
        return found
    for key, value in entries(place, NAME, "provider"):
        found[key.text] = _provider(key.text, value, kinds | KINDS)
    return found


def _provider(name: str, place: Place, kinds: frozenset[str]) -> Provider:
    found = fields(place, AT[Level.PROVIDER])
    kind = _kind(found, name, kinds)
    url = read_checked(found.at("url"), parse_url, private=True)
    url_env, key_env = text_at(found, "url_env"), text_at(found, "key_env")
    hub_token = text_at(found, "token") is not None
    insecure = flag_at(found, "insecure") or False
    if found.at("url") and found.at("url_env"):
        place.wrong("url and url_env are both given; keep one")
    if found.at("token") and found.at("key_env"):
        place.wrong("token and key_env are both given; keep one")
    default = BUILT_IN.get(kind)
    if not found.at("url") and not found.at("url_env"):
        if default is not None:
            url, key_env = default.url, None if found.at("token") else key_env or default.key_env
            if hub_token and default.key_env != "HF_TOKEN":
                place.wrong(f"the Hub's token is not for {quote(kind)}'s own service; give url or url_env")
        elif found.given:
            place.wrong(f"no server is named; give url or url_env{_no_default(kind)}")
    if url is not None and (key_env is not None or hub_token) and not insecure and exposes_key(url):
        where = found.at("url") or place
        where.wrong("the key would travel readable over plain http; use https, or insecure: true")
    return Provider(
        name=name,
        kind=kind,
        url=url,
        url_env=url_env,
        key_env=key_env,
        hub_token=hub_token,
        insecure=insecure,
        headers=_headers(found.at("headers")),
        deployment=_deployment(found, kind, keyed=key_env is not None or hub_token),
        max_response=whole_at(found, "max_response"),
        breaker=_breaker(found.at("breaker")),
        concurrency=whole_at(found, "concurrency"),
        line=place.node.line,
    )


def _deployment(found: Fields, kind: str, *, keyed: bool) -> str | None:
    place = found.at("endpoint")
    if place is None:
        return None
    if kind and kind != "hf-endpoint":
        place.wrong(f"only kind hf-endpoint has a deployment to ask about; leave it out of {quote(kind)}")
    elif kind and not keyed:
        place.wrong("nobody may ask about a deployment without a key; give key_env, or token: hub")
    return text_at(found, "endpoint")


def _no_default(kind: str) -> str:
    return f" (kind {quote(kind)} has no address of its own)" if kind else ""


def _kind(found: Fields, name: str, kinds: frozenset[str]) -> str:
    place = found.required("kind", f"say which protocol {quote(name)} speaks: {', '.join(sorted(kinds))}")
    return "" if place is None else word(place, tuple(sorted(kinds))) or ""


def read_checked(place: Place | None, parse: Callable[[str], str], *, private: bool = False) -> str | None:
    """A single value that `parse` accepts; its ValueError becomes the problem."""
    node = None if place is None else scalar(place)
    if place is None or node is None:
        return None
    fault = ""
    try:
        return parse(node.text)
    except ValueError as error:
        fault = str(error)
    shown = "this" if private else quote(node.text)
    place.wrong(f"{shown} cannot be used: {fault}")
    return None


def _headers(place: Place | None) -> tuple[tuple[str, str], ...]:
    if place is None:
        return ()
    headers: dict[str, tuple[str, str]] = {}
    for key, value in entries(place, HEADER_NAME, "header"):
        fault = _header_fault(key.text, headers)
        if fault:
            place.problems.add(key, (*place.path, key.text), fault)
            continue
        content = text(value, HEADER_VALUE)
        if content is not None and ("${" in content or "{{" in content):
            value.wrong("nothing is filled in here; write the value out")
        headers[key.text.lower()] = (key.text, content or "")
    return tuple(headers.values())


def _header_fault(name: str, seen: Mapping[str, object]) -> str:
    if _CREDENTIAL_HEADER.fullmatch(name):
        return "this header carries a secret; put the variable's name in key_env"
    if _OWN_HEADER.fullmatch(name):
        return "this header is written with each request; leave it out"
    return "this header is given twice; names differ in more than capitals" if name.lower() in seen else ""


def read_policy(found: Fields) -> PolicyKeys:
    """The policy keys among a mapping's keys; contradictions among them are problems."""
    keys = PolicyKeys(
        deadline=seconds_at(found, "deadline"),
        attempt_timeout=seconds_at(found, "attempt_timeout"),
        first_token_timeout=seconds_at(found, "first_token_timeout"),
        stall_timeout=seconds_at(found, "stall_timeout"),
        recover=text_at(found, "recover"),
        retries=whole_at(found, "retries"),
        max_wait=seconds_at(found, "max_wait"),
        min_useful=seconds_at(found, "min_useful"),
        max_response=whole_at(found, "max_response"),
        safe=flag_at(found, "safe"),
        refusal_fallback=flag_at(found, "refusal_fallback"),
        balance=text_at(found, "balance"),
        on_pin_mismatch=text_at(found, "on_pin_mismatch"),
        breaker=_breaker(found.at("breaker")),
        concurrency=whole_at(found, "concurrency"),
    )
    for key, what in contradictions(keys):
        outer, _, inner = key.partition(".")
        where = found.at(outer) or found.place
        where.problems.add(where.node, (*where.path, inner) if inner else where.path, what)
    return keys


def _breaker(place: Place | None) -> BreakerKeys:
    if place is None:
        return BreakerKeys()
    found = fields(place, AT[Level.BREAKER])
    return BreakerKeys(
        failure_rate=seconds_at(found, "failure_rate"),
        min_calls=whole_at(found, "min_calls"),
        window=seconds_at(found, "window"),
        consecutive=whole_at(found, "consecutive"),
        slow_after=seconds_at(found, "slow_after"),
        open=seconds_at(found, "open"),
        max_open=seconds_at(found, "max_open"),
        probes=whole_at(found, "probes"),
    )


def read_price(place: Place | None) -> Price | None:
    """A price; None if nothing is said. USD, exact; a part that is not named is unknown."""
    if place is None:
        return None
    found = fields(place, AT[Level.PRICE])
    return Price(
        input=number_at(found, "input"),
        output=number_at(found, "output"),
        cached=number_at(found, "cached"),
        image=number_at(found, "image"),
        second=number_at(found, "second"),
    )
