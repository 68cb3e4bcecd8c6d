"""What a manifest says, as values: providers, aliases, their targets and routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.target import Pin, Price
from resilient_infer.lock.keys import default_word
from resilient_infer.lock.policy import SILENT, BreakerKeys, PolicyKeys
from resilient_infer.lock.reference import DEFAULT_REF

FALLBACK: Final = default_word("fallback")
"""What an alias that does not say it means by falling back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How to reach a server.

    Attributes:
        name: As routes call it.
        kind: Protocol spoken there.
        url: Base URL without a trailing slash; None: it is in the variable `url_env`.
        url_env: Environment variable that holds the base URL, or None.
        key_env: Environment variable that holds the access key, or None.
        hub_token: The access key is the token that huggingface_hub finds. With neither, no key is sent.
        insecure: A key may be sent over plain http to another machine.
        headers: Fixed extra headers; never a secret.
        deployment: "namespace/name" of the Inference Endpoint behind the URL, or None.
        max_response: Bytes of an answer that are read, or None.
        concurrency: Attempts in flight, or None.
        line: In the manifest; 0 for a built-in one.
    """

    name: str
    kind: str
    url: str | None
    url_env: str | None = None
    key_env: str | None = None
    hub_token: bool = False
    insecure: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    deployment: str | None = None
    max_response: int | None = None
    breaker: BreakerKeys = SILENT
    concurrency: int | None = None
    line: int = 0

    @property
    def policy(self) -> PolicyKeys:
        """What this level says, for `policy.resolve`."""
        return PolicyKeys(max_response=self.max_response, breaker=self.breaker, concurrency=self.concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEntry:
    """One way to reach a target.

    Attributes:
        provider: Name of a provider of the manifest or a built-in one.
        name: The provider's name for the model.
        price: None: unknown.
        attempt_timeout: Seconds, or None: as the alias says. So are the two timeouts of streams.
        pin: VERSIONED or FLOATING as declared, or None.
    """

    provider: str
    name: str
    price: Price | None = None
    attempt_timeout: float | None = None
    first_token_timeout: float | None = None
    stall_timeout: float | None = None
    pin: Pin | None = None
    line: int = 0

    @property
    def policy(self) -> PolicyKeys:
        """What this level says, for `policy.resolve`."""
        return PolicyKeys(
            attempt_timeout=self.attempt_timeout,
            first_token_timeout=self.first_token_timeout,
            stall_timeout=self.stall_timeout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEntry:
    """One model of an alias.

    Attributes:
        model: Hub repo, or None for a model that only a provider knows; then there is
            exactly one route, and `pin` says whether its name carries a version.
        ref: Branch, tag or commit asked for; None: the default branch.
        routes: In the order of the file.
        context: Tokens the model can take, or None.
        labels: Pairs (this model's label, the first target's label), sorted; empty: they are the same.
        pin: VERSIONED or FLOATING for a model without a repo, else None.
    """

    model: str | None
    ref: str | None
    routes: tuple[RouteEntry, ...]
    context: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    pin: Pin | None = None
    line: int = 0

    @property
    def requested(self) -> str | None:
        """What the lock must have been asked for; None without a repo.

        No ref is the Hub's default branch, `main`, so `model` and `model@main` ask for the same.
        """
        return None if self.model is None else self.ref or DEFAULT_REF


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name that can be called.

    Attributes:
        task: None: the repo's, as the lock records it.
        policy: What this level says; `policy.safe` stands here too.
        targets: In fallback order.
        fallback: "contract": only to targets whose answers mean the same; "any": to all of them.
        environment: The environment whose entry this is; None: the default one.
    """

    name: str
    task: str | None
    policy: PolicyKeys
    targets: tuple[TargetEntry, ...]
    fallback: str = FALLBACK
    environment: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest as one environment sees it.

    Attributes:
        policy: What the file says for every alias, from line `policy_line` on.
        providers: By name; the built-in ones are among them.
        aliases: By name; an alias that the environment replaces is the replacement.
        environment: The environment chosen; None: the default one.
        environments: Names of all environments in the file.
        file: Path as the user gave it.
    """

    version: int
    policy: PolicyKeys
    providers: Mapping[str, Provider]
    aliases: Mapping[str, Alias]
    environment: str | None
    environments: tuple[str, ...]
    file: str
    policy_line: int = 0
