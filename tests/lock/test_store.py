"""The store: whole or not at all, one writer at a time, and a clear word where neither is possible."""

import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from resilient_infer.errors import ConfigError
from resilient_infer.lock.lockfile import parse_lock
from resilient_infer.lock.store import LOCK_FILE, write_if_changed, write_new, writing
from tests.lock import writers

NAME = "models.lock.yaml"
ROOT = Path(__file__).parents[2]


def run_story(name: str, folder: Path, *before: str) -> dict[str, Any]:
    """A story of `writers`, after these shell commands, which see the folder as $1."""
    told = [sys.executable, "-m", "tests.lock.writers", name, str(folder)]
    if before:
        # In a mount namespace of its own: nothing is mounted for anybody else, or left behind.
        script = " && ".join([*before, 'shift && exec "$@"'])
        told = ["unshare", "-m", "sh", "-ec", script, "sh", str(folder), *told]
    ran = subprocess.run(told, capture_output=True, encoding="utf-8", check=False, timeout=120, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    read: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return read


@pytest.fixture
def mountable(tmp_path: Path) -> Path:
    """A folder that a test may mount something on."""
    trial = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs Linux and root; a full or read-only disk cannot be tried without")
    return tmp_path


def test_a_file_is_made_and_then_left_alone(tmp_path: Path) -> None:
    """The same text again touches nothing, not even the time of the last change."""
    path = tmp_path / NAME

    assert write_if_changed(path, "a: é\n") is True
    os.utime(path, ns=(1, 1))
    assert write_if_changed(path, "a: é\n") is False

    assert path.stat().st_mtime_ns == 1
    assert path.read_bytes() == "a: é\n".encode()
    assert write_if_changed(path, b"a: b\r\n") is True
    assert path.read_bytes() == b"a: b\r\n"
    assert os.listdir(tmp_path) == [NAME]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_of_a_file_is_kept(tmp_path: Path, mode: int) -> None:
    """Whoever could read the lock still can, and nobody else."""
    path = tmp_path / NAME
    path.write_text("old")
    path.chmod(mode)

    write_if_changed(path, "new")

    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    """As the user's umask says, as if an editor had made it."""
    write_if_changed(tmp_path / NAME, "x")
    (tmp_path / "plain").write_text("x")

    assert (tmp_path / NAME).stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_new_file_is_put_where_none_is_and_nowhere_else(tmp_path: Path) -> None:
    """Not over a file, a folder or a link that leads nowhere; nothing unfinished is left."""
    with writing(tmp_path):
        write_new(tmp_path / NAME, b"new")
        for name, kind in (("file", "is there already"), ("folder", "no ordinary"), ("link", "is a symlink")):
            _put(tmp_path / name)
            with pytest.raises(ConfigError, match=kind):
                write_new(tmp_path / name, b"new")

    assert (tmp_path / NAME).read_bytes() == b"new"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {NAME, LOCK_FILE, "file", "folder", "link"}


def _put(path: Path) -> None:
    match path.name:
        case "file":
            path.write_bytes(b"old")
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to(path.parent / "nowhere")


def test_a_symlink_is_refused(tmp_path: Path) -> None:
    """Replacing it would cut it from its target; neither is touched."""
    target, path = tmp_path / "elsewhere.yaml", tmp_path / NAME
    target.write_text("old")
    path.symlink_to(target)

    for text in ("new", "old"):
        with pytest.raises(ConfigError, match="is a symlink"):
            write_if_changed(path, text)

    assert path.is_symlink()
    assert target.read_text() == "old"
    dangling = tmp_path / "models.prod.lock.yaml"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="is a symlink"):
        write_if_changed(dangling, "new")
    assert not (tmp_path / "nowhere").exists()


