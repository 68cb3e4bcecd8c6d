"""Cached: what lies on this machine is compared with what was locked, and what is not there is never fine."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.cached import examine_cached
from resilient_infer.lock.examine import Examined
from resilient_infer.lock.findings import Level
from resilient_infer.lock.locked import LockedModel
from tests.lock.caches import Contents, fill, folder_of, pin_of, place_of
from tests.lock.fake_hub import CLASSIFIER

WEIGHTS = "model.safetensors"
PICKLED: Contents = {"config.json": b"{}", "pytorch_model.bin": b"weights", "README.md": b"#"}
SHARDED: Contents = {
    "config.json": b"{}",
    **{f"model-0000{number}-of-00003.safetensors": bytes([number]) for number in (1, 2, 3)},
}
COMMITS = {"one file": CLASSIFIER, "pickled": PICKLED, "sharded": SHARDED}
LINKS = pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
LISTS = pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed"])


def look(cache: Path, pin: LockedModel | None = None) -> Examined:
    return examine_cached(cache, pin or pin_of(CLASSIFIER))


def codes(examined: Examined) -> list[str]:
    return [said.code for said in examined.said]


def message(examined: Examined) -> str:
    (said,) = examined.said
    return said.message


@LINKS
@LISTS
def test_the_whole_commit_unchanged_is_as_locked(tmp_path: Path, links: bool, listed: bool) -> None:
    """Told by the list, or by the digest of all files together."""
    fill(tmp_path, CLASSIFIER, links=links, commit=CLASSIFIER if listed else None)

    assert look(tmp_path) == Examined(note="in the cache: 4 files as locked")


@LINKS
@LISTS
@pytest.mark.parametrize("path", CLASSIFIER)
def test_ri104_a_changed_byte_of_any_file_is_security(
    tmp_path: Path, links: bool, listed: bool, path: str
) -> None:
    """But for small files of which nobody kept a digest: copies, with no list of the commit."""
    fill(tmp_path, CLASSIFIER, links=links, commit=CLASSIFIER if listed else None)
    place = place_of(tmp_path, path)
    place.write_bytes(b"!" + place.read_bytes()[1:])
    found = look(tmp_path)

    if not (links or listed or path == WEIGHTS):
        assert found == Examined(note="in the cache: 1 file as locked, 3 not compared")
        return
    assert codes(found) == ["RI104"]
    assert f"has other content than was locked: {path}: its bytes are " in message(found)
    assert "tampered with, or damaged" in found.said[0].hint


@LISTS
def test_ri104_a_link_to_the_bytes_of_another_version(tmp_path: Path, listed: bool) -> None:
    """The blob is what its name says; it is not what was locked."""
    fill(tmp_path, {**CLASSIFIER, "other.safetensors": b"others"}, commit=CLASSIFIER if listed else None)
    place, other = place_of(tmp_path, WEIGHTS), place_of(tmp_path, "other.safetensors")
    place.unlink()
    place.symlink_to(other.readlink())
    other.unlink()

    assert codes(look(tmp_path)) == ["RI104"]
    assert WEIGHTS in message(look(tmp_path))


@LINKS
@LISTS
def test_ri104_weights_that_the_commit_does_not_have(tmp_path: Path, links: bool, listed: bool) -> None:
    """A loader prefers safetensors: the locked file beside them would be right, and not loaded."""
    here = {**PICKLED, "model.safetensors": b"evil"}
    fill(tmp_path, here, links=links, commit=PICKLED if listed else None)
    found = look(tmp_path, pin_of(PICKLED))

    assert codes(found) == ["RI104"]
    assert "model.safetensors: no file of the commit" in message(found)


def test_ri104_code_that_the_commit_does_not_have(tmp_path: Path) -> None:
    """Where the list tells; a stray file that nobody loads is none of ours."""
    fill(tmp_path, {**CLASSIFIER, "modeling_evil.py": b"x", ".DS_Store": b"x"}, commit=CLASSIFIER)

    assert message(look(tmp_path)).endswith("modeling_evil.py: no file of the commit")


def test_a_list_that_was_changed_to_fit_is_not_believed(tmp_path: Path) -> None:
    """The lock's digest of the whole tree does not fit it."""
    forged = {**CLASSIFIER, WEIGHTS: b"evil"}
    fill(tmp_path, forged, commit=forged)

    assert codes(look(tmp_path)) == ["RI104"]


def test_ri900_what_is_not_there_is_not_checked(tmp_path: Path) -> None:
    """And what to do: the user asked, and got no answer."""
    found = look(tmp_path)

    assert codes(found) == ["RI900"]
    assert f"it is not in the cache ({tmp_path})" in message(found)
    assert found.said[0].how_bad is Level.UNCHECKED
    assert "hf download acme/sentiment --revision 714eb0fa" in found.said[0].hint


def test_ri900_weights_that_are_there_in_part(tmp_path: Path) -> None:
    here = {path: content for path, content in SHARDED.items() if "2-of" not in path}
    fill(tmp_path, here)

    assert "2 of its 3 weight files are in the cache, model-00002-of-00003.safetensors not" in message(
        look(tmp_path, pin_of(SHARDED))
    )


