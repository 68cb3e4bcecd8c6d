"""Objects: files, folders and commits under the names that git and git-lfs give them.

Computed as the real ones are, so that what a client hashes for itself agrees
with what this Hub reports.
Sources: git's documentation, "Git Internals - Git Objects"; git-lfs,
`docs/spec.md` (the pointer file).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

_LFS_SUFFIXES = (".bin", ".gguf", ".h5", ".msgpack", ".onnx", ".ot", ".pt", ".pth", ".safetensors")
"""What the `.gitattributes` of a new Hub repo sends to LFS, as far as weights are concerned."""

_LFS_OVER = 10 * 1024 * 1024
"""Bytes over which the Hub takes no file into git itself, whatever its name."""


@dataclass(frozen=True, kw_only=True)  # no slots: digests are made when they are asked for, and kept
class Blob:
    """The content of a file.

    Attributes:
        lfs: It is in LFS; git has only a pointer to it.
    """

    content: bytes = field(repr=False)
    lfs: bool

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content)

    @cached_property
    def sha256(self) -> str:
        """The name of the content in LFS."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        """What git has of it, if it is in LFS."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n"
        return text.encode()

    @cached_property
    def oid(self) -> str:
        """Its name in git: of the pointer, if it is in LFS."""
        return _oid("blob", self.pointer if self.lfs else self.content)

    @property
    def etag(self) -> str:
        """What a download says that this is: LFS's name for it, or else git's."""
        return self.sha256 if self.lfs else self.oid


Files = Mapping[str, Blob]
"""Files by path; "/" between folders."""


def blob(path: str, content: bytes | str) -> Blob:
    """The content of a file of this name; text is written in UTF-8."""
    raw = content.encode() if isinstance(content, str) else content
    return Blob(content=raw, lfs=path.endswith(_LFS_SUFFIXES) or len(raw) > _LFS_OVER)


def trees(files: Files) -> dict[str, str]:
    """The name in git of each folder that has a file somewhere below; "" is the root."""
    entries: dict[str, list[tuple[bytes, bytes]]] = {"": []}
    for path, content in files.items():
        folder, _, name = path.rpartition("/")
        entries.setdefault(folder, []).append(_entry(name, "100644", content.oid))
        while folder:
            folder = folder.rpartition("/")[0]
            entries.setdefault(folder, [])
    oids: dict[str, str] = {}
    for folder in sorted(entries, key=_depth, reverse=True):
        oids[folder] = _oid("tree", b"".join(line for _, line in sorted(entries[folder])))
        if folder:
            parent, _, name = folder.rpartition("/")
            entries[parent].append(_entry(name, "40000", oids[folder]))
    return oids


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: the folders' names are made on demand
class Commit:
    """One commit.

    Attributes:
        id: 40 hex digits. It stays when other files are served under it.
        parent: The commit before; None for the first.
        date: When it was made, UTC.
    """

    id: str
    files: Files = field(repr=False)
    parent: str | None
    date: datetime
    author: str
    title: str

    @cached_property
    def folders(self) -> Mapping[str, str]:
        """As `trees`."""
        return trees(self.files)

    def holding(self, files: Files) -> "Commit":
        """A commit of the same name with other files, which git could never have."""
        return replace(self, files=files)


def committed(
    files: Files, *, parent: str | None, date: datetime, author: str, title: str, repo: str
) -> Commit:
    """A new commit.

    Args:
        repo: The repo's stable id. Part of the name, so that two repos with the same files differ.
    """
    lines = [f"tree {trees(files)['']}"]
    lines += [] if parent is None else [f"parent {parent}"]
    stamp = f"{author} <{repo}@sandbox.invalid> {int(date.timestamp())} +0000"
    lines += [f"author {stamp}", f"committer {stamp}", "", f"{title}\n"]
    return Commit(
        id=_oid("commit", "\n".join(lines).encode()),
        files=files,
        parent=parent,
        date=date,
        author=author,
        title=title,
    )


def _entry(name: str, mode: str, oid: str) -> tuple[bytes, bytes]:
    """A line of a tree, behind what it is sorted by: git sorts a folder as if its name ended in "/"."""
    line = f"{mode} {name}\0".encode() + bytes.fromhex(oid)
    return (f"{name}/" if mode == "40000" else name).encode(), line


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _oid(kind: str, content: bytes) -> str:
    header = f"{kind} {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
