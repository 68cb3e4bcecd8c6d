"""Headers: what may be put on the wire, and how an answer's headers are read.

Source: RFC 9110, sections 5.1 (names are tokens), 5.3 (repeated headers are
joined by a comma) and 5.5 (no control characters, no spaces at either end).
"""

import re
from collections.abc import Iterable
from typing import Final

from resilient_infer.core.secret import HIDDEN
from resilient_infer.errors import ConfigError

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_FRAMING: Final = ("content-length", "transfer-encoding")
"""Headers that say where a request ends: were that untrue, a server would read another one out of it."""


class Unshown(str):
    """A header's value, perhaps a token, that no tool shows which prints the variables of a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN


class UnshownBytes(bytes):
    """The same, as it is put on the wire."""

    def __repr__(self) -> str:
        return HIDDEN


def check_header(name: str, value: str) -> None:
    """Refuse a header that would be sent wrongly or could smuggle in another.

    Raises:
        ConfigError: Says what is wrong with which header and never shows the value, which may be a secret.
    """
    if not _TOKEN.fullmatch(name):
        raise ConfigError(f"{name!r} is not a header name", hint="use letters, digits and hyphens")
    if name.lower() in _FRAMING:
        raise ConfigError(f"the header {name} is the transport's own", hint="leave it out")
    if _VALUE.fullmatch(value):
        return
    if value != value.strip():
        raise ConfigError(
            f"the value of the header {name} starts or ends with a space or a line break",
            hint="look for a stray line break where the value is set",
        )
    raise ConfigError(
        f"the value of the header {name} holds a control character or one outside Latin-1",
        hint="look for characters that were pasted along with the value",
    )


def lowered(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names in lower case; the values of a repeated name joined by ", "."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined
