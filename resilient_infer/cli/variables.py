"""Variables: which environment variables a provider needs, and whether they can be used. No value is kept."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from resilient_infer.errors import ConfigError
from resilient_infer.lock.entries import Provider
from resilient_infer.transport.credentials import HUB_VARIABLES, Sources, read_key
from resilient_infer.transport.reach import ENDPOINTS_VARIABLE, Unset, identity_url_of, key_of, url_of

Use = Literal["url", "key", "asked at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An environment variable that a route needs. Its value is never kept.

    Attributes:
        use: What it holds; "asked at": where it is told which commit an Inference Endpoint runs.
        set: Whether it is set.
        instead: What holds if it is not set; may be empty.
        fault: Why a call could not use what it holds; empty if it could, or if it is not set.
    """

    name: str
    use: Use
    set: bool
    instead: str = ""
    fault: str = ""


def variables(provider: Provider, environ: Mapping[str, str]) -> Iterator[Variable]:
    """The variables of a provider, looked at as a call does."""
    sources = Sources(environ)
    if provider.url_env is not None:
        fault = _fault(lambda: url_of(provider, sources))
        yield Variable(name=provider.url_env, use="url", set=bool(environ.get(provider.url_env)), fault=fault)
    if provider.key_env is not None:
        yield _key(provider, provider.key_env, environ)
    if provider.deployment is not None:
        there = bool(environ.get(ENDPOINTS_VARIABLE))
        yield Variable(
            name=ENDPOINTS_VARIABLE,
            use="asked at",
            set=there,
            instead="" if there else "Hugging Face's own service is asked",
            fault=_fault(lambda: identity_url_of(provider, sources)),
        )


def _key(provider: Provider, name: str, environ: Mapping[str, str]) -> Variable:
    there = bool(environ.get(name, "").strip())
    instead, fault, sources = "", _fault(lambda: read_key(name, environ)), Sources(environ)
    if not there and not fault and name in HUB_VARIABLES and read_key(name, environ) is not None:
        instead = "found where the Hub's own tools look for it"
    with suppress(Unset, ConfigError):  # of the URL, which is told by itself
        url = url_of(provider, sources)
        fault = fault or _fault(lambda: key_of(provider, url, sources))
    return Variable(name=name, use="key", set=there, instead=instead, fault=fault)


def _fault(use: Callable[[], object]) -> str:
    """What is said where it is used; nothing if it is only not set."""
    try:
        use()
    except Unset:
        return ""
    except ConfigError as error:
        return error.message
    return ""
