"""Walk: which files are looked at."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from resilient_infer.lock.code.sighting import Unread
from resilient_infer.lock.code.walk import walk


def _make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def _walked(root: Path) -> list[str]:
    return [os.path.relpath(found, root) for found in walk(root) if isinstance(found, Path)]


def test_every_file_comes_in_the_order_of_the_names(tmp_path: Path) -> None:
    """Files of a folder before those of the folders in it."""
    _make(tmp_path, "b.py", "a.py", "d/x.py", "c/y.py", "c/e/z.txt")

    assert _walked(tmp_path) == ["a.py", "b.py", "c/y.py", "c/e/z.txt", "d/x.py"]


def test_what_tools_put_there_is_left_out(tmp_path: Path) -> None:
    """Also an environment by any name."""
    _make(
        tmp_path,
        ".git/config",
        "node_modules/a/b.js",
        ".venv/lib/a.py",
        "a/__pycache__/b.py",
        "x.egg-info/PKG",
    )
    _make(tmp_path, "my-env/pyvenv.cfg", "my-env/lib/python3/site.py", "src/a.py")

    assert _walked(tmp_path) == ["src/a.py"]


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    """A loop of folders ends, and nothing outside is read."""
    _make(tmp_path, "in/a.py", "out.py")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "outside.py").symlink_to(tmp_path / "out.py")
    os.mkfifo(tmp_path / "in" / "pipe.py")

    assert _walked(tmp_path / "in") == ["a.py"]


def test_folders_may_be_nested_deeper_than_pythons_stack() -> None:
    """Without recursion. Not in pytest's own folder, which it could not clear away."""
    root = Path(tempfile.mkdtemp())
    try:
        here = os.open(root, os.O_RDONLY)
        for _ in range(1_100):
            os.mkdir("d", dir_fd=here)
            here, before = os.open("d", os.O_RDONLY, dir_fd=here), here
            os.close(before)
        os.close(here)

        assert _walked(root) == []
    finally:
        subprocess.run(["rm", "-r", root], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look anywhere")
def test_a_folder_that_may_not_be_looked_into_is_told(tmp_path: Path) -> None:
    """And the others are read."""
    _make(tmp_path, "no/a.py", "yes/a.py")
    (tmp_path / "no").chmod(0)
    found = list(walk(tmp_path))
    (tmp_path / "no").chmod(0o700)

    assert [each for each in found if isinstance(each, Unread)] == [
        Unread(file=str(tmp_path / "no"), why="Permission denied")
    ]
    assert tmp_path / "yes" / "a.py" in found


def test_one_file_is_a_tree_of_one(tmp_path: Path) -> None:
    """Whatever its name."""
    _make(tmp_path, "a.py", "b.py")

    assert list(walk(tmp_path / "a.py")) == [tmp_path / "a.py"]
