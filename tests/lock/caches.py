"""Caches as huggingface_hub leaves them, made without it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.files import files_digest
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.weights import weights_of
from tests.lock.fake_hub import file_of
from tests.lock.samples import COMMIT

NAME = "acme/sentiment"
Contents = Mapping[str, bytes]


def pin_of(commit: Contents, *, by_hand: bool = False) -> LockedModel:
    """What `lock` writes for a commit of these files; by hand, no digest."""
    if by_hand:
        return LockedModel(model=NAME, requested="main", revision=COMMIT)
    files = [file_of(path, content) for path, content in commit.items()]
    return LockedModel(
        model=NAME, requested="main", revision=COMMIT, weights=weights_of(files), files=files_digest(files)
    )


def folder_of(cache: Path) -> Path:
    return cache / "models--acme--sentiment"


def place_of(cache: Path, path: str) -> Path:
    """Where a file of the snapshot is."""
    return folder_of(cache) / "snapshots" / COMMIT / path


def fill(cache: Path, here: Contents, *, links: bool = True, commit: Contents | None = None) -> None:
    """Put files into the cache.

    Args:
        links: The snapshot holds links to blobs; else the files themselves, as on Windows.
        commit: All the files of the commit, listed as newer versions do; None: there is no list.
    """
    blobs = folder_of(cache) / "blobs"
    blobs.mkdir(parents=True)
    for path, content in here.items():
        place = place_of(cache, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        blob = blobs / file_of(path, content).digest.partition(":")[2]
        if links:
            blob.write_bytes(content)
            place.symlink_to(os.path.relpath(blob, place.parent))
        else:
            place.write_bytes(content)
    if commit is not None:
        trees = folder_of(cache) / "trees"
        trees.mkdir()
        listed = {path: _listed(file_of(path, content)) for path, content in commit.items()}
        (trees / f"{COMMIT}.json").write_text(json.dumps({"format_version": 1, "files": listed}))


def _listed(file: HubFile) -> dict[str, object]:
    kind, _, digits = file.digest.partition(":")
    if kind == "git":
        return {"size": file.size, "blob_id": digits}
    return {"size": file.size, "blob_id": "0" * 40, "lfs_sha256": digits, "lfs_size": file.size}
