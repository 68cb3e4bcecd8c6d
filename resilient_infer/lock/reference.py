"""Model references: `org/model`, `org/model@ref`, or an address pasted from a browser or a tutorial."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

DEFAULT_REF: Final = "main"
"""The Hub's default branch; it cannot be renamed there (`DEFAULT_REVISION` in huggingface_hub)."""

# As `REPO_ID_REGEX` and `validate_repo_id` in huggingface_hub, restricted to ASCII as the Hub is.
_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REPO: Final = re.compile(rf"(?:{_NAME}/)?{_NAME}")
_REPO_LENGTH: Final = 96

SHORT_COMMIT: Final = 7
"""Digits of the shortest abbreviation of a commit that the Hub's API takes."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SCHEME: Final = re.compile(r"(?i)([a-z][a-z0-9+.-]*)://([^/]*)/?(.*)", re.DOTALL)
_NOT_MODELS: Final = frozenset({"datasets", "spaces", "buckets", "collections", "papers", "api", "docs"})

# git check-ref-format: the characters and sequences no ref may contain.
_REF_CHARACTERS: Final = re.compile(r"[!-~]{1,255}")
_NOT_IN_REF: Final = re.compile(r"[~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """A Hub repo, and the branch, tag or commit asked for (None: the default branch)."""

    model: str
    ref: str | None = None

    @property
    def requested(self) -> str:
        """The ref in words: no ref is the Hub's default branch."""
        return self.ref or DEFAULT_REF

    def __str__(self) -> str:
        return f"{self.model}@{self.ref}" if self.ref else self.model


def is_commit(text: str) -> bool:
    """Whether `text` is a full commit, 40 lower-case hex digits."""
    return _COMMIT.fullmatch(text) is not None


def stands_for(ref: str, commit: str) -> bool:
    """Whether `ref` is `commit` itself, all of it or in short: it can never be another one."""
    return len(ref) >= SHORT_COMMIT and commit.startswith(ref)


def parse_reference(text: str) -> ModelReference:
    """Read a model reference as people write or paste it.

    Raises:
        ValueError: It is none. The message says why and what to write; it does not quote `text`.
    """
    pasted = _SCHEME.fullmatch(text)
    if pasted is None:
        model, at, ref = text.partition("@")
        return _checked(model, ref if at else None)
    scheme, host, path = pasted[1].lower(), pasted[2], pasted[3]
    if scheme == "hf":
        model, at, ref = f"{host}/{path}".rstrip("/").partition("@")
        return _checked(model, unquote(ref) if at else None)
    if scheme not in ("http", "https"):
        raise ValueError("an address is understood only from https://huggingface.co/ or hf://")
    if "?" in path or "#" in path:
        raise ValueError("the address has a query or fragment; write org/model@ref")
    path, at, ref = path.rstrip("/").partition("@")
    found = _from_address(host.lower(), path.split("/"))
    if at and found.ref:
        raise ValueError("the address names two refs; write org/model@ref")
    return _checked(found.model, unquote(ref)) if at else found


def _from_address(host: str, parts: list[str]) -> ModelReference:
    match host, parts:
        case "huggingface.co" | "hf.co" | "www.huggingface.co", [*_]:
            return _from_page(parts)
        case "api-inference.huggingface.co", ["models", *repo]:
            return _checked("/".join(repo), None)
        case "api-inference.huggingface.co", ["pipeline", _, *repo]:
            return _checked("/".join(repo), None)
        case "router.huggingface.co", ["hf-inference", "models", *repo]:
            return _checked("/".join(_without_pipeline(repo)), None)
    raise ValueError("no model is known by this address; write org/model@ref")


def _without_pipeline(repo: list[str]) -> list[str]:
    return repo[:-2] if len(repo) > 2 and repo[-2] == "pipeline" else repo


def _from_page(parts: list[str]) -> ModelReference:
    """A page of the Hub: `org/model`, `org/model/tree/ref`, `org/model/commit/sha`; old repos have no org."""
    for size in (2, 1):
        if len(parts) > size + 1 and parts[size] in ("tree", "commit"):
            return _checked("/".join(parts[:size]), unquote("/".join(parts[size + 1 :])))
    if len(parts) > 2 and parts[0] not in _NOT_MODELS:
        raise ValueError("this is an address inside a repo; write org/model, or org/model@ref")
    return _checked("/".join(parts), None)


def _checked(model: str, ref: str | None) -> ModelReference:
    owner = model.split("/")[0] if "/" in model else ""
    if owner in _NOT_MODELS or model in _NOT_MODELS:
        raise ValueError("this is an address of the Hub, but of no model; write org/model@ref")
    longest = max(len(part) for part in model.split("/"))
    bad = "--" in model or ".." in model or model.endswith(".git") or longest > _REPO_LENGTH
    if bad or not _REPO.fullmatch(model):
        raise ValueError(
            "no Hub repo can have this name; write org/model or org/model@ref "
            "(letters, digits, '-', '_', '.'; no '--' or '..')"
        )
    if ref is not None:
        _check_ref(ref)
    return ModelReference(model=model, ref=ref)


def _check_ref(ref: str) -> None:
    if not ref:
        raise ValueError("nothing follows the '@'; name a branch, tag or commit, or leave the '@' out")
    if _COMMIT.fullmatch(ref.lower()) and not is_commit(ref):
        raise ValueError("a commit is written in lower case")
    wrong_end = ref[0] in "-/." or ref[-1] in "/."
    if wrong_end or ref == "@" or not _REF_CHARACTERS.fullmatch(ref) or _NOT_IN_REF.search(ref):
        raise ValueError("what follows the '@' is no branch, tag or commit that git allows")
