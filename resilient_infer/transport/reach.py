"""Reach: where a provider is and which key it takes, as variables, files and huggingface_hub say now."""

from functools import partial
from typing import Final

from resilient_infer.core.secret import Secret
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.lock.entries import Provider
from resilient_infer.lock.url import exposes_key, parse_url
from resilient_infer.transport.credentials import HUB_VARIABLES, Sources
from resilient_infer.transport.environment import check_environment

ENDPOINTS_API: Final = "https://api.endpoints.huggingface.cloud/v2"
"""Where Hugging Face tells what an Inference Endpoint runs. Source: huggingface_hub.constants."""

ENDPOINTS_VARIABLE: Final = "RESILIENT_INFER_ENDPOINTS_API"
"""Names another place for that: a private installation, or a sandbox."""

TOKEN_TIMEOUT: Final = 10.0
"""Seconds that huggingface_hub may take to renew its token."""


class Unset(Exception):
    """A variable or token that a route needs is not there; the route is unusable until it is."""


def url_of(provider: Provider, sources: Sources) -> str:
    """The provider's base URL.

    Raises:
        Unset: The variable that holds it is not set.
        ConfigError: It is no URL, or the environment lets nobody get there.
    """
    if provider.url_env is None:
        assert provider.url is not None
        url = provider.url
    else:
        text = sources.variable(provider.url_env)
        if not text:
            raise Unset(f"the environment variable {provider.url_env} (its URL) is not set")
        try:
            url = parse_url(text)
        except ValueError as error:
            raise ConfigError(
                f"provider {provider.name}: the URL in {provider.url_env} cannot be used: {error}"
            ) from None
    check_environment(url)
    return url


def identity_url_of(provider: Provider, sources: Sources) -> str:
    """Where it is told what the provider's Inference Endpoint runs; "" if it is none.

    Raises:
        ConfigError: The other place is no URL, the key would travel to it readable, or the
            environment lets nobody get there.
    """
    if provider.deployment is None:
        return ""
    base = sources.variable(ENDPOINTS_VARIABLE) or ENDPOINTS_API
    try:
        url = parse_url(base)
    except ValueError as error:
        raise ConfigError(f"the URL in {ENDPOINTS_VARIABLE} cannot be used: {error}") from None
    if exposes_key(url):
        raise ConfigError(
            f"{ENDPOINTS_VARIABLE}: the key would be sent over plain http to another machine",
            hint="use https",
        )
    check_environment(url)
    return f"{url}/endpoint/{provider.deployment}"


def key_of(provider: Provider, url: str, sources: Sources) -> Secret | None:
    """The key that is sent to the provider at `url`; None: it takes none.

    Raises:
        Unset: There is none.
        ConfigError: It would travel readable, or it cannot be sent.
    """
    variable = provider.key_env
    if variable is None and not provider.hub_token:
        return None
    if exposes_key(url) and not provider.insecure:
        key = "the Hub's token" if variable is None else f"the key in {variable}"
        raise ConfigError(
            f"provider {provider.name}: {key} would be sent over plain http to another machine",
            hint="use https, or set insecure: true on the provider if the network is trusted",
        )
    if variable is None:
        return _hub_token(sources)
    secret = sources.key(variable)
    if secret is None:
        login = ', and "hf auth login" has left no token' if variable in HUB_VARIABLES else ""
        raise Unset(f"the environment variable {variable} (its key) is not set{login}")
    return secret


def _hub_token(sources: Sources) -> Secret:
    # Loads huggingface_hub, 0.2 s once, for nobody but who asks for its token.
    from resilient_infer.lock.hub import hub_token

    try:
        secret = sources.asked("huggingface_hub", partial(hub_token, TOKEN_TIMEOUT))
    except ConfigError:
        raise
    except ResilientInferError as error:
        raise Unset(error.message) from None
    if secret is None:
        raise Unset("huggingface_hub has no token (run: hf auth login, or set HF_TOKEN)")
    return secret
