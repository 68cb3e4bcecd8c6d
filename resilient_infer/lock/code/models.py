"""Models: the texts that stand where a call names its model, told apart."""

from dataclasses import dataclass
from typing import Final

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.lock.code.addresses import HOLE
from resilient_infer.lock.reference import parse_reference

_FOLDER: Final = "it is a folder or file of this machine"
_OPEN: Final = "the name is not written there as a constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A repo, or why it is none."""

    model: str | None = None
    ref: str | None = None
    why: str = ""


def repo_named(text: str, *, bare: str = "") -> Named:
    """The repo that loaders take a text for.

    Args:
        bare: The owner of names that have none.
    """
    if HOLE in text:
        return Named(why=_OPEN)
    if looks_like_secret(text):
        return Named(why="what stands there looks like an access token")
    if text[:1] in (".", "/", "~") or "\\" in text or text.endswith("/") or text.count("/") > 1:
        return Named(why=_FOLDER)
    if bare and "/" not in text:
        text = f"{bare}/{text}"
    if "@" in text:
        return Named(why="no repo of the Hub can have that name")
    try:
        return Named(model=parse_reference(text).model)
    except ValueError:
        return Named(why="no repo of the Hub can have that name")


def ref_named(model: str, text: str) -> Named:
    """The repo at a branch, tag or commit; where that is none, the repo and why."""
    if HOLE in text:
        return Named(model=model, why=f"{model} is asked for at a revision that is not written there")
    if looks_like_secret(text):
        return Named(model=model, why=f"what stands for the revision of {model} looks like an access token")
    try:
        return Named(model=model, ref=parse_reference(f"{model}@{text}").ref)
    except ValueError:
        return Named(model=model, why=f"{model} is asked for at a revision that git does not allow")
