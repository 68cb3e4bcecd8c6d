"""Addresses: what a text says of models by the URLs in it.

Understood are the Hub's inference services, past and present, Inference
Endpoints, and downloads of single files (`/resolve/`). A page of the Hub is a
mention and no use.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.core.task import TASKS
from resilient_infer.lock.code.sighting import Server
from resilient_infer.lock.reference import ModelReference, parse_reference
from resilient_infer.lock.url import parse_url

HOLE: Final = "\0"
"""Stands in a text for what is not written there."""

_MANY: Final = 20_000
"""Characters between a request's address and the model in its body, at the most: a screenful or two."""

_ADDRESS: Final = re.compile(
    r"(?i)https?://(api-inference\.huggingface\.co|router\.huggingface\.co|(?:www\.)?huggingface\.co|hf\.co"
    r"|[a-z0-9.-]{1,200}\.endpoints\.huggingface\.cloud)(/[^\s\"'`<>()|\\,;]{0,500})?"
)
_COMPUTED: Final = re.compile(r"[\0${}%*\[\]]|\.\.\.|…")
_PICTURE: Final = re.compile(r"(?i)\.(?:png|jpe?g|gif|svg|webp|bmp|pdf|mp3|mp4|wav|flac|ogg|webm|mov)$")
_FIELD: Final = re.compile(r"""\bmodel\\?["']?\s*[:=]\s*\\?["']([^\s"'\\]{1,200})""")
_REVISION: Final = re.compile(r"resolve/([^/]{1,200})/(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A URL that reaches a model.

    Attributes:
        start: Where it begins in the text.
        server: Who is asked; None: the file is downloaded.
        found: The model; None: the URL does not say it, and `why` says why.
        asks: The model stands in the request's body.
        bare: The model would follow, and nothing does: something may be put behind it elsewhere.
    """

    start: int
    server: Server | None
    found: ModelReference | None = None
    task: str | None = None
    why: str = ""
    asks: bool = False
    bare: bool = False


def addresses_in(text: str) -> Iterator[Address]:
    """Every such URL of a text, in order."""
    for match in _ADDRESS.finditer(text):
        host, path = match[1].lower(), (match[2] or "").rstrip("/.:!?*_")
        # What is computed comes first: "{org}/bert" is no model, nor is its end.
        parts = path.partition("?")[0].partition("#")[0].strip("/").split("/")
        address = _read(match.start(), host, [part for part in parts if part], path)
        if address is not None:
            yield address


def models_named(text: str) -> list[tuple[int, str]]:
    """Every `model: "…"` of a text and where it stands, in whatever notation."""
    return [(match.start(), match[1]) for match in _FIELD.finditer(text)]


def named_beside(named: list[tuple[int, str]], start: int) -> str | None:
    """The model that a request names in its body, written after its address, else before it.

    Args:
        named: See `models_named`.
    """
    after = bisect_left(named, (start, ""))
    if after < len(named) and named[after][0] < start + _MANY:
        return named[after][1]
    return named[after - 1][1] if after and named[after - 1][0] >= start - _MANY else None


def _read(start: int, host: str, parts: list[str], path: str) -> Address | None:
    if host.endswith(".endpoints.huggingface.cloud"):
        return _endpoint(start, host, parts)
    match host, parts:
        case "api-inference.huggingface.co", ["models", *repo]:
            return _hosted(start, repo, None)
        case "api-inference.huggingface.co", ["pipeline", task, *repo]:
            return _hosted(start, repo, task)
        case "router.huggingface.co", ["hf-inference", "models", *repo]:
            return _hosted(start, repo, None)
        case "router.huggingface.co", ["hf-inference"]:
            return _hosted(start, [], None)
        case "router.huggingface.co", ["v1", *_]:
            why = "the model stands in the request, and not as a constant"
            return Address(start=start, server=Server(kind="hf-router"), why=why, asks=True)
        case "router.huggingface.co", [provider, *_] if not _COMPUTED.search(provider):
            why = "the address is of one provider of the router; write who serves it into a route"
            return Address(start=start, server=Server(kind="hf-router"), why=why)
        case "router.huggingface.co", _:
            return None
        case "api-inference.huggingface.co", _:
            return None
    return _download(start, parts)


def _endpoint(start: int, host: str, parts: list[str]) -> Address | None:
    try:
        url = parse_url(f"https://{host}")
    except ValueError:
        return None
    if looks_like_secret(url):
        return None
    why = "the address does not say which model the endpoint serves"
    if parts[:1] == ["v1"]:
        server = Server(kind="openai", url=f"{url}/v1")
        return Address(start=start, server=server, why=why, task="chat", asks=True)
    return Address(start=start, server=Server(kind="hf-endpoint", url=url), why=why)


def _hosted(start: int, repo: list[str], task: str | None) -> Address:
    server = Server(kind="hf-inference")
    for number, part in enumerate(repo[:3]):
        if number and part in ("v1", "pipeline"):
            task = "chat" if part == "v1" else "".join(repo[number + 1 : number + 2]) or None
            repo = repo[:number]
            break
    found = _reference("/".join(repo[:2]))
    if found is None:
        why = "the model in the address is computed or left open"
        return Address(start=start, server=server, why=why, bare=not repo)
    return Address(start=start, server=server, found=found, task=task if task in TASKS else None)


def _download(start: int, parts: list[str]) -> Address | None:
    """One file of a repo, by its address in a browser."""
    for size in (2, 1):
        found = _REVISION.fullmatch("/".join(parts[size:]))
        if found is None or parts[0] in ("datasets", "spaces", "api"):
            continue
        if _PICTURE.search(found[2]):
            return None
        reference = _reference("/".join(parts[:size]), unquote(found[1]))
        if reference is None:
            return Address(start=start, server=None, why="the address is computed or left open")
        return Address(start=start, server=None, found=reference)
    return None


def _reference(model: str, ref: str | None = None) -> ModelReference | None:
    if _COMPUTED.search(model) or "@" in model or (ref is not None and _COMPUTED.search(ref)):
        return None
    try:
        return parse_reference(model if ref is None else f"{model}@{ref}")
    except ValueError:
        return None
