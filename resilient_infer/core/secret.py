"""Secret: a token that can be sent but not shown.

Source of the patterns: the token formats that GitHub's secret scanning lists
for Hugging Face (`hf_`), OpenAI and its imitators (`sk-`), Groq (`gsk_`),
Replicate (`r8_`), xAI (`xai-`), NVIDIA (`nvapi-`) and GitHub itself. Keys in `sk-`
hold a digit or run long without a hyphen; names such as `sk-learn-wine` do neither. The
digit is looked for nearby: from each of a million "sk-" to the end of the text would take hours.
"""

import re
from typing import Final

SHAPES: Final = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{8,}|api_org_[A-Za-z0-9]{8,}|gsk_[A-Za-z0-9]{8,}"
    r"|sk-(?:(?=[A-Za-z_-]{0,63}[0-9])[A-Za-z0-9_-]{8,}|[A-Za-z0-9]{20,})"
    r"|r8_[A-Za-z0-9]{8,}|xai-[A-Za-z0-9]{8,}|nvapi-[A-Za-z0-9_-]{8,}|gh[pousr]_[A-Za-z0-9]{8,})"
)
HIDDEN: Final = "[secret]"


class Secret:
    """Text that no repr, log, error or pickle shows; only `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that puts it on the wire."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        return Secret, (HIDDEN,)


def looks_like_secret(text: str) -> bool:
    """Whether `text` contains something shaped like a well-known access token."""
    return SHAPES.search(text) is not None


def redact(text: str, secret: Secret | None = None) -> str:
    """`text` without `secret` and without anything shaped like a token."""
    if secret is not None and secret.reveal():
        text = text.replace(secret.reveal(), HIDDEN)
    return SHAPES.sub(HIDDEN, text)
