"""Error body: what a server says went wrong, in whichever of the shapes it says it.

Read are OpenAI's `{"error": {message, type, param, code}}`, the same with
"error" as a plain string or a list (Hugging Face), FastAPI's `{"detail": str |
list}`, errors at the root (vLLM before 0.10, Cohere, Replicate), a list around
any of them (Google), HTML pages and plain text. All reading is total.

What a server repeats of the payload is never read: validators (pydantic) send
back each wrong input whole, and a reason ends up in logs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.secret import Secret, redact
from resilient_infer.core.task import Json

SHOWN: Final = 200
"""Characters of a server's message that a reason quotes."""

_READ: Final = 4000
"""Characters of a server's message that are looked at."""

_NAMED: Final = 40
"""Characters of each part of the place that is at fault: a key of the payload may be as long as a text."""

_TITLE: Final = re.compile(r"<(?:title|h1)[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_MARKUP: Final = re.compile(r"\s*(?:<!doctype html|<html|<head|<body|<center|<h1|<!--)", re.IGNORECASE)
_JSON: Final = re.compile(r"\ufeff?\s*(?:\{|\[\s*[\[{\"])")
_REPEATED: Final = re.compile(r"""(?:^|[,{])\s*\\*['"]input\\*['"]\s*:|\binput_value=""")
"""Where the text of a validator's exception comes to the input: Python's or JSON's spelling of pydantic's
errors (vLLM sends the former as a message), and pydantic's own sentence."""
_MESSAGES: Final = ("message", "msg", "detail", "error", "errors", "error_message", "title")
_CODES: Final = ("code", "type", "error_type", "error_code", "status")
_INNER: Final = ("error", "innererror", "inner_error", "detail", "errors")
_DEPTH: Final = 4


@dataclass(frozen=True, slots=True)
class ServerError:
    """What a server said.

    Attributes:
        message: Its sentence, at most `_READ` characters, neither cleaned nor redacted; may be empty.
        codes: Every code and type it gave, in lower case.
    """

    message: str
    codes: frozenset[str]


def read_error(body: Json, excerpt: bytes) -> ServerError:
    """What the server said, from the decoded body or, where that is None, from the raw bytes."""
    if body is None:
        return ServerError(_without_input(_text_of(excerpt)), frozenset())
    return ServerError(_message(body, _DEPTH)[:_READ], frozenset(_codes(body, _DEPTH)))


def looks_like_html(excerpt: bytes) -> bool:
    """Whether the bytes are a web page, as proxies and gateways send them."""
    return _MARKUP.match(excerpt[:200].decode("utf-8", "replace").lstrip("\ufeff")) is not None


def one_line(text: str, secret: Secret | None = None, *, limit: int = SHOWN) -> str:
    """`text` fit for errors and terminals: one printable line without secrets, `limit` long at the most."""
    if len(text) >= _READ:
        # A cut may leave half a secret, which no pattern knows any more: its word goes with it.
        text = text[:_READ].rpartition(" ")[0] or text[:_READ]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in text)
    # Redacted before it is cut, or the cut would leave part of a secret.
    text = redact(" ".join(text.split()), secret)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text_of(excerpt: bytes) -> str:
    text = excerpt[:_READ].decode("utf-8", "replace")
    if _JSON.match(text):  # cut off or too long: what of it is the payload cannot be told
        return "JSON that cannot be read"
    if not looks_like_html(excerpt):
        return text
    title = _TITLE.search(text)
    return f"an HTML page: {title[1].strip()}" if title else "an HTML page"


def _without_input(text: str) -> str:
    found = _REPEATED.search(text)
    return text if found is None else f"{text[: found.start()].rstrip()} …".lstrip()


def _message(value: Json, depth: int) -> str:
    if isinstance(value, str):
        return _without_input(value[:_READ])
    if depth == 0:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_message(item, depth - 1) for item in value[:5])))
    if not isinstance(value, dict):
        return ""
    text = next(filter(None, (_message(value.get(key), depth - 1) for key in _MESSAGES)), "")
    where = value.get("loc")  # FastAPI names the field in a list of its own
    if text and isinstance(where, list):
        parts = (str(part)[:_NAMED] for part in where[:8] if isinstance(part, str | int))
        return f"{'.'.join(parts)}: {text}"
    return text


def _codes(value: Json, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value[:5]:
            yield from _codes(item, depth - 1)
    if not isinstance(value, dict):
        return
    for key in _CODES:
        code = value.get(key)
        if isinstance(code, str) and len(code) <= SHOWN:
            yield code.strip().lower()
        elif type(code) is int and 0 <= code < 1000:
            yield str(code)
    for key in _INNER:
        yield from _codes(value.get(key), depth - 1)
