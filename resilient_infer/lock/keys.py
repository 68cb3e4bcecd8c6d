"""Every key of the manifest: where it may stand, what it takes, what holds without it.

The one source for the validator (`values.py`), the defaults (`policy.py`) and
the JSON Schema (`schema.py`). A key that is not here is an unknown key.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from resilient_infer.lock.key import A, Key, Level, R, Rows, T, V
from resilient_infer.lock.policy_keys import BREAKER_KEYS, POLICY_KEYS
from resilient_infer.lock.rules import (
    DEPLOYMENT,
    HUB,
    NAME,
    SERVED_NAME,
    VARIABLE,
    WORD,
    Choice,
    Flag,
    Number,
    Shape,
)

_MONEY: Final = "USD per million tokens"

_FILE_KEYS: Final = (
    Key(
        name="version",
        levels=(Level.FILE,),
        type=Number(least=1, most=1, whole=True),
        text="Format; always 1.",
    ),
    Key(name="providers", levels=(Level.FILE,), type=Shape(name="providers"), text="How to reach a server."),
    Key(name="policy", levels=(Level.FILE,), type=Shape(name="policy"), text="Defaults for every alias."),
    Key(
        name="models", levels=(Level.FILE,), type=Shape(name="aliases"), text="What can be called, by alias."
    ),
    Key(
        name="environments",
        levels=(Level.FILE,),
        type=Shape(name="environments"),
        text="Aliases that another environment replaces, whole.",
    ),
)

_PROVIDER_KEYS: Final = (
    Key(
        name="kind",
        levels=(V,),
        type=WORD,
        text="Protocol: hf-inference, hf-endpoint, hf-router, openai, tei, tgi, vllm, sglang, transformers, "
        "llamacpp, or a plug-in's.",
    ),
    Key(name="url", levels=(V,), type=Shape(name="url"), text="Base URL, http or https, without query."),
    Key(name="url_env", levels=(V,), type=VARIABLE, text="Environment variable that holds the base URL."),
    Key(name="key_env", levels=(V,), type=VARIABLE, text="Environment variable that holds the access key."),
    Key(name="token", levels=(V,), type=HUB, text="hub: the key is the token that huggingface_hub finds."),
    Key(
        name="insecure",
        levels=(V,),
        type=Flag(),
        default=False,
        text="Allow a key over plain http to another machine.",
    ),
    Key(name="headers", levels=(V,), type=Shape(name="headers"), text="Fixed extra headers; never a secret."),
    Key(
        name="endpoint",
        levels=(V,),
        type=DEPLOYMENT,
        text="namespace/name of the Inference Endpoint (kind hf-endpoint), to ask which commit it runs.",
    ),
)

_TARGET_KEYS: Final = (
    Key(name="targets", levels=(A,), type=Shape(name="targets"), text="Models in fallback order."),
    Key(
        name="model", levels=(T,), type=Shape(name="model"), text="Hub repo, with @ref for another than main."
    ),
    Key(
        name="routes",
        levels=(T,),
        type=Shape(name="routes"),
        text="Ways to the same weights; default: hf-inference.",
    ),
    Key(
        name="context",
        levels=(T,),
        type=Number(unit="tokens", least=1, whole=True),
        text="Tokens the model can take; default: from the lock.",
    ),
    Key(
        name="labels",
        levels=(T,),
        type=Shape(name="labels"),
        text="Each label of this model, and the first target's label that it stands for.",
    ),
    Key(name="provider", levels=(R,), type=NAME, text="A provider's name."),
    Key(
        name="name",
        levels=(R,),
        type=SERVED_NAME,
        text="The provider's name for the model; default: the repo.",
    ),
    Key(name="price", levels=(R,), type=Shape(name="price"), text="0 is free, absent is unknown."),
    Key(
        name="pin",
        levels=(R,),
        type=Choice(words=("versioned", "floating")),
        text="Whether the provider's name carries a version or moves.",
    ),
    Key(name="task", levels=(A,), type=Shape(name="task"), text="Default: the repo's, recorded by the lock."),
    Key(
        name="fallback",
        levels=(A,),
        type=Choice(words=("contract", "any")),
        default="contract",
        text="any: a later target may answer with other labels, or with vectors of other weights.",
    ),
)

_PRICE_KEYS: Final = tuple(
    Key(name=name, levels=(Level.PRICE,), type=Number(unit=unit), text=f"{unit}; 0 is free.")
    for name, unit in (
        ("input", _MONEY),
        ("output", _MONEY),
        ("cached", _MONEY),
        ("image", "USD per image"),
        ("second", "USD per second"),
    )
)

TABLE: Final[tuple[Key, ...]] = (
    *_FILE_KEYS,
    *_PROVIDER_KEYS,
    *_TARGET_KEYS,
    *POLICY_KEYS,
    *BREAKER_KEYS,
    *_PRICE_KEYS,
)


def rows_at(*levels: Level) -> Rows:
    """The keys that may stand at any of `levels`, by name."""
    return {key.name: key for key in TABLE if set(levels) & set(key.levels)}


AT: Final[Mapping[Level, Rows]] = {level: rows_at(level) for level in Level}
TARGET_ROWS: Final = rows_at(Level.TARGET, Level.ROUTE)
"""A target that only a provider knows has a route's keys itself."""


def homes_of(name: str) -> Iterable[Level]:
    """The levels at which a key named `name` may stand."""
    return next((key.levels for key in TABLE if key.name == name), ())


def default_number(name: str) -> float:
    """The default of a key that has a number for one."""
    return next(
        float(key.default)
        for key in TABLE
        if key.name == name and isinstance(key.default, int | float) and not isinstance(key.default, bool)
    )


def default_flag(name: str) -> bool:
    """The default of a key that takes true or false."""
    return next(key.default for key in TABLE if key.name == name and isinstance(key.default, bool))


def default_word(name: str) -> str:
    """The default of a key that takes a word."""
    return next(key.default for key in TABLE if key.name == name and isinstance(key.default, str))