def test_what_is_no_ordinary_file_is_refused(tmp_path: Path) -> None:
    """A folder or a pipe of that name is somebody's; and opening a pipe would wait."""
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "b")

    for name in ("a", "b"):
        with pytest.raises(ConfigError, match="no ordinary file; nothing was changed"):
            write_if_changed(tmp_path / name, "x")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """It is not made on the way: the path may be a slip."""
    gone = tmp_path / "gone"

    with pytest.raises(ConfigError, match="cannot be written: no such file or directory") as caught:
        write_if_changed(gone / NAME, "x")
    with pytest.raises(ConfigError, match="is no folder"), writing(gone):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is no folder"), writing(tmp_path / "file"):
        pass
    with pytest.raises(ConfigError, match="not a directory"):
        write_if_changed(tmp_path / "file" / NAME, "x")

    assert not gone.exists()
    assert isinstance(caught.value.__cause__, OSError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_interrupted_write_leaves_one_version_or_the_other(tmp_path: Path) -> None:
    """Ctrl-C 200 times while a file is written: it is whole each time, and seldom something is left."""
    told = run_story("interrupt", tmp_path)

    assert told["interrupted"] == sum(told["seen"]) == writers.KILLS
    assert told["left"] < writers.KILLS // 10
    with writing(tmp_path):
        assert sorted(os.listdir(tmp_path)) == [LOCK_FILE, NAME]


def test_a_write_that_fails_half_way_leaves_the_old_bytes_and_nothing_else(tmp_path: Path) -> None:
    """As on a full disk, and needing neither root nor a disk."""
    told = run_story("outgrow", tmp_path)

    assert "cannot be written: file too large; nothing was changed" in told["said"]
    assert (told["whole"], told["left"]) == (True, [NAME])


def test_a_second_writer_is_told_which_file_is_held(tmp_path: Path) -> None:
    """After waiting as long as it was told to, without touching anything; then it is its turn."""
    with writing(tmp_path):
        with pytest.raises(ConfigError) as caught, writing(tmp_path, 0.01):
            pass
        assert str(tmp_path / LOCK_FILE) in str(caught.value)
        assert "0.01 s" in str(caught.value)
    with writing(tmp_path, 0):
        pass


def test_an_error_inside_lets_go(tmp_path: Path) -> None:
    """Whatever ends a writer, the next one may write."""
    with pytest.raises(KeyboardInterrupt), writing(tmp_path):
        raise KeyboardInterrupt
    with writing(tmp_path, 0):
        pass


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    """Only names that this writer makes."""
    ours = f".{NAME}.0123456789abcdef.tmp"
    others = [".models.yaml.swp", "models.yaml", ".models.lock.yaml.tmp", ".other.yaml.0123456789abcdef.tmp"]
    for name in (ours, *others):
        (tmp_path / name).write_text("")

    with writing(tmp_path):
        assert sorted(os.listdir(tmp_path)) == sorted([*others, LOCK_FILE])


def test_threads_take_turns(tmp_path: Path) -> None:
    """Eight threads add aliases to what they read, and none is lost."""
    write_if_changed(tmp_path / NAME, writers.version(0, 0))
    threads = [
        threading.Thread(target=writers.add_aliases, args=(tmp_path, number))
        for number in range(writers.WRITERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lock = parse_lock((tmp_path / NAME).read_bytes(), "l.yaml")
    assert len(lock.entries) == writers.WRITERS * writers.ROUNDS


def test_processes_take_turns(tmp_path: Path) -> None:
    """Eight at once, and no alias is lost."""
    told = run_story("compete", tmp_path)

    assert told["codes"] == [0] * writers.WRITERS
    assert told["aliases"] == writers.WRITERS * writers.ROUNDS
    assert told["left"] == [LOCK_FILE, NAME]


def test_a_killed_writer_leaves_one_version_or_the_other(tmp_path: Path) -> None:
    """SIGKILL 200 times in mid-write: the file is whole each time, and the next writer need not wait."""
    told = run_story("kill", tmp_path)

    assert sum(told["seen"]) == writers.KILLS
    assert min(told["seen"]) > 0
    assert min(told["unfinished"]) > 0, "no kill hit the midst of a write, so this proved nothing"
    assert told["left"] == [LOCK_FILE, *writers.NAMES]


def test_a_full_disk_leaves_the_old_bytes(mountable: Path) -> None:
    """It is told, nothing is left of the attempt, and what fits can still be written."""
    told = run_story("fill", mountable, 'mount -t tmpfs -o size=64k tmpfs "$1"')

    assert "cannot be written: no space left on device" in told["said"]
    assert str(mountable / NAME) in told["said"]
    assert "nothing was changed" in told["said"]
    assert (told["room_after"], told["whole"], told["left"]) == (True, True, [LOCK_FILE, NAME])


def test_a_read_only_folder_is_told(mountable: Path) -> None:
    """Also to root, also before anything is resolved; where nothing would change nothing is asked for."""
    prepare = f'{sys.executable} -m tests.lock.writers prepare "$1"'
    told = run_story(
        "read_only",
        mountable,
        'mount -t tmpfs -o size=1m tmpfs "$1"',
        prepare,
        'mount -o remount,ro "$1"',
    )

    for said in (told["said"], told["said to a writer"]):
        assert "cannot be written: read-only file system; nothing was changed" in said
    assert told["unchanged"] is False
    assert told["left"] == [NAME]
