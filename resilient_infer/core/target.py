"""Target and route: what may answer a call, and where it is reached."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Pin(StrEnum):
    """How strongly an answer is tied to the commit that was asked for.

    ENFORCED: the request names the commit and the server obeys or refuses.
    ATTESTED: the server reported the commit it runs and it was compared.
    DECLARED: a hosted service says it runs this repo; nothing proves the commit.
    VERSIONED: no Hub repo; the provider's name carries a date or version.
    FLOATING: no Hub repo, or no lock, or the server said that it runs another commit and the alias lets
        that pass with a warning; whatever the name means today.
    """

    ENFORCED = "enforced"
    ATTESTED = "attested"
    DECLARED = "declared"
    VERSIONED = "versioned"
    FLOATING = "floating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens (`input`, `output`, `cached`), per `image`, per `second`.

    0 means free, None means unknown; the two are never confused.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    image: Decimal | None = None
    second: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One server, as the manifest's `providers` names it.

    Attributes:
        provider: Name in the manifest, for example "groq".
        kind: Protocol spoken there, for example "openai".
        url: Base URL without a trailing slash.
        headers: Fixed extra headers; never a secret.
        max_response: Bytes of an answer that are read at the most.
        identity_url: Where it is told which commit the server runs, if that is another place; else "".
    """

    provider: str
    kind: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    max_response: int = 64 * 1024 * 1024
    identity_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to reach a target: an endpoint and the provider's name for the model."""

    endpoint: Endpoint
    name: str
    price: Price | None = None

    def __str__(self) -> str:
        return f"{self.endpoint.provider}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One model of an alias, in fallback order.

    Attributes:
        model: Hub repo, or None for a model that only a provider knows.
        revision: Full 40-hex commit from the lock, or None if nothing is locked.
        pin: The strongest claim that may be made before any server has spoken.
        context: Tokens the model can take, or None if unknown.
        labels: Pairs (this model's label, the first target's label); empty: they are the same.
        dimension: Numbers in an embedding, as the lock says, or None.
    """

    model: str | None
    revision: str | None
    pin: Pin
    context: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    dimension: int | None = None
