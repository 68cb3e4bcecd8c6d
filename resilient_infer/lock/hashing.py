"""Hashing: the digest of a file's bytes, in one pass, however large it is."""

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

Algorithm = Literal["sha256", "git", "sha1"]
"""`git`: the oid of the blob, which is a sha1 of a header and the bytes."""

_PIECE: Final = 1024 * 1024


class Unreadable(Exception):
    """The bytes could not be read as they are; the message says why."""


def digests_of(
    place: str, algorithms: Collection[Algorithm], told: Callable[[int], None] = lambda size: None
) -> tuple[int, Mapping[str, str]]:
    """The size of an ordinary file and its digests, in hex.

    Args:
        place: No link.
        told: Told the size of each piece that was read.

    Raises:
        Unreadable: It cannot be read, or it changed meanwhile.
    """
    # A pipe in its place would be waited for, and a link followed.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(os.open(place, flags | getattr(os, "O_NOFOLLOW", 0)), "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise Unreadable("it is no ordinary file")
            sums = {algorithm: _begun(algorithm, before.st_size) for algorithm in algorithms}
            size = 0
            while size <= before.st_size and (piece := file.read(_PIECE)):  # it may grow for ever
                for each in sums.values():
                    each.update(piece)
                size += len(piece)
                told(len(piece))
            after = os.fstat(file.fileno())
    except OSError as error:
        raise Unreadable((error.strerror or "it cannot be read").lower()) from None
    if size != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
        raise Unreadable("it changed while it was read")
    return size, {algorithm: each.hexdigest() for algorithm, each in sums.items()}


def _begun(algorithm: Algorithm, size: int) -> "hashlib._Hash":
    if algorithm == "sha256":
        return hashlib.sha256()
    begun = hashlib.sha1(usedforsecurity=False)
    if algorithm == "git":
        begun.update(b"blob %d\0" % size)
    return begun
