"""Hashing: in one pass, of ordinary files that hold still."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.lock.hashing import Unreadable, digests_of

WORDS = st.sets(st.sampled_from(["sha256", "git", "sha1"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.binary(min_size=1, max_size=3).map(lambda some: some * 900_000))
def test_each_digest_is_that_of_the_bytes(tmp_path: Path, content: bytes) -> None:
    """Also across the pieces it is read in; the oid is git's."""
    path = tmp_path / "file"
    path.write_bytes(content)
    told: list[int] = []

    size, sums = digests_of(str(path), ("sha256", "git", "sha1"), told.append)

    blob = b"blob %d\0%b" % (len(content), content)
    assert sums == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "sha1": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "git": hashlib.sha1(blob, usedforsecurity=False).hexdigest(),
    }
    assert size == sum(told) == len(content)


def test_a_known_oid() -> None:
    """`echo hello | git hash-object --stdin`."""
    path = Path(__file__).with_name("known_oid.txt")
    assert digests_of(str(path), ("git",)) == (6, {"git": "ce013625030ba8dba906f756967f9e9ca394464a"})


@pytest.mark.parametrize(("change", "stamp"), [("grows", 5), ("shrinks", 5), ("is written over", 9)], ids=str)
def test_a_file_that_changes_meanwhile_is_unreadable(tmp_path: Path, change: str, stamp: int) -> None:
    """Half of it old and half of it new is the digest of nothing; the time of its change may be set back."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    os.utime(path, ns=(5, 5))

    def meanwhile(size: int) -> None:
        with open(path, "r+b") as file:
            if change == "shrinks":
                file.truncate(1_000_000)
            else:
                file.seek(0, os.SEEK_END if change == "grows" else os.SEEK_SET)
                file.write(b"y")
        os.utime(path, ns=(stamp, stamp))

    with pytest.raises(Unreadable, match="it changed while it was read"):
        digests_of(str(path), ("sha256",), meanwhile)


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that nobody writes to, a folder, a link, nothing at all."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(__file__)
    for name in ("pipe", "", "link", "nothing"):
        with pytest.raises(Unreadable):
            digests_of(str(tmp_path / name), ("sha256",))
