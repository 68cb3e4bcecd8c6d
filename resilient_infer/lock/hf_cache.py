"""Hub cache: what huggingface_hub has downloaded to this machine, found without it.

`models--org--name/snapshots/<commit>/<path>` is a link to `blobs/<name>`, where
the name is what the Hub said of the content: its sha256, or its blob's oid in
git. Where links cannot be made (Windows, `HF_HUB_DISABLE_SYMLINKS`) the file
itself lies in the snapshot. Newer versions keep the list of a commit's files in
`trees/<commit>.json`, and large blobs of all repos in one store of the cache.
Sources: huggingface_hub 1.33 and 2.4, constants.py, file_download.py, _tree_cache.py, _shared_blobs.py.
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resilient_infer.lock.answers import HubFile

_MOST_LISTING: Final = 64 * 1024 * 1024
"""Bytes of a list of files; the Hub's largest repos have some 100,000 files."""

_NAME: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedFile:
    """A file of a snapshot.

    Attributes:
        path: In the repo.
        place: Where its bytes really are.
        name: What the Hub called them when they were downloaded, 40 or 64 hex digits; None: nobody says.
        fault: Why they cannot be read; empty if nothing speaks against it.
    """

    path: str
    place: str
    name: str | None = None
    fault: str = ""


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where huggingface_hub keeps what it downloads."""
    home = environ.get("HF_HOME", os.path.join(environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface"))
    usual = environ.get("HUGGINGFACE_HUB_CACHE", os.path.join(home, "hub"))
    named = environ.get("HF_HUB_CACHE", usual)
    return Path(os.path.expandvars(os.path.expanduser(named)))


def snapshot(cache: Path, model: str, revision: str) -> tuple[CachedFile, ...] | None:
    """The files of a commit that are in the cache, by path; None: there are none.

    Raises:
        OSError: The folder is there and cannot be read.
    """
    root = _folder(cache, model) / "snapshots" / revision
    try:
        files = tuple(sorted(_files(root, os.path.realpath(cache)), key=lambda file: file.path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return files or None


def listing(cache: Path, model: str, revision: str) -> tuple[HubFile, ...]:
    """Every file of the commit, as the cache has it from the Hub; empty: it has no list that makes sense.

    Anybody who can write to the cache can write it: it proves nothing by itself.
    """
    path = _folder(cache, model) / "trees" / f"{revision}.json"
    try:
        with open(path, "rb") as file:
            text = file.read(_MOST_LISTING + 1)
        files = json.loads(text)["files"].items() if len(text) <= _MOST_LISTING else ()
        return tuple(_listed(name, told) for name, told in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def _listed(path: str, told: Mapping[str, object]) -> HubFile:
    sha256, size = told.get("lfs_sha256"), told["size"]
    digest = f"git:{told['blob_id']}" if sha256 is None else f"sha256:{sha256}"
    if not isinstance(size, int):
        raise TypeError
    return HubFile(path=path, size=size, digest=digest)


def _folder(cache: Path, model: str) -> Path:
    return cache / "--".join(("models", *model.split("/")))


def _files(root: Path, cache: str) -> Iterator[CachedFile]:
    """Every file below, none of a folder that is only linked there."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as found:
            entries = list(found)
        for entry in entries:
            path = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{path}/")
            else:
                yield _file(path, entry, cache)


def _file(path: str, entry: "os.DirEntry[str]", cache: str) -> CachedFile:
    name = None
    try:
        place = os.path.realpath(entry.path, strict=True)
        if entry.is_symlink():
            last = os.path.basename(os.readlink(entry.path))
            name = last if _NAME.fullmatch(last) else None
        ordinary = stat.S_ISREG(os.stat(place).st_mode)
    except FileNotFoundError:
        return CachedFile(path=path, place="", fault="it is a link to nothing")
    except OSError as error:
        return CachedFile(path=path, place="", fault=(error.strerror or "it cannot be read").lower())
    if not Path(place).is_relative_to(cache):
        return CachedFile(path=path, place=place, fault="it is a link that leads out of the cache")
    fault = "" if ordinary else "it is no ordinary file"
    return CachedFile(path=path, place=place, name=name, fault=fault)
