"""Hub cache: found where huggingface_hub has it, and read without trust in what lies there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.lock.files import files_digest
from resilient_infer.lock.hf_cache import cache_folder, listing, snapshot
from tests.lock.caches import NAME, fill, folder_of, pin_of, place_of
from tests.lock.fake_hub import CLASSIFIER
from tests.lock.samples import COMMIT, OTHER_COMMIT
from tests.testing.hub.client import interpreters

ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"HF_HUB_CACHE": "/data/hub"},
    {"HUGGINGFACE_HUB_CACHE": "/data/old"},
    {"HF_HUB_CACHE": "/data/hub", "HUGGINGFACE_HUB_CACHE": "/data/old", "HF_HOME": "/data/hf"},
    {"HF_HOME": "/data/hf"},
    {"HF_HOME": "~/hf", "XDG_CACHE_HOME": "/data/xdg"},
    {"XDG_CACHE_HOME": "/data/xdg"},
    {"HF_HUB_CACHE": "$DISK/hub", "DISK": "/mnt/disk"},
]
ASK = """
import json, os, sys
for line in sys.stdin:
    os.environ.clear()
    os.environ.update(json.loads(line))
    for name in [name for name in sys.modules if name.startswith("huggingface_hub")]:
        del sys.modules[name]
    from huggingface_hub import constants
    print(constants.HF_HUB_CACHE)
"""


@pytest.mark.parametrize("python", interpreters())
def test_the_cache_is_where_huggingface_hub_has_it(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same variables, in the same order."""
    monkeypatch.setenv("HOME", "/home/somebody")
    asked = [{"HOME": "/home/somebody", **environ} for environ in ENVIRONMENTS]
    lines = "".join(json.dumps(environ) + "\n" for environ in asked)
    done = subprocess.run([python, "-c", ASK], input=lines, capture_output=True, text=True, check=True)

    for environ, theirs in zip(asked, done.stdout.splitlines(), strict=True):
        monkeypatch.setenv("DISK", environ.get("DISK", ""))
        assert str(cache_folder(environ)) == theirs, environ


@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_a_snapshot_is_all_its_files_in_folders_too(tmp_path: Path, links: bool) -> None:
    files = {**CLASSIFIER, "onnx/model.onnx": b"o", "a/b/c.json": b"{}"}
    fill(tmp_path, files, links=links)
    found = snapshot(tmp_path, NAME, COMMIT)

    assert found is not None
    assert [file.path for file in found] == sorted(files)
    assert all(Path(file.place).read_bytes() == files[file.path] and not file.fault for file in found)
    assert all((file.name is not None) is links for file in found)


def test_no_commit_no_repo_and_no_cache_are_no_snapshot(tmp_path: Path) -> None:
    fill(tmp_path, CLASSIFIER)

    assert snapshot(tmp_path, NAME, OTHER_COMMIT) is None
    assert snapshot(tmp_path, "acme/other", COMMIT) is None
    assert snapshot(tmp_path / "nowhere", NAME, COMMIT) is None
    assert snapshot(Path(__file__), NAME, COMMIT) is None
    (folder_of(tmp_path) / "snapshots" / OTHER_COMMIT).mkdir()
    assert snapshot(tmp_path, NAME, OTHER_COMMIT) is None


def faults(cache: Path) -> dict[str, str]:
    return {file.path: file.fault for file in snapshot(cache, NAME, COMMIT) or () if file.fault}


def test_links_that_lead_nowhere_outside_or_in_circles_are_said_to_be_so(tmp_path: Path) -> None:
    """None of them is read, nor is a folder walked that is only linked there."""
    cache, outside = tmp_path / "cache", tmp_path / "outside"
    fill(cache, CLASSIFIER)
    outside.mkdir()
    (outside / "secret").write_text("x")
    place_of(cache, "dangling").symlink_to("../../blobs/gone")
    place_of(cache, "escaped").symlink_to(outside / "secret")
    place_of(cache, "circle").symlink_to("circle")
    place_of(cache, "folder").symlink_to(outside)
    place_of(cache, "blobs").symlink_to("../../blobs")
    os.mkfifo(place_of(cache, "pipe"))

    assert faults(cache) == {
        "dangling": "it is a link to nothing",
        "escaped": "it is a link that leads out of the cache",
        "circle": "too many levels of symbolic links",
        "folder": "it is a link that leads out of the cache",
        "blobs": "it is no ordinary file",
        "pipe": "it is no ordinary file",
    }


def test_a_blob_may_lie_in_the_store_that_all_repos_share(tmp_path: Path) -> None:
    """Its name says what it is all the same."""
    fill(tmp_path, CLASSIFIER)
    blob = Path(os.path.realpath(place_of(tmp_path, "model.safetensors")))
    shared = tmp_path / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to(os.path.relpath(shared, blob.parent))
    (found,) = [file for file in snapshot(tmp_path, NAME, COMMIT) or () if file.path == "model.safetensors"]

    assert (found.place, found.name, found.fault) == (str(shared), blob.name, "")


def test_a_cache_that_is_itself_behind_a_link_is_a_cache(tmp_path: Path) -> None:
    """On another disk, as many have it."""
    fill(tmp_path / "disk", CLASSIFIER)
    (tmp_path / "cache").symlink_to(tmp_path / "disk")

    assert faults(tmp_path / "cache") == {}


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may read anything")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, CLASSIFIER)
    folder = place_of(tmp_path, "")
    folder.chmod(0)
    try:
        with pytest.raises(PermissionError):
            snapshot(tmp_path, NAME, COMMIT)
    finally:
        folder.chmod(0o700)


def test_the_list_of_a_commit_gives_the_digest_of_the_lock(tmp_path: Path) -> None:
    fill(tmp_path, {}, commit=CLASSIFIER)

    assert files_digest(listing(tmp_path, NAME, COMMIT)) == pin_of(CLASSIFIER).files
    assert listing(tmp_path, NAME, OTHER_COMMIT) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries({"size": JSON, "blob_id": JSON}, optional={"lfs_sha256": JSON})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.binary(max_size=60)
    | (JSON | st.builds(dict, files=JSON | st.dictionaries(st.text(max_size=5), ENTRY | JSON))).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_a_list_that_makes_no_sense_is_none(tmp_path: Path, text: bytes) -> None:
    """Whatever stands in it, nothing is raised, and what is given can be hashed."""
    path = folder_of(tmp_path) / "trees" / f"{COMMIT}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)

    assert files_digest(listing(tmp_path, NAME, COMMIT)).startswith("sha256:")


def test_a_bomb_of_a_list_is_none(tmp_path: Path) -> None:
    path = folder_of(tmp_path) / "trees" / f"{COMMIT}.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"files":' + b"[" * 200_000)

    assert listing(tmp_path, NAME, COMMIT) == ()
    assert sys.getrecursionlimit() < 200_000
