"""Objects: the names are those that git and git-lfs give."""

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox.hub.objects import Blob, blob, committed, trees

NAMES = st.text("ab.-_0", min_size=1, max_size=4).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
AWKWARD = ("a", "a.b", "a-b/c", "a0/c", "ab", "b/a/a", "b/a.a", "é.txt")
"""Git sorts a folder as if its name ended in a slash: "a-b" before "a.b" before "a0/"."""


def nested(paths: list[str]) -> list[str]:
    """Without those that are a file and a folder at once."""
    return [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]


def test_known_names_of_nothing() -> None:
    """Git's best known ids: the empty file and the empty folder."""
    assert blob("a", b"").oid == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert trees({}) == {"": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_git_gives_the_same_names(tmp_path: Path) -> None:
    """Of files, of every folder, and of a commit."""

    def git(*arguments: str) -> str:
        ran = subprocess.run(
            ("git", "-C", str(tmp_path), *arguments), capture_output=True, text=True, check=True
        )
        return ran.stdout

    files = {path: blob(path, f"content of {path}") for path in AWKWARD}
    git("init", "-q")
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content.content)
    git("-c", "core.autocrlf=false", "add", ".")
    root = git("write-tree").strip()
    listed = git("-c", "core.quotepath=false", "ls-tree", "-r", "-t", root).splitlines()
    names = {path: words.split(" ")[2] for words, path in (line.split("\t") for line in listed)}
    made = committed(
        files, parent=None, date=datetime(2026, 1, 1, tzinfo=UTC), author="acme", title="first", repo="ab12"
    )
    person = "acme <ab12@sandbox.invalid> 1767225600 +0000"
    raw = f"tree {root}\nauthor {person}\ncommitter {person}\n\nfirst\n"
    (tmp_path / "raw").write_text(raw)

    assert trees(files)[""] == root
    assert {**{path: content.oid for path, content in files.items()}, **trees(files)} == {"": root, **names}
    assert git("hash-object", "-t", "commit", "raw").strip() == made.id


@given(content=st.binary(max_size=200))
def test_an_lfs_file_is_a_pointer_in_git(content: bytes) -> None:
    """Its etag is LFS's name, its name in git that of the pointer, its size that of the content."""
    made = blob("model.safetensors", content)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize %d\n" % (
        hashlib.sha256(content).hexdigest().encode(),
        len(content),
    )

    assert made.lfs
    assert made.etag == hashlib.sha256(content).hexdigest()
    assert made.oid == Blob(content=pointer, lfs=False).oid
    assert made.size == len(content)


def test_what_is_large_is_in_lfs_whatever_its_name() -> None:
    """Git itself takes 10 MiB, and not a byte more."""
    limit = 10 * 1024 * 1024
    assert not blob("notes.txt", bytes(limit)).lfs
    assert blob("notes.txt", bytes(limit + 1)).lfs


@given(paths=st.lists(PATHS, max_size=8, unique=True).map(nested))
def test_every_folder_has_a_name_and_nothing_else_has(paths: list[str]) -> None:
    """A folder is what a file is in; the order in which files come does not matter."""
    files = {path: blob(path, path) for path in paths}
    folders = {"", *(path[:cut] for path in paths for cut, letter in enumerate(path) if letter == "/")}

    assert set(trees(files)) == folders
    assert trees(dict(reversed(files.items()))) == trees(files)


@given(
    paths=st.lists(PATHS, min_size=1, max_size=5, unique=True).map(nested),
    content=st.text(max_size=5),
)
def test_a_commit_is_named_after_all_it_says(paths: list[str], content: str) -> None:
    """The same twice has one name; another file, parent, date, author, title or repo has another."""
    files = {path: blob(path, content) for path in paths}
    first = datetime(2026, 1, 1, tzinfo=UTC)
    said = {"parent": None, "date": first, "author": "a", "title": "t", "repo": "r"}
    changes = (
        {"parent": "0" * 40},
        {"date": first.replace(hour=1)},
        {"author": "b"},
        {"title": "u"},
        {"repo": "s"},
    )
    made = committed(files, **said)  # type: ignore[arg-type]  # one mapping of all kinds of values
    others = [committed(files, **{**said, **change}).id for change in changes]  # type: ignore[arg-type]  # as above
    others.append(committed({**files, "new": blob("new", "")}, **said).id)  # type: ignore[arg-type]  # as above

    assert made.id == committed(dict(files), **said).id  # type: ignore[arg-type]  # as above
    assert len({made.id, *others}) == 7
