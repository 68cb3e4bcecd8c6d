"""Files: a caller's path or open file, read whole before the call begins."""

import gzip
import io
import os
import tempfile
import tracemalloc
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.errors import PayloadRefused
from resilient_infer.transport.files import LARGEST, read_file

ONE_WAY = getattr(os, "mkfifo", None)


def refusal(payload: object) -> str:
    """What the refusal of `payload` says."""
    with pytest.raises(PayloadRefused) as caught:
        read_file(payload)
    assert caught.value.hint
    return str(caught.value)


class Slow(io.RawIOBase):
    """A stream that gives a few bytes at a time and cannot go back, as a pipe does."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = [part for part in parts if part]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.parts.pop(0) if self.parts else b""


class Endless(io.RawIOBase):
    """Zeros without end, as far as anybody should look."""

    part = bytes(64 * 1024 * 1024)
    asked = 0

    def read(self, size: int = -1) -> bytes:
        self.asked += 1
        if self.asked * len(self.part) > LARGEST + 2 * len(self.part):
            raise AssertionError("read on and on")
        return self.part


@given(st.binary(min_size=1, max_size=5000))
def test_a_path_and_what_is_open_give_all_their_bytes(content):
    """By itself and under `inputs`, whatever kind of file it is."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.bin"
        path.write_bytes(content)
        assert read_file(path) == content
        assert read_file({"inputs": path, "parameters": {}}) == {"inputs": content, "parameters": {}}
        with path.open("rb") as file:
            assert read_file(file) == content
        with path.open("rb", buffering=0) as file:
            assert read_file({"inputs": file}) == {"inputs": content}
    assert read_file(io.BytesIO(content)) == content


@given(st.lists(st.binary(max_size=50), min_size=1).filter(any))
def test_a_stream_is_read_to_its_end_however_little_it_gives_at_a_time(parts):
    """A short read is no end."""
    assert read_file(Slow(parts)) == b"".join(parts)


@pytest.mark.parametrize(
    "payload",
    [
        "cat.png",
        b"cat",
        bytearray(b"cat"),
        ["a"],
        None,
        5,
        {"inputs": "cat.png"},
        {"inputs": b"cat"},
        {"messages": []},
        {},
        MappingProxyType({"inputs": [1]}),
    ],
)
def test_anything_else_comes_back_as_it_is(payload):
    """The same object: a string is no path, and what it means is for others to say."""
    assert read_file(payload) is payload


def test_the_callers_mapping_is_not_changed(tmp_path):
    """A new one holds the bytes."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"x")
    payload = MappingProxyType({"inputs": path, "parameters": {"top_k": 1}})

    assert read_file(payload) == {"inputs": b"x", "parameters": {"top_k": 1}}
    assert payload["inputs"] is path


def test_an_open_file_is_read_from_where_it_stands(tmp_path):
    """What was read before is the caller's."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"head|body")
    with path.open("rb") as file:
        file.read(5)
        assert read_file(file) == b"body"
        assert not file.closed
        assert "read to its end before" in refusal(file)


def test_a_relative_path_is_meant_from_the_current_folder(tmp_path, monkeypatch):
    """As everywhere in Python, and a refusal says so."""
    (tmp_path / "a.bin").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)

    assert read_file(Path("a.bin")) == b"x"
    assert refusal(Path("b.bin")) == (
        "there is no file b.bin; a relative path is meant from the current folder"
    )


def test_a_compressed_file_is_read_as_what_it_holds(tmp_path):
    """Its own length is not that of its content."""
    path = tmp_path / "a.gz"
    content = bytes(3_000_000)
    path.write_bytes(gzip.compress(content))

    with gzip.open(path) as file:
        assert read_file(file) == content
    path.write_bytes(path.read_bytes()[:-20])
    with gzip.open(path) as file:
        assert "cannot be read" in refusal(file)


def test_a_refusal_names_the_file_and_what_to_do(tmp_path):
    """Missing, a folder, empty, a name that cannot be one."""
    empty = tmp_path / "empty.png"
    empty.touch()

    assert f"{tmp_path} is a folder" in refusal(tmp_path)
    assert f"{tmp_path} is a folder" in refusal({"inputs": tmp_path})
    assert f"{empty} is empty" in refusal(empty)
    assert f"there is no file {tmp_path / 'none.png'}" in refusal(tmp_path / "none.png")
    assert "cannot be read" in refusal(Path("a\0b"))
    assert "cannot be read" in refusal(empty / "below.png")
    assert "the open file is empty" in refusal(io.BytesIO())


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path):
    """Not as one that is missing."""
    path = tmp_path / "mine.png"
    path.write_bytes(b"x")
    path.chmod(0)

    assert "may not be read" in refusal(path)


def test_a_file_that_was_opened_in_another_way_is_refused(tmp_path):
    """As text, for writing, closed, or without a byte at hand."""
    path = tmp_path / "a.png"
    path.write_bytes(b"x")

    with path.open() as text:
        assert refusal(text) == f'{path} is open as text; open it with "rb"'
    assert "open as text" in refusal(io.StringIO("x"))
    with path.open("ab") as writing:
        assert "is not open for reading" in refusal(writing)
    closed = path.open("rb")
    closed.close()
    assert "open it again" in refusal(closed)
    nothing = Slow([b"x"])
    nothing.parts = [None]  # type: ignore[list-item]  # what a stream gives that does not wait
    assert "gives NoneType" in refusal(nothing)


def test_what_a_stranger_raises_is_a_refusal():
    """A class of one's own may fail in any way; Ctrl-C is none of them."""

    class Broken:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def read(self, size: int) -> bytes:
            raise self.error

    assert "cannot be read: gone" in refusal(Broken(RuntimeError("gone")))
    assert "cannot be read: EOFError" in refusal(Broken(EOFError()))
    with pytest.raises(KeyboardInterrupt):
        read_file(Broken(KeyboardInterrupt()))


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    """By its length where that is known, else as soon as it is seen."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)

    tracemalloc.start()
    try:
        assert "larger than 512 MiB" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert "larger than 512 MiB" in refusal(Endless())


@pytest.mark.parametrize("opened", [False, True])
def test_reading_takes_no_more_memory_than_the_file(tmp_path, opened):
    """One copy, not one in parts and one joined."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(20_000_000))
    with path.open("rb") as file:
        tracemalloc.start()
        try:
            read = read_file(file if opened else path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert isinstance(read, bytes)
    assert peak < 1.1 * len(read) + 1_100_000


@pytest.mark.skipif(ONE_WAY is None, reason="a pipe with a name is Unix's")
def test_a_pipe_with_a_name_is_read_to_its_end(tmp_path):
    """It has no length, and no way back."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    os.write(writer, b"sound")
    file = path.open("rb")
    os.close(writer)
    os.close(reader)

    with file:
        assert read_file(file) == b"sound"
