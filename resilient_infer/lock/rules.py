"""Rules: what a value of a manifest or lock may be. Read by the validator, the schema and people alike."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A plain decimal number, `least` to `most`; `above`: more than `least`; `whole`: no fraction."""

    unit: str = ""
    least: float = 0
    most: float = 1e12
    above: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """`true` or `false`; YAML's other spellings of them are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text matching `pattern`, a regular expression that Python and ECMAScript read alike.

    Attributes:
        rule: The pattern in words, for messages.
        private: A wrong value may be a secret and is never quoted.
    """

    pattern: str
    rule: str
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A list or mapping; `name` is its definition in `schema.py`."""

    name: str


ValueType = Number | Flag | Choice | Text | Shape

NAME: Final = Text(
    pattern=r"^[a-z0-9][a-z0-9._-]*$",
    rule="a name: lower-case letters, digits, '.', '_' and '-', the first a letter or digit",
)
VARIABLE: Final = Text(
    pattern=r"^[A-Z_][A-Z0-9_]*$",
    rule="the NAME of an environment variable (capitals, digits, '_'); the value stays out of this file",
    private=True,
)
HUB: Final = Text(pattern=r"^hub$", rule="hub; the token itself stays out of this file", private=True)
SERVED_NAME: Final = Text(pattern=r"^[!-~]{1,256}$", rule="the provider's name for the model, without blanks")
WORD: Final = Text(pattern=r"^[!-~]+$", rule="one word without blanks")
LABEL: Final = Text(pattern=r"^[^\n]+$", rule="a label: one line of text")
DEPLOYMENT: Final = Text(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$",
    rule="namespace/name of an Inference Endpoint",
)
