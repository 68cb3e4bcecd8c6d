"""Scan: files of all kinds, and those that are no such."""

import time
from pathlib import Path

import pytest

from resilient_infer.lock.code.scan import MAX_CODE, MAX_TEXT, scan
from resilient_infer.lock.code.sighting import Reading

URL = b"https://api-inference.huggingface.co/models/org/m"
CALL = b"AutoModel.from_pretrained('org/m')\n"


def _scanned(root: Path) -> Reading:
    return scan(root, base=root, progress=lambda done, total: None)[0]


FOUND = {
    "a.py": CALL,
    "tool": b"#!/usr/bin/env python3\n" + CALL,
    "bom.py": b"\xef\xbb\xbf" + CALL,
    "latin.py": b"# coding: latin-1\nx = '\xe9'\n" + CALL,
    "crlf.py": CALL.replace(b"\n", b"\r\n"),
    "a.js": b"fetch('" + URL + b"')",
    "a.ps1": ("$u = '" + URL.decode() + "'").encode("utf-16"),
    "latin.txt": b"\xe9 " + URL,
    "broken.py": b"def (:\n'" + URL + b"'",
    "python2.py": b"print '" + URL + b"'",
    "a.ipynb": b'{"cells": [{"cell_type": "code", "source": "AutoModel.from_pretrained(\'org/m\')"}]}',
    "broken.ipynb": b'{"cells": "' + URL,
}


@pytest.mark.parametrize("name", FOUND)
def test_a_file_is_read_as_what_it_is(tmp_path: Path, name: str) -> None:
    """By its name, its first line or its first bytes."""
    (tmp_path / name).write_bytes(FOUND[name])
    reading = _scanned(tmp_path)

    assert [each.model for each in reading.sightings] == ["org/m"]
    assert reading.sightings[0].spot.file.startswith(name)
    assert [each.file for each in reading.unread] == (
        [name] if name.startswith(("broken", "python2")) else []
    )


NOT_READ = {
    "weights.bin": b"\0" + URL,
    "empty.py": b"",
    "models.yaml": URL,
    "models.lock.yaml": URL,
    "models.prod.lock.yaml": URL,
}


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_no_text_or_our_own_says_nothing(tmp_path: Path, name: str) -> None:
    """And nobody needs to be told of it."""
    (tmp_path / name).write_bytes(NOT_READ[name])

    assert _scanned(tmp_path) == Reading()


@pytest.mark.parametrize(("name", "most"), [("a.py", MAX_CODE), ("a.json", MAX_TEXT)])
def test_what_is_too_large_is_told(tmp_path: Path, name: str, most: int) -> None:
    """One byte more than may be read."""
    (tmp_path / name).write_bytes(b"#" + b" " * most)

    assert [each.why for each in _scanned(tmp_path).unread] == [f"it is larger than {most // 2**20} MiB"]


def test_a_name_that_is_no_text_is_shown_without_what_is_none(tmp_path: Path) -> None:
    """A byte that is no UTF-8, and a line's end."""
    (tmp_path / "a\udcff\nb.py").write_bytes(CALL)

    assert [each.spot.file for each in _scanned(tmp_path).sightings] == ["a??b.py"]


def test_progress_is_told_file_by_file(tmp_path: Path) -> None:
    """How many of how many; and the number in the end."""
    for number in range(3):
        (tmp_path / f"{number}.py").write_bytes(CALL)
    told: list[tuple[int, int]] = []
    reading, files = scan(tmp_path, base=tmp_path, progress=lambda *each: told.append(each))

    assert told == [(0, 3), (1, 3), (2, 3)]
    assert (files, len(reading.sightings)) == (3, 3)


LARGE = {
    "addresses.txt": "https://router.huggingface.co/v1 " * 30_000,
    "tokens.txt": "sk-" * 300_000,
    "hosts.txt": "https://" + "a.-" * 300_000,
    "one-name.py": "x = 'org/m'\nAutoModel.from_pretrained(x)\n" * 6_000,
    "either-way.py": "if c: x = 'org/m'\n" * 6_000 + "AutoModel.from_pretrained(x)\n" * 6_000,
    "mapping.py": f"D = {dict.fromkeys(map(str, range(10_000)), 'org/m')}\n"
    + "AutoModel.from_pretrained(D[z])\n" * 2_000,
    "clients.py": "from huggingface_hub import InferenceClient\n"
    + "c = InferenceClient('org/m')\nz.translation()\n" * 3_000,
    "texts.py": "huggingface = x\ny = f'{huggingface}{z}' + 'a' + 'b'\n" * 6_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_a_file_that_means_harm_is_read_in_seconds(tmp_path: Path, name: str) -> None:
    """Nothing takes the square of what is in a file."""
    (tmp_path / name).write_text(LARGE[name])
    began = time.process_time()
    _scanned(tmp_path)

    assert time.process_time() - began < 10