def test_weights_are_enough_where_the_rest_was_not_downloaded(tmp_path: Path) -> None:
    """As `from_pretrained` leaves it. What else is there is held to the name of its download."""
    fill(tmp_path, {WEIGHTS: CLASSIFIER[WEIGHTS], "config.json": CLASSIFIER["config.json"]})

    assert look(tmp_path) == Examined(note="in the cache: 1 file as locked, 1 as downloaded")


def test_ri900_a_lock_written_by_hand_says_nothing_of_files(tmp_path: Path) -> None:
    fill(tmp_path, CLASSIFIER)

    assert "the lock has no digest of its files" in message(look(tmp_path, pin_of(CLASSIFIER, by_hand=True)))


def test_weights_that_a_person_listed_in_part_are_no_alarm(tmp_path: Path) -> None:
    """Only a lock that holds the digest of all files was made from all files."""
    fill(tmp_path, SHARDED)
    whole = pin_of(SHARDED)
    first = dict(list((whole.weights or {}).items())[:1])
    found = look(tmp_path, replace(whole, weights=first, files=None))

    assert found == Examined(note="in the cache: 1 file as locked, 3 as downloaded")


def test_ri900_a_stray_link_beside_the_whole_commit(tmp_path: Path) -> None:
    """Nobody can say what it will be."""
    fill(tmp_path, CLASSIFIER)
    place_of(tmp_path, "notes.json").symlink_to("../../blobs/gone")

    assert "in the cache, notes.json: it is a link to nothing" in message(look(tmp_path))


def test_a_repo_without_weights_is_as_locked_only_as_a_whole(tmp_path: Path) -> None:
    only_text: Contents = {"tokenizer.json": b"{}", "README.md": b"#"}
    fill(tmp_path, {"README.md": b"#"})
    assert "the cache has not all its files" in message(look(tmp_path, pin_of(only_text)))

    fill(tmp_path / "whole", only_text)
    assert look(tmp_path / "whole", pin_of(only_text)).note == "in the cache: 2 files as locked"


def test_ri900_a_link_to_nothing_and_one_out_of_the_cache(tmp_path: Path) -> None:
    """Even if what lies there is right today."""
    cache = tmp_path / "cache"
    fill(cache, CLASSIFIER)
    place = place_of(cache, WEIGHTS)
    place.resolve().unlink()
    assert f"in the cache, {WEIGHTS}: it is a link to nothing" in message(look(cache))

    outside = tmp_path / "outside"
    outside.write_bytes(CLASSIFIER[WEIGHTS])
    place.unlink()
    place.symlink_to(outside)
    assert "it is a link that leads out of the cache" in message(look(cache))


def test_a_mirror_may_name_downloads_by_their_plain_sha1(tmp_path: Path) -> None:
    """Forty digits like git's, and no tampering."""
    import hashlib

    fill(tmp_path, CLASSIFIER)
    place = place_of(tmp_path, "config.json")
    content, blob = place.read_bytes(), place.resolve()
    other = blob.with_name(hashlib.sha1(content, usedforsecurity=False).hexdigest())
    blob.rename(other)
    place.unlink()
    place.symlink_to(f"../../blobs/{other.name}")

    assert codes(look(tmp_path)) == []


def test_many_changed_files_are_counted(tmp_path: Path) -> None:
    many = {**CLASSIFIER, **{f"f{number}.json": b"{}%d" % number for number in range(9)}}
    fill(tmp_path, many, links=False, commit=many)
    for path in many:
        place_of(tmp_path, path).write_bytes(b"!")

    assert message(look(tmp_path, pin_of(many))).endswith("; and 10 more")


def test_what_is_read_is_told(tmp_path: Path) -> None:
    fill(tmp_path, CLASSIFIER)
    told: list[int] = []
    examine_cached(tmp_path, pin_of(CLASSIFIER), told.append)

    assert sum(told) == sum(map(len, CLASSIFIER.values()))
    assert (folder_of(tmp_path) / "snapshots").is_dir()


@given(
    name=st.sampled_from(sorted(COMMITS)),
    links=st.booleans(),
    listed=st.booleans(),
    drawn=st.data(),
)
def test_any_part_of_a_commit_is_never_tampered_with(
    name: str, links: bool, listed: bool, drawn: st.DataObject
) -> None:
    """Unchanged bytes raise no alarm, however few were downloaded; without all weights they are not fine."""
    commit = COMMITS[name]
    here = drawn.draw(st.sets(st.sampled_from(sorted(commit))))
    pin = pin_of(commit)
    with tempfile.TemporaryDirectory() as folder:
        parts = {path: commit[path] for path in here}
        fill(Path(folder), parts, links=links, commit=commit if listed else None)
        found = look(Path(folder), pin)

    assert codes(found) == ([] if here >= set(pin.weights or ()) else ["RI900"])
